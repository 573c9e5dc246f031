"""The command `salted backfill`: a range of days through Dagster in this process, in chunks, without a daemon.

A chunk that fails is gone through again day by day: days that are whole cost nothing the second time, and the chain
goes on for each of them. In the end the scores that rows of these days affect are made again, and then the windows.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any

import click
import dagster as dg

from salted_assets.cli.options import with_days
from salted_assets.cli.outcome import Outcome
from salted_assets.cli.restate import Restatement
from salted_assets.cli.runner import Problem, Runner, are_fatal, load_definitions, open_home
from salted_assets.cli.selection import SelectionRefused, select_daily_assets
from salted_assets.defs.asset_checks.failing import list_failing_checks
from salted_assets.defs.asset_keys import RAW_EXPORT, local_path, sibling_key
from salted_assets.defs.jobs.asset_jobs import REFRESH
from salted_assets.defs.retries import KNOWN_ERRORS
from salted_assets.landing.windows import list_days
from salted_assets.settings import Settings

EVERYTHING = "*"


@click.command()
@with_days
@click.option("--select", default=EVERYTHING, show_default=True, help="Assets, in Dagster's selection syntax.")
@click.option("--refresh", is_flag=True, help="Request new exports of days that are complete, too.")
@click.option("--strict", is_flag=True, help="Exit with 1 where a check warns, too.")
def backfill(settings: Settings, first: date, last: date, *, select: str, refresh: bool, strict: bool) -> None:
    """Take the days FIRST to LAST from export to scores, through Dagster in this process.

    Days that are complete are not exported again. Without --select scorecards are made of the newest days alone
    (SALTED_SCORECARD_DAYS). Ends with a line for each check of these days that did not pass.
    Exits with 0 only if every day is whole and no check failed, with 130 or 143 where Ctrl-C or SIGTERM ended it.
    """
    click.echo(f"{first} to {last} into {settings.warehouse}{' (simulated data)' if settings.simulated else ''}")
    with open_home(settings) as instance:
        runs = Backfill(
            load_definitions(settings),
            instance,
            select,
            refresh,
            settings.partitions_per_run,
            settings.restate_windowed_days,
            settings.scorecard_days if select == EVERYTHING else None,
        )
        days = (last - first).days + 1
        try:
            steps = len(runs.list_assets()) * days - max(0, days - (runs.scorecard_days or days))
        except SelectionRefused as error:
            raise click.ClickException(f"--select: {error}") from None
        with click.progressbar(length=steps, show_pos=False, item_show_func=lambda step: step) as bar:
            shown = replace(
                runs, on_step=lambda start, end, step: bar.update((end - start).days + 1, f"{start}..{end} {step}")
            )
            outcome = shown.run(first, last)
    outcome.report(
        settings,
        last_part="scores that newer rows of these days affect",
        again="what is whole is not done again, and an export that was requested is taken up, not requested once more",
    )
    sys.exit(outcome.exit_code(is_strict=strict))


@dataclass(frozen=True)
class Backfill:
    """Runs days through the definitions. `on_step` is called with an asset's name whenever its step has succeeded.

    `newest_windows` is the number of days whose windows are made again when the scores behind them were, and
    `scorecard_days` that of the newest days whose scorecards are made; without it all are.
    """

    defs: dg.Definitions
    instance: dg.DagsterInstance
    select: str = EVERYTHING
    refresh: bool = False
    days_per_run: int = 7
    newest_windows: int = 7
    scorecard_days: int | None = None
    on_step: Callable[[date, date, str], None] = lambda *_: None

    def list_assets(self) -> list[dg.AssetKey]:
        """The partitioned assets of the selection. Raises SelectionRefused for none."""
        return select_daily_assets(self.defs, self.select)

    def run(self, first: date, last: date) -> Outcome:
        """Take every day from `first` to `last` through the selected assets, then restate what that affects.

        A signal ends it early; the outcome says so.
        """
        outcome, selected = Outcome(), self.list_assets()
        restatement = Restatement(self._runner, self.days_per_run, self.newest_windows, self.scorecard_days, selected)
        by_day = [key for key in selected if key not in restatement.scores.windowed]
        with outcome.taking_in_interrupts(list_days(first, last)):
            for chunk in _chunks(first, last, self.days_per_run):
                if outcome.was_stopped:
                    outcome.failed += chunk
                elif by_day:
                    self._run_chunk(by_day, chunk, outcome)
                else:
                    outcome.note(chunk, [])
            if outcome.whole and restatement.scores.all:
                _restate(restatement, outcome)
        outcome.failing_checks = list_failing_checks(self.instance, self._runner.run_ids)
        return outcome

    def _run_chunk(self, assets: Sequence[dg.AssetKey], chunk: Sequence[date], outcome: Outcome) -> None:
        run_id, problems = self._run_days(assets, chunk, refresh=self.refresh)
        if not problems or len(chunk) == 1 or are_fatal(problems):
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


def _restate(restatement: Restatement, outcome: Outcome) -> None:
    """Make again what these days have put out of date: other days' scores, and then the windows over all of them."""
    first, last = min(outcome.whole), max(outcome.whole)
    try:
        outcome.note_restated(restatement.restate_affected(first, last, but=outcome.failed))
        outcome.note_windows(restatement.make_windows(outcome.whole))
        outcome.outdated = restatement.report_outdated_windows(min([*outcome.whole, *outcome.restated]))
        outcome.damaged = restatement.list_damage()
    except KNOWN_ERRORS as error:
        # such as a damaged file of another day: these days are there all the same
        outcome.problems.append(Problem(first, last, "restatement", str(error), is_fatal=False))


def _chunks(first: date, last: date, size: int) -> Iterator[list[date]]:
    days = list_days(first, last)
    return (days[start : start + size] for start in range(0, len(days), size))
