"""The rows of `scores/engagement`: what one engagement is worth."""

from collections.abc import Sequence
from datetime import date

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.engagement import AI_SCORES
from salted_assets.schemas.measures import (
    REVIEW_COUNTERS,
    REVIEW_MEASURES,
    REVIEW_SOURCES,
    SENTIMENT_MEASURES,
    TIMES,
    TURN_COUNTERS,
)
from salted_assets.schemas.scores import Answer, EngagementScore
from salted_assets.schemas.turn import Turn
from salted_assets.scoring.choices import ScoringChoices
from salted_assets.scoring.counted_engagements import NUMBER, copy_columns, create_counted
from salted_assets.scoring.evaluations import ANSWER_COLUMNS, read_review_sums
from salted_assets.scoring.sql import START_DATE, Rows, framed, is_refused, related, text_list
from salted_assets.scoring.turns import sum_up_turns

_LABELS = (
    "team",
    "department",
    "queue",
    "channel_type",
    "channel",
    "direction",
    "language",
    "service_level",
    "resolution",
)
_COPIED = ("conversation_id", "link", "start_time", "agent_pid", "agent_name", *_LABELS)

ENGAGEMENT_COLUMNS = ("pid", "type", "status", *_COPIED, *TIMES, "cost", *AI_SCORES, "refused_columns")
"""The engagement columns that the scores read."""

_RESPONSE = "first_response_time_ms"

_PARTS = ("preparation_time", "engagement_time", "wrap_up_time")
"""What the handle time consists of."""

_COMPARED = (
    *("pid", "type", "status", "start_time", "agent_pid", "service_level", "resolution"),
    *(*TIMES, "cost", *AI_SCORES, "refused_columns"),
)

# Texts that are only copied stay out of the queries, and so do sums by engagement: their many columns are quick to
# put side by side where the rows of each engagement are known.
_OWN = f"""
    SELECT
        number, start_date, is_bot,
        CASE
            WHEN len($met::VARCHAR[]) = 0 THEN NULL
            WHEN list_contains($ignored::VARCHAR[], nullif(lower(trim(service_level)), '')) THEN NULL
            ELSE list_contains($met::VARCHAR[], nullif(lower(trim(service_level)), ''))
        END AS is_service_level_met,
        CASE
            WHEN len($resolved::VARCHAR[]) > 0
            THEN list_contains($resolved::VARCHAR[], nullif(lower(trim(resolution)), ''))
        END AS is_resolved,
        CASE
            WHEN {is_refused(*_PARTS)} OR least({", ".join(_PARTS)}) < 0 THEN NULL
            WHEN coalesce({", ".join(_PARTS)}) IS NOT NULL
            THEN try_cast({" + ".join(f"coalesce({part}, 0)::HUGEINT" for part in _PARTS)} AS BIGINT)
        END AS handle_time_ms,
        CASE WHEN handle_time_ms > 0 THEN ln(handle_time_ms::DOUBLE) END AS handle_time_log,
        {", ".join(f"CASE WHEN {time} >= 0 THEN {time} END AS {time}_ms" for time in TIMES)},
        {", ".join(f"CASE WHEN isfinite({name}) THEN {name} END AS {name}" for name in ("cost", *AI_SCORES))}
    FROM counted
"""  # noqa: S608 - constants of ours

_TURN_SUMS = """
    SELECT number, turn_sum.* EXCLUDE (engagement_pid, start_date)
    FROM turn_sum JOIN counted
        ON turn_sum.engagement_pid = counted.pid AND turn_sum.start_date = counted.start_date
"""

Columns = dict[str, pa.Array]
"""Columns of the engagements that count, by name."""


def score_engagements(
    engagement: pa.Table,
    turn_sums: pa.Table | None,
    answer: Rows | None,
    agent: pa.Table | None,
    choices: ScoringChoices,
) -> pd.DataFrame:
    """One row per engagement that counts: type Agent, status Completed, with an agent (vendor's model tips).

    Takes the newest versions, one row per `start_date` and pid, of the engagements that started on one day or on
    several, with at least `ENGAGEMENT_COLUMNS`, and of agents, with `AGENT_COLUMNS`; what `sum_up_turns` makes of all
    turns of the engagements; and the rows of `score_answers` of the same days and choices, with at least
    `ANSWER_COLUMNS`; a day's rows concern that day alone. Gives the columns of `EngagementScore` sorted by start; no
    counted engagement gives no row. What is None is not there, and what comes from it is null. What is there and silent
    on an engagement gives counts of 0 and null means.

    Handle time = preparation + engagement + wrap-up (vendor's metrics overview), empty parts being 0 and all three
    empty being null. A part that is refused, the vendor's reserved number or negative makes it null, for what it would
    have added is not known; a negative duration is null by itself. An evaluation's score is the (weighted) mean over
    its scored answers. Raises nothing for odd values: what cannot be scored is counted.

    >>> from datetime import UTC, date, datetime
    >>> from salted_assets.schemas.engagement import Engagement
    >>> rows = {"pid": "e1", "type": "AGENT", "status": "Completed", "agent_pid": "a1", "engagement_time": 60_000,
    ...         "wrap_up_time": 5_000, "start_time": datetime(2024, 1, 31, 9, tzinfo=UTC)}
    >>> day = date(2024, 1, 31)
    >>> table = pa.Table.from_pylist([rows], schema=arrow_schema(Engagement)).append_column("start_date", [[day]])
    >>> answers = [{"start_date": day, "engagement_pid": "e1", "source": "reviewer", "evaluation": "session s1",
    ...             "scoring_status": "scored", "score": score, "weight": 1.0} for score in (0.5, 1.0)]
    >>> answers = pa.Table.from_pylist(answers, schema=arrow_schema(Answer))
    >>> score = score_engagements(table, None, answers, None, ScoringChoices()).iloc[0]
    >>> int(score["handle_time_ms"]), float(score["evaluation_reviewer_mean"])
    (65000, 0.75)
    """
    with duckdb.connect() as connection:
        create_counted(connection, engagement, agent, _COMPARED, choices)
        connection.register("turn_sum", _no_turns() if turn_sums is None else turn_sums)
        connection.register("answer", _answers(answer))
        own = connection.sql(
            _OWN,
            params={
                "met": text_list(choices.service_level_met_values),
                "ignored": text_list(choices.service_level_ignored_values),
                "resolved": text_list(choices.resolved_values),
            },
        ).to_arrow_table()
        of_turns = connection.sql(_TURN_SUMS).to_arrow_table()
        of_reviews = list(read_review_sums(connection))
    own = _sort(own, engagement)
    number = own[NUMBER]
    columns: Columns = {name: own[name].combine_chunks() for name in own.column_names}
    copied = copy_columns(engagement, ("pid", *_COPIED), number)
    columns |= {"engagement_pid": copied.pop("pid"), **copied}
    for sums in (of_turns, *of_reviews):
        columns |= _place(sums, number.to_numpy(), engagement.num_rows)
    columns |= _counters(columns, choices, has_turns=turn_sums is not None, has_reviews=answer is not None)
    columns |= _grouped_measures(columns, has_turns=turn_sums is not None, has_reviews=answer is not None)
    return framed(pa.table(columns), EngagementScore)


