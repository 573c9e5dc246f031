"""What changed in a published figure of an agent since it was first published, or since an instant, and why."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from salted_assets.explain.agent_figure.figure import ONE_DAY, AgentFigure
from salted_assets.explain.agent_figure.measures import ValueWords, name_in_trade
from salted_assets.explain.agent_figure.steps import Derivation
from salted_assets.explain.causes import NothingPublishedError, causes_of_change, causes_since_window
from salted_assets.explain.explanation import CausePart, Explanation
from salted_assets.explain.refitting import Refits
from salted_assets.schemas.score_change import PUBLISHED_FIGURES
from salted_assets.warehouse import Warehouse

PLAIN = "plain mean"

MOVED_TOO = (
    "The fair score and the best guess move with the plain mean, and with what all evaluations tell of reviewers, "
    "questions and colleagues."
)
"""What is said where a change of these has no causes."""

SINCE = timedelta(days=7)
"""How long before a figure the one is with which it is compared, as cards do."""

_REPLACEMENTS = {"program": "new formulas", "cannot be split": "cannot be split by cause"}


@dataclass(frozen=True)
class FigureChange:
    """How one value of a figure changed: `name` says which, as `PLAIN`."""

    name: str
    explanation: Explanation

    @property
    def is_changed(self) -> bool:
        """Whether it is another one than it was."""
        return self.explanation.old != self.explanation.new

    @property
    def is_split(self) -> bool:
        """Whether its causes are told: always of the plain mean, of compared figures where it can be split."""
        return self.name == PLAIN or all(part.points is not None for part in self.explanation.parts)


@dataclass(frozen=True)
class SharedPart:
    """A cause with what it moved the figure by, in the figure's unit and as it is shown; None where nobody knows."""

    cause: CausePart
    points: float | None

    @property
    def name(self) -> str:
        """The cause in words."""
        said = self.cause.cause
        return f"setting {said.removeprefix('rule: ')}" if said.startswith("rule: ") else _REPLACEMENTS.get(said, said)

    @property
    def where(self) -> str:
        """What it touched: several answers may be of one engagement.

        >>> SharedPart(CausePart("late", -0.03, ("e1", "e2"), 5), -3.0).where
        '5 answers of 2 engagements'
        """
        rows, engagements = self.cause.row_count, len(self.cause.engagement_pids)
        if not engagements:
            return ""
        each = f"{engagements} engagement{'' if engagements == 1 else 's'}"
        return each if rows <= engagements else f"{rows} answers of {each}"


def read_changes(
    warehouse: Warehouse,
    zone: str,
    figure: AgentFigure,
    since: datetime | None = None,
    *,
    derivation: Derivation | None = None,
) -> tuple[FigureChange, ...]:
    """How the values of the figure changed, the plain mean first; those of which nothing is kept are left out.

    The `derivation` of the figure saves a fit, and tells own causes apart by the weights of answers. Raises
    WarehouseDamaged for a file that cannot be read.
    """
    traced = (derivation.is_traced, derivation.held) if derivation else (None, None)
    refits = Refits(warehouse, *traced)
    return tuple(_read(warehouse, zone, figure, since, refits))


@dataclass(frozen=True)
class WeekChange:
    """How the plain mean comes from the one that was published for the window that ended on `day`, a week before."""

    day: date
    change: FigureChange

    @property
    def reported(self) -> float:
        """What was published then."""
        return float(self.change.explanation.old or 0.0)

    @property
    def now(self) -> float:
        """The figure's own plain mean."""
        return float(self.change.explanation.new or 0.0)

    def share_points(self, words: ValueWords) -> list[SharedPart]:
        """The causes, as they are shown; without those that moved nothing and touched nothing."""
        said = self.change.explanation
        parts = tuple(part for part in said.parts if part.row_count or part.points != 0)
        return share_points(FigureChange(self.change.name, replace(said, parts=parts)), words)


def read_week_change(warehouse: Warehouse, zone: str, figure: AgentFigure) -> WeekChange | None:
    """How the figure comes from that of a week before; None for a single day, or where there was or is none.

    Raises WarehouseDamaged for a file that cannot be read.
    """
    day = figure.end_date - SINCE
    if figure.window_days == ONE_DAY:
        return None
    try:
        found = causes_since_window(
            warehouse,
            zone,
            figure.end_date,
            figure.agent_pid,
            measure=figure.measure.name,
            window_days=figure.window_days,
            since_day=day,
        )
    except NothingPublishedError:
        return None
    return None if found.change is None else WeekChange(day, FigureChange(PLAIN, found))


def _read(
    warehouse: Warehouse, zone: str, figure: AgentFigure, since: datetime | None, refits: Refits
) -> Iterator[FigureChange]:
    for name, score, column in _columns_of(figure):
        if column not in PUBLISHED_FIGURES[score].figures:
            continue
        is_daily = figure.window_days == ONE_DAY
        try:
            found = causes_of_change(
                warehouse,
                zone,
                score,
                figure.end_date,
                figure.agent_pid,
                figure=column,
                measure=None if is_daily else figure.measure.name,
                window_days=None if is_daily else figure.window_days,
                since=since,
                refits=refits,
            )
        except NothingPublishedError:
            continue
        yield FigureChange(name, found)


def _columns_of(figure: AgentFigure) -> Iterator[tuple[str, str, str]]:
    if figure.window_days == ONE_DAY:
        yield PLAIN, "agent_daily", f"{figure.measure.name}_mean"
        return
    yield PLAIN, "agent_rolling", "mean"
    if figure.fair is not None:
        yield f"fair {name_in_trade(figure.measure)}", "fair", "fair_mean"
    if figure.best_guess is not None:
        yield "best guess", "fair", "shrunk_mean"


def share_points(change: FigureChange, words: ValueWords) -> list[SharedPart]:
    """The causes as they are shown: rounded so that they lead from the old figure to the new one, as shown."""
    found = change.explanation
    points = [part.points for part in found.parts if part.points is not None]
    if found.old is None or found.new is None or len(points) < len(found.parts):
        return [SharedPart(part, None) for part in found.parts]
    rounded = words.round_steps(found.old, points, found.new)
    return [SharedPart(part, shown) for part, shown in zip(found.parts, rounded, strict=True)]


def describe_change(change: FigureChange, words: ValueWords) -> str:
    """The old and the new value with the difference, in points.

    A value that is not there was not, or is no longer, published.
    """
    old, new = change.explanation.old, change.explanation.new
    if old is None or new is None:
        return f"{change.name}: {'not there' if old is None else words.write(old)} -> " + (
            "not there any more" if new is None else words.write(new)
        )
    difference = words.write_difference(words.subtract(new, old))
    return f"{change.name}: {words.write(old)} -> {words.write(new)}, {difference} {words.points}"
