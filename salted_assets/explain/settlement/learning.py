"""The rows of `scores/settlement` of a day: what its complete days teach, for each source, weekday and age."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from salted_assets.explain.settlement.arrivals import Arrivals, Seen
from salted_assets.explain.settlement.teaching import Teaching
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.measures import REVIEW_SOURCES
from salted_assets.schemas.scores import SettlementScore
from salted_assets.scoring.settlement import (
    ARRIVAL_DAYS,
    FEWEST_CASES,
    Settlement,
    Widening,
    covering_bound,
    find_move_factor,
    learn_settlement,
    widen_limits,
)
from salted_assets.scoring.stats import Floats

FIGURE_DAYS = 7
"""The days of the figures whose moves are learned: the shortest window of the scores."""

_WEEKDAYS = range(7)


def settle_day(arrivals: Arrivals | None, teaching: Teaching, today: date, horizon: int) -> pa.Table:
    """The rows that are known from `today` on, in the columns of `SettlementScore`.

    One for each source, weekday and age below the horizon, in this order; where nothing is known they say why.
    Without arrivals nothing is.
    """
    rows = []
    for source in REVIEW_SOURCES:
        known = _learn(arrivals, teaching, source, today, horizon) if arrivals and teaching.days else None
        rows += known or _leave_open(source, teaching.reason, teaching.known_from, horizon)
    shared = {
        "known_date": today,
        "learning_day_count": len(teaching.days),
        "first_start_date": teaching.days[0] if teaching.days else None,
        "last_start_date": teaching.days[-1] if teaching.days else None,
    }
    return pa.Table.from_pylist([shared | row for row in rows], schema=arrow_schema(SettlementScore))


def _leave_open(source: str, reason: str, known_from: date | None, horizon: int) -> list[dict[str, Any]]:
    return [
        {"source": source, "weekday": day + 1, "age_days": age, "day_count": 0, "not_known_reason": reason}
        | {"known_from_date": known_from}
        for day in _WEEKDAYS
        for age in range(horizon)
    ]


def _learn(arrivals: Arrivals, teaching: Teaching, source: str, today: date, horizon: int) -> list[dict[str, Any]]:
    seen = arrivals.see(source, teaching.days, today, horizon)
    counts = seen.by_day
    learned = learn_settlement(counts[:-1], counts[-1], np.array([day.weekday() for day in teaching.days]))
    if learned.case_count.max() < FEWEST_CASES:
        reason = f"fewer than {FEWEST_CASES} of the days that are learned from have an evaluation of this source"
        return _leave_open(source, reason, None, horizon)
    widening = _find_widening(arrivals, learned, source, today, horizon)
    ends = _list_window_ends(teaching.days)
    moves = [_learn_moves(seen, ends, age) for age in range(horizon)]
    return [
        _describe(learned, widening, day, age)
        | {"source": source, "move_factor": _said(moves[age][0]), "move_bound": _said(moves[age][1])}
        for day in _WEEKDAYS
        for age in range(horizon)
    ]


def _describe(learned: Settlement, widening: Widening, weekday: int, age: int) -> dict[str, Any]:
    return {
        "weekday": weekday + 1,
        "age_days": age,
        "day_count": int(learned.case_count[age]),
        "seen_ratio": _said(learned.share[age, weekday]),
        "log_odds": _said(learned.log_odds[age, weekday]),
        "log_odds_reach": _said(learned.reach[age]),
        "largest_count": _said(learned.largest_count[weekday]),
        "lower_widening_ratio": widening.low,
        "upper_widening_ratio": widening.high,
        "settled_age_days": learned.settled_age,
        "not_known_reason": None,
    }


def _find_widening(arrivals: Arrivals, learned: Settlement, source: str, today: date, horizon: int) -> Widening:
    """By what the arrivals of the last two days, which may be unusual, widen limits."""
    ages = np.arange(horizon)
    newest = [today - timedelta(days=int(age)) for age in ages]
    seen = arrivals.see(source, newest, today, horizon).by_day
    before = np.vstack([np.zeros((ARRIVAL_DAYS, horizon)), seen])
    arrived = (seen[ages, ages] - before[ages, ages]).sum()
    usual = learned.arrivals[ages, [day.weekday() for day in newest]].sum()
    return widen_limits(arrived, usual, learned.arrivals_deviation.sum())


def _list_window_ends(days: Sequence[date]) -> list[int]:
    """The positions of those days that end a figure's window, all of whose days are there."""
    span = timedelta(days=FIGURE_DAYS - 1)
    return [last for last in range(FIGURE_DAYS - 1, len(days)) if days[last] - days[last - FIGURE_DAYS + 1] == span]


def _learn_moves(seen: Seen, ends: Sequence[int], age: int) -> tuple[float, float]:
    """The factor of moves of agents' figures seen at this age of their last day, and how far nine in ten moved."""
    if not ends:
        return float("nan"), float("nan")
    last_age = seen.count.shape[2] - 1
    now_count, now_total, count, total = (
        _add_window(table, ends, [min(age + ago, last_age) if is_now else last_age for ago in range(FIGURE_DAYS)])
        for is_now in (True, False)
        for table in (seen.count, seen.total)
    )
    is_shown = (now_count > 0) & (count > 0)
    now, final = now_total[is_shown] / now_count[is_shown], total[is_shown] / count[is_shown]
    return find_move_factor(now, final, now_count[is_shown], count[is_shown]), covering_bound(np.abs(final - now))


def _add_window(table: Floats, ends: Sequence[int], ages: Sequence[int]) -> Floats:
    """The sums over the days of each window, of which the last has the first of the ages: agents, window ends."""
    last = np.array(ends)
    return np.asarray(sum(table[:, last - ago, age] for ago, age in enumerate(ages)))


def _said(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
