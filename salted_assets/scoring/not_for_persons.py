"""AI columns that are not aggregated per person: taken out of agents' sums, and summed for teams without storing them.

A group of one is a person. Not here: the setting, and which scores ask (`defs`).
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.measures import (
    ENGAGEMENT_SENTIMENT_MEASURES,
    SENTIMENT,
    SENTIMENT_MEASURES,
    VALUE_MEASURES,
    Measure,
)
from salted_assets.schemas.scores import AgentDaily, EngagementScore, QueueDaily
from salted_assets.scoring.engagement_sums import sums_of
from salted_assets.scoring.sql import related

_ENDS = ("count", "sum", "sum_of_squares", "mean", "mean_low", "mean_high")


def find_columns_not_for_persons(ai_columns: Collection[str]) -> tuple[str, ...]:
    """The columns of daily sums, in which agents, queues and days are rows, that come of the vendor's AI columns.

    >>> find_columns_not_for_persons(["empathy"])[:4]
    ('empathy_count', 'empathy_sum', 'empathy_sum_of_squares', 'empathy_mean')
    """
    names = [measure.name for measure in _measures_of(ai_columns)]
    names += [measure.name for measure in SENTIMENT_MEASURES if SENTIMENT in ai_columns]
    known = {*arrow_schema(AgentDaily).names, *arrow_schema(QueueDaily).names}
    return tuple(column for name in names for end in _ENDS if (column := f"{name}_{end}") in known)


def list_measures_not_for_persons(ai_columns: Collection[str]) -> list[str]:
    """The measures of windows that come of these AI columns."""
    return [measure.name for measure in _measures_of(ai_columns)]


def drop_persons(rows: pa.Table, ai_columns: Collection[str], *, of_groups: bool = False) -> pa.Table:
    """Daily sums with null in the columns that come of these AI columns; `of_groups`: where one agent is the group.

    >>> sums = pa.table({"agent_pid": ["a1"], "empathy_mean": [3.5], "clarity_mean": [4.0]})
    >>> drop_persons(sums, ["empathy"]).to_pylist()
    [{'agent_pid': 'a1', 'empathy_mean': None, 'clarity_mean': 4.0}]
    """
    for name in find_columns_not_for_persons(ai_columns):
        number = rows.schema.get_field_index(name)
        if number >= 0:
            field = rows.schema.field(number)
            nothing = pa.nulls(rows.num_rows, field.type)
            kept = pc.if_else(pc.equal(rows["agent_count"], 1), nothing, rows[name]) if of_groups else nothing
            rows = rows.set_column(number, field, kept)
    return rows


def drop_teams_of_one(rows: pa.Table, ai_columns: Collection[str]) -> pa.Table:
    """Rows of `scores/team_rolling` without those of these AI columns where one agent is the team."""
    measures = pa.array(list_measures_not_for_persons(ai_columns), pa.string())
    names = rows["measure"].cast(pa.string())
    is_person = pc.and_(pc.is_in(names, value_set=measures), pc.equal(rows["agent_count"], 1))
    return rows.filter(pc.invert(is_person))


def list_engagement_columns(ai_columns: Collection[str]) -> list[str]:
    """The columns of `scores/engagement` that `sum_for_teams` reads."""
    values = [measure.sources[0].rpartition(".")[2] for measure in _measures_of(ai_columns)]
    return ["start_date", "agent_pid", "turn_count", *values]


def sum_for_teams(
    agent_daily: Iterable[pa.Table], engagements: Iterable[pa.Table], ai_columns: Collection[str]
) -> Iterator[pa.Table]:
    """Rows of `scores/agent_daily` with the sums that were taken out of them, for teams to be added up from.

    Takes a table for each day, in order, of both; of engagements with `list_engagement_columns`. Where a day has no
    engagements, its sums are null.
    """
    measures, days = _measures_of(ai_columns), iter(engagements)
    ahead = next(days, None)
    for rows in agent_daily:
        if not rows.num_rows:
            continue
        day = rows["start_date"][0].as_py()
        while ahead is not None and (not ahead.num_rows or ahead["start_date"][0].as_py() < day):
            ahead = next(days, None)
        if ahead is not None and ahead["start_date"][0].as_py() == day:
            yield _fill(rows, ahead, measures)
        else:
            yield drop_persons(rows, ai_columns)


def _fill(rows: pa.Table, engagements: pa.Table, measures: Sequence[Measure]) -> pa.Table:
    texts = engagements.set_column(
        engagements.schema.get_field_index("agent_pid"), "agent_pid", engagements["agent_pid"].cast(pa.string())
    )
    with related(texts, EngagementScore) as scores:
        sums = scores.aggregate(", ".join(["agent_pid", *sums_of(measures)]), "agent_pid").to_arrow_table()
    agents = pc.index_in(rows["agent_pid"].cast(pa.string()), value_set=sums["agent_pid"].combine_chunks())
    for name in sums.column_names[1:]:
        number = rows.schema.get_field_index(name)
        if number >= 0:
            field = rows.schema.field(number)
            rows = rows.set_column(number, field, sums[name].take(agents).cast(field.type))
    return rows


def _measures_of(ai_columns: Collection[str]) -> list[Measure]:
    return [
        *(measure for measure in VALUE_MEASURES if measure.name in ai_columns),
        *(measure for measure in ENGAGEMENT_SENTIMENT_MEASURES if SENTIMENT in ai_columns),
    ]
