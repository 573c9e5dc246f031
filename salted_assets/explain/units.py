"""What a figure counts, out of rows: answers, evaluations or engagements, each with its sum and its count."""

import math
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

from salted_assets.explain.kept_row import Values
from salted_assets.schemas.engagement import AI_SCORES
from salted_assets.schemas.measures import REPRESENTATIVE, REVIEW_SOURCES


@dataclass(frozen=True)
class Total:
    """A sum over units, and their number."""

    sum: float
    count: float


NOTHING = Total(0.0, 0.0)


@dataclass(frozen=True)
class Counted:
    """What a measure counts: rows of `table` for which `belongs` holds, put together by `unit` and valued by `value`.

    `unit` is None where each row is a unit of its own. `value` gives None for what has no value.
    """

    table: str
    belongs: Callable[[Values], bool]
    value: Callable[[list[Values]], Total | None]
    unit: Callable[[Values], Hashable] | None = None

    def sum_up(self, rows: Iterable[Values | None], agent_pid: str) -> Total:
        """The total of one unit's rows that are there, for this agent."""
        own = [row for row in rows if row is not None and row["agent_pid"] == agent_pid and self.belongs(row)]
        return (self.value(own) if own else None) or NOTHING


def find_counted(measure: str) -> Counted | None:
    """What a measure counts, by the name that begins its daily columns, or its name in a window.

    None where the rows that are kept do not tell it.
    """
    return _COUNTED.get(measure)


def _is_scored(source: str, *, is_representative: bool) -> Callable[[Values], bool]:
    def belongs(row: Values) -> bool:
        is_chosen = is_representative and not row["is_random_or_all"]
        return bool(row["source"] == source and row["scoring_status"] == "scored" and not is_chosen)

    return belongs


def _score_answer(rows: list[Values]) -> Total | None:
    (row,) = rows
    return None if row["score"] is None else Total(row["score"], 1)


def _score_evaluation(rows: list[Values]) -> Total | None:
    scored = [row for row in rows if row["score"] is not None]
    if not scored:
        return None
    total = math.fsum(row["weight"] * row["score"] for row in scored)
    return Total(min(total / math.fsum(row["weight"] for row in scored), 1.0), 1)


def _evaluation_of(row: Values) -> Hashable:
    return row["engagement_pid"], row["source"], row["evaluation"]


def _always(_: Values) -> bool:
    return True


def _value_of(
    column: str, transform: Callable[[float], float | None] = float
) -> Callable[[list[Values]], Total | None]:
    def value(rows: list[Values]) -> Total | None:
        (row,) = rows
        found = None if row[column] is None else transform(row[column])
        return None if found is None else Total(found, 1)

    return value


def _log(value: float) -> float | None:
    return math.log(value) if value > 0 else None


def _sum_turns(who: str) -> Callable[[list[Values]], Total | None]:
    def value(rows: list[Values]) -> Total | None:
        (row,) = rows
        count = row[f"sentiment_{who}_count"]
        return Total(row[f"sentiment_{who}_sum"], count) if count else None

    return value


def _average_turns(who: str) -> Callable[[list[Values]], Total | None]:
    sum_turns = _sum_turns(who)

    def value(rows: list[Values]) -> Total | None:
        total = sum_turns(rows)
        return None if total is None else Total(total.sum / total.count, 1)

    return value


def _of_engagements(value: Callable[[list[Values]], Total | None]) -> Counted:
    return Counted("engagement", _always, value)


_VALUES = ("handle_time_ms", "wrap_up_time_ms", "hold_time_ms", "first_response_time_ms", *AI_SCORES)
_LOG_OF_HANDLE_TIME = _of_engagements(_value_of("handle_time_ms", _log))

_COUNTED = {
    "engagement": _of_engagements(lambda _: Total(0.0, 1)),
    **{name: _of_engagements(_value_of(name)) for name in _VALUES},
    "handle_time_log": _LOG_OF_HANDLE_TIME,
    "handle_time_geometric_ms": _LOG_OF_HANDLE_TIME,
    **{f"sentiment_{who}": _of_engagements(_sum_turns(who)) for who in ("agent", "customer")},
    **{f"engagement_sentiment_{who}": _of_engagements(_average_turns(who)) for who in ("agent", "customer")},
}
for _source in REVIEW_SOURCES:
    for _suffix, _is_representative in (("", False), (f"_{REPRESENTATIVE}", True)):
        _belongs = _is_scored(_source, is_representative=_is_representative)
        _COUNTED[f"answer_{_source}{_suffix}"] = Counted("answer", _belongs, _score_answer)
        _COUNTED[f"evaluation_{_source}{_suffix}"] = Counted("answer", _belongs, _score_evaluation, _evaluation_of)
