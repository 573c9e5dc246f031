"""A file cut into its records: no byte is lost, and keys are read as ingestion reads them."""

import io

import pytest

from salted_assets.ingest import split_records
from salted_assets.schemas.turn import Turn
from salted_assets_tests.support.ingesting import header, record

MARK = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    "marked",
    [record(Turn, pid="p2"), record(Turn, pid='"p2"'), record(Turn, pid='"p2"', content='"two\nlines"')],
    ids=["plain", "quoted", "of two lines"],
)
@pytest.mark.parametrize("before", [record(Turn), b""], ids=["in the middle", "at the start"])
def test_a_byte_order_mark_stays_in_the_bytes_and_out_of_the_key(before: bytes, marked: bytes) -> None:
    data = header(Turn) + before + MARK + marked + record(Turn, pid="p3")

    parts = list(split_records(io.BytesIO(data), Turn, ["pid"], "turns.csv"))

    assert b"".join(bytes(part.data) for part in parts) == data
    pids = [pid for part in parts for pid in part.cells["pid"].to_pylist()]
    assert pids == (["p1"] if before else []) + ["p2", "p3"]
    records = [
        bytes(part.data[int(part.starts[index]) : int(part.ends[index])]) for part in parts for index in part.readable
    ]
    assert records[-2:] == [marked, record(Turn, pid="p3")]
