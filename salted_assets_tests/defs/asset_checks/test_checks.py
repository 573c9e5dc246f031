"""Each check of a table, seen failing on its own day: materialized one by one, and as one range."""

import csv
import io
import re
import resource
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from salted_assets.defs.asset_checks.table import TABLE_CHECKS
from salted_assets.defs.asset_keys import table_key
from salted_assets.history.table_files import FilesWritten, write_table
from salted_assets.ingest import TableStream
from salted_assets.schemas import DATASET_MODELS
from salted_assets_tests.support.platform import KNOWN_WARNINGS, Platform, running_platform, with_settings

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

CLEAN, BAD_HEADERS, BAD_ROWS, CLEAN_AGAIN = DAYS = ["2024-01-09", "2024-01-10", "2024-01-11", "2024-01-15"]
PASSED, FAILED, NEVER_RUN = "SUCCEEDED", "FAILED", "EXECUTION_FAILED"


def land(platform: Platform) -> None:
    """Two good days, one with bad headers, one with bad rows."""
    for day in DAYS:
        platform.spoil()
        if day == BAD_HEADERS:
            platform.spoil(
                missing_columns={"turn": ("sentiment",)},
                added_columns={"engagement": ("mood",)},
                renamed_columns={"agent": {"name": "full_name"}},
                zero_bytes=("review",),
            )
        elif day == BAD_ROWS:
            platform.spoil(
                null_pids={"engagement": 0.5},
                conflicting_duplicates={"customer": 1.0},
                identical_duplicates={"agent": 1.0},
                bad_cells={"review": 1.0},
            )
        assert platform.materialize(day, 'key:"raw/export"').success
    platform.edit_landed(BAD_ROWS, "turns.csv", lambda data: data.replace(b"AGENT", b"ROBOT") + b"\n")


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("checks")) as platform:
        land(platform)
        yield platform


@pytest.fixture(scope="module", params=["one by one", "as a range"])
def loaded(request: pytest.FixtureRequest, landed: Platform) -> Iterator[Platform]:
    """All days' tables, with the marks that Dagster has of them."""
    with dg.DagsterInstance.ephemeral() as instance:
        platform = replace(landed, instance=instance)
        if request.param == "as a range":
            result = platform.materialize_range(DAYS[0], DAYS[2], "group:tables")
            assert not result.success
            assert {event.step_key for event in result.filter_events(lambda event: event.is_step_failure)} == {
                "tables__agent",
                "tables__review",
                "tables__turn",
            }
            assert platform.materialize_range(CLEAN_AGAIN, CLEAN_AGAIN, "group:tables").success
        else:
            succeeded = [platform.materialize(day, "group:tables").success for day in DAYS]
            assert succeeded == [True, False, True, True]
        yield platform


def mark(platform: Platform, dataset: str, check: str, day: str) -> str:
    return next(status for status, days in platform.check_days(dataset, check).items() if day in days)


@pytest.mark.parametrize("dataset", DATASET_MODELS)
@pytest.mark.parametrize("day", [CLEAN, CLEAN_AGAIN])
@pytest.mark.parametrize("check", ["schema", "key", "volume", "referential", "rejects"])
def test_a_good_day_passes(loaded: Platform, dataset: str, day: str, check: str) -> None:
    assert mark(loaded, dataset, check, day) == PASSED


@pytest.mark.parametrize(
    ("dataset", "problem"),
    [
        ("turn", "the header lacks 'sentiment'"),
        ("agent", "'name' may now be 'full_name'"),
        ("review", "reviews.csv"),
    ],
)
def test_a_file_without_its_columns_gives_no_table_and_a_failed_schema(
    loaded: Platform, dataset: str, problem: str
) -> None:
    assert mark(loaded, dataset, "schema", BAD_HEADERS) == FAILED
    evaluation = loaded.evaluation(dataset, "schema", BAD_HEADERS)
    assert evaluation.severity is dg.AssetCheckSeverity.ERROR
    assert problem in str(evaluation.metadata["problem"].value)
    assert not loaded.table(table_key(dataset), BAD_HEADERS).exists()
    assert loaded.materialized_days(table_key(dataset)) == [CLEAN, BAD_ROWS, CLEAN_AGAIN]
    others = [check for check in TABLE_CHECKS if check != "schema"]
    assert {mark(loaded, dataset, check, BAD_HEADERS) for check in others} == {NEVER_RUN}


