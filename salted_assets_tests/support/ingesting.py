"""Raw CSV bytes for the ingest tests, and reading them whole."""

import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from salted_assets.ingest import Batch, IngestRules, RawFile, Statistics, read_table
from salted_assets.schemas.base import DatasetTable, csv_header
from salted_assets.schemas.rejects import REJECTS_SCHEMA


class Whole(NamedTuple):
    table: pa.Table
    rejects: pa.Table
    statistics: Statistics
    pass_count: int


def header(model: type[DatasetTable], *extra: str) -> bytes:
    return (",".join([*csv_header(model), *extra]) + "\n").encode()


def record(model: type[DatasetTable], extra: Sequence[bytes] = (), /, **raw: bytes | str) -> bytes:
    """One record of raw cells (quotes are the caller's); `pid` and `engagement_pid` have a default."""
    raw = {"pid": b"p1", "engagement_pid": b"e1", **raw}
    cells = [raw.get(name, b"") for name in csv_header(model)]
    return b",".join([*(cell.encode() if isinstance(cell, str) else cell for cell in cells), *extra]) + b"\n"


def raw_file(data: bytes, name: str = "file.csv") -> RawFile:
    return RawFile(name, lambda: io.BytesIO(data))


def read_whole(model: type[DatasetTable], *files: bytes, **rules: Any) -> Whole:
    stream = read_table(model, [raw_file(data) for data in files], IngestRules(**rules))
    batches: list[Batch] = []
    pass_count = 0
    for one_pass in stream.passes():
        batches = list(one_pass)
        pass_count += 1
    stream.statistics.assert_accounted()
    table = pa.concat_tables([batch.table for batch in batches])
    rejects = pa.concat_tables([batch.rejects for batch in batches])
    assert table.schema == stream.schema
    assert rejects.schema == REJECTS_SCHEMA
    assert table.num_rows == stream.statistics.table_rows
    assert rejects["column"].null_count == stream.statistics.rejected_records
    return Whole(table, rejects, stream.statistics, pass_count)


def refused(whole: Whole) -> list[tuple[int, str | None, str | None]]:
    return [(row["row_number"], row["column"], row["raw_value"]) for row in whole.rejects.to_pylist()]
