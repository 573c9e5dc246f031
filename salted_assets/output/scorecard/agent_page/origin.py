"""How the QA score of an agent's page came about: its steps from the plain mean, and what changed in it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from salted_assets.explain.agent_figure import (
    MOVED_TOO,
    QA_SCORE,
    AgentFigure,
    Derivation,
    FigureChange,
    NotExplicable,
    SharedPart,
    ValueWords,
    WeekChange,
    derive,
    describe_change,
    read_changes,
    read_figure,
    read_week_change,
    share_points,
)
from salted_assets.output.scorecard.inputs import WINDOW_DAYS
from salted_assets.warehouse import Warehouse

_MARGIN = 0.15
_WIDEST = 100


@dataclass(frozen=True)
class OriginInputs:
    """What the section is made of."""

    figure: AgentFigure
    derivation: Derivation
    changes: tuple[FigureChange, ...]
    week: WeekChange | None


@dataclass(frozen=True)
class OriginRow:
    """A line of the steps: what it is, what it adds, where that leads, and a bar from `left`, `width` wide, of 100.

    `side` is `up`, `down`, or nothing for a value of its own.
    """

    name: str
    words: str
    points: str
    value: str
    left: float
    width: float
    side: str


@dataclass(frozen=True)
class OriginChange:
    """A sentence, and its causes: points, what, and what it touched."""

    sentence: str
    causes: tuple[tuple[str, str, str], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Origin:
    """The section; `unsplit_note` says why not all changes have causes, and is empty where they have."""

    rows: tuple[OriginRow, ...]
    note: str
    changes: tuple[OriginChange, ...]
    unsplit_note: str
    week: OriginChange | None


def read_origin(warehouse: Warehouse, agent_pid: str, day: date, zone: str) -> OriginInputs | None:
    """Read what the section needs; None where no reviewer evaluated the agent in the window.

    Raises WarehouseDamaged for a file that cannot be read.
    """
    try:
        figure = read_figure(warehouse, agent_pid, QA_SCORE, day, WINDOW_DAYS)
    except NotExplicable:
        return None
    derivation = derive(warehouse, figure)
    return OriginInputs(
        figure,
        derivation,
        read_changes(warehouse, zone, figure, derivation=derivation),
        read_week_change(warehouse, zone, figure),
    )


def build_origin(inputs: OriginInputs) -> Origin:
    """The section; what is told of a group is already left out where that is small."""
    words = ValueWords.of(inputs.figure.measure)
    return Origin(
        rows=tuple(_build_rows(inputs.figure, inputs.derivation, words)),
        note=inputs.derivation.note,
        changes=tuple(_build_change(change, words) for change in inputs.changes if change.is_changed),
        unsplit_note="" if all(change.is_split for change in inputs.changes if change.is_changed) else MOVED_TOO,
        week=None if inputs.week is None else _build_week(inputs.week, words),
    )


def _build_rows(figure: AgentFigure, derivation: Derivation, words: ValueWords) -> Iterator[OriginRow]:
    levels = derivation.levels
    at = [derivation.start, *(level for pair in levels for level in pair)]
    low, high = min(at), max(at)
    margin = max(_MARGIN * (high - low), 0.005)
    scale = _WIDEST / (high - low + 2 * margin)

    def place(value: float) -> float:
        return round((value - low + margin) * scale, 2)

    def mark(name: str, value: float, said: str = "") -> OriginRow:
        return OriginRow(name, said, "", words.write(value), 0.0, place(value), "")

    yield mark("Plain mean", derivation.start, f"of {figure.count:,} evaluations as reviewers gave them")
    has_guess = derivation.shrunk_from is not None
    for (start, end), step, points in zip(levels, derivation.steps, derivation.round_steps(words), strict=False):
        if derivation.shrunk_from is not None and step is derivation.steps[-1]:
            yield mark("Fair score", derivation.shrunk_from)
        side = "up" if points > 0 else "down" if points < 0 else ""
        left, width = place(min(start, end)), abs(place(end) - place(start))
        difference = words.write_difference(points)
        yield OriginRow(
            step.name.capitalize(), step.describe(points), difference, "", left, round(width, 2), side or "up"
        )
    if derivation.steps:
        yield mark("Best guess" if has_guess else "Fair score", derivation.end)


def _build_change(change: FigureChange, words: ValueWords) -> OriginChange:
    sentence = f"{describe_change(change, words)[0].upper()}{describe_change(change, words)[1:]}".replace(
        "->", "\u2192"
    )
    if not change.is_split:
        return OriginChange(sentence, ())
    return OriginChange(sentence, tuple(_list_causes(share_points(change, words), words)), change.explanation.notes)


def _build_week(week: WeekChange, words: ValueWords) -> OriginChange:
    moved = words.write_difference(words.subtract(week.now, week.reported))
    sentence = (
        f"Plain mean of {WINDOW_DAYS} days: {words.write(week.reported)} as it was reported for {week.day} \u2192 "
        f"{words.write(week.now)} now, {moved} {words.points}"
    )
    return OriginChange(sentence, tuple(_list_causes(week.share_points(words), words)), week.change.explanation.notes)


def _list_causes(parts: Sequence[SharedPart], words: ValueWords) -> Iterator[tuple[str, str, str]]:
    for part in parts:
        yield "" if part.points is None else words.write_difference(part.points), part.name, part.where
