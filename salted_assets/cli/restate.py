"""The command `salted restate`, and how scores are made again in this process, without a daemon."""

import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import click
import dagster as dg

from salted_assets.cli.options import with_days
from salted_assets.cli.outcome import Outcome, Restated
from salted_assets.cli.ranges import run_range
from salted_assets.cli.runner import Problem, Runner, are_fatal, load_definitions, open_home
from salted_assets.defs.asset_keys import SCORECARD, local_path
from salted_assets.defs.resources import WarehouseResource
from salted_assets.defs.restatement.observations import observe_outdated
from salted_assets.defs.restatement.score_layout import ScoreAssets, find_score_assets
from salted_assets.history import FooterCache
from salted_assets.history.restatement import (
    InputIndex,
    find_outdated_windows,
    find_stale_days,
    find_stale_windows,
    list_complete_days,
    split_into_ranges,
)
from salted_assets.landing.windows import list_days
from salted_assets.output.scorecard.server import list_stored_days
from salted_assets.settings import Settings

_DAYS_PER_RUN = 91
"""Days that one run scores again at most, for these share what they read; more where a run of a backfill takes more."""

_NO_TABLES = "not all tables are there. Run `salted backfill` for these days first."


@click.command()
@with_days
def restate(settings: Settings, first: date, last: date) -> None:
    """Score the days FIRST to LAST again from their tables, windows that end on them included.

    Asks the vendor for nothing. Exits with 0 only if every day is scored, with 130 or 143 where Ctrl-C or SIGTERM
    ended it.
    """
    simulated = " (simulated data)" if settings.simulated else ""
    click.echo(f"scores of {first} to {last} in {settings.warehouse}{simulated}")
    outcome = Outcome()
    with outcome.taking_in_interrupts(list_days(first, last)), open_home(settings) as instance:
        outcome = restate_range(
            load_definitions(settings),
            instance,
            first,
            last,
            days_per_run=max(settings.partitions_per_run, _DAYS_PER_RUN),
            newest_windows=settings.restate_windowed_days,
            scorecard_days=settings.scorecard_days,
        )
    outcome.report(settings, last_part="windows that end on these days", again="it scores all of these days again")
    sys.exit(outcome.exit_code())


