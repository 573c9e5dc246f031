"""A range of days through Dagster in this process, in chunks, without a daemon. Not here: the command line.

Its runs are ordinary runs of the instance, so the UI shows them. A chunk that fails is gone through again day by day:
days that are whole cost nothing the second time, and the chain goes on for each of them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import dagster as dg

from salted_assets.assets.raw import RAW_EXPORT
from salted_assets.dead_runs import marked_as_live

_FUTILE = {"ApiAddressRefused", "ApiKeyUnusable", "ApiKeyRejected", "ApiKeyForbidden", "WarehouseUnusable"}
"""Errors that every other day would end with as well."""

_RANGE_START, _RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
_QUIET = {"console": {"config": {"log_level": "CRITICAL"}}}


@dataclass(frozen=True)
class Problem:
    """What befell one step of a run: the days of the run, the asset or step, and what it said."""

    first: date
    last: date
    step: str
    message: str
    is_futile: bool

    def __str__(self) -> str:
        days = f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"
        return f"{days} {self.step}: {self.message}"


@dataclass
class Outcome:
    """Which days are whole, and what befell the others."""

    whole: list[date] = field(default_factory=list)
    failed: list[date] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    was_stopped: bool = False

    def note(self, days: Sequence[date], problems: Sequence[Problem]) -> None:
        """Count the days as whole, or as failed where there are problems."""
        (self.failed if problems else self.whole).extend(days)
        self.problems += problems
        self.was_stopped = self.was_stopped or _are_futile(problems)


@dataclass(frozen=True)
class Backfill:
    """Runs days through the definitions. `on_step` is called with the step's name whenever one has succeeded."""

    defs: dg.Definitions
    instance: dg.DagsterInstance
    select: str = "*"
    refresh: bool = False
    days_per_run: int = 7
    on_step: Callable[[date, date, str], None] = lambda *_: None

    def list_assets(self) -> list[dg.AssetKey]:
        """The partitioned assets of the selection. Raises dg.DagsterInvalidSubsetError or ValueError for none."""
        graph = self.defs.resolve_asset_graph()
        selected = dg.AssetSelection.from_string(self.select).resolve(graph)
        keys = sorted(key for key in selected if graph.get(key).partitions_def is not None)
        if not keys:
            raise ValueError(f"{self.select!r} selects no daily asset")
        return keys

    def run(self, first: date, last: date) -> Outcome:
        """Take every day from `first` to `last` through the selected assets."""
        outcome = Outcome()
        for chunk in _chunks(first, last, self.days_per_run):
            if outcome.was_stopped:
                outcome.failed += chunk
                continue
            run_id, problems = self._run_days(chunk, refresh=self.refresh)
            if problems and len(chunk) > 1 and not _are_futile(problems):
                self._run_one_by_one(chunk, run_id, outcome)
            else:
                outcome.note(chunk, problems)
        return outcome

    def _run_one_by_one(self, chunk: Sequence[date], chunk_run_id: str, outcome: Outcome) -> None:
        for day in chunk:
            refresh = self.refresh and not self._was_landed_by(chunk_run_id, day)
            outcome.note([day], self._run_days([day], refresh=refresh)[1])

    def _was_landed_by(self, run_id: str, day: date) -> bool:
        filters = dg.AssetRecordsFilter(asset_key=RAW_EXPORT, asset_partitions=[day.isoformat()])
        records = self.instance.fetch_materializations(filters, limit=1).records
        return bool(records) and records[0].run_id == run_id

    def _run_days(self, days: Sequence[date], *, refresh: bool) -> tuple[str, list[Problem]]:
        run_id, assets = str(uuid4()), self.list_assets()
        first, last = days[0], days[-1]
        config: dict[str, Any] = {"loggers": _QUIET}
        if refresh and RAW_EXPORT in assets:
            config["ops"] = {RAW_EXPORT.to_python_identifier(): {"config": {"refresh": True}}}
        self.instance.add_event_listener(run_id, lambda event: self._tell(event, first, last))
        with marked_as_live(self.instance, run_id):
            result = self.defs.resolve_implicit_global_asset_job_def().execute_in_process(
                instance=self.instance,
                asset_selection=assets,
                tags={_RANGE_START: first.isoformat(), _RANGE_END: last.isoformat(), "salted/command": "backfill"},
                run_config=config,
                run_id=run_id,
                raise_on_error=False,
            )
        if result.success:
            return run_id, []
        problems = [_problem_of(event, first, last) for event in result.filter_events(lambda e: e.is_step_failure)]
        unexplained = Problem(first, last, "run", f"run {run_id} did not succeed; see it in the UI", is_futile=False)
        return run_id, problems or [unexplained]

    def _tell(self, entry: dg.EventLogEntry, first: date, last: date) -> None:
        event = entry.dagster_event
        if event and event.is_step_success:
            self.on_step(first, last, str(event.step_key).replace("__", "/"))


def _are_futile(problems: Sequence[Problem]) -> bool:
    return any(problem.is_futile for problem in problems)


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _chunks(first: date, last: date, size: int) -> Iterator[list[date]]:
    days = _days(first, last)
    return (days[start : start + size] for start in range(0, len(days), size))


def _problem_of(event: dg.DagsterEvent, first: date, last: date) -> Problem:
    failure = event.step_failure_data
    described = failure.user_failure_data.description if failure.user_failure_data else None
    names, error = set(), failure.error
    while error is not None:
        names.add(str(error.cls_name))
        message, error = str(error.message), error.cause
    text = described or message
    return Problem(first, last, str(event.step_key).replace("__", "/"), text.strip(), bool(names & _FUTILE))
