"""A day that lies is caught: what arrives damaged changes no figure in silence.

A delivered day is loaded and scored. It is then delivered once more, damaged: as a refresh of the day, or by the next
day's export that brings newer versions of some rows. Everything runs in this process, on files, without Dagster.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.damaged_days import DamagedDay, damage_day
from salted_assets_tests.support.delivered_days import (
    AGENTS,
    DATASETS,
    DAY,
    Figures,
    Reported,
    deliver,
    handle_times,
    ingest,
    score,
)
from salted_assets_tests.support.scoring_runs import near

pytestmark = [pytest.mark.chaos, pytest.mark.slow]

EXAMPLES = int(os.environ.get("DAMAGED_DAYS", "300"))
"""How many damaged days are tried; `make chaos` tries more."""

FIRST_SEED = int(os.environ.get("DAMAGED_DAY", "0"))
"""The seed of the first: with `DAMAGED_DAYS=1` one damaged day is tried again."""

AT_ONCE = 20
REQUESTED_AT = datetime(2024, 2, 1, 3, tzinfo=UTC)


@pytest.fixture(autouse=True, scope="module")
def _files_are_not_flushed() -> Iterator[None]:
    """Thousands of small files are written here, and none has to outlive a power cut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("salted_assets.warehouse.folder._flush", lambda _: None)
        yield


@dataclass(frozen=True)
class Undamaged:
    """The warehouse after the day's own export, and what its agents come to."""

    folder: Path
    figures: Figures


@pytest.fixture(scope="module")
def undamaged(tmp_path_factory: pytest.TempPathFactory) -> Undamaged:
    folder = tmp_path_factory.mktemp("undamaged")
    day = deliver()
    reported = ingest(Warehouse(str(folder)), DAY, REQUESTED_AT, {name: day.render(name) for name in DATASETS})
    assert reported == Reported()
    figures = score(Warehouse(str(folder)))
    assert set(figures) == set(AGENTS)
    return Undamaged(folder, figures)


def list_changed(before: Figures, after: Figures) -> dict[str, list[str]]:
    """The agents whose figures are others now, with the names of these; an agent without a row has lost all."""
    changed: dict[str, list[str]] = {}
    for agent in sorted({*before, *after}):
        own: dict[str, Any] = after.get(agent, {})
        pairs = [(name, own.get(name), value) for name, value in before.get(agent, {"agent_pid": None}).items()]
        names = [name for name, given, value in pairs if given != value and given != near(value)]
        if names:
            changed[agent] = names
    return changed


def load_and_score(folder: Path, day: DamagedDay) -> tuple[Reported, Figures]:
    warehouse = Warehouse(str(folder))
    days_later = timedelta(days=day.kind == "later")
    reported = ingest(warehouse, DAY + days_later, REQUESTED_AT + timedelta(hours=1) + days_later, day.files)
    return reported, score(warehouse)


def find_problems(day: DamagedDay, reported: Reported, before: Figures, after: Figures) -> list[str]:
    """What changed though nothing said so, and what changed of agents whom the damage does not concern."""
    problems = []
    for agent, names in list_changed(before, after).items():
        if agent not in day.touched and (day.is_contained or not reported.lines):
            problems.append(f"{agent} is not concerned, but has other {names}")
        elif agent not in day.touched_unseen and not reported.lines:
            problems.append(f"in silence {agent} has other {names}")
    if all(damage.is_of_cell for damage in day.damages):
        problems += list_made_up(after)
    return problems


def list_made_up(figures: Figures) -> list[str]:
    """Handle times that are none of the agent's, nor between them: a cell that cannot be used was taken for nothing."""
    problems = []
    for agent, row in figures.items():
        true, mean = handle_times(agent), row["handle_time_ms_mean"]
        if mean is not None and not min(true) <= mean <= max(true):
            problems.append(f"{agent} has a mean handle time of {mean} ms, the true ones are {true}")
        if row["handle_time_ms_count"] + row["handle_time_missing_count"] != row["engagement_count"]:
            problems.append(f"{agent} has engagements whose handle time is neither known nor missing")
    return problems


@pytest.mark.parametrize("first_seed", range(FIRST_SEED, FIRST_SEED + EXAMPLES, AT_ONCE))
def test_a_damaged_day_changes_no_figure_in_silence(undamaged: Undamaged, tmp_path: Path, first_seed: int) -> None:
    problems: list[str] = []
    for seed in range(first_seed, min(first_seed + AT_ONCE, FIRST_SEED + EXAMPLES)):
        day, folder = damage_day(seed), tmp_path / str(seed)
        shutil.copytree(undamaged.folder, folder)
        reported, figures = load_and_score(folder, day)
        if found := find_problems(day, reported, undamaged.figures, figures):
            problems += [f"{day.describe()}\n  reported: {reported.lines}", *(f"  {problem}" for problem in found)]
        shutil.rmtree(folder)
    assert not problems, "\n".join(problems)
