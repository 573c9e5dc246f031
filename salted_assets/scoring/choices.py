"""The choices behind the scores: readings where the vendor's pages are silent, thresholds for comparisons."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from salted_assets.schemas.rolling_measures import RollingMeasure


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


def _describe(choices: "ScoringChoices | RollingChoices") -> str:
    return "\n".join(
        f"- `{choice.name}` = `{show_choice(getattr(choices, choice.name))}`: {choice.metadata['reading']}"
        for choice in fields(choices)
    )


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
    resolved_values: tuple[str, ...] = _choice(
        default=(),
        reading="Resolutions that mean resolved, while any other one means not resolved; while none is named, there is "
        "no share.",
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
        return _describe(self)


@dataclass(frozen=True)
class RollingChoices:
    """Thresholds for comparisons over a window. Raises ValueError for one that makes no sense."""

    min_engagements: int = _choice(
        default=20, reading="Engagements with a measure below which an agent is nobody's peer in it."
    )
    min_evaluations: int = _choice(default=5, reading="Evaluations below which an agent is nobody's peer in them.")
    min_reliability: float = _choice(
        default=0.7, reading="Share of signal in an agent's mean below which it is not called reliable."
    )

    def __post_init__(self) -> None:
        if min(self.min_engagements, self.min_evaluations) < 2:  # noqa: PLR2004 - one value has no spread
            raise ValueError("min_engagements and min_evaluations: fewer than 2 tell no spread, write 2 or more")
        if not 0 <= self.min_reliability < 1:
            raise ValueError(f"min_reliability is {self.min_reliability}, expected a share from 0 to below 1")

    def min_units_of(self, measure: RollingMeasure) -> int:
        """The units that the measure needs."""
        return self.min_evaluations if measure.per == "evaluation" else self.min_engagements

    def describe(self) -> str:
        """The choices as Markdown lines, for the description of an asset."""
        return _describe(self)
