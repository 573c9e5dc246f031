"""The view `review_plan`: what review plans drew, with the weight of each engagement and whether it is done."""

import pyarrow as pa

from salted_assets.explain.review_plan import EVALUATED_COLUMNS, write_evaluated_query
from salted_assets.history.review_plans import stored_schema
from salted_assets.schemas.base import arrow_schema, columns_of
from salted_assets.schemas.review_plan import ReviewPlan
from salted_assets.schemas.scores import Answer

DESCRIPTION = (
    "One row per engagement that a review plan drew, and plan: the chance that it had, its weight in means across "
    "agents, and what human reviewers have given to it by now. An engagement may be in several plans: ask of one."
)

SCHEMA = stored_schema()
"""The columns of plans as stored."""

ANSWER_SCHEMA = pa.schema([arrow_schema(Answer).field(name).remove_metadata() for name in EVALUATED_COLUMNS])
"""What it reads of `scores/answer`."""

COLUMNS = {
    **{
        facts.name: f"{facts.description} Unit: {facts.unit}." if facts.unit else facts.description
        for facts in columns_of(ReviewPlan)
    },
    "weight": "1 / probability: for how many engagements of the agent it stands. Unit: engagements.",
    "is_done": "Whether a person has evaluated it by now.",
    "score": "Mean of its evaluations by human reviewers; null where it is not done. Unit: 0..1.",
}


def build_plan_query(plans: str, answers: str) -> str:
    """The query behind it, over the stored plans and `scores/answer`."""
    columns = ", ".join(f'plan."{name}"' for name in SCHEMA.names)
    return f"""
        SELECT {columns}, 1 / probability AS weight, evaluated.score IS NOT NULL AS is_done, evaluated.score AS score
        FROM {plans} AS plan LEFT JOIN ({write_evaluated_query(answers)}) AS evaluated USING (engagement_pid)
    """  # noqa: S608 - names of our own views and columns
