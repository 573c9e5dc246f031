"""`salted status`: what one screen says, out of what was found; `test_cli` has it of real runs."""

import re
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from salted_assets.cli.estimate import DayCosts, Plan
from salted_assets.cli.outcome import Outcome
from salted_assets.cli.status import LastPlan, NextRun, Run, Status, describe, gather
from salted_assets.defs.asset_checks.failing import FailingCheck
from salted_assets.defs.partitions import build_partitions
from salted_assets.explain.settlement import Statement
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.checkout import ROOT
from salted_assets_tests.support.platform import KNOWN_WARNINGS
from salted_assets_tests.support.review_plans import planned, store

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

DAY = date(2024, 1, 9)
NOW = datetime(2024, 1, 12, 8, tzinfo=UTC)
NEXT = NextRun(date(2024, 1, 12), datetime(2024, 1, 13, 2, tzinfo=UTC), True, NOW - timedelta(seconds=20))
DAYS = [DAY, DAY + timedelta(days=1)]
SETTLED = Statement(is_settled=True)
FOUND = Status(
    "data/warehouse", False, "UTC", DAY, DAYS[-1], DAYS, [], DAYS, DAYS[:1], [], [], {}, [], [], NEXT, SETTLED
)


def screen(found: Status) -> list[str]:
    return list(describe(found, NOW))


def test_one_screen_says_how_far_the_days_are() -> None:
    assert screen(FOUND) == [
        "data/warehouse, days of UTC",
        "exportable  2024-01-09 to 2024-01-10",
        "landed      2 days: 2024-01-09 to 2024-01-10",
        "parsed      2 days: 2024-01-09 to 2024-01-10",
        "scored      1 day: 2024-01-09",
        "windows     0 days",
        "scorecards  0 days",
        "reviews     reviewer evaluations of the last 7 days are in",
        "failed      none",
        "checks      none",
        "running     none",
        "next        2024-01-12 at 2024-01-13 02:00 UTC",
    ]


def test_what_is_still_to_come_is_said_or_why_it_is_not_known() -> None:
    late = Statement(0.64, 32, 50.0, 40, 61, date(2024, 1, 14), move_bound=0.04)
    unknown = Statement(reason="no day was exported", known_from=date(2024, 2, 20))
    assert any("Provisional: about 64 % of reviewer" in line for line in screen(replace(FOUND, settlement=late)))
    said = "reviews     How many reviewer evaluations are still to come is not known yet: no day was exported; known"
    assert any(line.startswith(said) for line in screen(replace(FOUND, settlement=unknown)))
    never = Statement(reason="days are exported again later", is_said=False)
    assert not any(line.startswith("reviews") for line in screen(replace(FOUND, settlement=never)))


def test_what_of_the_last_plan_is_done_is_said() -> None:
    plan = LastPlan("p", DAY, DAYS[-1], 60, 16)
    said = "plan        16 of 60 engagements done that a plan drew of 2024-01-09 to 2024-01-10"
    assert f"{said}; `salted plan --status` lists the others" in screen(replace(FOUND, last_plan=plan))
    assert said.replace("16", "60") in screen(replace(FOUND, last_plan=replace(plan, done_count=60)))


def test_the_last_plan_is_looked_up_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    settings, warehouse = Settings(start_date=DAY), Warehouse(str(tmp_path / "warehouse"))
    path = store(warehouse, planned("e1", DAY), planned("e2", DAY))
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        found = gather(settings, warehouse, instance, NOW).last_plan
        assert found == LastPlan("20240701T080000Z-plan", DAY, DAY, 2, 0)
        warehouse.write_bytes(path, b"no Parquet")
        damaged = gather(settings, warehouse, instance, NOW)
    assert damaged.last_plan is not None
    assert path in damaged.last_plan.problem
    assert f"plan        {damaged.last_plan.problem}" in screen(damaged)


