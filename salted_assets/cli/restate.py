"""Scores made anew in this process, without a daemon. Not here: what is out of date (`restatement`), other assets."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import dagster as dg

from salted_assets.cli.runner import Problem, Runner, are_futile
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


@dataclass
class Restated:
    """Which days were made anew, which could not be, and what befell these."""

    done: list[date] = field(default_factory=list)
    failed: list[date] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def note(self, days: Sequence[date], problems: Sequence[Problem]) -> None:
        """Count the days as done, or as failed where there are problems."""
        (self.failed if problems else self.done).extend(days)
        self.problems += problems


@dataclass(frozen=True)
class Restating:
    """Makes scores anew through the definitions, up to `days_per_run` days a run.

    A run that fails is gone through again day by day, so that no day keeps the others. `newest_windows` is the number
    of days whose windows are made anew without being asked for. Only the assets of `among` are made, by default all.
    """

    runner: Runner
    days_per_run: int = 7
    newest_windows: int = 7
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

    def restate_affected(self, first: date, last: date, but: Collection[date] = ()) -> Restated:
        """Score the days again that the tables of `first` to `last` touch, where their scores are out of date.

        Days that have never been scored are left as they are, and those of `but`.
        """
        self.index.refresh()
        concerned = self.index.possibly_stale_days(first, last)
        found = find_stale_days(self.index, self.scores.layout, concerned)
        return self.restate(day for day, stale in found.stale.items() if stale.scores_fingerprint and day not in but)

    def restate(self, days: Iterable[date]) -> Restated:
        """Score these days again, whatever they are made of."""
        return self._go_through(self.scores.daily, sorted(days))

    def make_windows(self, days: Iterable[date]) -> Restated:
        """Make the windows that end on these days, and those of the newest days that are missing or out of date."""
        self.index.refresh()
        newest = find_stale_windows(self.index, self.scores.layout, self.newest_windows)
        return self._go_through(self.scores.windowed, sorted({*days, *newest}))

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

    def _go_through(self, assets: Sequence[dg.AssetKey], days: list[date]) -> Restated:
        restated = Restated()
        for together in split_into_ranges(days, self.days_per_run) if assets else ():
            if are_futile(restated.problems):
                restated.failed += together
                continue
            problems = self.runner.run(assets, together)[1]
            if problems and len(together) > 1 and not are_futile(problems):
                for day in together:
                    restated.note([day], self.runner.run(assets, [day])[1])
            else:
                restated.note(together, problems)
        return restated