def count_unscorable(engagement_scores: pa.Table, days: Sequence[date]) -> dict[date, dict[str, int]]:
    """How many engagements of each day have no handle time, and how many answers could not be read.

    Takes rows of `EngagementScore`. What is null because reviews are not exported counts as 0.
    """
    unreadable = [f"answer_{source}_unreadable_count" for source in REVIEW_SOURCES]
    looked_at = engagement_scores.select(["start_date", "handle_time_ms", *unreadable])
    counts = {}
    for day in days:
        own = looked_at.filter(pc.equal(looked_at["start_date"], day))
        counts[day] = {
            "handle_time_missing_count": own["handle_time_ms"].null_count,
            "answer_unreadable_count": sum(pc.sum(own[name]).as_py() or 0 for name in unreadable),
        }
    return counts


def _no_turns() -> pa.Table:
    return sum_up_turns(pa.schema([*arrow_schema(Turn), START_DATE]).empty_table())


def _answers(answer: Rows | None) -> pa.Table:
    if answer is None:
        schema = arrow_schema(Answer)
        return pa.schema([schema.field(column) for column in ANSWER_COLUMNS]).empty_table()
    with related(answer, Answer) as rows:
        return rows.project(", ".join(ANSWER_COLUMNS)).to_arrow_table()


def _sort(own: pa.Table, engagement: pa.Table) -> pa.Table:
    pid = copy_columns(engagement, ["pid", "start_time"], own[NUMBER])
    key = pa.table({"start_date": own["start_date"], **pid})
    order = pc.sort_indices(key, [(name, "ascending") for name in ("start_date", "start_time", "pid")])
    return own.take(order)


def _place(sums: pa.Table, number: npt.NDArray[np.int64], size: int) -> Columns:
    """The sums' columns for the engagements with these numbers, all below `size`: 0 where there is no sum."""
    place = np.full(size, sums.num_rows)
    place[sums[NUMBER].to_numpy()] = np.arange(sums.num_rows)
    at = place[number]
    return {
        name: _take(sums[name], at, null_if_missing=name == _RESPONSE) for name in sums.column_names if name != NUMBER
    }


def _take(column: pa.ChunkedArray, at: npt.NDArray[np.int64], *, null_if_missing: bool) -> pa.Array:
    """The values at these places, of which the one after the last is missing; what is null is missing as well."""
    mask = np.append(column.is_null().to_numpy(), True)[at] if null_if_missing else None
    return pa.array(np.append(column.fill_null(0).to_numpy(), 0)[at], mask=mask)


def _counters(columns: Columns, choices: ScoringChoices, *, has_turns: bool, has_reviews: bool) -> Columns:
    unset = set()
    if not choices.found_only_questions:
        unset.add("answer_auto_found_count")
    if not choices.critical_questions:
        unset |= {counter.name for counter in REVIEW_COUNTERS if counter.name.endswith("_failed_critical_count")}
    names = [(counter.name, has_turns) for counter in TURN_COUNTERS]
    names += [(counter.name, has_reviews and counter.name not in unset) for counter in REVIEW_COUNTERS]
    return {name: _known_or_null(columns[name], is_known=is_known) for name, is_known in names}


def _grouped_measures(columns: Columns, *, has_turns: bool, has_reviews: bool) -> Columns:
    grouped: Columns = {}
    for name, is_known in (
        *((measure.name, has_turns) for measure in SENTIMENT_MEASURES),
        *((measure.name, has_reviews) for measure in REVIEW_MEASURES),
    ):
        for part in (f"{name}_count", f"{name}_sum", f"{name}_sum_of_squares"):
            grouped[part] = _known_or_null(columns[part], is_known=is_known)
        grouped[f"{name}_mean"] = _divide(grouped[f"{name}_sum"], grouped[f"{name}_count"])
    return grouped


def _known_or_null(column: pa.Array, *, is_known: bool) -> pa.Array:
    return column if is_known else pa.nulls(len(column), column.type)


def _divide(total: pa.Array, count: pa.Array) -> pa.Array:
    """Null where the count is 0 or null."""
    return pc.divide(total, pc.if_else(pc.greater(count, 0), count, None).cast(pa.float64()))