def test_an_undocumented_column_only_warns(loaded: Platform) -> None:
    assert mark(loaded, "engagement", "schema", BAD_HEADERS) == FAILED
    evaluation = loaded.evaluation("engagement", "schema", BAD_HEADERS)
    assert evaluation.severity is dg.AssetCheckSeverity.WARN
    assert evaluation.metadata["undocumented_columns"].value == "mood"
    (row,) = rows_of(evaluation, "columns")
    assert (row["column"], row["problem"], row["values"]) == ("mood", "not documented", "left in the raw file")
    assert "cells filled" in str(row["what_came"])
    assert loaded.table(table_key("engagement"), BAD_HEADERS).exists()
    assert loaded.materialized_days(table_key("engagement")) == DAYS


def rows_of(evaluation: dg.AssetCheckEvaluation, name: str) -> list[dict[str, object]]:
    table = evaluation.metadata[name]
    assert isinstance(table, dg.TableMetadataValue)
    return [dict(record.data) for record in table.records]


@pytest.mark.parametrize("dataset", DATASET_MODELS)
@pytest.mark.parametrize("day", [BAD_HEADERS, BAD_ROWS])
@pytest.mark.parametrize("check", TABLE_CHECKS)
def test_what_did_not_pass_says_what_to_do(loaded: Platform, dataset: str, day: str, check: str) -> None:
    status = mark(loaded, dataset, check, day)
    if status == NEVER_RUN:
        return
    shown = loaded.evaluation(dataset, check, day).metadata
    assert (status == FAILED) == bool({"what_to_do", "problem"} & set(shown))


