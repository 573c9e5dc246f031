"""How simulated files are written: CSV records, and the faults that can be put into them."""

import csv
import hashlib
import io
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from salted_assets.simulator import DataFaults, Faults, SimulatorOptions
from salted_assets.simulator.data.csv_files import csv_record
from salted_assets_tests.support.simulators import DATASETS, DAY, LATER, MEDIUM, csv_bytes, export_rows


@given(st.lists(st.none() | st.integers() | st.text('a",;\r\n\t🙂', max_size=6), min_size=2, max_size=4))
def test_records_are_read_back_by_the_standard_library(record: list[str | int | None]) -> None:
    line = csv_record(record) + "\n"

    assert next(csv.reader(io.StringIO(line, newline=""))) == ["" if cell is None else str(cell) for cell in record]


def faulty(**faults: object) -> SimulatorOptions:
    return replace(MEDIUM, faults=Faults(data=DataFaults(**faults)))  # type: ignore[arg-type]  # one keyword a test


def test_faults_of_columns_change_the_header_alone() -> None:
    plain = export_rows("review", options=MEDIUM)
    options = faulty(
        added_columns={"review": ("mood",)},
        renamed_columns={"review": {"score": "points"}},
        missing_columns={"review": ("comment",)},
    )

    rows = export_rows("review", options=options)

    assert list(rows[0]) == [{"score": "points"}.get(name, name) for name in plain[0] if name != "comment"] + ["mood"]
    assert [row["pid"] for row in rows] == [row["pid"] for row in plain]
    assert [row["points"] for row in rows] == [row["score"] for row in plain]


def test_bad_cells_come_at_their_ratio_in_typed_columns() -> None:
    plain = {row["pid"]: row for row in export_rows("turn", options=MEDIUM)}

    rows = export_rows("turn", options=faulty(bad_cells={"turn": 0.1}))
    changed = [{name for name in row if row[name] != plain[row["pid"]][name]} for row in rows]

    assert 0.05 < sum(map(bool, changed)) / len(rows) < 0.15
    assert set.union(*changed) <= {
        "turn_time",
        "turn_time_relative_ms",
        "duration",
        "length",
        "sentiment",
        "confidence",
        "quality",
    }


def test_duplicates_are_identical_or_conflicting() -> None:
    plain = len(export_rows("engagement", options=MEDIUM))

    same = export_rows("engagement", options=faulty(identical_duplicates={"engagement": 0.2}))
    other = export_rows("engagement", options=faulty(conflicting_duplicates={"engagement": 0.2}))

    for rows, distinct_per_pid in ((same, 1), (other, 2)):
        versions = defaultdict(set)
        for row in rows:
            versions[row["pid"]].add(tuple(row.values()))
        assert len(rows) > plain * 1.1
        assert max(map(len, versions.values())) == distinct_per_pid


def test_null_pids_and_broken_records() -> None:
    assert any(not row["pid"] for row in export_rows("turn", options=faulty(null_pids={"turn": 0.1})))
    data = csv_bytes("turn", DAY, DAY + timedelta(days=1), LATER, faulty(broken_records={"turn": 0.1}))
    widths = Counter(len(record) for record in csv.reader(io.StringIO(data.decode(), newline="")))
    assert widths.keys() == {21, 10}


def test_files_empty_header_only_with_mark_or_crlf() -> None:
    end = DAY + timedelta(days=1)
    options = faulty(zero_bytes=("turn",), header_only=("agent",), byte_order_mark=("review",), crlf=("customer",))
    plain = {dataset: csv_bytes(dataset, DAY, end, LATER, MEDIUM) for dataset in DATASETS}

    assert csv_bytes("turn", DAY, end, LATER, options) == b""
    assert csv_bytes("agent", DAY, end, LATER, options) == plain["agent"].split(b"\n")[0] + b"\n"
    assert csv_bytes("review", DAY, end, LATER, options) == b"\xef\xbb\xbf" + plain["review"]
    assert csv_bytes("customer", DAY, end, LATER, options) == plain["customer"].replace(b"\n", b"\r\n")
    assert (
        hashlib.md5(csv_bytes("engagement", DAY, end, LATER, options)).digest()
        == hashlib.md5(plain["engagement"]).digest()
    )
