"""What is said of a figure while reviews of its days are still to come: joined from `scores/settlement` when read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pyarrow.compute as pc

from salted_assets.explain.settlement.teaching import LOOKED_BACK, REVIEWS
from salted_assets.history.score_files import list_score_days, read_score_day
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import SettlementScore
from salted_assets.scoring.settlement import SETTLED_SHARE, Widening, expect_final, find_move_root
from salted_assets.warehouse import Warehouse

STATED_DAYS = 7
"""The newest days of which cards and commands say how many evaluations are in."""

NOT_MADE = "scores/settlement has not been made"


@dataclass(frozen=True)
class Statement:
    """Of the evaluations of some days by a source: the share that is in, and the final number to expect.

    `share` is 0..1, `low` and `high` are limits of the final number: sums of those of the days, each of which holds in
    nine of ten cases. `settled_on` is the day on whose morning 99 % of the newest day's are in, None where that is
    beyond the horizon. `move_bound` is how far an agent's mean of 7 days of this age moved at most in nine of ten
    cases, and `move_factor` the same over sqrt(1 / n now - 1 / n final). Where nothing is known there is a `reason`,
    and `known_from` is the first partition that will know. Sentences leave out what is not `is_said`: there are no
    reviews or no scores of them, or the settings are such that it never will be known.
    """

    share: float | None = None
    seen_count: int = 0
    expected_count: float | None = None
    low: int | None = None
    high: int | None = None
    settled_on: date | None = None
    move_bound: float | None = None
    move_factor: float | None = None
    reason: str = ""
    known_from: date | None = None
    is_settled: bool = False
    is_said: bool = True

    def bound_move(self, now_count: int) -> float | None:
        """How far the mean of so many evaluations moves at most in nine of ten cases; None where it is not known."""
        if self.move_factor is None or not self.share or now_count <= 0:
            return None
        return self.move_factor * float(find_move_root(now_count, now_count / self.share))


@dataclass(frozen=True)
class StoredSettlement:
    """A partition of `scores/settlement`, by source, weekday and age, and the newest day whose reviews are exported.

    `horizon` is the age in days from which on a day counts as complete where there is no partition to say so.
    """

    rows: Mapping[tuple[str, int, int], Mapping[str, Any]]
    newest_day: date | None
    known_date: date | None
    horizon: int

    def state(self, source: str, seen: Mapping[date, int]) -> Statement:
        """What is said of days of which so many evaluations of a source are in, of which the last is the newest.

        Days beyond the horizon are complete. Without any day, or where something is not known, there is a reason.
        """
        if self.newest_day is None or not seen:
            return Statement(reason="no reviews have been exported and scored", is_said=False)
        if not self.rows:
            is_complete = (self.newest_day - max(seen)).days >= self.horizon
            return (
                Statement(seen_count=sum(seen.values()), is_settled=True) if is_complete else Statement(reason=NOT_MADE)
            )
        found = [(count, self._row(source, day)) for day, count in seen.items()]
        reason = next((row for _, row in found if row and row["not_known_reason"]), None)
        if reason is not None:
            why = reason["not_known_reason"]
            return Statement(reason=why, known_from=reason["known_from_date"], is_said=why != LOOKED_BACK)
        last = max(seen)
        newest, settled_age = self._row(source, last), self._settled_age(source)
        if newest is None or (settled_age is not None and (self.newest_day - last).days >= settled_age):
            return Statement(seen_count=sum(seen.values()), is_settled=True)
        return self._sum_up(found, newest, None if settled_age is None else last + timedelta(days=settled_age + 1))

    def find_lookback(self) -> dict[str, int | None]:
        """By source the age in days at which its evaluations are settled; None where the horizon is too short.

        Sources of which nothing is known are left out.
        """
        return {
            source: row["settled_age_days"]
            for (source, weekday, age), row in self.rows.items()
            if (weekday, age) == (1, 0) and not row["not_known_reason"]
        }

    def _sum_up(
        self, found: Sequence[tuple[int, Mapping[str, Any] | None]], newest: Mapping[str, Any], settled_on: date | None
    ) -> Statement:
        expected, low, high = 0.0, 0, 0
        for count, row in found:
            if row is None:
                limits = (float(count), count, count)
            elif any(row[name] is None for name in ("log_odds", "log_odds_reach", "largest_count")):
                return Statement(reason="too few days of this age have evaluations")
            else:
                widening = Widening(row["lower_widening_ratio"], row["upper_widening_ratio"])
                final = expect_final(count, row["log_odds"], row["log_odds_reach"], row["largest_count"], widening)
                limits = (float(final.expected), int(final.low), int(final.high))
            expected, low, high = expected + limits[0], low + limits[1], high + limits[2]
        seen = sum(count for count, _ in found)
        return Statement(
            share=seen / expected if expected else None,
            seen_count=seen,
            expected_count=expected,
            low=low,
            high=high,
            settled_on=settled_on,
            move_bound=newest["move_bound"],
            move_factor=newest["move_factor"],
            is_settled=not expected,
        )

    def _row(self, source: str, day: date) -> Mapping[str, Any] | None:
        """The row that speaks of a day as it is now; None for one beyond the horizon."""
        age = (self.newest_day - day).days if self.newest_day else 0
        return self.rows.get((source, day.isoweekday(), max(age, 0)))

    def _settled_age(self, source: str) -> int | None:
        row = self.rows.get((source, 1, 0))
        return None if row is None else row["settled_age_days"]


def read_settlement(warehouse: Warehouse, horizon: int) -> StoredSettlement:
    """The newest partition that is there; where none is, days of the horizon's age in days are complete.

    Raises WarehouseDamaged for one that cannot be read.
    """
    newest_day = max(warehouse.list_days(REVIEWS), default=None)
    made = list_score_days(warehouse, "settlement", date.min, date.max)
    if not made:
        return StoredSettlement({}, newest_day, None, horizon)
    rows = read_score_day(warehouse, "settlement", made[-1], arrow_schema(SettlementScore).names).to_pylist()
    return StoredSettlement(
        {(row["source"], row["weekday"], row["age_days"]): row for row in rows}, newest_day, made[-1], horizon
    )


class SeenEvaluations:
    """The evaluations of a source in `scores/agent_daily`, by day: the file of a day is read once."""

    def __init__(self, warehouse: Warehouse, source: str) -> None:
        self._warehouse = warehouse
        self._column = f"evaluation_{source}_count"
        self._days = warehouse.list_days(("scores", "agent_daily"))
        self._counts: dict[date, int] = {}

    def count(self, last: date, days: int) -> dict[date, int]:
        """Those of each of the days that end on the last one, without days that are not scored.

        Raises WarehouseDamaged for a file that cannot be read.
        """
        first = last - timedelta(days=days - 1)
        for day in (asked := [day for day in self._days if first <= day <= last]):
            if day not in self._counts:
                rows = read_score_day(self._warehouse, "agent_daily", day, [self._column])
                self._counts[day] = int(pc.sum(rows[self._column]).as_py() or 0)
        return {day: self._counts[day] for day in asked}


def count_seen(warehouse: Warehouse, source: str, last: date, days: int) -> dict[date, int]:
    """What `SeenEvaluations` count of the days that end on the last one."""
    return SeenEvaluations(warehouse, source).count(last, days)


def write_statement(statement: Statement, source: str, days: int) -> str:
    """What is said of a source's evaluations of the last so many days, in a sentence; nothing of what is settled.

    >>> found = Statement(0.64, 32, 50.0, 40, 61, date(2024, 3, 14), move_bound=0.04)
    >>> print(write_statement(found, "reviewer", 7))  # doctest: +NORMALIZE_WHITESPACE
    Provisional: about 64 % of reviewer evaluations of the last 7 days are in; agents' figures this old moved by at most
    0.04 in 9 of 10 cases; settled about 14 March.
    """
    moved = statement.move_bound
    figures = f"agents' figures this old moved by at most {moved:.2f} in 9 of 10 cases" if moved is not None else ""
    return _write(statement, source, days, figures)


def write_own_statement(statement: Statement, days: int, count: int) -> str:
    """The same of an agent's mean of so many reviewer evaluations of these days."""
    bound = statement.bound_move(count)
    own = f"a mean of {count} evaluations moved by at most {bound:.2f} in 9 of 10 cases" if bound is not None else ""
    return _write(statement, "reviewer", days, own)


def _write(statement: Statement, source: str, days: int, figures: str) -> str:
    if not statement.is_said:
        return ""
    if statement.reason:
        from_when = f"; known from {statement.known_from} on if every day is exported" if statement.known_from else ""
        return f"How many {source} evaluations are still to come is not known yet: {statement.reason}{from_when}."
    if statement.is_settled or statement.share is None:
        return ""
    share = f"{min(statement.share, SETTLED_SHARE):.0%}".replace("%", " %")
    when = statement.settled_on
    parts = [
        f"about {share} of {source} evaluations of the last {days} days are in",
        figures,
        f"settled about {when.day} {when:%B}" if when else "not settled within the horizon",
    ]
    return f"Provisional: {'; '.join(filter(None, parts))}."
