"""How score assets are restated: by days or by windows, as their tags say, and from what.

A score says by its tag how it is restated. `daily`: a day's rows come from the rows that started on that day, so the
day is scored again whenever one of them changed. `windowed`: a day's rows sum up many days, so they are made again for
the newest days only, or when somebody asks.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain

import dagster as dg

from salted_assets.defs.asset_keys import local_path
from salted_assets.defs.metadata.recipes import recipe_of
from salted_assets.history import FooterCache
from salted_assets.history.restatement import InputIndex, InputVersions, Layout
from salted_assets.warehouse import Warehouse

RESTATED_TAG = "salted/restated"
DAILY, WINDOWED = "daily", "windowed"


@dataclass(frozen=True)
class ScoreAssets:
    """The scores of a platform, and what follows from them (a report): as assets, and as files."""

    daily: tuple[dg.AssetKey, ...]
    windowed: tuple[dg.AssetKey, ...]
    layout: Layout

    @property
    def all(self) -> tuple[dg.AssetKey, ...]:
        """All of them."""
        return (*self.daily, *self.windowed)

    def key_at(self, path: Sequence[str]) -> dg.AssetKey:
        """The key of the score at a path of the account. Raises KeyError for what is no score."""
        return {local_path(key): key for key in self.all}[tuple(path)]


def find_score_assets(specs: Iterable[dg.AssetSpec]) -> ScoreAssets:
    """The assets with the tag. Where nothing is scored, as without engagements, there are none."""
    by_tag: dict[str, list[dg.AssetSpec]] = {DAILY: [], WINDOWED: []}
    for spec in specs:
        if RESTATED_TAG in spec.tags:
            by_tag[spec.tags[RESTATED_TAG]].append(spec)
    tables = {dep.asset_key for spec in by_tag[DAILY] for dep in spec.deps if local_path(dep.asset_key)[0] == "tables"}
    daily, windowed = (tuple(sorted(spec.key for spec in by_tag[tag])) for tag in (DAILY, WINDOWED))
    scored = (key for key in windowed if local_path(key)[0] == "scores")
    first_day = min((_partitions_of(spec).start.date() for spec in by_tag[DAILY]), default=date.max)
    recipes = {local_path(spec.key): recipe for spec in chain(*by_tag.values()) if (recipe := recipe_of(spec))}
    layout = Layout(_paths(sorted(tables)), _paths(daily), _paths(scored), first_day, recipes)
    return ScoreAssets(daily, windowed, layout)


def _partitions_of(spec: dg.AssetSpec) -> dg.DailyPartitionsDefinition:
    if not isinstance(spec.partitions_def, dg.DailyPartitionsDefinition):
        raise dg.DagsterInvalidDefinitionError(f"{spec.key.to_user_string()} is restated by days and has none")
    return spec.partitions_def


def build_inputs(
    context: dg.AssetExecutionContext, warehouse: Warehouse, window_days: int = 1
) -> Callable[[Sequence[date]], Mapping[date, InputVersions]]:
    """What each of some days of the asset is made of, read from the files as they are when it is asked.

    Read off what the asset depends on: the rows of tables that belong to the day, the other scores of the day, or of
    the `window_days` days that end on it.
    """
    spec = context.assets_def.get_asset_spec(context.asset_key)
    upstream = [local_path(dep.asset_key) for dep in spec.deps]
    index = InputIndex(FooterCache(warehouse, _partitions_of(spec).timezone), [key[-1] for key in upstream])

    def inputs(days: Sequence[date]) -> Mapping[date, InputVersions]:
        index.refresh()
        return index.of_days(upstream, days, window_days)

    return inputs


def _paths(keys: Iterable[dg.AssetKey]) -> tuple[tuple[str, ...], ...]:
    return tuple(local_path(key) for key in keys)
