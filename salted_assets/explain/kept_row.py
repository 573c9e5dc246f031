"""A row that a replacement changed, in all its states, and which cause each of its differences has."""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from salted_assets.explain.explanation import AI_REVISED, DELETED, EDITED, LATE, MOVED, PLANNED, VERIFIED
from salted_assets.schemas.engagement import AI_SCORES
from salted_assets.schemas.row_change import AFTER, BEFORE

Values = Mapping[str, Any]
"""The values of a row in one state, by column."""

_EDITED = (
    *("engagement_pid", "source", "evaluation", "question_pid", "sampling", "score", "weight"),
    *("handle_time_ms", "wrap_up_time_ms", "hold_time_ms", "first_response_time_ms"),
)
_ROUNDING = 1e-12
_SENTIMENTS = tuple((f"sentiment_{who}_count", f"sentiment_{who}_sum") for who in ("agent", "customer"))


@dataclass(frozen=True)
class KeptRow:
    """A row of answers or engagements: its values by state, without those in which it was not there.

    `cause` is why it was added or removed, where it was.
    """

    number: int
    states: Mapping[str, Values]
    cause: str | None = None

    @property
    def engagement_pids(self) -> set[str]:
        """The engagements that it is, or was, part of; none of an erased customer."""
        return {pid for values in self.states.values() if (pid := values.get("engagement_pid")) is not None}

    def find_causes(self, start: str = BEFORE, end: str = AFTER) -> frozenset[str]:
        """The causes of its differences between two states."""
        before, after = self.states.get(start), self.states.get(end)
        if before is None or after is None:
            return frozenset() if before is after else frozenset({self._presence_cause(before)})
        return frozenset(cause for _, cause in find_differences(before, after))

    def mix(self, causes: Collection[str], start: str = BEFORE, end: str = AFTER) -> Values | None:
        """The row with these causes at the end state and the others at the start; None where it is not there."""
        before, after = self.states.get(start), self.states.get(end)
        if before is None or after is None:
            return after if self._presence_cause(before) in causes else before
        new = [column for columns, cause in find_differences(before, after) if cause in causes for column in columns]
        return before if not new else {**before, **{column: after[column] for column in new}}

    def _presence_cause(self, before: Values | None) -> str:
        return self.cause or (LATE if before is None else DELETED)


def find_differences(before: Values, after: Values) -> Iterator[tuple[tuple[str, ...], str]]:
    """The columns in which two states of a row differ, in groups, each with its cause."""
    for columns, cause in _group_columns(before, after):
        differing = tuple(column for column in columns if _is_other(before.get(column), after.get(column)))
        if differing:
            yield differing, cause


def _is_other(before: object, after: object) -> bool:
    if isinstance(before, float) and isinstance(after, float):
        return not math.isclose(before, after, rel_tol=_ROUNDING, abs_tol=_ROUNDING)
    return before != after


def _group_columns(before: Values, after: Values) -> Iterator[tuple[tuple[str, ...], str]]:
    yield ("agent_pid",), MOVED
    # a review that is completed, or is no longer, comes or goes with all that it says
    edited = EDITED if before.get("status") == after.get("status") else _find_status_cause(before, after)
    yield _EDITED, edited
    # where the vendor's sampling is as it was, a plan has drawn the engagement
    yield ("is_random_or_all",), PLANNED if before.get("sampling") == after.get("sampling") else edited
    yield ("scoring_status",), _find_status_cause(before, after)
    yield AI_SCORES, AI_REVISED
    for columns in _SENTIMENTS:
        yield columns, _find_sentiment_cause(before.get(columns[0]) or 0, after.get(columns[0]) or 0)


def _find_status_cause(before: Values, after: Values) -> str:
    """By what the scoring status follows from, in the order in which it is decided."""
    if before.get("status") != after.get("status"):
        return LATE if after.get("status") == "completed" else DELETED
    if before.get("verified") != after.get("verified"):
        return VERIFIED
    # who took a reviewed turn is known once the turn has come
    return LATE if before.get("target") != after.get("target") else EDITED


def _find_sentiment_cause(before: int, after: int) -> str:
    if before == after:
        return AI_REVISED
    return LATE if after > before else DELETED