def test_a_range_is_summed_up_by_its_newest_day_that_did_not_pass(landed: Platform) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        platform = replace(landed, instance=instance)
        assert platform.materialize_range(CLEAN, BAD_ROWS, 'key:"tables/customer"').success
        key = dg.AssetCheckKey(table_key("customer"), "rejects")
        (newest,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
        assert newest.evaluation is not None
        shown = {name: value.value for name, value in newest.evaluation.metadata.items()}
        on_its_day = platform.evaluation("customer", "rejects", BAD_ROWS).metadata
        assert (newest.partition, newest.evaluation.passed) == (None, False)
        assert shown | {"days": 3, "days_not_passed": BAD_ROWS, "day_shown": BAD_ROWS} == shown
        assert {name: shown[name] for name in on_its_day} == {name: on_its_day[name].value for name in on_its_day}
        assert shown["what_to_do"]


def test_refused_cells_are_listed_by_column_reason_and_key_and_never_by_what_stood_there(loaded: Platform) -> None:
    evaluation = loaded.evaluation("review", "rejects", BAD_ROWS)
    rejects = pq.read_table(loaded.folder / f"rejects/review/date={BAD_ROWS}/part-0.parquet")
    rows = rows_of(evaluation, "rejected")
    assert sum(int(str(row["rows"])) for row in rows) == rejects.num_rows > 10
    assert {row["column"] for row in rows} == set(rejects["column"].to_pylist())
    for row in rows:
        of_column = rejects.filter(pc.equal(rejects["column"], str(row["column"])))
        assert row["first_keys"] == ", ".join(of_column["pid"].to_pylist()[:10])
        assert row["first_rows"] == ", ".join(map(str, of_column["row_number"].to_pylist()[:10]))
        assert set(of_column["reason"].to_pylist()) == {row["reason"]}
    written = str(evaluation.metadata)
    assert not any(text in written for text in rejects["raw_value"].to_pylist() if text)


def test_refused_records_are_counted_apart_from_cells(loaded: Platform) -> None:
    (row,) = rows_of(loaded.evaluation("customer", "rejects", BAD_ROWS), "rejected")
    assert row["column"] == "whole record"
    assert "another row has the same pid" in str(row["reason"])
    assert row["rows"] == loaded.metadata(table_key("customer"), BAD_ROWS)["rejected_records"]


def test_a_materialization_tells_what_it_cost(loaded: Platform) -> None:
    facts = loaded.metadata(table_key("turn"), CLEAN)
    assert facts["parse_seconds"] > 0
    assert facts["rows_per_second"] == pytest.approx(facts["file_rows"] / facts["parse_seconds"], rel=0.05)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    assert 50 < facts["peak_memory_mb"] <= round(peak, 1)


def test_values_that_break_a_rule_are_in_the_table_and_counted(loaded: Platform) -> None:
    assert mark(loaded, "turn", "values", BAD_ROWS) == FAILED
    evaluation = loaded.evaluation("turn", "values", BAD_ROWS)
    assert evaluation.severity is dg.AssetCheckSeverity.WARN
    (failure,) = [row for row in rows_of(evaluation, "failures") if row["column"] == "participant"]
    assert evaluation.metadata["cases"].value == failure["rows"]
    assert failure["rule"] == "known_value"
    assert failure["rows"] != 0
    assert failure["first_keys"] != ""
    assert "ROBOT" not in str(evaluation.metadata)
    assert mark(loaded, "turn", "schema", BAD_ROWS) == PASSED


@pytest.mark.parametrize(
    ("dataset", "number"),
    [("engagement", "rejected_records"), ("customer", "rejected_records"), ("review", "rejected_cells")],
)
def test_what_could_not_be_read_is_counted(loaded: Platform, dataset: str, number: str) -> None:
    assert mark(loaded, dataset, "rejects", BAD_ROWS) == FAILED
    evaluation = loaded.evaluation(dataset, "rejects", BAD_ROWS)
    assert evaluation.severity is dg.AssetCheckSeverity.WARN
    count = evaluation.metadata[number].value
    assert isinstance(count, int)
    assert count > 0
    assert loaded.metadata(table_key(dataset), BAD_ROWS)[number] == count


def test_records_that_landed_are_held_against_rows_of_the_table(loaded: Platform) -> None:
    facts = loaded.metadata(table_key("turn"), BAD_ROWS)
    assert mark(loaded, "turn", "rejects", BAD_ROWS) == FAILED
    evaluation = loaded.evaluation("turn", "rejects", BAD_ROWS)
    assert evaluation.severity is dg.AssetCheckSeverity.WARN, "a blank line is a record to the landing alone"
    assert evaluation.metadata["landed_records"].value == facts["file_rows"] + 1
    agents, agent_facts = (
        loaded.evaluation("agent", "rejects", BAD_ROWS).metadata,
        loaded.metadata(table_key("agent"), BAD_ROWS),
    )
    assert agents["landed_records"].value == agent_facts["file_rows"]
    assert agents["duplicates_dropped"].value == agent_facts["duplicate_rows_dropped"] > 0


def test_kinds_of_keys_that_came_twice_are_counted_apart(loaded: Platform) -> None:
    customers = loaded.evaluation("customer", "key", BAD_ROWS).metadata
    assert (
        customers["conflicting_duplicates_rejected"].value
        == loaded.metadata(table_key("customer"), BAD_ROWS)["rejected_records"]
    )
    dropped = loaded.evaluation("agent", "key", BAD_ROWS).metadata["identical_duplicates_dropped"].value
    facts = loaded.metadata(table_key("agent"), BAD_ROWS)
    assert dropped == facts["duplicate_rows_dropped"] == facts["file_rows"] - facts["dagster/partition_row_count"] > 0
    assert mark(loaded, "agent", "rejects", BAD_ROWS) == PASSED
    assert mark(loaded, "customer", "key", BAD_ROWS) == PASSED


@pytest.fixture
def apart(landed: Platform, tmp_path: Path) -> Iterator[Platform]:
    """The same landings in a warehouse of their own, with nothing loaded yet."""
    shutil.copytree(landed.folder / "raw", tmp_path / "raw")
    with dg.DagsterInstance.ephemeral() as instance:
        yield with_settings(replace(landed, instance=instance), warehouse=str(tmp_path))


def test_a_later_good_load_takes_the_mark_away(apart: Platform) -> None:
    assert not apart.materialize(BAD_HEADERS, 'key:"tables/turn"').success
    assert mark(apart, "turn", "schema", BAD_HEADERS) == FAILED
    lenient = with_settings(apart, missing_columns="null")
    assert lenient.materialize(BAD_HEADERS, 'key:"tables/turn"').success
    evaluation = lenient.evaluation("turn", "schema", BAD_HEADERS)
    assert (evaluation.severity, evaluation.metadata["missing_columns"].value) == (
        dg.AssetCheckSeverity.WARN,
        "sentiment",
    )
    assert mark(lenient, "turn", "key", BAD_HEADERS) == PASSED
    assert lenient.table(table_key("turn"), BAD_HEADERS).exists()


def test_a_bad_file_after_a_good_one_is_marked_and_keeps_the_good_table(apart: Platform) -> None:
    assert apart.materialize(CLEAN, 'key:"tables/turn"').success
    before = apart.table(table_key("turn"), CLEAN).read_bytes()
    apart.edit_landed(CLEAN, "turns.csv", lambda data: data.replace(b"sentiment", b"mood", 1))
    assert not apart.materialize(CLEAN, 'key:"tables/turn"').success
    assert mark(apart, "turn", "schema", CLEAN) == FAILED
    assert apart.table(table_key("turn"), CLEAN).read_bytes() == before


def answering_nobody(data: bytes) -> bytes:
    """The file with every turn an answer to one that is not there."""
    rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, rows[0])
    writer.writeheader()
    writer.writerows(row | {"response_to": "nobody"} for row in rows)
    return out.getvalue().encode()