@dataclass(frozen=True)
class Restatement:
    """Makes scores again through the definitions, up to `days_per_run` days a run, windows of a quarter together.

    A run that fails is gone through again day by day, so that no day keeps the others. `newest_windows` is the number
    of days whose windows are made again without being asked for. Scorecards are made of those days, of the newest
    `scorecard_days` of the days that are asked for, and of those that have one; of all without a number. Only the
    assets of `among` are made, by default all.
    """

    runner: Runner
    days_per_run: int
    newest_windows: int
    scorecard_days: int | None = None
    among: Collection[dg.AssetKey] | None = None

    @cached_property
    def scores(self) -> ScoreAssets:
        """The scores that are made."""
        specs = self.runner.defs.resolve_all_asset_specs()
        return find_score_assets(spec for spec in specs if self.among is None or spec.key in self.among)

    @cached_property
    def index(self) -> InputIndex:
        """The files that they are made of."""
        warehouse = (self.runner.defs.resources or {})["warehouse"]
        if not isinstance(warehouse, WarehouseResource):
            raise TypeError(f"the definitions have no warehouse: {warehouse!r}")
        return InputIndex(
            FooterCache(warehouse.open(), warehouse.timezone), [key[-1] for key in self.scores.layout.needed]
        )

    def find_affected(self, first: date, last: date, but: Collection[date] = ()) -> list[date]:
        """The days that the tables of `first` to `last` affect, where their scores are out of date.

        Days that have never been scored are left out, and those of `but`.
        """
        self.index.refresh()
        affected = self.index.possibly_stale_days(first, last)
        found = find_stale_days(self.index, self.scores.layout, affected)
        return sorted(day for day, stale in found.stale.items() if stale.scores_fingerprint and day not in but)

    def restate(self, days: Iterable[date]) -> Restated:
        """Score these days again, whatever they are made of."""
        return self._go_through(self.scores.daily, sorted(days), self.days_per_run)

    def find_unscored(self, days: Iterable[date]) -> list[date]:
        """The days of which a daily score is missing or out of date."""
        self.index.refresh()
        asked, keys = sorted(days), self.scores.layout.daily
        stale = find_stale_days(self.index, self.scores.layout, asked).stale
        return [day for day in asked if day in stale or any(not self.index.footers.partition(key, day) for key in keys)]

    def make_windows(self, days: Iterable[date], *, pages: Iterable[date] = ()) -> Restated:
        """Make the windows that end on these days, and those of the newest days that are missing or out of date.

        With them their scorecards, and those of `pages`.
        """
        self.index.refresh()
        newest = list_complete_days(self.index, self.scores.layout, self.newest_windows)
        stale = find_stale_windows(self.index, self.scores.layout, newest)
        asked = sorted(days)
        together = sorted({*asked, *stale})
        without_page = self._list_without_page(asked)
        scores, page = ([key for key in self.scores.windowed if is_page(key) == of_pages] for of_pages in (False, True))
        longest = max(self.days_per_run, _DAYS_PER_RUN)
        made = self._go_through(scores, together, longest)
        made.without_page = [day for day in without_page if day in made.done]
        # with their pages, which few days have, windows would not be made together
        paged = {*together, *pages} - {*without_page, *made.failed} if page else set()
        made.done = [day for day in made.done if day not in paged]
        made.add(self._go_through(page, sorted(paged), longest))
        return made

    def find_old_windows(self, days: Iterable[date]) -> list[date]:
        """The days of which a window is missing or out of date, of these and of the newest."""
        self.index.refresh()
        newest = list_complete_days(self.index, self.scores.layout, self.newest_windows)
        return sorted(find_stale_windows(self.index, self.scores.layout, {*days, *newest}))

    def list_scorable(self, first: date, last: date) -> list[date]:
        """The days that have all tables."""
        self.index.refresh()
        return [day for day in list_complete_days(self.index, self.scores.layout) if first <= day <= last]

    def report_outdated_windows(self, since: date) -> list[date]:
        """Put an observation on each window that ends on `since` or later, is out of date and has none.

        Gives the days of all of them, those with an observation too.
        """
        self.index.refresh()
        outdated = find_outdated_windows(self.index, self.scores.layout, since)
        for observation in observe_outdated(self.runner.instance, self.index, self.scores, outdated):
            self.runner.instance.report_runless_asset_event(observation)
        return sorted({day for days in outdated.values() for day in days})

    def list_damage(self) -> list[str]:
        """What is wrong with files that were looked at on the way, and still is."""
        return self.index.footers.list_damage()

    def _list_without_page(self, days: Sequence[date]) -> list[date]:
        """Those of the days in order whose scorecard is neither there nor to be made."""
        if self.scorecard_days is None or not any(map(is_page, self.scores.windowed)):
            return []
        stored = list_stored_days(self.index.footers.warehouse)
        return [day for day in days[: -self.scorecard_days] if day not in stored]

    def _go_through(self, assets: Sequence[dg.AssetKey], days: Sequence[date], longest: int) -> Restated:
        restated = Restated()
        for together in split_into_ranges(days, longest) if assets else ():
            for part, problems in () if are_fatal(restated.problems) else run_range(self.runner, assets, together):
                restated.note(part, problems)
            done = {*restated.done, *restated.failed}
            restated.failed += [day for day in together if day not in done]
        return restated


def is_page(key: dg.AssetKey) -> bool:
    """Whether the asset is the scorecard, of any account."""
    return local_path(key) == local_path(SCORECARD)


def restate_range(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    first: date,
    last: date,
    *,
    days_per_run: int,
    newest_windows: int,
    scorecard_days: int | None = None,
) -> Outcome:
    """Make the scores of every day from `first` to `last` again, daily ones first, then windows.

    A day without tables of its own is not scored and counts as failed: what it would be made of are a few late rows.
    """
    restatement = Restatement(Runner(defs, instance, "restate"), days_per_run, newest_windows, scorecard_days)
    outcome, days = Outcome(), restatement.list_scorable(first, last)
    lacking = [day for day in list_days(first, last) if day not in days]
    for part in split_into_ranges(lacking, days_per_run):
        outcome.note(part, [Problem(part[0], part[-1], "scores", _NO_TABLES, is_fatal=False)])
    with outcome.taking_in_interrupts(days):
        made = restatement.restate(days)
        outcome.note(made.done, [])
        outcome.failed += made.failed
        outcome.problems += made.problems
        outcome.note_windows(restatement.make_windows(outcome.whole))
        outcome.outdated = restatement.report_outdated_windows(first)
        outcome.damaged = restatement.list_damage()
    return outcome