def test_many_lines_and_many_gaps_stay_on_one_screen() -> None:
    checks = [FailingCheck(DAY, "tables/turn", f"check {number:02}", "3 rows", number == 0) for number in range(30)]
    with_gaps = [DAY + timedelta(days=2 * number) for number in range(30)]

    said = screen(replace(FOUND, failing_checks=checks, landed=with_gaps, missing=DAYS))

    assert "landed      30 days: 2024-01-09 to 2024-03-07, with gaps" in said
    assert "missing     2 days: 2024-01-09 to 2024-01-10; `salted backfill FIRST LAST` brings them" in said
    assert "checks      error 2024-01-09 tables/turn check 00: 3 rows" in said
    assert "            and 22 more (`--json` has all)" in said
    assert len(said) < 24


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (Run("0123456789", "STARTED", "backfill", "__ASSET_JOB", "2024-01-09", "2024-01-10", NOW),
         "salted backfill 2024-01-09 to 2024-01-10, started, since 2024-01-12 08:00 UTC (01234567)"),
        (Run("0123456789", "QUEUED", None, "daily", "2024-01-09", "2024-01-09", NOW),
         "daily 2024-01-09, queued, since 2024-01-12 08:00 UTC (01234567)"),
        (Run("0123456789", "STARTING", None, "__ASSET_JOB", None, None, NOW),
         "assets, starting, since 2024-01-12 08:00 UTC (01234567)"),
    ],
)  # fmt: skip
def test_what_runs_now_is_named_by_who_started_it(run: Run, said: str) -> None:
    assert f"running     {said}" in screen(replace(FOUND, runs=[run]))


@pytest.mark.parametrize(
    ("coming", "said"),
    [
        (replace(NEXT, is_schedule_on=False), "nothing by itself: the schedule daily_schedule is off"),
        (replace(NEXT, daemon_seen_at_utc=None), "if a daemon runs by then (seen never); `salted dev` is one"),
        (replace(NEXT, daemon_seen_at_utc=NOW - timedelta(hours=1)), "(seen last 2024-01-12 07:00 UTC)"),
    ],
)
def test_what_keeps_the_next_run_away_is_said(coming: NextRun, said: str) -> None:
    assert said in screen(replace(FOUND, next_run=coming))[-1]


def test_checks_of_every_layer_are_looked_up(tmp_path: Path) -> None:
    settings, warehouse = Settings(start_date=DAY), Warehouse(str(tmp_path / "warehouse"))
    warehouse.write_bytes(f"raw/export/date={DAY}/manifest.json", b"{}")
    tables = ["report/scorecard", "scores/fair", "tables/turn"]

    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        for table in tables:
            made = checked_asset(settings, dg.AssetKey(table.split("/")))
            dg.materialize([made], partition_key=DAY.isoformat(), instance=instance)
        found = gather(settings, warehouse, instance, NOW).failing_checks

    assert [(check.day, check.table, check.check) for check in found] == [(DAY, table, "asked") for table in tables]


def checked_asset(settings: Settings, key: dg.AssetKey) -> dg.AssetsDefinition:
    """An asset of days with a check that never passes."""

    days = build_partitions(settings)
    spec = dg.AssetCheckSpec("asked", asset=key, partitions_def=days)

    @dg.asset(key=key, partitions_def=days, check_specs=[spec])
    def made() -> Iterator[dg.MaterializeResult[None]]:
        yield dg.MaterializeResult(check_results=[dg.AssetCheckResult(check_name="asked", passed=False)])

    return made


_STATUS_PARTS = (Status, Run, NextRun, FailingCheck, Statement, LastPlan)


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("status", [each.name for kind in _STATUS_PARTS for each in fields(kind)]),
        ("doctor", ["is_well", "findings", "subject", "result", "message", "warehouse", "read", "problems"]),
        ("backfill", [*Outcome().to_document(Settings()), *Plan(0, 0, {}).to_document(DayCosts())]),
    ],
)
def test_every_field_of_a_document_is_documented(command: str, names: list[str]) -> None:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    section = page.partition(f"\n### {command}\n")[2].partition("\n### ")[0]
    assert set(names) <= set(re.findall(r"`(\w+)`", section))
