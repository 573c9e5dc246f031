"""What a backfill would do and about how long it takes: a day as in the newest such runs, else as is assumed."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dagster as dg

from salted_assets.cli.progress import show_seconds
from salted_assets.defs.asset_keys import RAW_EXPORT, local_path
from salted_assets.defs.instance.command_runs import COMMAND_TAG
from salted_assets.defs.partitions import RANGE_END, RANGE_START

_RUNS = 10
_ASSUMED = {
    "raw/*": 120.0,
    "tables/*": 0.1,
    "scores/*": 0.1,
    "scores/fair": 1.2,
    "scores/reviewer_calibration": 0.5,
    "scores/auto_reviewer_drift": 0.05,
    "report/*": 0.3,
}
"""Seconds by asset, or else by layer, for a centre of some hundred engagements a day; most of an export is waiting."""
_EXPORT_OF_SIMULATOR = 0.2
_REQUESTS_BESIDE_FILES = 3
"""The vendor's history, the request of the export, and a poll of its state."""


@dataclass
class DayCosts:
    """Seconds that a day of an asset took, and what is assumed of one that was not made yet."""

    is_simulated: bool = False
    seconds: dict[dg.AssetKey, float] = field(default_factory=dict)

    def of(self, key: dg.AssetKey) -> float:
        """The seconds of a day of the asset."""
        assumed = _ASSUMED.get(_find_basis(key), 1.0)
        if self.is_simulated and local_path(key) == local_path(RAW_EXPORT):
            assumed = _EXPORT_OF_SIMULATOR
        return self.seconds.get(key, assumed)


@dataclass(frozen=True)
class Plan:
    """What a backfill would make: how many exports, each of so many files, and of each asset how many days."""

    export_count: int
    files_per_export: int
    days: Mapping[dg.AssetKey, int]

    def to_document(self, costs: DayCosts) -> dict[str, Any]:
        """The plan for `--json`, with the seconds that it takes about."""
        return {
            "export_count": self.export_count,
            "request_count": self.export_count * (self.files_per_export + _REQUESTS_BESIDE_FILES),
            "day_counts": {"/".join(local_path(key)): count for key, count in self.days.items()},
            "seconds": round(sum(costs.of(key) * count for key, count in self.days.items()), 1),
        }

    def describe(self, costs: DayCosts) -> Iterator[str]:
        """Lines for people: exports with their requests, days by asset, and how long all of it takes about."""
        if not any(self.days.values()):
            yield "nothing to make: all of it is up to date"
            return
        exports, files = self.export_count, self.files_per_export
        each = f"history, request, one poll and {_count(files, 'download')} for each"
        requests = exports * (files + _REQUESTS_BESIDE_FILES)
        yield f"{_count(exports, 'export')}, at least {requests} requests: {each}" if exports else "no exports"
        by_count: defaultdict[int, list[str]] = defaultdict(list)
        for key, count in self.days.items():
            by_count[count].append("/".join(local_path(key)))
        yield from (f"{_count(count, 'day')} of {', '.join(names)}" for count, names in by_count.items() if count)
        seconds = sum(costs.of(key) * count for key, count in self.days.items())
        assumed = [key for key, count in self.days.items() if count and key not in costs.seconds]
        yield f"about {show_seconds(seconds)}, {_describe_basis(costs, assumed)}"


def _describe_basis(costs: DayCosts, assumed: Sequence[dg.AssetKey]) -> str:
    if not assumed:
        return "by what a day took in the newest runs"
    by_basis = {_find_basis(key): costs.of(key) for key in assumed}
    each = ", ".join(f"{seconds:g} s of {basis}" for basis, seconds in by_basis.items())
    return f"where a day of what was never made is assumed to take, by asset, {each}"


def _find_basis(key: dg.AssetKey) -> str:
    """What something is assumed of: the asset itself, or all others of its layer."""
    path = local_path(key)
    name = "/".join(path)
    return name if name in _ASSUMED else f"{path[0]}/*"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def measure_day_costs(instance: dg.DagsterInstance, *, is_simulated: bool) -> DayCosts:
    """The costs in the newest runs of backfills: of each asset the time of its steps over the days of these steps."""
    spent: defaultdict[dg.AssetKey, float] = defaultdict(float)
    days: Counter[dg.AssetKey] = Counter()
    filters = dg.RunsFilter(tags={COMMAND_TAG: "backfill"}, statuses=[dg.DagsterRunStatus.SUCCESS])
    for run in instance.get_runs(filters, limit=_RUNS):
        keys = {"__".join(key.path): key for key in run.asset_selection or ()}
        count = _count_days(run)
        for step in instance.get_run_step_stats(run.run_id):
            if step.step_key in keys and step.start_time and step.end_time:
                spent[keys[step.step_key]] += step.end_time - step.start_time
                days[keys[step.step_key]] += count
    return DayCosts(is_simulated, {key: max(total / days[key], 0.001) for key, total in spent.items()})


def _count_days(run: dg.DagsterRun) -> int:
    first, last = (date.fromisoformat(run.tags[tag]) for tag in (RANGE_START, RANGE_END))
    return (last - first).days + 1