def test_many_rows_that_point_at_nothing_are_a_warning(apart: Platform) -> None:
    apart.edit_landed(CLEAN, "turns.csv", answering_nobody)
    assert apart.materialize(CLEAN, 'key:"tables/turn"').success
    assert mark(apart, "turn", "referential", CLEAN) == FAILED
    evaluation = apart.evaluation("turn", "referential", CLEAN)
    assert evaluation.severity is dg.AssetCheckSeverity.WARN
    rows = apart.metadata(table_key("turn"), CLEAN)["dagster/partition_row_count"]
    assert evaluation.metadata["rows_alone"].value == rows
    assert evaluation.metadata["response_to_found_ratio"].value == 0.0


def test_more_rejects_than_allowed_fail_the_table_and_the_check(apart: Platform) -> None:
    strict = with_settings(apart, rejected_records_max_count=1, rejected_records_max_ratio=0.0)
    assert not strict.materialize_range(CLEAN, BAD_ROWS, 'key:"tables/customer"').success
    assert mark(strict, "customer", "rejects", BAD_ROWS) == FAILED
    assert strict.evaluation("customer", "rejects", BAD_ROWS).severity is dg.AssetCheckSeverity.ERROR
    assert strict.materialized_days(table_key("customer")) == [CLEAN, BAD_HEADERS]


def without_zone_or_order(data: bytes) -> bytes:
    """The file with its times in a form that is not read: day first."""
    return re.sub(rb"(\d{4})-(\d\d)-(\d\d)T([0-9:.]+)Z", rb"\3.\2.\1 \4", data)


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (without_zone_or_order, "filled cells of turn_time could not be read"),
        (lambda data: data.replace(b"\n", b",\n").replace(b",\n", b"\n", 1), "records could not be read"),
    ],
)
def test_an_unreadable_file_after_a_good_one_fails_the_table_and_the_check_and_keeps_the_good_table(
    apart: Platform, spoil: Callable[[bytes], bytes], problem: str
) -> None:
    generous = with_settings(apart, rejected_records_max_count=10**6)
    assert generous.materialize(CLEAN, 'key:"tables/turn"').success
    before = generous.table(table_key("turn"), CLEAN).read_bytes()
    generous.edit_landed(CLEAN, "turns.csv", spoil)

    assert not generous.materialize(CLEAN, 'key:"tables/turn"').success
    evaluation = generous.evaluation("turn", "rejects", CLEAN)
    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert problem in str(evaluation.metadata["problem"].value)
    assert generous.table(table_key("turn"), CLEAN).read_bytes() == before

    lenient = with_settings(generous, refused_max_ratio=1.0)
    assert lenient.materialize(CLEAN, 'key:"tables/turn"').success
    assert generous.table(table_key("turn"), CLEAN).read_bytes() != before


def test_a_table_with_a_key_twice_keeps_what_depends_on_it_from_running(
    apart: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_twice(stream: TableStream, table_path: Path, *others: Any, **options: Any) -> FilesWritten:
        """A loader with a defect."""
        written = write_table(stream, table_path, *others, **options)
        rows = pq.read_table(table_path)
        with pq.ParquetWriter(table_path, rows.schema) as writer:
            writer.write_table(rows)
            writer.write_table(rows.slice(0, 3))
        return written

    monkeypatch.setattr("salted_assets.defs.day_files.write_table", write_twice)
    result = apart.materialize(CLEAN, 'key:"tables/engagement" or key:"scores/engagement"')
    assert not result.success
    assert "scores__engagement" not in {event.step_key for event in result.all_events if event.is_step_start}
    assert mark(apart, "engagement", "key", CLEAN) == FAILED
    evaluation = apart.evaluation("engagement", "key", CLEAN)
    assert evaluation.severity is dg.AssetCheckSeverity.ERROR
    assert evaluation.metadata["rows_with_repeated_key"].value == 3
    assert "report it" in str(evaluation.metadata["what_to_do"].value)
