"""Our figures of one day out of its scored engagements: several measures, for all and for each agent, in one query."""

from collections.abc import Iterable, Mapping
from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.explain.vendor_screen.measures import Kind, Measure
from salted_assets.explain.vendor_screen.vendor_figures import VendorFigure

_OFFSETS = range(-12 * 60, 14 * 60 + 1, 30)
"""Minutes by which zones differ from UTC, in half hours."""

_BOTS = Measure("bot_count", Kind.COUNT, "count(*) FILTER (is_bot)")
_UNKNOWN_TIMES = Measure("unknown_time_count", Kind.COUNT, "count(*) FILTER (handle_time_ms IS NULL)")
_ALL_AND_EACH = "GROUPING SETS (({groups}), ({groups}agent_pid))"


class Unreconcilable(ValueError):  # noqa: N818 - it says what happened
    """A figure cannot be compared: its agent is not known on that day, or several are of that name."""


class DayFigures:
    """Figures of one day, of these measures. What a first question needs is computed for all of them together."""

    def __init__(self, engagements: pa.Table, day: date, measures: Iterable[Measure]) -> None:
        self._connection = duckdb.connect()
        self._connection.execute("SET TimeZone = 'UTC'")
        self._connection.register("engagement", engagements)
        self._day = day
        self._measures = {measure.column: measure for measure in (_BOTS, _UNKNOWN_TIMES, *measures)}
        self._found: dict[str, pa.Table] = {}
        self._agents: list[tuple[str, str]] | None = None

    def find_agent(self, figure: VendorFigure) -> str | None:
        """The ID of the figure's agent, None of all. Raises Unreconcilable for one that is nobody or several."""
        if figure.agent is None:
            return None
        if self._agents is None:
            self._agents = self._connection.execute(
                "SELECT DISTINCT agent_pid, coalesce(agent_name, '') FROM engagement"
            ).fetchall()
        pids = {pid for pid, name in self._agents if figure.agent == pid or figure.agent.lower() == name.lower()}
        if not pids:
            raise Unreconcilable(
                f"no agent {figure.agent!r} has engagements on {figure.day}; write the name as `salted scoreboard` has "
                "it, or an ID"
            )
        if len(pids) > 1:
            raise Unreconcilable(f"{len(pids)} agents are called {figure.agent!r}; write the ID (agent_pid) of one")
        return pids.pop()

    def find(self, measure: Measure, agent_pid: str | None) -> float | None:
        """Our figure."""
        return self._look_up("own", measure, agent_pid, "FROM engagement").get(0)

    def find_without_bots(self, measure: Measure) -> tuple[float | None, int]:
        """Our figure of all without engagements of bots, and how many of these there are."""
        bot_count = int(self.find(_BOTS, None) or 0)
        source = "FROM engagement WHERE NOT coalesce(is_bot, false)"
        found = self._look_up("persons", measure, None, source) if bot_count else {}
        return found.get(0), bot_count

    def count_unknown_times(self, agent_pid: str | None) -> int:
        """The engagements without a handle time."""
        return int(self.find(_UNKNOWN_TIMES, agent_pid) or 0)

    def find_by_offset(
        self, measure: Measure, agent_pid: str | None, around: Iterable[pa.Table]
    ) -> Mapping[int, float]:
        """Our figure of the same calendar day by the minutes that a zone is ahead of UTC, where it has one.

        `around` are the scored engagements of the day before, the day and the day after.
        """
        if "offsets" not in self._found:
            self._connection.register("around", pa.concat_tables(list(around)))
            self._connection.execute(
                f"""
                CREATE OR REPLACE TEMP TABLE zone AS
                SELECT minutes, '{self._day} 00:00+00'::TIMESTAMPTZ - to_minutes(minutes) AS begins
                FROM (SELECT unnest($offsets::BIGINT[]) AS minutes)
                """,  # noqa: S608 - a date
                {"offsets": list(_OFFSETS)},
            ).fetchall()
        source = "FROM around JOIN zone ON start_time >= begins AND start_time < begins + INTERVAL 1 DAY"
        return self._look_up("offsets", measure, agent_pid, source, "minutes")

    def _look_up(
        self, name: str, measure: Measure, agent_pid: str | None, source: str, group: str = ""
    ) -> dict[int, float]:
        """The figures by the values of the group, 0 without one."""
        self._measures.setdefault(measure.column, measure)
        if name not in self._found or measure.column not in self._found[name].column_names:
            columns = "".join(f", ({each.expression})::DOUBLE AS {each.column}" for each in self._measures.values())
            sets = _ALL_AND_EACH.format(groups=f"{group}, " if group else "")
            self._found[name] = self._connection.sql(
                f"SELECT {group or '0'} AS sought, agent_pid{columns} {source} GROUP BY {sets}"
            ).to_arrow_table()
        found = self._found[name]
        of_agent = pc.is_null(found["agent_pid"]) if agent_pid is None else pc.equal(found["agent_pid"], agent_pid)
        rows = found.select(["sought", measure.column]).filter(of_agent)
        pairs = zip(*(column.to_pylist() for column in rows.columns), strict=True)
        return {sought: value for sought, value in pairs if value is not None}
