"""A range of days through Dagster in this process, in chunks, without a daemon. Not here: the command line.

Its runs are ordinary runs of the instance, so the UI shows them. A chunk that fails is gone through again day by day:
days that are whole cost nothing the second time, and the chain goes on for each of them. In the end the scores are made
anew that rows of these days concern, and then the windows, which need all of them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import dagster as dg

from salted_assets.cli.restate import Restated, Restating
from salted_assets.cli.runner import Problem, Runner, are_futile
from salted_assets.defs.asset_keys import RAW_EXPORT, local_path, sibling_key
from salted_assets.defs.jobs.asset_jobs import REFRESH
from salted_assets.history.restatement import split_into_ranges
from salted_assets.landing.windows import list_days

_NO_TABLES = "not all tables are there. Run `salted backfill` for these days first."


@dataclass
class Outcome:
    """Which days are whole, and what befell the others.

    `restated` are the days that were scored again because rows of these days concern them, `not_restated` those where
    that failed. `outdated` are days whose windows were made from scores that have been restated since.
    """

    whole: list[date] = field(default_factory=list)
    failed: list[date] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    was_stopped: bool = False
    restated: list[date] = field(default_factory=list)
    not_restated: list[date] = field(default_factory=list)
    outdated: list[date] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether all that was asked for is there."""
        return not self.failed and not self.not_restated

    def note(self, days: Sequence[date], problems: Sequence[Problem]) -> None:
        """Count the days as whole, or as failed where there are problems."""
        (self.failed if problems else self.whole).extend(days)
        self.problems += problems
        self.was_stopped = self.was_stopped or are_futile(problems)

    def note_restated(self, restated: Restated) -> None:
        """Take in which days were scored again."""
        self.restated += restated.done
        self.not_restated += restated.failed
        self.problems += restated.problems

    def note_windows(self, made: Restated) -> None:
        """Take in which days' windows were made: a day without its own is not whole."""
        self.failed += [day for day in made.failed if day in self.whole]
        self.not_restated += [day for day in made.failed if day not in self.whole]
        self.whole = [day for day in self.whole if day not in made.failed]
        self.problems += made.problems


@dataclass(frozen=True)
class Backfill:
    """Runs days through the definitions. `on_step` is called with the step's name whenever one has succeeded.

    `newest_windows` is the number of days whose windows are made anew when the scores behind them were.
    """

    defs: dg.Definitions
    instance: dg.DagsterInstance
    select: str = "*"
    refresh: bool = False
    days_per_run: int = 7
    newest_windows: int = 7
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
        """Take every day from `first` to `last` through the selected assets, then restate what that concerns."""
        outcome, selected = Outcome(), self.list_assets()
        restating = Restating(self._runner, self.days_per_run, self.newest_windows, selected)
        windowed = restating.scores.windowed
        by_day = [key for key in selected if key not in windowed]
        for chunk in _chunks(first, last, self.days_per_run):
            if outcome.was_stopped:
                outcome.failed += chunk
            elif by_day:
                self._run_chunk(by_day, chunk, outcome)
            else:
                outcome.note(chunk, [])
        if outcome.whole and restating.scores.all:
            _restate(restating, outcome)
        return outcome

    def _run_chunk(self, assets: Sequence[dg.AssetKey], chunk: Sequence[date], outcome: Outcome) -> None:
        run_id, problems = self._run_days(assets, chunk, refresh=self.refresh)
        if not problems or len(chunk) == 1 or are_futile(problems):
            outcome.note(chunk, problems)
            return
        for day in chunk:
            refresh = self.refresh and not self._was_landed_by(run_id, day)
            outcome.note([day], self._run_days(assets, [day], refresh=refresh)[1])

    def _was_landed_by(self, run_id: str, day: date) -> bool:
        key = sibling_key(self.list_assets()[0], RAW_EXPORT.path)
        filters = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[day.isoformat()])
        records = self.instance.fetch_materializations(filters, limit=1).records
        return bool(records) and records[0].run_id == run_id

    def _run_days(
        self, assets: Sequence[dg.AssetKey], days: Sequence[date], *, refresh: bool
    ) -> tuple[str, list[Problem]]:
        config: dict[str, Any] = dict(REFRESH) if refresh and local_path(RAW_EXPORT) in map(local_path, assets) else {}
        return self._runner.run(assets, days, config)

    @cached_property
    def _runner(self) -> Runner:
        return Runner(self.defs, self.instance, "backfill", self.on_step)


def _restate(restating: Restating, outcome: Outcome) -> None:
    """Make anew what these days have put out of date: other days' scores, and then the windows over all of them."""
    first, last = min(outcome.whole), max(outcome.whole)
    outcome.note_restated(restating.restate_affected(first, last, but=outcome.failed))
    outcome.note_windows(restating.make_windows(outcome.whole))
    outcome.outdated = restating.report_outdated_windows(min([*outcome.whole, *outcome.restated]))


def restate_range(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    first: date,
    last: date,
    *,
    days_per_run: int = 7,
    newest_windows: int = 7,
) -> Outcome:
    """Make the scores of every day from `first` to `last` anew, daily ones first, then windows.

    A day without tables of its own is not scored and counts as failed: what it would be made of are a few late rows.
    """
    restating = Restating(Runner(defs, instance, "restate"), days_per_run, newest_windows)
    outcome, days = Outcome(), restating.list_scorable(first, last)
    made = restating.restate(days)
    outcome.note(made.done, [])
    outcome.failed += made.failed
    outcome.problems += made.problems
    for without in split_into_ranges([day for day in list_days(first, last) if day not in days], days_per_run):
        outcome.note(without, [Problem(without[0], without[-1], "scores", _NO_TABLES, is_futile=False)])
    outcome.note_windows(restating.make_windows(outcome.whole))
    outcome.outdated = restating.report_outdated_windows(first)
    return outcome


def _chunks(first: date, last: date, size: int) -> Iterator[list[date]]:
    days = list_days(first, last)
    return (days[start : start + size] for start in range(0, len(days), size))
