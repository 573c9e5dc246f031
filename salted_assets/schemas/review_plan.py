"""The table `plans/review`: engagements that were drawn for people to evaluate, one file for each plan."""

from salted_assets.schemas.base import Boolean, Date, Integer, Number, Table, Text, Timestamp, derived

_ANSWER = ("scores/answer",)
_ENGAGEMENT = ("scores/engagement",)


class ReviewPlan(Table):
    """Engagements that were drawn by chance for people to evaluate, with the chance that each had."""

    plan_id: Text = derived("Plan: when it was drawn, and a random text.", sources=_ENGAGEMENT, nullable=False)
    drawn_at_utc: Timestamp = derived("When it was drawn.", sources=_ENGAGEMENT, unit="UTC", nullable=False)
    first_date: Date = derived("First day whose engagements could be drawn.", sources=_ENGAGEMENT, unit="day")
    last_date: Date = derived("Last day whose engagements could be drawn.", sources=_ENGAGEMENT, unit="day")
    seed: Integer = derived("Number by which the same engagements are drawn again.", sources=_ENGAGEMENT)
    agent_pid: Text = derived("Agent.", sources=_ENGAGEMENT, nullable=False, personal="indirect")
    agent_name: Text = derived("Name of the agent.", sources=_ENGAGEMENT, personal="direct")
    channel_type: Text = derived("The agent's main channel, whose engagements could be drawn.", sources=_ENGAGEMENT)
    engagement_pid: Text = derived("Engagement that was drawn.", sources=_ENGAGEMENT, nullable=False)
    start_date: Date = derived("Day on which it started.", sources=_ENGAGEMENT, unit="day", nullable=False)
    probability: Number = derived(
        "Chance that the engagement had of being drawn: `planned_count` / `eligible_count`.",
        sources=_ENGAGEMENT,
        unit="probability",
        nullable=False,
        ge=0,
        le=1,
    )
    planned_count: Integer = derived(
        "Engagements of the agent that the plan drew.", sources=_ENGAGEMENT, unit="engagements", ge=1
    )
    eligible_count: Integer = derived(
        "Engagements of the agent that could be drawn.", sources=_ENGAGEMENT, unit="engagements", ge=1
    )
    evaluated_count: Integer = derived(
        "Engagements of the agent in these days that had been evaluated and not chosen on purpose.",
        sources=_ANSWER,
        unit="engagements",
        ge=0,
    )
    reason: Text = derived("Why so many of the agent.", sources=_ANSWER, nullable=False)
    was_evaluated: Boolean = derived(
        "Whether a person had evaluated the engagement when it was drawn: it counts as done.",
        sources=_ANSWER,
        nullable=False,
    )
