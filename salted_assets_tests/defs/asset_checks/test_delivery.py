"""What the checks of a delivered file say, without a run."""

from collections import Counter

import dagster as dg
import pytest

from salted_assets.defs.asset_checks.delivery import RecordCounts, check_rejects, check_values
from salted_assets.defs.asset_checks.outcome import ERROR, SUMMARY, WARN
from salted_assets.ingest import Statistics
from salted_assets_tests.support.platform import KNOWN_WARNINGS

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]


@pytest.mark.parametrize(("naive_times", "passed"), [({}, True), ({"start_time": 11, "end_time": 3}, False)])
def test_times_without_a_zone_are_a_warning_with_their_number(naive_times: dict[str, int], passed: bool) -> None:
    outcome = check_values("engagement", Statistics(naive_times=Counter(naive_times)))
    assert (outcome.passed, outcome.metadata["times_without_zone_read_as_utc"]) == (passed, sum(naive_times.values()))
    assert ("14 times without a zone" in outcome.metadata.get(SUMMARY, "")) is not passed


READ = Statistics(
    file_rows=20, table_rows=10, rejected_records=4, identical_duplicates=1, superseded_rows=2, erased_records=3
)


@pytest.mark.parametrize("landed", [20, None])
def test_records_that_landed_are_rows_refused_dropped_or_erased(landed: int | None) -> None:
    outcome = check_rejects("turn", READ, [], RecordCounts(landed, 10))
    assert outcome.metadata[SUMMARY] == "4 records and 0 cells were refused"
    counted = {name: outcome.metadata[name] for name in ("landed_records", "table_rows", "duplicates_dropped")}
    assert counted == {"landed_records": 20, "table_rows": 10, "duplicates_dropped": 3}
    assert check_rejects("turn", Statistics(table_rows=5), [], RecordCounts(5, 5)).passed


@pytest.mark.parametrize(
    ("records", "severity", "found"),
    [
        (RecordCounts(6, 5), WARN, "6 records landed, of which 5 are rows of the table, 0 refused"),
        (RecordCounts(5, 4), ERROR, "5 records landed, of which 4 are rows of the table, 0 refused"),
        (RecordCounts(None, 4), ERROR, "5 records landed, of which 4 are rows"),
    ],
)
def test_records_that_are_nowhere_are_said_with_their_numbers(
    records: RecordCounts, severity: dg.AssetCheckSeverity, found: str
) -> None:
    outcome = check_rejects("turn", Statistics(file_rows=5, table_rows=5), [], records)
    assert (outcome.passed, outcome.severity) == (False, severity)
    assert found in outcome.metadata[SUMMARY]
