"""What is known of a day beside its scores: how it was delivered, and the rows that scores leave out."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from functools import cached_property

import duckdb
import pyarrow as pa

from salted_assets.explain.vendor_screen.measures import Kind, Measure
from salted_assets.explain.vendor_screen.vendor_figures import VendorFigure
from salted_assets.history import HistoryReader
from salted_assets.landing import LandingDamaged, Manifest, Records, format_instant
from salted_assets.warehouse import Warehouse

_NAMED = 4
_AGENT, _COMPLETED = "lower(trim(type)) = 'agent'", "lower(trim(status)) = 'completed'"
_COUNTED = f"({_AGENT} AND {_COMPLETED} AND trim(agent_pid) <> '')"
_COLUMNS = (
    "pid",
    "type",
    "status",
    "agent_pid",
    "conversation_id",
    "preparation_time",
    "engagement_time",
    "wrap_up_time",
)
_HANDLE_TIME = """
    CASE WHEN coalesce(preparation_time, engagement_time, wrap_up_time) IS NOT NULL
    THEN coalesce(preparation_time, 0) + coalesce(engagement_time, 0) + coalesce(wrap_up_time, 0) END
"""
_OF_ANY_STATUS = {
    "engagement_count": "count(*)",
    "conversation_count": "count(DISTINCT conversation_id)",
    "handle_time_ms_mean": f"avg({_HANDLE_TIME})",
    "handle_time_ms_sum": f"sum({_HANDLE_TIME})",
}
"""Measures that can be made of engagements that do not count, over the newest versions of `tables/engagement`."""


class DayFacts:
    """The landing, rejects and left-out rows of one day; each is looked up when it is first asked for."""

    def __init__(self, warehouse: Warehouse, zone: str, day: date) -> None:
        self._warehouse = warehouse
        self._zone = zone
        self._day = day

    def explain_missing_scores(self) -> str:
        """Why there is no figure of ours on this day."""
        day = self._day
        if self._manifest is None:
            return f"not delivered: {day} is not landed; `salted backfill {day} {day}` brings it"
        return f"{day} is landed and not scored; `salted backfill {day} {day}` scores it"

    def explain_filtered(self, figure: VendorFigure, agent_pid: str | None, ours: float | None) -> Iterator[str]:
        """The engagements of other types or statuses, and whether they make the difference."""
        groups = self._count_left_out(agent_pid)
        total = sum(groups.values())
        if not total:
            return
        shown = ", ".join(f"{count} {name}" for name, count in list(groups.items())[:_NAMED])
        rest = total - sum(list(groups.values())[:_NAMED])
        more = f" and {rest} others" if rest else ""
        reason = f"filtered type or status: {total} engagements of the day do not count here ({shown}{more})"
        if figure.measure.column in _OF_ANY_STATUS:
            for condition, name in ((_AGENT, "type Agent of any status"), ("true", "all types and statuses")):
                value = self._measure_any(figure.measure, agent_pid, condition)
                if value is not None and value != ours and figure.typed.agrees_with(value):
                    reason += f"; with {name} ours is the vendor's figure"
                    break
        yield reason

    def explain_unscored(self, figure: VendorFigure, agent_pid: str | None, ours: float | None) -> Iterator[str]:
        """The answers of the measure's source that do not score, and whether they make the difference."""
        rows = self._count_unscored(figure.measure.review_source, agent_pid)
        by_reason: dict[str, int] = {}
        for name, answers, evaluations in rows:
            by_reason[name] = answers
            more = evaluations if figure.measure.column.startswith("evaluation") else answers
            if figure.measure.kind is Kind.COUNT and ours is not None and figure.typed.agrees_with(ours + more):
                yield f"with {more} that are {name} ours is the vendor's figure"
        if by_reason:
            shown = ", ".join(f"{count} {name}" for name, count in by_reason.items())
            yield f"filtered or deleted: {sum(by_reason.values())} answers of the day do not score here ({shown})"

    def explain_delivery(self, measure: Measure) -> Iterator[str]:
        """What the exports behind the day say: what was refused or erased, and until when changes are here."""
        dataset = "review" if measure.review_source else "engagement"
        if records := self._count_rejects(dataset):
            yield f"not readable: {records} records of the day's {dataset} file were refused (rejects/{dataset})"
        manifest = self._manifest
        if manifest is None:
            yield f"not delivered: the export of {self._day} itself is not landed; what is here came with other days"
            return
        if erased := sum(file.erased_row_count for file in manifest.files(dataset)):
            yield f"deleted: {erased} rows of customers who were erased here"
        requested = format_instant(manifest.requested_at(dataset).replace(microsecond=0))
        later = [day for day in self._landed if day > self._day]
        until = f"and of later days up to {later[-1]}" if later else "and no later day is landed, which brings changes"
        yield f"not yet delivered: the day is here as of {requested} (its export), {until}"

    def _count_left_out(self, agent_pid: str | None) -> dict[str, int]:
        with self._opened("engagement", self._engagements) as connection:
            rows = connection.execute(
                f"""
                SELECT coalesce(type, 'no type') || ' ' || coalesce(status, 'without status'), count(*) AS n
                FROM engagement
                WHERE NOT coalesce({_COUNTED}, false) AND ($agent IS NULL OR agent_pid = $agent)
                GROUP BY ALL ORDER BY n DESC, 1
                """,  # noqa: S608 - our own conditions
                {"agent": agent_pid},
            ).fetchall()
        return {str(name): int(count) for name, count in rows}

    def _measure_any(self, measure: Measure, agent_pid: str | None, condition: str) -> float | None:
        with self._opened("engagement", self._engagements) as connection:
            row = connection.execute(
                f"SELECT {_OF_ANY_STATUS[measure.column]} FROM engagement "  # noqa: S608 - our own expressions
                f"WHERE {condition} AND ($agent IS NULL OR agent_pid = $agent)",
                {"agent": agent_pid},
            ).fetchone()
        return None if row is None or row[0] is None else float(row[0])

    def _count_unscored(self, source: str | None, agent_pid: str | None) -> list[tuple[str, int, int]]:
        try:
            with self._warehouse.open_parquet(self._warehouse.table_path(("scores", "answer"), self._day)) as file:
                columns = [
                    "agent_pid",
                    "source",
                    "status",
                    "engagement_pid",
                    "evaluation",
                    "scoring_status",
                    "is_scored",
                ]
                answers = file.read(columns)
        except FileNotFoundError:
            return []
        with self._opened("answer", answers) as connection:
            return connection.execute(
                """
                SELECT CASE WHEN scoring_status = 'not completed' THEN coalesce(status, 'without status')
                       ELSE scoring_status END AS why, count(*)::INT, count(DISTINCT (engagement_pid, evaluation))::INT
                FROM answer
                WHERE NOT is_scored AND source = $source AND ($agent IS NULL OR agent_pid = $agent)
                GROUP BY ALL ORDER BY 2 DESC, 1
                """,
                {"source": source, "agent": agent_pid},
            ).fetchall()

    def _count_rejects(self, dataset: str) -> int:
        path = self._warehouse.table_path(("rejects", dataset), self._day)
        with suppress(FileNotFoundError), self._warehouse.open_parquet(path) as file:
            return int(file.read(["column"])["column"].null_count)
        return 0

    def _opened(self, name: str, table: pa.Table) -> duckdb.DuckDBPyConnection:
        cursor = self._connection.cursor()
        cursor.register(name, table)
        return cursor

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect()

    @cached_property
    def _engagements(self) -> pa.Table:
        return HistoryReader(self._warehouse, self._zone).newest("engagement", self._day, _COLUMNS)

    @cached_property
    def _manifest(self) -> Manifest | None:
        try:
            return Records(self._warehouse).find_manifest(self._day)
        except LandingDamaged:
            return None

    @cached_property
    def _landed(self) -> list[date]:
        return Records(self._warehouse).list_landed_days()
