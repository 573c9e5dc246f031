"""What a window must hold for an agent to be compared with peers. Not here: the readings of single rows (`choices`)."""

from dataclasses import dataclass, field, fields

from salted_assets.schemas.rolling_measures import RollingMeasure
from salted_assets.scoring.choices import show_choice


@dataclass(frozen=True)
class RollingChoices:
    """Thresholds for comparisons over a window. Raises ValueError for one that makes no sense."""

    min_engagements: int = field(
        default=20, metadata={"reading": "Engagements with a measure below which an agent is nobody's peer in it."}
    )
    min_evaluations: int = field(
        default=5, metadata={"reading": "Evaluations below which an agent is nobody's peer in them."}
    )
    min_reliability: float = field(
        default=0.7,
        metadata={"reading": "Share of signal in an agent's mean below which it is not called reliable."},
    )

    def __post_init__(self) -> None:
        if min(self.min_engagements, self.min_evaluations) < 2:  # noqa: PLR2004 - one value has no spread
            raise ValueError("min_engagements and min_evaluations: fewer than 2 tell no spread, write 2 or more")
        if not 0 <= self.min_reliability < 1:
            raise ValueError(f"min_reliability is {self.min_reliability}, expected a share from 0 to below 1")

    def enough_of(self, measure: RollingMeasure) -> int:
        """The units that the measure needs."""
        return self.min_evaluations if measure.per == "evaluation" else self.min_engagements

    def describe(self) -> str:
        """The choices as Markdown lines, for the description of an asset."""
        return "\n".join(
            f"- `{choice.name}` = `{show_choice(getattr(self, choice.name))}`: {choice.metadata['reading']}"
            for choice in fields(self)
        )
