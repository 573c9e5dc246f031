"""What is known of a day beside its scores: how it was delivered, and the rows that scores leave out."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from functools import cached_property
from typing import Any

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

_ANSWER_COLUMNS = ("agent_pid", "source", "status", "engagement_pid", "evaluation", "scoring_status", "is_scored")
_ALL_OR_KNOWN = "grouping(agent_pid) = 1 OR agent_pid IS NOT NULL"
"""Of grouping sets that for all, and that of each agent whose ID is known."""


class DayFacts:
    """The landing, rejects and left-out rows of one day; each is read once, when it is first asked for."""

    def __init__(self, warehouse: Warehouse, reader: HistoryReader, day: date) -> None:
        self._warehouse = warehouse
        self._reader = reader
        self._day = day

    def explain_missing_scores(self) -> str:
        """Why there is no figure of ours on this day."""
        day = self._day
        if self._manifest is None:
            return f"not delivered: {day} is not landed; `salted backfill {day} {day}` brings it"
        return f"{day} is landed and not scored; `salted backfill {day} {day}` scores it"

    def explain_filtered(self, figure: VendorFigure, agent_pid: str | None, ours: float | None) -> Iterator[str]:
        """The engagements of other types or statuses, and whether they make the difference."""
        groups = {name: count for pid, name, count in self._left_out if pid == agent_pid}
        total = sum(groups.values())
        if not total:
            return
        shown = ", ".join(f"{count} {name}" for name, count in list(groups.items())[:_NAMED])
        rest = total - sum(list(groups.values())[:_NAMED])
        more = f" and {rest} others" if rest else ""
        reason = f"filtered type or status: {total} engagements of the day do not count here ({shown}{more})"
        if figure.measure.column in _OF_ANY_STATUS:
            for condition, name in ((_AGENT, "type Agent of any status"), ("true", "all types and statuses")):
                value = self._of_any_status[condition].get(agent_pid, {}).get(figure.measure.column)
                if value is not None and value != ours and figure.typed.agrees_with(value):
                    reason += f"; with {name} ours is the vendor's figure"
                    break
        yield reason

    def explain_unscored(self, figure: VendorFigure, agent_pid: str | None, ours: float | None) -> Iterator[str]:
        """The answers of the measure's source that do not score, and whether they make the difference."""
        by_reason: dict[str, int] = {}
        for source, pid, name, answers, evaluations in self._unscored:
            if (source, pid) != (figure.measure.review_source, agent_pid):
                continue
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
        if records := self._reject_counts[dataset]:
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

    @cached_property
    def _left_out(self) -> list[tuple[str | None, str, int]]:
        """Engagements that do not count by agent (None: all) and by type and status, the most first."""
        return self._query(
            f"""
            SELECT agent_pid, name, count(*)::INT AS n
            FROM (
                SELECT agent_pid, coalesce(type, 'no type') || ' ' || coalesce(status, 'without status') AS name
                FROM engagement WHERE NOT coalesce({_COUNTED}, false)
            )
            GROUP BY GROUPING SETS ((name), (name, agent_pid)) HAVING {_ALL_OR_KNOWN}
            ORDER BY n DESC, name
            """,  # noqa: S608 - our own conditions
            engagement=self._engagements,
        )

    @cached_property
    def _of_any_status(self) -> dict[str, dict[str | None, dict[str, float]]]:
        """Measures of engagements that do not all count, by which do and by agent (None: all)."""
        columns = ", ".join(f"({expression})::DOUBLE" for expression in _OF_ANY_STATUS.values())
        found = {}
        for condition in (_AGENT, "true"):
            rows = self._query(
                f"SELECT agent_pid, {columns} FROM engagement WHERE {condition} "  # noqa: S608 - our own expressions
                f"GROUP BY GROUPING SETS ((), (agent_pid)) HAVING {_ALL_OR_KNOWN}",
                engagement=self._engagements,
            )
            found[condition] = {pid: dict(zip(_OF_ANY_STATUS, values, strict=True)) for pid, *values in rows}
        return found

    @cached_property
    def _unscored(self) -> list[tuple[str, str | None, str, int, int]]:
        """Answers that do not score by source, agent (None: all) and reason, the most first; and their evaluations."""
        try:
            with self._warehouse.open_parquet(self._warehouse.table_path(("scores", "answer"), self._day)) as file:
                answers = file.read(list(_ANSWER_COLUMNS))
        except FileNotFoundError:
            return []
        return self._query(
            f"""
            SELECT source, agent_pid, why, count(*)::INT AS n, count(DISTINCT (engagement_pid, evaluation))::INT
            FROM (
                SELECT *, CASE WHEN scoring_status = 'not completed' THEN coalesce(status, 'without status')
                          ELSE scoring_status END AS why
                FROM answer WHERE NOT is_scored
            )
            GROUP BY GROUPING SETS ((source, why), (source, why, agent_pid)) HAVING {_ALL_OR_KNOWN}
            ORDER BY n DESC, why
            """,  # noqa: S608 - our own condition
            answer=answers,
        )

    @cached_property
    def _reject_counts(self) -> dict[str, int]:
        return {dataset: self._count_rejects(dataset) for dataset in ("engagement", "review")}

    def _count_rejects(self, dataset: str) -> int:
        path = self._warehouse.table_path(("rejects", dataset), self._day)
        with suppress(FileNotFoundError), self._warehouse.open_parquet(path) as file:
            return int(file.read(["column"])["column"].null_count)
        return 0

    def _query(self, query: str, **tables: pa.Table) -> list[Any]:
        with duckdb.connect() as connection:
            for name, table in tables.items():
                connection.register(name, table)
            return connection.execute(query).fetchall()

    @cached_property
    def _engagements(self) -> pa.Table:
        return self._reader.newest("engagement", self._day, _COLUMNS)

    @cached_property
    def _manifest(self) -> Manifest | None:
        try:
            return Records(self._warehouse).find_manifest(self._day)
        except LandingDamaged:
            return None

    @cached_property
    def _landed(self) -> list[date]:
        return Records(self._warehouse).list_landed_days()
