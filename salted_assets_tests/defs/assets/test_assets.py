"""What the assets do with a vendor: one export a day, good days kept beside bad ones, errors tried as they deserve."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
import pytest

from salted_assets.defs.asset_keys import RAW_EXPORT, score_key, table_key
from salted_assets.schemas import DATASET_MODELS
from salted_assets.settings import KEY_VARIABLE
from salted_assets.simulator import Faults, Refusal
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.platform import (
    KNOWN_WARNINGS,
    ImpatientConfig,
    Platform,
    running_platform,
    with_settings,
)

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

FIRST, SECOND, THIRD = DAYS = ["2024-01-09", "2024-01-10", "2024-01-11"]
RAW = 'key:"raw/export"'
SCORES = ("answer", "engagement", "agent_daily", "agent_segment_daily", "queue_daily", "agent_question")
REFRESH = {"ops": {"raw__export": {"config": {"refresh": True}}}}


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with running_platform(tmp_path) as platform:
        yield platform


def failures_of(result: Any) -> list[str]:
    """What the failed steps said."""
    events = result.filter_events(lambda event: event.is_step_failure)
    return [str(event.step_failure_data.user_failure_data.description) for event in events]


def count_events(result: Any, kind: str) -> int:
    return len(result.filter_events(lambda event: event.event_type_value == kind))


def test_a_day_goes_from_export_to_scores_with_one_export(platform: Platform) -> None:
    assert platform.materialize(FIRST).success
    assert platform.vendor.log()["exports"] == 1
    for key in (*map(table_key, DATASET_MODELS), *map(score_key, SCORES)):
        assert platform.materialized_days(key) == [FIRST]
        metadata = platform.metadata(key, FIRST)
        assert metadata["dagster/partition_row_count"] == pq.read_metadata(platform.table(key, FIRST)).num_rows > 0
        assert metadata["dagster/uri"] == str(platform.table(key, FIRST))
        assert metadata["simulated"] is False
    landing = platform.metadata(RAW_EXPORT, FIRST)
    assert landing["dagster/partition_row_count"] == sum(
        platform.metadata(table_key(dataset), FIRST)["file_rows"] for dataset in DATASET_MODELS
    )


def test_a_complete_day_is_not_exported_again_unless_asked(platform: Platform) -> None:
    assert platform.materialize(FIRST, RAW).success
    first = platform.metadata(RAW_EXPORT, FIRST)
    requests = platform.vendor.log()
    assert platform.materialize(FIRST, RAW).success
    assert platform.vendor.log() == requests
    assert platform.metadata(RAW_EXPORT, FIRST) == first
    assert platform.materialize(FIRST, RAW, REFRESH).success
    assert platform.vendor.log()["exports"] == 2
    refreshed = platform.metadata(RAW_EXPORT, FIRST)
    assert (first["superseded_exports"], refreshed["superseded_exports"]) == (0, 1)
    assert refreshed["export_ids"] != first["export_ids"]
    assert (platform.folder / f"raw/export/date={FIRST}" / first["export_ids"]).is_dir()


def test_what_an_export_cost_is_shown_in_numbers(platform: Platform) -> None:
    slow = Faults(refusals=(Refusal(on="post", status=503, times=2),), failed_exports=1, cut_downloads=1, cut_at_byte=9)
    platform.vendor.set_faults(slow)
    assert platform.materialize(FIRST, RAW).success
    costly = platform.metadata(RAW_EXPORT, FIRST)
    assert costly["retries"] == 4  # two orders refused, one export failed, one download cut
    assert 0 < costly["export_seconds"] < 3600
    platform.vendor.set_faults(Faults())
    assert platform.materialize(SECOND, RAW).success
    assert platform.metadata(RAW_EXPORT, SECOND)["retries"] == 0


def test_what_was_not_delivered_and_what_nobody_asked_for_is_said(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("salted_assets.defs.resources.ClientConfig", ImpatientConfig)
    platform.vendor.set_faults(Faults(missing_addresses=("turn",), extra_addresses={"service": ""}))
    assert platform.materialize(FIRST, RAW).success
    landing = platform.metadata(RAW_EXPORT, FIRST)
    assert (landing["not_delivered"], landing["addresses_not_asked_for"]) == ("turn", "service")
    platform.vendor.set_faults(Faults())
    assert platform.materialize(SECOND, RAW).success
    landing = platform.metadata(RAW_EXPORT, SECOND)
    assert (landing["not_delivered"], landing["addresses_not_asked_for"]) == ("none", "none")


@pytest.mark.parametrize(("key", "posts"), [("a-wrong-key", 1), ("", 0)])
def test_a_key_that_does_not_open_is_tried_once(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, key: str, posts: int
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, key)
    result = platform.materialize(FIRST, RAW)
    assert not result.success
    (said,) = failures_of(result)
    assert KEY_VARIABLE in said
    assert count_events(result, "STEP_UP_FOR_RETRY") == 0
    assert sum(platform.vendor.log().values()) == posts
    events = platform.instance.all_logs(result.run_id)
    assert not any("a-wrong-key" in repr(event) for event in events)


def test_an_error_that_may_pass_is_tried_again_by_the_step(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("salted_assets.defs.assets.raw.RETRY_POLICY", dg.RetryPolicy(max_retries=2, delay=0))
    patient = with_settings(platform)
    with Warehouse(platform.settings.warehouse).lock(f"export-{FIRST}"):
        result = patient.materialize(FIRST, RAW)
    assert not result.success
    assert count_events(result, "STEP_UP_FOR_RETRY") == 2
    assert count_events(result, "STEP_RESTARTED") == 2
    assert patient.materialize(FIRST, RAW).success


def test_a_day_whose_lag_has_not_passed_is_refused_with_the_time_from_which_it_can_be_had(platform: Platform) -> None:
    hasty = with_settings(platform, export_lag_minutes=60 * 24 * 366 * 100)
    result = hasty.materialize(FIRST, RAW)
    (said,) = failures_of(result)
    assert re.search(r"2024-01-09 can be exported from 21\d\d-\d\d-\d\d 00:00 UTC", said)
    assert "SALTED_EXPORT_LAG_MINUTES" in said
    assert count_events(result, "STEP_UP_FOR_RETRY") == 0
    assert sum(platform.vendor.log().values()) == 0


def test_days_landed_before_one_that_fails_are_recorded(platform: Platform) -> None:
    assert platform.materialize(FIRST, RAW).success
    landed = platform.metadata(RAW_EXPORT, FIRST)
    platform.vendor.set_faults(Faults(failed_exports=9))
    strict = with_settings(platform, max_export_retries=0)
    result = strict.materialize_range(FIRST, THIRD, RAW)
    assert not result.success
    assert platform.materialized_days(RAW_EXPORT) == [FIRST]
    (record,) = platform.instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=RAW_EXPORT, asset_partitions=[FIRST]), limit=1
    ).records
    assert record.run_id == result.run_id
    assert platform.metadata(RAW_EXPORT, FIRST) == landed


def test_tables_are_made_from_the_landing_without_vendor_or_key(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert platform.materialize_range(FIRST, SECOND, RAW).success
    requests = platform.vendor.log()
    monkeypatch.delenv(KEY_VARIABLE)
    assert platform.materialize_range(FIRST, SECOND, 'key:"tables/agent" or key:"tables/turn"').success
    assert platform.vendor.log() == requests
    assert platform.materialized_days(table_key("turn")) == [FIRST, SECOND]


def test_a_table_of_a_day_that_has_not_landed_says_what_to_do_first(platform: Platform) -> None:
    result = platform.materialize(FIRST, 'key:"tables/agent"')
    assert failures_of(result) == [f"agent of {FIRST} has not been landed. Materialize raw/export for this day first."]


def test_each_day_of_a_range_gets_its_own_facts(platform: Platform) -> None:
    assert platform.materialize_range(FIRST, THIRD).success
    assert platform.vendor.log()["exports"] == 3
    for key in (table_key("turn"), score_key("engagement"), score_key("agent_daily")):
        assert platform.materialized_days(key) == DAYS
        rows = [platform.metadata(key, day)["dagster/partition_row_count"] for day in DAYS]
        assert rows == [pq.read_metadata(platform.table(key, day)).num_rows for day in DAYS]
    assert len({platform.metadata(table_key("turn"), day)["dagster/partition_row_count"] for day in DAYS}) > 1
    for day in DAYS:
        starts = pq.read_table(platform.table(score_key("agent_daily"), day))["start_date"].to_pylist()
        assert {start.isoformat() for start in starts} == {day}


def test_scored_days_of_a_range_are_recorded_when_another_cannot_be_scored(platform: Platform) -> None:
    assert platform.materialize_range(FIRST, THIRD, f"{RAW} or group:tables").success
    agents = platform.table(table_key("agent"), FIRST)
    pq.write_table(pq.read_table(agents).replace_schema_metadata(None), agents)  # as another program would rewrite it
    result = platform.materialize_range(FIRST, THIRD, "group:scores")
    assert not result.success
    assert platform.materialized_days(score_key("answer")) == [SECOND, THIRD]
    assert platform.metadata(score_key("answer"), THIRD)["has_own_day"] is True
    assert not platform.table(score_key("answer"), FIRST).exists()


def test_without_reviews_and_turns_the_scores_have_their_columns_empty(tmp_path: Path) -> None:
    with running_platform(tmp_path, datasets=("engagement",)) as platform:
        assert platform.materialize(FIRST).success
        rows = pq.read_table(platform.table(score_key("agent_daily"), FIRST)).to_pylist()
    assert rows
    for row in rows:
        assert row["engagement_count"] > 0
        assert row["handle_time_ms_mean"] > 0
        assert {row[name] for name in ("evaluation_reviewer_mean", "answer_auto_count", "sentiment_agent_mean")} == {
            None
        }
        assert row["is_bot"] is None
