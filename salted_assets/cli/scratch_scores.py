"""Scores made with other settings in a scratch folder beside the warehouse, of which nothing is changed."""

import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import TypeAlias

import click
import dagster as dg
import pyarrow as pa

from salted_assets.cli.ranges import run_range
from salted_assets.cli.restate import Restatement
from salted_assets.cli.runner import Runner, load_definitions
from salted_assets.defs.asset_keys import local_path
from salted_assets.defs.assets.fair import DAYS_READ
from salted_assets.defs.io_managers import read_days
from salted_assets.defs.metadata.recipes import recipe_of
from salted_assets.defs.restatement.score_layout import ScoreAssets, find_score_assets
from salted_assets.history import Key, Recipe
from salted_assets.history.rescheduled import RESCHEDULE_REACH
from salted_assets.history.restatement import split_into_ranges
from salted_assets.output.what_if import NAMES
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse, day_of_path

_TABLES_BEFORE = 3 * RESCHEDULE_REACH
"""How far before a day there may be rows of engagements that were moved to it, and of those moved in between."""

Specs: TypeAlias = Mapping[dg.AssetKey, dg.AssetSpec]


@dataclass(frozen=True)
class ScratchScores:
    """Scores of the days `first` to `last`, and of the windows that end on `last`, in a folder that is thrown away.

    `settings` are the present ones, but for the warehouse, which is the folder.
    """

    settings: Settings
    instance: dg.DagsterInstance
    first: date
    last: date

    def list_days(self) -> list[date]:
        """The days that have all tables. Raises click.ClickException where the last day has none."""
        days = self._restate_with(self.settings).list_scorable(self.first, self.last)
        if not days or days[-1] != self.last:
            raise click.ClickException(f"{self.last} has no tables; `salted backfill {self.last}` makes them")
        return days

    def reaches_scores(self, changed: Settings) -> bool:
        """Whether the changed settings reach a score of `NAMES`."""
        present, other = (_list_recipes(self._restate_with(each)) for each in (self.settings, changed))
        return present != other

    def score(self, settings: Settings, days: Sequence[date]) -> dict[str, pa.Table]:
        """The rows of `NAMES` that the settings give, where the days before the range stay as they are.

        Made is what is missing or was made otherwise: by other settings too, those of an earlier call among them.
        Raises click.ClickException where a day cannot be scored.
        """
        restatement = self._restate_with(settings)
        self._make(restatement, restatement.scores.daily, restatement.find_unscored(days))
        if restatement.find_old_windows([self.last]):
            self._make(restatement, restatement.scores.windowed, [self.last])
        return self.read()

    def read(self) -> dict[str, pa.Table]:
        """The rows of `NAMES` of the last day, as they are."""
        return {name: read_days(self._warehouse, ("scores", name), [self.last]) for name in NAMES}

    @cached_property
    def _warehouse(self) -> Warehouse:
        return Warehouse(self.settings.warehouse, simulated=self.settings.simulated)

    def _restate_with(self, settings: Settings) -> Restatement:
        definitions = load_definitions(settings.model_copy(update={"warehouse": self.settings.warehouse}))
        every = Restatement(Runner(definitions, self.instance, "what-if"), settings.partitions_per_run, 0)
        return replace(every, among=_find_needed(every.scores, _specs_of(every)))

    def _make(self, restatement: Restatement, assets: Collection[dg.AssetKey], days: Sequence[date]) -> None:
        # a score that replaces none keeps no figures of it, which nobody would read
        for key, day in product(assets, days):
            self._warehouse.delete(self._warehouse.table_path(local_path(key), day))
        for together in split_into_ranges(days, len(days)) if assets else ():
            for _, problems in run_range(restatement.runner, sorted(assets), together):
                if problems:
                    raise click.ClickException(f"the days cannot be scored: {problems[0]}")


@contextmanager
def open_scratch(settings: Settings, warehouse: Warehouse, first: date, last: date) -> Iterator[ScratchScores]:
    """A folder (0700) in which the days can be scored from the warehouse's tables; gone when the context ends.

    It is in the system's temporary folder (TMPDIR), and so are the records of its runs: those of the deployment have
    none of them.
    """
    with tempfile.TemporaryDirectory(prefix="salted-what-if-") as name:
        folder = Path(name) / "warehouse"
        scores = find_score_assets(load_definitions(settings).resolve_all_asset_specs())
        for path in _list_read(warehouse, scores.layout.needed, first, last):
            warehouse.link_or_copy(path, folder)
        with dg.DagsterInstance.ephemeral(tempdir=f"{name}/dagster") as instance:
            yield ScratchScores(settings.model_copy(update={"warehouse": str(folder)}), instance, first, last)


def _list_recipes(restatement: Restatement) -> list[Recipe | None]:
    specs = _specs_of(restatement)
    return [recipe_of(specs[key]) for key in restatement.scores.all]


def _specs_of(restatement: Restatement) -> dict[dg.AssetKey, dg.AssetSpec]:
    return {spec.key: spec for spec in restatement.runner.defs.resolve_all_asset_specs()}


def _list_read(warehouse: Warehouse, tables: Collection[Key], first: date, last: date) -> Iterator[str]:
    """The files that scores of these days are made of: rows of a day are in its own export and in later ones."""
    oldest_table, oldest_score = first - _TABLES_BEFORE, min(first, last - timedelta(days=DAYS_READ))
    for table in tables:
        for path in warehouse.list_files("/".join(table)):
            day = day_of_path(path)
            if day and day >= oldest_table:
                yield path
    yield from warehouse.list_files("plans")
    for path in warehouse.list_files("scores"):
        day = day_of_path(path)
        if day and oldest_score <= day <= last:
            yield path


def _find_needed(scores: ScoreAssets, specs: Specs) -> set[dg.AssetKey]:
    """The scores of `NAMES`, and those that they are made of."""
    needed: set[dg.AssetKey] = set()
    waiting = [key for key in scores.windowed if local_path(key) in {("scores", name) for name in NAMES}]
    while waiting:
        key = waiting.pop()
        if key in scores.all and key not in needed:
            needed.add(key)
            waiting += [dep.asset_key for dep in specs[key].deps]
    return needed
