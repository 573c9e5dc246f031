"""Our figure beside one of the vendor's screen, and what a difference comes from.

Reasons are looked for in the data: what would be ours with other rows or another day is computed, and where it is the
vendor's figure the reason is found. What cannot be told from here is named as possible.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from salted_assets.explain.vendor_screen.day_facts import DayFacts
from salted_assets.explain.vendor_screen.measures import Basis, Measure
from salted_assets.explain.vendor_screen.vendor_figures import VendorFigure
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.warehouse import Warehouse

_SCORES = ("scores", "engagement")
_OFFSETS = range(-12 * 60, 14 * 60 + 1, 30)
"""Minutes by which zones differ from UTC, in half hours."""

_OFFSETS_NAMED = 3


class Unreconcilable(ValueError):  # noqa: N818 - it says what happened
    """A figure cannot be compared: its agent is not known on that day, or several are of that name."""


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
    """Compares figures with the scores of a warehouse whose days are of `zone`; each day is read once."""

    def __init__(self, warehouse: Warehouse, zone: str) -> None:
        self._warehouse = warehouse
        self._zone = zone
        self._connection = duckdb.connect()
        self._connection.execute("SET TimeZone = 'UTC'")
        self._scores: dict[date, pa.Table | None] = {}
        self._facts: dict[date, DayFacts] = {}

    def compare(self, figure: VendorFigure) -> Compared:
        """Our figure, and where it differs the reasons. Raises Unreconcilable, and WarehouseDamaged."""
        facts = self._facts_of(figure.day)
        if self._scores_of(figure.day) is None:
            return Compared(figure, None, [facts.explain_missing_scores()])
        agent_pid, ours = self.compute(figure)
        compared = Compared(figure, ours)
        if not compared.agrees:
            compared.found.extend(self._find_reasons(figure, agent_pid, facts))
            compared.possible.extend(_list_possible(figure.measure))
        return compared

    def compute(self, figure: VendorFigure) -> tuple[str | None, float | None]:
        """The ID of the figure's agent, where it is of one, and our figure on a day that is scored.

        Raises Unreconcilable for an agent that is nobody or several.
        """
        with self._engagements([figure.day]) as connection:
            agent_pid = _find_agent(connection, figure)
            return agent_pid, _compute(connection, figure.measure, agent_pid, "true")

    def _find_reasons(self, figure: VendorFigure, agent_pid: str | None, facts: DayFacts) -> Iterator[str]:
        with self._engagements([figure.day]) as connection:
            ours = _compute(connection, figure.measure, agent_pid, "true")
            yield from _explain_bots(connection, figure, agent_pid)
            if "handle_time" in figure.measure.column:
                yield from _explain_unknown_times(connection, agent_pid)
        yield from self._explain_zone(figure, agent_pid)
        if figure.measure.basis is Basis.ENGAGEMENTS:
            yield from facts.explain_filtered(figure, agent_pid, ours)
        else:
            yield from facts.explain_unscored(figure, agent_pid, ours)
        yield from facts.explain_delivery(figure.measure)

    def _explain_zone(self, figure: VendorFigure, agent_pid: str | None) -> Iterator[str]:
        """The same day of other zones, where it gives the vendor's figure."""
        day = figure.day
        around = [day - timedelta(days=1), day, day + timedelta(days=1)]
        if missing := [each for each in around if self._scores_of(each) is None]:
            yield f"a day of another zone could not be looked at: {', '.join(map(str, missing))} is not scored"
            return
        own = ZoneInfo(self._zone)
        midnight = _midnight(day, own).astimezone(UTC)
        with self._engagements(around) as connection:
            by_offset = _compute_by_offset(connection, figure, agent_pid)
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

    def _engagements(self, days: list[date]) -> duckdb.DuckDBPyConnection:
        """A cursor in which `engagement` has the scored engagements of these days."""
        tables = [table for day in days if (table := self._scores_of(day)) is not None]
        cursor = self._connection.cursor()
        cursor.register("engagement", pa.concat_tables(tables))
        return cursor

    def _scores_of(self, day: date) -> pa.Table | None:
        if day not in self._scores:
            self._scores[day] = _read_scores(self._warehouse, day)
        return self._scores[day]

    def _facts_of(self, day: date) -> DayFacts:
        if day not in self._facts:
            self._facts[day] = DayFacts(self._warehouse, self._zone, day)
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


