"""The `key` check: what is wrong with the keys of a table as it was written."""

from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from salted_assets.defs.asset_checks.delivery import RecordCounts
from salted_assets.defs.asset_checks.table import CheckInput, check_table
from salted_assets.defs.asset_checks.volume import Volume
from salted_assets.history.table_files import KeyFaults, count_key_faults
from salted_assets.ingest import Statistics

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("pids", "expected"),
    [
        ([], KeyFaults(0, 0)),
        (["a", "b", "ab", "ba"], KeyFaults(0, 0)),
        (["a", None, "b", None], KeyFaults(2, 0)),
        (["a", "b", "a", "a", "b"], KeyFaults(0, 3, ("a", "b"))),
    ],
)
def test_keys_are_checked_as_they_were_written(tmp_path: Path, pids: list[str | None], expected: KeyFaults) -> None:
    table = pa.table({"pid": pa.array(pids, pa.string()), "other": pa.nulls(len(pids), pa.int64())})
    # row groups of two: a key can come again in another one
    pq.write_table(table, tmp_path / "part-0.parquet", row_group_size=2)

    with pq.ParquetFile(tmp_path / "part-0.parquet") as file:
        found = count_key_faults(file)
    check_input = CheckInput("agent", Statistics(), found, Volume(len(pids), {}), RecordCounts(None, len(pids)))
    outcome = next(outcome for outcome in check_table(check_input, 0.5) if outcome.check == "key")

    assert found == expected
    assert outcome.passed == (expected == KeyFaults(0, 0))
    assert outcome.severity == dg.AssetCheckSeverity.ERROR
    assert ("what_to_do" in outcome.metadata) == (not outcome.passed)
    shown = outcome.metadata.get("first_repeated_keys")
    assert [record.data["pid"] for record in (shown.records if shown else [])] == list(expected.first_repeated)
