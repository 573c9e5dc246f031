"""Which evaluations were seen in which day's export, read from the versions of reviews that the exports brought."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.explain.settlement.teaching import REVIEWS
from salted_assets.history.affected_dates import day_bounds
from salted_assets.landing.windows import list_days
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.measures import REVIEW_SOURCES
from salted_assets.schemas.review import Review
from salted_assets.scoring.sql import (
    EVALUATION,
    IS_ON_SCALE,
    REVIEW_SOURCE,
    SHARE_OF_SCALE,
)
from salted_assets.scoring.stats import Floats
from salted_assets.warehouse import Warehouse
from salted_assets.warehouse.scans import connect, damage_named, open_rows

_COLUMNS = (
    *("pid", "engagement_pid", "review_session_id", "type", "status", "verified", "agent_pid"),
    *("answer_score", "worst_score", "best_score", "engagement_start_time"),
)

_CHANGES = f"""
    WITH answer AS (
        SELECT
            stored.date, pid, engagement_pid, agent_pid, start_date, {REVIEW_SOURCE} AS source,
            {EVALUATION} AS evaluation,
            CASE WHEN lower(trim(status)) = 'completed'
                AND NOT coalesce(lower(trim(type)) = 'auto' AND lower(trim(verified)) = 'incorrect', false)
                AND {IS_ON_SCALE}
                THEN {SHARE_OF_SCALE}
            END AS score
        FROM stored JOIN day
            ON epoch_us(engagement_start_time) >= first_us AND epoch_us(engagement_start_time) < end_us
    ),
    changed AS (
        SELECT *,
            (score IS NOT NULL)::INTEGER - coalesce(lag((score IS NOT NULL)::INTEGER) OVER versions, 0) AS added,
            coalesce(score, 0) - coalesce(lag(coalesce(score, 0)) OVER versions, 0) AS score_added
        FROM answer
        WINDOW versions AS (PARTITION BY pid ORDER BY date)
    ),
    summed AS (
        SELECT start_date, source, engagement_pid, evaluation, date, min(agent_pid) AS agent_pid,
            sum(added) AS added, sum(score_added) AS score_added
        FROM changed
        GROUP BY start_date, source, engagement_pid, evaluation, date
    ),
    so_far AS (
        SELECT *, sum(added) OVER exports AS answers, sum(score_added) OVER exports AS total
        FROM summed
        WINDOW exports AS (PARTITION BY start_date, source, engagement_pid, evaluation ORDER BY date)
    ),
    state AS (
        SELECT *, (answers > 0)::INTEGER AS seen, CASE WHEN answers > 0 THEN total / answers ELSE 0 END AS value
        FROM so_far
    )
    SELECT start_date, source, agent_pid, date, sum(seen)::DOUBLE AS seen, sum(value)::DOUBLE AS value
    FROM (
        SELECT start_date, source, agent_pid, date,
            seen - coalesce(lag(seen) OVER exports, 0) AS seen, value - coalesce(lag(value) OVER exports, 0) AS value
        FROM state
        WINDOW exports AS (PARTITION BY start_date, source, engagement_pid, evaluation ORDER BY date)
    )
    WHERE seen <> 0 OR value <> 0
    GROUP BY start_date, source, agent_pid, date
"""  # noqa: S608 - our own expressions

_DAY = pa.schema({"start_date": pa.date32(), "first_us": pa.int64(), "end_us": pa.int64()})


@dataclass(frozen=True)
class Seen:
    """Evaluations of some start days by agent, as seen at each age from 0 on: arrays of agents, days, ages.

    `count` is their number and `total` the sum of their scores, 0..1.
    """

    count: Floats
    total: Floats

    @property
    def by_day(self) -> Floats:
        """The number of all agents: a row for each age, a column for each day."""
        return np.asarray(self.count.sum(0).T)


@dataclass(frozen=True)
class Arrivals:
    """What each day's export added to the evaluations of each start day.

    `changes` has a row for each `start_date`, `source`, `agent_pid` and `date` of an export that changed something:
    `seen` is by how much the number of evaluations grew, `value` the sum of their scores.
    """

    changes: pa.Table

    def see(self, source: str, days: Sequence[date], today: date, last_age: int) -> Seen:
        """The evaluations of a source as they were at each age up to the last one, in exports of up to `today`."""
        is_asked = pc.and_(pc.equal(self.changes["source"], source), pc.less_equal(self.changes["date"], today))
        chosen = self.changes.filter(pc.and_(is_asked, pc.is_in(self.changes["start_date"], pa.array(days))))
        agents = pc.dictionary_encode(chosen["agent_pid"].fill_null("")).combine_chunks()
        index = pc.index_in(chosen["start_date"], pa.array(days)).to_numpy(zero_copy_only=False).astype(np.int64)
        age = (_number(chosen["date"]) - _number(chosen["start_date"])).astype(np.int64)
        is_within = age <= last_age
        at = (agents.indices.to_numpy()[is_within], index[is_within], np.maximum(age[is_within], 0))
        shape = (max(len(agents.dictionary), 1), len(days), last_age + 1)
        sums = []
        for name in ("seen", "value"):
            table = np.zeros(shape)
            np.add.at(table, at, chosen[name].to_numpy()[is_within])
            sums.append(table.cumsum(2))
        return Seen(*sums)


def read_arrivals(warehouse: Warehouse, zone: str, first: date, last: date) -> Arrivals:
    """Of all start days from `first` to `last`, in the zone's calendar, what the exports of these days brought.

    An evaluation is one session, engagement and source, and is there while one of its answers is: Completed, on its
    scale, and no auto review that was marked Incorrect. Its score is the plain mean of these answers. A review that
    does not say when its engagement started is left out. Raises WarehouseDamaged for a partition that cannot be read.
    """
    days = [day for day in warehouse.list_days(REVIEWS) if first <= day <= last]
    paths = {day: warehouse.table_path(REVIEWS, day) for day in days}
    bounds = [(day, *day_bounds(day, zone)) for day in list_days(first, last)]
    schema = arrow_schema(Review)
    read = pa.schema([schema.field(name) for name in _COLUMNS])
    with connect() as connection, damage_named(warehouse, paths.values()):
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("day", pa.table(list(map(list, zip(*bounds, strict=True))), schema=_DAY))
        open_rows(connection, warehouse, paths, read).create_view("stored")
        return Arrivals(connection.sql(_CHANGES).filter(f"source IN {tuple(REVIEW_SOURCES)}").to_arrow_table())


def _number(days: pa.ChunkedArray) -> Floats:
    return np.asarray(days.cast(pa.int32()).to_numpy(), np.float64)
