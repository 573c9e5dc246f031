"""What the terminal and the webhook are given: the failing checks of the days that runs have made, and no others."""

from collections.abc import Iterator
from datetime import date

import dagster as dg
import pytest

from salted_assets.defs.asset_checks.failing import FailingCheck, list_failing_checks
from salted_assets.defs.asset_checks.outcome import NEW, SUMMARY
from salted_assets_tests.support.platform import KNOWN_WARNINGS, QUIET, Platform, running_platform

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

CLEAN, BAD = "2024-01-09", "2024-01-10"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A good day, and one of which agents cannot be read, reviews have refused cells and engagements a column more."""
    with running_platform(tmp_path_factory.mktemp("failing")) as platform:
        assert platform.materialize(CLEAN, 'key:"raw/export"').success
        platform.spoil(
            renamed_columns={"agent": {"name": "full_name"}},
            bad_cells={"review": 1.0},
            added_columns={"engagement": ("mood",)},
        )
        assert platform.materialize(BAD, 'key:"raw/export"').success
        yield platform


def lines(found: list[FailingCheck]) -> list[str]:
    return [str(each) for each in found if each.check != "values"]


@pytest.mark.parametrize("ranged", [True, False])
def test_each_failing_check_is_one_line_with_its_day_table_and_numbers(platform: Platform, ranged: bool) -> None:
    if ranged:
        runs = [platform.materialize_range(CLEAN, BAD, "group:tables")]
    else:
        runs = [platform.materialize(day, "group:tables") for day in (CLEAN, BAD)]
    cells = platform.evaluation("review", "rejects", BAD).metadata["rejected_cells"].value

    found = list_failing_checks(platform.instance, [run.run_id for run in runs])

    agents, engagements, reviews = lines(found)
    assert agents.startswith(f"{BAD} tables/agent schema: ")
    assert "'name' may now be 'full_name'" in agents
    assert engagements == f"{BAD} tables/engagement schema: 0 columns missing, 1 column not documented"
    assert reviews == f"{BAD} tables/review rejects: 0 records and {cells} cells were refused"
    assert [each.is_error for each in found if each.check != "values"] == [True, False, False]


def test_what_a_later_run_has_mended_is_not_listed(platform: Platform) -> None:
    bad = platform.materialize_range(CLEAN, BAD, 'key:"tables/agent"').run_id
    assert len(list_failing_checks(platform.instance, [bad])) == 1
    platform.edit_landed(BAD, "agents.csv", lambda data: data.replace(b"full_name", b"name"))
    good = platform.materialize(BAD, 'key:"tables/agent"').run_id
    platform.edit_landed(BAD, "agents.csv", lambda data: data.replace(b"name", b"full_name", 1))

    assert list_failing_checks(platform.instance, [bad, good]) == []
    assert list_failing_checks(platform.instance, [good]) == []
    assert list_failing_checks(platform.instance, []) == []


DAYS = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-10")
FOUND_NEW = {"2024-01-02": 1, "2024-01-03": 0, "2024-01-04": 1, "2024-01-05": 0, "2024-01-06": 0}


@dg.asset(partitions_def=DAYS, check_specs=[dg.AssetCheckSpec("standing", asset="drifting", partitions_def=DAYS)])
def drifting(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
    """An asset whose check stands for days."""
    facts: dict[str, str | int] = {SUMMARY: "since 2 January", NEW: FOUND_NEW[context.partition_key]}
    warning = dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN, metadata=facts)
    yield dg.MaterializeResult(check_results=[warning])


def test_what_stands_for_many_days_is_listed_where_it_is_new_and_on_the_last_one() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        runs = [
            dg.materialize([drifting], partition_key=day, instance=instance, run_config=QUIET).run_id
            for day in FOUND_NEW
        ]
        found = [(each.day, each.is_known) for each in list_failing_checks(instance, runs)]
    assert found == [(date(2024, 1, 2), False), (date(2024, 1, 4), False), (date(2024, 1, 6), True)]
