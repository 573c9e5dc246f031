"""Which measures of an agent can be explained, and how their values are written."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from salted_assets.explain.agent_figure.exceptions import NotExplicable
from salted_assets.explain.rounding import round_to_sum
from salted_assets.schemas.rolling_measures import ROLLING_MEASURES, RollingMeasure
from salted_assets.scoring.not_for_persons import list_measures_not_for_persons

QA_SCORE = "evaluation_reviewer"
"""What is explained unless something else is asked for."""

_MEASURES = {measure.name: measure for measure in ROLLING_MEASURES}
_TRADE_WORDS = {
    QA_SCORE: "QA score",
    "evaluation_auto": "auto QA score",
    "evaluation_customer": "CSAT",
    "handle_time_ms": "handle time (AHT)",
    "handle_time_geometric_ms": "typical handle time",
}
_SECOND_MS = 1000


def find_measure(name: str, excluded: Collection[str] = ()) -> RollingMeasure:
    """The measure of this name.

    Raises NotExplicable for a name that is none, and for a measure of the AI columns that are `excluded` for persons.
    """
    measure = _MEASURES.get(name)
    if measure is None:
        near = get_close_matches(name, _MEASURES, n=3, cutoff=0.4)
        hint = f"; near it are {', '.join(near)}" if near else ""
        raise NotExplicable(f"there is no measure {name!r}{hint}. docs/scores.md lists all")
    if name in list_measures_not_for_persons(excluded):
        raise NotExplicable(f"{name} is of no single person here: the settings exclude it")
    return measure


def name_in_trade(measure: RollingMeasure) -> str:
    """What the measure is called in a contact centre."""
    return _TRADE_WORDS.get(measure.name) or measure.name.removesuffix("_ms").replace("_", " ")


@dataclass(frozen=True)
class ValueWords:
    """How values of a measure are written: their number by the `factor`, rounded to `digits`, with a unit.

    Differences have the unit `points`: percentage points of scores and shares, else the unit itself.
    """

    factor: float
    digits: int
    unit: str
    points: str

    @classmethod
    def of(cls, measure: RollingMeasure) -> "ValueWords":
        """Those of the measure."""
        if measure.is_bounded or measure.unit == "ratio":
            return cls(100.0, 1, "%", "points")
        if measure.unit == "ms":
            return cls(1 / _SECOND_MS, 0, " s", "seconds")
        return cls(1.0, 2, "", "points of the vendor's scale")

    def round(self, value: float) -> float:
        """The value as it is shown, in the unit."""
        return round(value * self.factor, self.digits)

    def subtract(self, new: float, old: float) -> float:
        """The difference of the values as they are shown."""
        return round(self.round(new) - self.round(old), self.digits)

    def round_steps(self, start: float, steps: Sequence[float], to: float) -> list[float]:
        """The steps as they are shown: from the start as it is shown they lead to the end as it is shown."""
        return round_to_sum([step * self.factor for step in steps], self.digits, self.round(to) - self.round(start))

    def write(self, value: float) -> str:
        """The value with its unit."""
        return f"{self.round(value):.{self.digits}f}{self.unit}"

    def write_difference(self, rounded: float) -> str:
        """A difference in the unit, as `round_steps` gives it, with its sign; 0 has none.

        >>> ValueWords(100.0, 1, "%", "points").write_difference(-2.0)
        '-2.0'
        """
        return f"{rounded:+.{self.digits}f}" if rounded else f"{0:.{self.digits}f}"
