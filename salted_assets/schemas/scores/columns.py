"""How a score table is described: its facts, and builders of the columns that several tables share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from salted_assets.schemas.base import Boolean, Integer, Number, Table, Text, derived
from salted_assets.schemas.measures import Counter, Measure, delivered


@dataclass(frozen=True)
class ScoreFacts:
    """What is known of a score table beside its columns; `grain` completes "One row per", `key` identifies a row.

    `formula_version` is raised when the same rows come to other figures: files of another one are then out of date.
    """

    name: str
    grain: str
    key: tuple[str, ...]
    formula_version: int = 1


Column = tuple[Any, Any]
"""A column's kind and its pandera field."""

PARTS = ("count", "sum", "squares", "mean")
"""The four columns of a measure's family, as `build_family` names their sources."""

_MANY = {"engagement": "engagements", "turn": "turns", "answer": "answers", "evaluation": "evaluations"}
_SQUARED = {"0..1": "sum of squares", "vendor's scale": "sum of squares", "ln(ms)": "ln(ms) squared"}


def build_model(facts: ScoreFacts, class_name: str, doc: str, columns: Mapping[str, Column]) -> type[Table]:
    """A strict pandera model with `columns` in their order, unique by the facts' key."""
    config = type("Config", (Table.Config,), {"metadata": {"salted": facts}, "unique": list(facts.key)})
    namespace = {
        "__doc__": doc,
        "__module__": __name__,
        "__annotations__": {name: kind for name, (kind, _) in columns.items()},
        "Config": config,
        **{name: field for name, (_, field) in columns.items()},
    }
    return type(class_name, (Table,), namespace)


def score_facts_of(model: type[Table]) -> ScoreFacts:
    """The facts of a score table. Raises TypeError for a model that is none."""
    facts = getattr(model.Config, "metadata", {}).get("salted")
    if not isinstance(facts, ScoreFacts):
        raise TypeError(f"{model.__name__} describes no score table")
    return facts


def copied(column: str, kind: Any, description: str, *, dataset: str = "engagement", **extra: Any) -> dict[str, Column]:
    """A column that is a vendor's column of the same name as it was delivered."""
    return {column: (kind, derived(description, sources=delivered(dataset, column), **extra))}


def build_family(measure: Measure, sources: Mapping[str, Sequence[str]]) -> dict[str, Column]:
    """Count, sum, sum of squares and mean of a measure, with the sources of each of the four."""
    name, what, unit = measure.name, measure.what, measure.unit
    bounds: dict[str, Any] = {"ge": 0, "le": 1} if unit == "0..1" else {}
    many = _MANY[measure.per]
    return {
        f"{name}_count": (
            Integer,
            derived(f"Number of {many} that have it: {what}.", sources=sources["count"], unit=many, ge=0),
        ),
        f"{name}_sum": (
            Integer if measure.is_whole else Number,
            derived(f"Sum over these {many}: {what}.", sources=sources["sum"], unit=unit.replace("0..1", "sum")),
        ),
        f"{name}_sum_of_squares": (
            Number,
            derived(
                f"Sum of squares over these {many}: {what}.",
                sources=sources["squares"],
                unit=_SQUARED.get(unit, f"{unit} squared"),
            ),
        ),
        f"{name}_mean": (
            Number,
            derived(
                f"Mean over these {many}, null where there is none: {what}.",
                sources=sources["mean"],
                unit=unit,
                **bounds,
            ),
        ),
    }


def build_count(description: str, sources: Sequence[str], unit: str = "engagements", **extra: Any) -> Column:
    """A number of things, never negative."""
    return Integer, derived(description, sources=sources, unit=unit, **{"ge": 0, **extra})


def build_ratio(description: str, sources: Sequence[str]) -> Column:
    """A share between 0 and 1."""
    return Number, derived(description, sources=sources, unit="ratio", ge=0, le=1)


def build_number(description: str, sources: Sequence[str], unit: str = "unit of the measure", **bounds: Any) -> Column:
    """A number in the measure's own unit, or in `unit`."""
    return Number, derived(description, sources=sources, unit=unit, **bounds)


def build_flag(description: str, sources: Sequence[str], *, nullable: bool = False) -> Column:
    """True or false."""
    return Boolean, derived(description, sources=sources, nullable=nullable)


def build_limits(name: str, what: str, sources: Sequence[str], build: Any = build_number) -> dict[str, Column]:
    """The limits of the 95 % interval of a column called `name`, each as `build` makes it."""
    return {
        f"{name}_{end}": build(f"{side} limit of the 95 % interval of {what}.", sources)
        for end, side in (("low", "Lower"), ("high", "Upper"))
    }


def build_counter(counter: Counter, sources: Sequence[str]) -> Column:
    """The column of a counter."""
    return build_count(f"Number of {counter.what}.", sources, counter.unit)


def build_label(description: str, sources: Sequence[str], **extra: Any) -> Column:
    """A text that says which, such as a queue."""
    return Text, derived(description, sources=sources, **extra)
