"""Our figure beside one of the vendor's screen, and what a difference comes from.

Reasons are looked for in the data: what would be ours with other rows or another day is computed, and where it is the
vendor's figure the reason is found. What cannot be told from here is named as possible.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa

from salted_assets.explain.vendor_screen.day_facts import DayFacts
from salted_assets.explain.vendor_screen.day_figures import DayFigures
from salted_assets.explain.vendor_screen.measures import Basis, Measure
from salted_assets.explain.vendor_screen.vendor_figures import VendorFigure
from salted_assets.history import HistoryReader
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.warehouse import Warehouse

_SCORES = ("scores", "engagement")
_OFFSETS_NAMED = 3


@dataclass(frozen=True)
class Compared:
    """A figure of the vendor with ours, null where there is none; `found` and `possible` are reasons, in words."""

    figure: VendorFigure
    ours: float | None
    found: list[str] = field(default_factory=list)
    possible: list[str] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Whether ours is the vendor's figure, as exactly as it was typed."""
        return self.ours is not None and self.figure.typed.agrees_with(self.ours)


class Reconciler:
    """Compares figures with the scores of a warehouse whose days are of `zone`.

    Each day is read once, and once queried for all the measures that `figures` have on it.
    """

    def __init__(self, warehouse: Warehouse, zone: str, figures: Iterable[VendorFigure] = ()) -> None:
        self._warehouse = warehouse
        self._zone = zone
        self._reader = HistoryReader(warehouse, zone)
        self._measures: defaultdict[date, list[Measure]] = defaultdict(list)
        for figure in figures:
            self._measures[figure.day].append(figure.measure)
        self._scores: dict[date, pa.Table | None] = {}
        self._figures: dict[date, DayFigures] = {}
        self._facts: dict[date, DayFacts] = {}

    def compare(self, figure: VendorFigure) -> Compared:
        """Our figure, and where it differs the reasons. Raises Unreconcilable, and WarehouseDamaged."""
        if self._scores_of(figure.day) is None:
            return Compared(figure, None, [self._facts_of(figure.day).explain_missing_scores()])
        agent_pid, ours = self.compute(figure)
        compared = Compared(figure, ours)
        if not compared.agrees:
            compared.found.extend(self._find_reasons(figure, agent_pid, ours))
            compared.possible.extend(_list_possible(figure.measure))
        return compared

    def compute(self, figure: VendorFigure) -> tuple[str | None, float | None]:
        """The ID of the figure's agent, where it is of one, and our figure on a day that is scored.

        Raises Unreconcilable for an agent that is nobody or several.
        """
        figures = self._figures_of(figure.day)
        agent_pid = figures.find_agent(figure)
        return agent_pid, figures.find(figure.measure, agent_pid)

    def _find_reasons(self, figure: VendorFigure, agent_pid: str | None, ours: float | None) -> Iterator[str]:
        figures, facts = self._figures_of(figure.day), self._facts_of(figure.day)
        if agent_pid is None:
            yield from _explain_bots(figures, figure)
        if "handle_time" in figure.measure.column and (count := figures.count_unknown_times(agent_pid)):
            counted = "1 engagement has" if count == 1 else f"{count} engagements have"
            yield f"{counted} no handle time here: no part of it was delivered, or one could not be read"
        yield from self._explain_zone(figure, agent_pid)
        if figure.measure.basis is Basis.ENGAGEMENTS:
            yield from facts.explain_filtered(figure, agent_pid, ours)
        else:
            yield from facts.explain_unscored(figure, agent_pid, ours)
        yield from facts.explain_delivery(figure.measure)

    def _explain_zone(self, figure: VendorFigure, agent_pid: str | None) -> Iterator[str]:
        """The same day of other zones, where it gives the vendor's figure."""
        day = figure.day
        around = {each: self._scores_of(each) for each in (day - timedelta(days=1), day, day + timedelta(days=1))}
        if missing := [each for each, scores in around.items() if scores is None]:
            yield f"a day of another zone could not be looked at: {', '.join(map(str, missing))} is not scored"
            return
        own = ZoneInfo(self._zone)
        midnight = _midnight(day, own).astimezone(UTC)
        scored = (scores for scores in around.values() if scores is not None)
        by_offset = self._figures_of(day).find_by_offset(figure.measure, agent_pid, scored)
        agreeing = [
            minutes
            for minutes, value in by_offset.items()
            if minutes != _offset_of(own, day) and figure.typed.agrees_with(value)
        ]
        if agreeing:
            nearest = sorted(agreeing, key=lambda minutes: abs(minutes - _offset_of(own, day)))[:_OFFSETS_NAMED]
            yield (
                f"zone: days here are of {self._zone} (this one from {midnight:%Y-%m-%d %H:%M} UTC); that of "
                f"{', '.join(map(_show_offset, sorted(nearest)))} gives the vendor's figure"
            )
        else:
            yield "zone: the day of no other zone gives the vendor's figure"

    def _figures_of(self, day: date) -> DayFigures:
        if day not in self._figures:
            scores = self._scores_of(day)
            assert scores is not None  # noqa: S101 - for the type checker; it is asked of days that are scored
            self._figures[day] = DayFigures(scores, day, self._measures[day])
        return self._figures[day]

    def _scores_of(self, day: date) -> pa.Table | None:
        if day not in self._scores:
            self._scores[day] = _read_scores(self._warehouse, day)
        return self._scores[day]

    def _facts_of(self, day: date) -> DayFacts:
        if day not in self._facts:
            self._facts[day] = DayFacts(self._warehouse, self._reader, day)
        return self._facts[day]


def _read_scores(warehouse: Warehouse, day: date) -> pa.Table | None:
    try:
        with warehouse.open_parquet(warehouse.table_path(_SCORES, day)) as file:
            stored = file.read()
    except FileNotFoundError:
        return None
    schema = arrow_schema(SCORE_MODELS["engagement"])
    columns: Mapping[str, pa.ChunkedArray] = {name: stored[name] for name in stored.column_names}
    return pa.table(
        [columns.get(each.name, pa.nulls(len(stored), each.type)) for each in schema], names=schema.names
    ).cast(schema)


def _explain_bots(figures: DayFigures, figure: VendorFigure) -> Iterator[str]:
    without, bot_count = figures.find_without_bots(figure.measure)
    if bot_count:
        agrees = without is not None and figure.typed.agrees_with(without)
        without_bots = "; without them it is the vendor's figure" if agrees else ""
        yield f"bots: ours has {bot_count} engagements of bots{without_bots}"


def _list_possible(measure: Measure) -> list[str]:
    possible = ["a filter of the vendor's screen", "what the vendor changed after our newest export"]
    if measure.basis is Basis.REVIEWS:
        possible.append("the screen counts reviews by the day of the review; here they count on the engagement's day")
    if measure.column.startswith("evaluation_customer"):
        possible.append("the screen shows the share of good answers; ours is the mean score")
    return possible


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)


def _offset_of(zone: ZoneInfo, day: date) -> int:
    return round((_midnight(day, zone).utcoffset() or timedelta()).total_seconds() / 60)


def _show_offset(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"
