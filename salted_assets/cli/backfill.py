"""The command `salted backfill`: a range of days through Dagster in this process, in chunks, without a daemon.

First what is missing of landings and tables, for all days; then each day's scores, and those of other days that newer
rows affect; then the windows. What is up to date is left as it is.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property, partial
from itertools import groupby

import click
import dagster as dg

from salted_assets.cli.estimate import DayCosts, Plan, measure_day_costs
from salted_assets.cli.json_output import echo_json
from salted_assets.cli.options import refuse_early_days, with_days
from salted_assets.cli.outcome import Outcome
from salted_assets.cli.progress import Progress, showing
from salted_assets.cli.ranges import run_range
from salted_assets.cli.restate import Restatement, is_page
from salted_assets.cli.runner import Problem, Runner, are_fatal, load_definitions, open_home
from salted_assets.cli.selection import SelectionRefused, select_daily_assets
from salted_assets.cli.unmade import Unmade
from salted_assets.defs.asset_checks.failing import list_failing_checks
from salted_assets.defs.asset_keys import RAW_EXPORT, local_path
from salted_assets.defs.retries import KNOWN_ERRORS
from salted_assets.history.restatement import split_into_ranges
from salted_assets.landing.windows import list_days
from salted_assets.settings import Settings

EVERYTHING = "*"


class _WrongSelection(click.ClickException):
    exit_code = click.UsageError.exit_code


@click.command()
@with_days
@click.option("--select", default=EVERYTHING, show_default=True, help="Assets, in Dagster's selection syntax.")
@click.option("--refresh", is_flag=True, help="Request new exports of days that are complete, too.")
@click.option("--again", is_flag=True, help="Make what is up to date again, too, out of the exports that are there.")
@click.option("--dry-run", is_flag=True, help="Say what would be made and how long it takes; make nothing.")
@click.option("--strict", is_flag=True, help="Exit with 1 where a check warns, too.")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON document alone (docs/commands.md).")
def backfill(
    settings: Settings,
    first: date,
    last: date,
    *,
    select: str,
    refresh: bool,
    again: bool,
    dry_run: bool,
    strict: bool,
    as_json: bool,
) -> None:
    """Take the days FIRST to LAST from export to scores, through Dagster in this process.

    What is up to date is not made again, and days that are complete are not exported again. Without --select
    scorecards are made of the newest days alone (SALTED_SCORECARD_DAYS). Ends with a line for each check of these days
    that did not pass, be they made now or before. A day that cannot be exported yet is refused before anything starts.
    Exits with 0 only if every day is whole and no check failed, with 130 or 143 where Ctrl-C or SIGTERM ended it.
    """
    refuse_early_days(settings, last)
    outcome = Outcome()
    taken_in = nullcontext() if dry_run else outcome.taking_in_interrupts(list_days(first, last))
    with taken_in, open_home(settings) as home:
        runs = Backfill(
            load_definitions(settings),
            home,
            settings.partitions_per_run,
            settings.restate_windowed_days,
            select,
            refresh,
            settings.scorecard_days if select == EVERYTHING else None,
            again,
        )
        try:
            runs.list_assets()
        except SelectionRefused as error:
            raise _WrongSelection(f"--select: {error}") from None
        say = partial(click.echo, err=as_json)
        say(f"{first} to {last} into {settings.warehouse}{' (simulated data)' if settings.simulated else ''}")
        costs = measure_day_costs(home, is_simulated=settings.simulated)
        if dry_run:
            _show_plan(runs.plan(first, last), costs, as_json=as_json)
            return
        with showing(costs.of, is_terminal=False if as_json else None, echo=say) as progress:
            outcome = replace(runs, progress=progress).run(first, last)
    if as_json:
        echo_json(outcome.to_document(settings, is_strict=strict))
        sys.exit(outcome.exit_code(is_strict=strict))
    outcome.report(
        settings,
        last_part="scores that newer rows of these days affect",
        again="what is whole is not done again, and an export that was requested is taken up, not requested once more",
    )
    sys.exit(outcome.exit_code(is_strict=strict))


def _show_plan(plan: Plan, costs: DayCosts, *, as_json: bool) -> None:
    if as_json:
        echo_json(plan.to_document(costs))
        return
    for line in plan.describe(costs):
        click.echo(line)


@dataclass(frozen=True)
class Backfill:
    """Runs days through the definitions. `progress` is told what to expect and what was made.

    `newest_windows` is the number of days whose windows are made again when the scores behind them were, and
    `scorecard_days` that of the newest days whose scorecards are made; without it all are.
    """

    defs: dg.Definitions
    instance: dg.DagsterInstance
    days_per_run: int
    newest_windows: int
    select: str = EVERYTHING
    refresh: bool = False
    scorecard_days: int | None = None
    again: bool = False
    progress: Progress = field(default_factory=Progress)

    def list_assets(self) -> list[dg.AssetKey]:
        """The partitioned assets of the selection. Raises SelectionRefused for none."""
        return select_daily_assets(self.defs, self.select)

    def run(self, first: date, last: date) -> Outcome:
        """Take every day from `first` to `last` through the selected assets, then restate what that affects.

        Landings and tables come first, of all days, so that each is scored once, with the newer rows of the others. A
        signal ends it early; the outcome says so.
        """
        outcome, days = Outcome(), list_days(first, last)
        with outcome.taking_in_interrupts(days):
            loaded = self._make_tables(days, outcome)
            if loaded:
                self._score(loaded, outcome)
        outcome.failing_checks += list_failing_checks(self.instance, self._runner.run_ids)
        outcome.sort()
        return outcome

    def plan(self, first: date, last: date) -> Plan:
        """What `run` would make, as far as it can be known: newer rows may affect other days as well.

        The scores of a day are made with its tables, and then all windows of the range.
        """
        days, restatement = list_days(first, last), self._restatement
        left = self._find_unloaded(days, Outcome())
        loaded = [day for day in days if not left[day]]
        unscored = len(days) if self.again else len(days) - len(loaded) + len(self._find_unscored(loaded))
        old, pages = (days, []) if unscored else self._find_old_windows(days)
        page_count = min(len({*old, *pages}), self.scorecard_days or len(days))
        counts = Counter(key for keys in left.values() for key in keys)
        raw = [key for key in counts if local_path(key) == local_path(RAW_EXPORT)]
        lacking = [day for day, keys in left.items() if any(key in keys for key in raw)]
        return Plan(
            sum(self._unmade.count_exports(key, lacking, is_refresh=self.refresh) for key in raw),
            sum(len(self._unmade.list_datasets(key)) for key in raw),
            {
                **counts,
                **dict.fromkeys(restatement.scores.daily, unscored),
                **{key: page_count if is_page(key) else len(old) for key in restatement.scores.windowed},
            },
        )

    def _make_tables(self, days: Sequence[date], outcome: Outcome) -> list[date]:
        """Land and parse what is missing of these days; gives those that have all of it."""
        left = self._find_unloaded(days, outcome)
        self._expect(left)
        loaded = [day for day in days if not left[day]]
        outcome.up_to_date = list(loaded)
        for together, keys in _group(left, self.days_per_run):
            if outcome.was_stopped:
                break
            for part, problems in run_range(self._runner, keys, together, refresh=self.refresh):
                if problems:
                    outcome.note(part, problems)
                else:
                    loaded += part
        if outcome.was_stopped:
            outcome.failed += [day for day in days if day not in {*loaded, *outcome.failed}]
        return sorted(loaded)

    def _find_unloaded(self, days: Sequence[date], outcome: Outcome) -> dict[date, list[dg.AssetKey]]:
        """By day the landing and the tables that are to be made; the outcome learns what is wrong with the others."""
        assets = [key for key in self._selected if key not in self._restatement.scores.all]
        everything = dict.fromkeys(days, assets)
        if self.again or self.refresh:
            return everything
        try:
            records = self._unmade.find_records({*assets, *self._unmade.checked.intersection(self._selected)}, days)
            failing = self._unmade.list_failing_checks(records, days)
            left = self._unmade.find_tables(assets, days, records, failing)
        except KNOWN_ERRORS:
            # the run that meets it says what is wrong
            return everything
        outcome.failing_checks = failing
        for day, keys in left.items():
            outcome.drop_checks(day, map(local_path, keys))
        return left

    def _expect(self, left: Mapping[date, list[dg.AssetKey]]) -> None:
        """Expect what is to be loaded, and of scores and windows all while nothing is known of them."""
        self.progress.expect("tables", Counter(key for keys in left.values() for key in keys))
        if any(left.values()):
            self._expect_scores(len(left))
            self._expect_windows(len(left), min(len(left), self.scorecard_days or len(left)))

    def _expect_scores(self, count: int, part: str = "scores") -> None:
        self.progress.expect(part, dict.fromkeys(self._restatement.scores.daily, count))

    def _expect_windows(self, count: int, page_count: int) -> None:
        keys = self._restatement.scores.windowed
        self.progress.expect("windows", {key: page_count if is_page(key) else count for key in keys})

    def _score(self, loaded: Sequence[date], outcome: Outcome) -> None:
        """Score these days where they are not, then other days that their rows affect, then the windows over all."""
        restatement = self._restatement
        unscored = loaded if self.again else self._find_unscored(loaded)
        self._expect_scores(len(unscored))
        made = restatement.restate(unscored)
        outcome.note([day for day in loaded if day not in made.failed], [])
        outcome.failed += made.failed
        outcome.problems += made.problems
        outcome.was_stopped = outcome.was_stopped or are_fatal(made.problems)
        outcome.drop_up_to_date(unscored)
        for day in unscored:
            outcome.drop_checks(day, restatement.scores.layout.daily)
        if outcome.whole and restatement.scores.all:
            self._restate(outcome)

    def _find_unscored(self, days: Sequence[date]) -> list[date]:
        keys = self._restatement.scores.daily
        lacking = self._unmade.list_lacking(keys, days)
        return sorted({*self._restatement.find_unscored(days), *lacking}) if keys else []

    def _restate(self, outcome: Outcome) -> None:
        """Make again what these days have put out of date: other days' scores, and then windows over all of them."""
        restatement, whole = self._restatement, list(outcome.whole)
        try:
            affected = restatement.find_affected(min(whole), max(whole), but=outcome.failed)
            self._expect_scores(len(affected), "scores of other days")
            outcome.note_restated(restatement.restate(affected))
            for day in outcome.restated:
                outcome.drop_checks(day, restatement.scores.layout.daily)
            old, pages = (whole, []) if self.again else self._find_old_windows(whole)
            outcome.drop_up_to_date([*old, *pages])
            for day in old:
                outcome.drop_checks(day, restatement.scores.layout.windowed)
            for day in pages:
                outcome.drop_checks(day, map(local_path, filter(is_page, restatement.scores.windowed)))
            self._expect_windows(len(old), len({*old, *pages}))
            outcome.note_windows(restatement.make_windows(old, pages=pages))
            outcome.outdated = restatement.report_outdated_windows(min([*whole, *outcome.restated]))
            outcome.damaged = restatement.list_damage()
        except KNOWN_ERRORS as error:
            # such as a damaged file of another day: these days are there all the same
            outcome.problems.append(Problem(min(whole), max(whole), "restatement", str(error), is_fatal=False))

    def _find_old_windows(self, days: Sequence[date]) -> tuple[list[date], list[date]]:
        """Of these days those whose windows are missing or out of date, and those of which the page alone is."""
        restatement, windowed = self._restatement, self._restatement.scores.windowed
        windows, pages = ([key for key in windowed if is_page(key) == of_pages] for of_pages in (False, True))
        lacking = self._unmade.list_lacking(windows, days)
        old = sorted({*restatement.find_old_windows(days), *lacking}) if windows else []
        found = (day for key in pages for day in self._unmade.list_pages(key, days, self.scorecard_days))
        return old, [day for day in found if day not in old]

    @cached_property
    def _selected(self) -> list[dg.AssetKey]:
        return self.list_assets()

    @cached_property
    def _restatement(self) -> Restatement:
        return Restatement(self._runner, self.days_per_run, self.newest_windows, self.scorecard_days, self._selected)

    @cached_property
    def _unmade(self) -> Unmade:
        return Unmade(self.defs, self.instance, self._restatement.index)

    @cached_property
    def _runner(self) -> Runner:
        return Runner(self.defs, self.instance, "backfill", self.progress.note)


def _group(left: Mapping[date, list[dg.AssetKey]], longest: int) -> Iterator[tuple[list[date], list[dg.AssetKey]]]:
    """Consecutive days that lack the same assets, with these; days that lack none are left out."""
    for keys, of_day in groupby(left.items(), key=lambda item: item[1]):
        if keys:
            for together in split_into_ranges([day for day, _ in of_day], longest):
                yield together, keys