def _find_agent(connection: duckdb.DuckDBPyConnection, figure: VendorFigure) -> str | None:
    if figure.agent is None:
        return None
    pids = connection.execute(
        "SELECT DISTINCT agent_pid FROM engagement WHERE agent_pid = $agent OR lower(agent_name) = lower($agent)",
        {"agent": figure.agent},
    ).fetchall()
    if not pids:
        raise Unreconcilable(
            f"no agent {figure.agent!r} has engagements on {figure.day}; write the name as `salted scoreboard` has it, "
            "or an ID"
        )
    if len(pids) > 1:
        raise Unreconcilable(f"{len(pids)} agents are called {figure.agent!r}; write the ID (agent_pid) of one")
    return str(pids[0][0])


def _compute(
    connection: duckdb.DuckDBPyConnection, measure: Measure, agent_pid: str | None, condition: str
) -> float | None:
    row = connection.execute(
        f"SELECT {measure.expression} FROM engagement WHERE ($agent IS NULL OR agent_pid = $agent) AND {condition}",  # noqa: S608 - our own expressions
        {"agent": agent_pid},
    ).fetchone()
    return None if row is None or row[0] is None else float(row[0])


def _compute_by_offset(
    connection: duckdb.DuckDBPyConnection, figure: VendorFigure, agent_pid: str | None
) -> dict[int, float]:
    """Our figure of the same calendar day by the minutes that a zone is ahead of UTC, where it has one."""
    connection.execute(
        f"""
        CREATE TEMP TABLE zone AS
        SELECT minutes, '{figure.day} 00:00+00'::TIMESTAMPTZ - to_minutes(minutes) AS begins
        FROM (SELECT unnest($offsets::BIGINT[]) AS minutes)
        """,  # noqa: S608 - a date
        {"offsets": list(_OFFSETS)},
    )
    rows = connection.execute(
        f"""
        SELECT minutes, {figure.measure.expression}
        FROM engagement JOIN zone ON start_time >= begins AND start_time < begins + INTERVAL 1 DAY
        WHERE $agent IS NULL OR agent_pid = $agent
        GROUP BY minutes
        """,  # noqa: S608 - our own expressions
        {"agent": agent_pid},
    ).fetchall()
    return {int(minutes): float(value) for minutes, value in rows if value is not None}


def _explain_bots(connection: duckdb.DuckDBPyConnection, figure: VendorFigure, agent_pid: str | None) -> Iterator[str]:
    row = connection.execute("SELECT count(*) FILTER (is_bot) FROM engagement").fetchone()
    bot_count = int(row[0]) if row else 0
    if agent_pid is None and bot_count:
        without = _compute(connection, figure.measure, None, "NOT coalesce(is_bot, false)")
        agrees = without is not None and figure.typed.agrees_with(without)
        without_bots = "; without them it is the vendor's figure" if agrees else ""
        yield f"bots: ours has {bot_count} engagements of bots{without_bots}"


def _explain_unknown_times(connection: duckdb.DuckDBPyConnection, agent_pid: str | None) -> Iterator[str]:
    row = connection.execute(
        "SELECT count(*) FROM engagement WHERE handle_time_ms IS NULL AND ($agent IS NULL OR agent_pid = $agent)",
        {"agent": agent_pid},
    ).fetchone()
    if row and row[0]:
        yield f"{row[0]} engagements have no handle time here: no part of it was delivered, or one could not be read"


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
