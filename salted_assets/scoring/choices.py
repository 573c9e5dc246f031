"""The readings that scores take where the vendor's pages are silent. Not here: the formulas that follow them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


def _choice(default: Any, reading: str) -> Any:
    metadata = {"reading": reading}
    if isinstance(default, dict):
        return field(default_factory=dict, metadata=metadata)
    return field(default=default, metadata=metadata)


def show_choice(value: object) -> str:
    """A value as a person reads it in the UI.

    >>> [show_choice(value) for value in (False, (), {}, ("Bot", "Menu"), {"q1": 2.0}, 20)]
    ['no', 'none', 'none', 'Bot, Menu', 'q1=2', '20']
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={number:g}" for name, number in value.items()) or "none"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value)


@dataclass(frozen=True)
class ScoringChoices:
    """One named choice for each question on which a number depends and which the vendor's pages leave open.

    Text values are compared without regard to case, ids exactly. Raises ValueError for a weight that is not a positive
    number.
    """

    exclude_unclear: bool = _choice(
        default=False,
        reading="Whether answers verified Unclear are left out of means (they are counted in any case).",
    )
    exclude_disputed: bool = _choice(
        default=False,
        reading="Whether answers verified Disputed are left out of means (they are counted in any case).",
    )
    exclude_unknown_turns: bool = _choice(
        default=False,
        reading="Whether answers about a turn whose participant is not known are left out (they are counted in any "
        "case); answers about a customer's turn are always left out.",
    )
    found_only_questions: tuple[str, ...] = _choice(
        default=(),
        reading="Question ids for which an auto reviewer writes a row only when it finds something: they give a found "
        "rate over engagements, no score.",
    )
    critical_questions: tuple[str, ...] = _choice(
        default=(), reading="Question ids of which the worst answer makes an evaluation count as failed-critical."
    )
    question_weights: Mapping[str, float] = _choice(
        default={},
        reading="Weight of a question, by its id, in the mean that makes an evaluation; 1 for a question not named.",
    )
    service_level_met_values: tuple[str, ...] = _choice(
        default=(), reading="Service levels that mean met; while none is named, there is no rate."
    )
    service_level_ignored_values: tuple[str, ...] = _choice(
        default=("Ignore",), reading="Service levels that keep an engagement out of the rate."
    )
    bot_agent_types: tuple[str, ...] = _choice(
        default=("Bot", "Menu", "Voicemail"), reading="Agent types that are machines; User and External are people."
    )

    def __post_init__(self) -> None:
        for question, weight in self.question_weights.items():
            if not (math.isfinite(weight) and weight > 0):
                raise ValueError(
                    f"question_weights: the weight of question {question} is {weight}, expected a positive number; "
                    "to leave a question out of an evaluation is not a weight"
                )

    def describe(self) -> str:
        """The choices as Markdown lines, each with its reading and its value, for the description of an asset."""
        return "\n".join(
            f"- `{choice.name}` = `{show_choice(getattr(self, choice.name))}`: {choice.metadata['reading']}"
            for choice in fields(self)
        )
