"""Days that go through one run together, and apart where one of them fails."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

import dagster as dg

from salted_assets.cli.runner import Problem, Runner, are_fatal
from salted_assets.defs.asset_checks.failing import list_failing_checks
from salted_assets.defs.asset_keys import local_path
from salted_assets.defs.jobs.asset_jobs import REFRESH
from salted_assets.history.restatement import split_into_ranges

Made = set[tuple[dg.AssetKey, date]]
_IN_TURN = ("raw", "report")
"""Layers whose assets end a step at the first day that fails; of the others every day of the step is tried."""


def run_range(
    runner: Runner, assets: Sequence[dg.AssetKey], days: Sequence[date], *, refresh: bool = False
) -> Iterator[tuple[Sequence[date], Sequence[Problem]]]:
    """Run consecutive days together; gives them in parts, as done or with what they failed of.

    Where the run fails, nothing that it has made is made again: days of which nothing failed go on together from where
    it ended, those that failed are each tried once more by themselves, and those that it did not come to follow. An
    error that every day would meet ends it: days are then left that no part has.
    """
    is_refreshed = refresh and any(local_path(key)[0] == "raw" for key in assets)
    run_id, problems = runner.run(assets, days, dict(REFRESH) if is_refreshed else {})
    if not problems or len(days) == 1 or are_fatal(problems):
        yield days, problems
        return
    made = runner.list_made(run_id)
    failed, untried = _find_failed(runner, run_id, assets, days, problems, made)
    good = [day for day in days if day not in {*failed, *untried}]
    unfinished = [day for day in good if any((key, day) not in made for key in assets)]
    yield [day for day in good if day not in unfinished], []
    steps = {problem.step for problem in problems}
    for part in split_into_ranges(unfinished, len(days)):
        left = [key for key in assets if any((key, day) not in made for day in part)]
        yield from run_range(runner, left, part)
    for day in failed:
        left = [key for key in assets if (key, day) not in made or "/".join(key.path) in steps]
        yield from run_range(runner, left or assets, [day], refresh=refresh)
    for part in split_into_ranges(untried, len(days)):
        yield from run_range(runner, assets, part, refresh=refresh)


def _find_failed(  # noqa: PLR0917 - the run, what was asked of it and what came of it
    runner: Runner,
    run_id: str,
    assets: Sequence[dg.AssetKey],
    days: Sequence[date],
    problems: Iterable[Problem],
    made: Made,
) -> tuple[list[date], list[date]]:
    """The days that failed, and those that the run did not come to; all failed where nothing tells which."""
    steps = {problem.step for problem in problems}
    failing = [key for key in assets if "/".join(key.path) in steps]
    for key in failing:
        missing = [day for day in days if (key, day) not in made]
        if local_path(key)[0] in _IN_TURN and missing:
            return missing[:1], missing[1:]
    wrong = {(check.day, check.table) for check in list_failing_checks(runner.instance, [run_id]) if check.is_error}
    failed = [
        day
        for day in days
        if any((key, day) not in made or (day, "/".join(local_path(key))) in wrong for key in failing)
    ]
    return failed or list(days), []
