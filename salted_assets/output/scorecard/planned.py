"""The section "Whom to listen to next": what the last review plan drew, what of it is done, and what that comes to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from salted_assets.explain.review_plan import PlanProgress, group_by_agent
from salted_assets.output.scorecard.channels import write_channel
from salted_assets.output.scorecard.engagement_rows import OPENED, STARTED, WHOSE, build_engagement_row, write_start
from salted_assets.output.scorecard.table_cells import (
    Heading,
    Row,
    Table,
    is_web_address,
    text_of,
    write_minute,
    write_number,
    write_percent,
    write_percent_span,
)
from salted_assets.output.scorecard.table_cells import write_words as words
from salted_assets.scoring.review_plan import PlannedMean

ROWS_MAX = 100
"""The engagements that are listed at most."""

_AGENT_HEADINGS = (
    WHOSE[0],
    WHOSE[1],
    Heading("Planned", "Engagements of the agent that the plan drew."),
    Heading("Done", "Those of them that a person has evaluated."),
    Heading("To do", "Those that nobody has evaluated yet."),
    Heading("Why so many", "By numbers of evaluations, never by scores.", is_text=True, is_aside=True),
)
_LEFT_HEADINGS = (*WHOSE, STARTED, OPENED)


@dataclass(frozen=True)
class Planned:
    """The section; `absent` says why there is nothing to show."""

    agents: Table
    left: Table
    left_count: int
    done_count: int
    planned_count: int
    days: str
    drawn_at: str
    means: tuple[str, ...]
    caution: str
    absent: str


def build_planned(progress: PlanProgress | None, names: Mapping[str, str], zone: ZoneInfo) -> Planned:
    """The section of the plan, None where there is none; `names` are those by which the card calls agents."""
    if progress is None:
        absent = "No plan has been drawn for these days. `salted plan --reviews 60` draws one."
        return Planned(Table(_AGENT_HEADINGS, ()), Table(_LEFT_HEADINGS, ()), 0, 0, 0, "", "", (), "", absent)
    rows = [
        row
        | {
            "agent_name": names.get(row["agent_pid"]) or row["agent_name"],
            "channel_type": write_channel(row["channel_type"] or "") or None,
            "start_time": row["start_time"] and row["start_time"].astimezone(zone),
        }
        for row in progress.rows
    ]
    left = [row for row in rows if not row["is_done"]]
    return Planned(
        Table(_AGENT_HEADINGS, tuple(_list_agents(rows))),
        Table(_LEFT_HEADINGS, tuple(build_engagement_row(row, write_start(row)) for row in left[:ROWS_MAX])),
        len(left),
        progress.done_count,
        len(rows),
        f"{progress.first} to {progress.last}",
        write_minute(progress.drawn_at.astimezone(zone)),
        tuple(_list_means(progress.channel_means)),
        progress.caution,
        "",
    )


def describe_own(progress: PlanProgress | None, agent_pid: str) -> str:
    """What the plan drew of one agent, in a sentence; nothing where it drew nothing."""
    own = [row for row in progress.rows if row["agent_pid"] == agent_pid] if progress else []
    if not own or progress is None:
        return ""
    done = sum(row["is_done"] for row in own)
    drawn = "1 engagement" if len(own) == 1 else f"{len(own)} engagements"
    evaluated = f"{done} of them {'has' if done == 1 else 'have'} been evaluated"
    if len(own) == 1:
        evaluated = "it has been evaluated" if done else "it has not been evaluated yet"
    return (
        f"A plan drew {drawn} of the agent by chance, of {progress.first} to {progress.last}; {evaluated}. How many "
        "follows from numbers of evaluations, never from scores."
    )


def list_own_left(progress: PlanProgress | None, agent_pid: str, zone: ZoneInfo) -> Iterator[tuple[str, str | None]]:
    """Those of one agent that nobody has evaluated yet: when each started, or its id, and where it opens."""
    for row in progress.rows if progress else ():
        if row["agent_pid"] == agent_pid and not row["is_done"]:
            started, link = row["start_time"], text_of(row["link"])
            shown = row["engagement_pid"] if started is None else write_minute(started.astimezone(zone))
            yield shown, link if is_web_address(link) else None


def _list_agents(rows: list[dict[str, Any]]) -> Iterator[Row]:
    """The agents, those with most to do first."""
    counted = [(own, sum(not row["is_done"] for row in own)) for own in group_by_agent(rows).values()]
    for own, left in sorted(
        counted, key=lambda each: (-each[1], each[0][0]["agent_name"] or "", each[0][0]["agent_pid"])
    ):
        head, team = own[0], next((row["team"] for row in own if row["team"]), None)
        yield Row(
            agent=head["agent_pid"],
            team=team,
            channel=head["channel_type"],
            is_unsure=not left,
            cells=(
                words(head["agent_name"] or head["agent_pid"]),
                words(team or "", head["channel_type"] or ""),
                write_number(len(own), "{:.0f}"),
                write_number(len(own) - left, "{:.0f}"),
                write_number(left, "{:.0f}"),
                words(head["reason"]),
            ),
        )


def _list_means(means: Mapping[str, PlannedMean]) -> Iterator[str]:
    """Of each channel the mean of all engagements that could be drawn, in words; of one without scores nothing."""
    for channel, mean in means.items():
        if mean.score_count:
            span = write_percent_span(mean.low, mean.high)
            interval = f", 95% interval {span}" if span else ", interval not known"
            name = write_channel(channel) or "Channel not known"
            yield f"{name}: {write_percent(mean.value)}{interval}, out of {mean.score_count} evaluated"
