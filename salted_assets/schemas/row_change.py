"""The tables of rows that were others when a day's answers or engagements were replaced: what causes are told from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from salted_assets.schemas.base import (
    Boolean,
    ColumnFacts,
    Integer,
    Number,
    Table,
    Text,
    Timestamp,
    columns_of,
    derived,
)
from salted_assets.schemas.engagement import AI_SCORES
from salted_assets.schemas.scores.answer import Answer
from salted_assets.schemas.scores.columns import Column, ScoreFacts, build_model
from salted_assets.schemas.scores.engagement import EngagementScore

FORGOTTEN_IDS = ("engagement_pid", "pid", "reviewer_pid", "question_pid")
"""What is null in a row of an erased customer."""

ROW_EVENTS = ("added", "removed", "changed", "unchanged")
"""What became of a row. Unchanged are the other answers of an evaluation that one of the others is part of."""

BEFORE, PROGRAM, RULE, AFTER = "before", "program", "rule", "after"
"""The states of a row: as published, by the new program on the old inputs, that with new settings, as published now."""

_KINDS = {
    pa.string(): Text,
    pa.int64(): Integer,
    pa.float64(): Number,
    pa.bool_(): Boolean,
    pa.timestamp("us", tz="UTC"): Timestamp,
}


@dataclass(frozen=True)
class KeptRows:
    """The rows of a score table that are kept when they are replaced: their key, and the values that causes need.

    `evaluation` are the columns that say which evaluation a row is part of, none where it is part of none. A row is
    another one by all values but the `shown` ones, which only help to tell why.
    """

    key: str
    values: tuple[str, ...]
    evaluation: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()

    @property
    def compared(self) -> tuple[str, ...]:
        """The values that make a row another one."""
        return tuple(name for name in self.values if name not in self.shown)

    @property
    def columns(self) -> tuple[str, ...]:
        """All of them."""
        return (self.key, *self.values)


KEPT_ROWS: Mapping[str, KeptRows] = {
    "answer": KeptRows(
        "pid",
        (
            *("engagement_pid", "agent_pid", "channel_type", "queue", "language", "target", "source", "status"),
            *("sampling", "verified", "reviewer_pid", "question_pid", "evaluation", "score", "weight"),
            *("scoring_status", "is_random_or_all"),
        ),
        evaluation=("engagement_pid", "source", "evaluation"),
        shown=("status", "target", "sampling"),
    ),
    "engagement": KeptRows(
        "engagement_pid",
        (
            *("agent_pid", "channel_type", "handle_time_ms", "wrap_up_time_ms", "hold_time_ms"),
            *("first_response_time_ms", *AI_SCORES),
            *(f"sentiment_{who}_{part}" for who in ("agent", "customer") for part in ("count", "sum")),
        ),
    ),
}
"""By the last part of a score's key."""

_OF_THE_ROW = {
    "row_number": (Integer, "Number of the row in its replacement: all its states have the same.", "rows", False),
    "state": (
        Text,
        (
            f"State of the values beside: `{BEFORE}` and `{AFTER}` the replacement; where formulas or settings are "
            f"others, `{PROGRAM}` by the new formulas with the old settings on the old inputs, `{RULE}` and names of "
            "settings by the new values of these as well."
        ),
        None,
        False,
    ),
    "event": (Text, f"What became of the row: {', '.join(ROW_EVENTS)}.", None, False),
    "cause": (
        Text,
        (
            "Why, as it was known when the score was replaced; several are separated by commas. Null where it is "
            "unchanged, or changed in nothing but formulas, settings, or a value that no cause is for: of an answer "
            "its channel, queue, language or reviewer, or a verification that leaves it counted, or not, as before; of "
            "an engagement its channel."
        ),
        None,
        True,
    ),
}

_OF_THE_REPLACEMENT = {
    "published_at_utc": (Timestamp, "When the score before had been made; null where its file does not say.", True),
    "replaced_at_utc": (Timestamp, "When it was replaced.", False),
    "old_file_id": (Text, "Id of the file before; empty where it has none.", False),
    "new_file_id": (Text, "Id of the file after.", False),
    "old_inputs": (Text, "Ids of the files that the one before was made of, as JSON.", True),
    "new_inputs": (Text, "Ids of the files that the one after was made of, as JSON.", True),
    "old_recipe": (Text, "Formula version and settings of the file before, as JSON.", True),
    "new_recipe": (Text, "Formula version and settings of the file after, as JSON.", True),
    "is_split": (
        Boolean,
        (
            "Whether the states between are known; false where formulas or settings are others and the old inputs "
            "were not there any more, null where they are the same."
        ),
        True,
    ),
}


def _copy(facts: ColumnFacts, score: str) -> Column:
    field = derived(
        f"{facts.description} Null in a row of an erased customer."
        if facts.name in FORGOTTEN_IDS
        else facts.description,
        sources=(f"scores/{score}.{facts.name}",),
        unit=facts.unit,
        personal=facts.personal,
    )
    return _KINDS[facts.arrow_type], field


def _build(score: str, model: type[Table], class_name: str) -> type[Table]:
    sources, known = (f"scores/{score}",), {facts.name: facts for facts in columns_of(model)}
    columns: dict[str, Column] = {
        name: (kind, derived(text, sources=sources, unit=unit, nullable=nullable))
        for name, (kind, text, unit, nullable) in _OF_THE_ROW.items()
    }
    columns |= {name: _copy(known[name], score) for name in KEPT_ROWS[score].columns}
    columns |= {
        name: (kind, derived(text, sources=sources, unit="UTC" if kind is Timestamp else None, nullable=nullable))
        for name, (kind, text, nullable) in _OF_THE_REPLACEMENT.items()
    }
    return build_model(
        ScoreFacts(f"changes/{score}", "state of a row and replacement", ("new_file_id", "row_number", "state")),
        class_name,
        f"Rows of `scores/{score}` that were others when a day was replaced, in all their states.",
        columns,
    )


AnswerChange = _build("answer", Answer, "AnswerChange")
EngagementChange = _build("engagement", EngagementScore, "EngagementChange")

ROW_CHANGES: Mapping[str, type[Table]] = {"answer": AnswerChange, "engagement": EngagementChange}
"""The tables by the last part of the score's key."""


def rule_state(settings: Sequence[str]) -> str:
    """The state of rows by the new program and the new values of these settings, the others being as before.

    >>> rule_state(["exclude_unclear", "exclude_disputed"])
    'rule exclude_disputed, exclude_unclear'
    """
    return f"{RULE} {', '.join(sorted(settings))}" if settings else PROGRAM
