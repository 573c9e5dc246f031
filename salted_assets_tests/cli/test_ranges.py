"""What follows a run of several days that fails, told from what it has made."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.cli import ranges
from salted_assets.cli.ranges import run_range
from salted_assets.cli.runner import Problem
from salted_assets.defs.asset_keys import RAW_EXPORT, table_key

pytestmark = pytest.mark.slow

TURN, REVIEW = table_key("turn"), table_key("review")
ASSETS = [RAW_EXPORT, REVIEW, TURN]
DAYS = [date(2024, 1, 1) + timedelta(days=number) for number in range(6)]


@dataclass
class ScriptedRunner:
    """Runs as Dagster would: the landing ends at its first bad day, tables try every day and follow a whole landing."""

    bad: Collection[tuple[dg.AssetKey, date]]
    instance: Any = None
    runs: list[tuple[list[dg.AssetKey], list[date]]] = field(default_factory=list)
    made: dict[str, set[tuple[dg.AssetKey, date]]] = field(default_factory=dict)

    def run(
        self,
        assets: Collection[dg.AssetKey],
        days: Sequence[date],
        config: Mapping[str, Any],  # noqa: ARG002 - as the real one has it
    ) -> tuple[str, list[Problem]]:
        run_id, problems = str(len(self.runs)), list[Problem]()
        self.runs.append((list(assets), list(days)))
        made = self.made[run_id] = set()
        for key in sorted(assets, key=lambda key: key != RAW_EXPORT):
            if key != RAW_EXPORT and any(problem.step == "raw/export" for problem in problems):
                continue
            for day in days:
                if (key, day) not in self.bad:
                    made.add((key, day))
                elif key == RAW_EXPORT:
                    break
            if not all((key, day) in made for day in days):
                problems.append(Problem(days[0], days[-1], "/".join(key.path), "bad", is_fatal=False))
        return run_id, problems

    def list_made(self, run_id: str) -> set[tuple[dg.AssetKey, date]]:
        return self.made[run_id]


@pytest.fixture(autouse=True)
def _without_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "list_failing_checks", lambda *_: [])


def go(bad: Collection[tuple[dg.AssetKey, date]]) -> tuple[ScriptedRunner, dict[date, bool]]:
    """The runs that were made, and whether each day was done in the end."""
    runner: Any = ScriptedRunner(bad)
    return runner, {day: not problems for part, problems in run_range(runner, ASSETS, DAYS) for day in part}


def count(runner: ScriptedRunner, key: dg.AssetKey, day: date) -> int:
    """How often the day of the asset was made."""
    return sum((key, day) in made for made in runner.made.values())


def test_a_bad_table_costs_its_own_day_a_second_try_and_the_others_nothing() -> None:
    runner, found = go({(TURN, DAYS[2])})
    assert found == {day: day != DAYS[2] for day in DAYS}
    assert runner.runs[1:] == [([TURN], [DAYS[2]])]


def test_days_that_landed_before_a_bad_one_are_parsed_together_and_those_behind_it_follow_together() -> None:
    runner, found = go({(RAW_EXPORT, DAYS[2])})
    assert found == {day: day != DAYS[2] for day in DAYS}
    assert runner.runs[1:] == [([REVIEW, TURN], DAYS[:2]), (ASSETS, [DAYS[2]]), (ASSETS, DAYS[3:])]


@given(bad=st.sets(st.tuples(st.sampled_from(ASSETS), st.sampled_from(DAYS))))
def test_every_day_gets_an_outcome_and_nothing_good_is_made_twice(bad: set[tuple[dg.AssetKey, date]]) -> None:
    runner, found = go(bad)
    assert found == {day: not any((key, day) in bad for key in ASSETS) for day in DAYS}
    assert all(count(runner, key, day) <= 1 for key in ASSETS for day in DAYS if found[day])
