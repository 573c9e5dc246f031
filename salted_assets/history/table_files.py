"""Tables, rejects and scores as local Parquet files: zstd, one row group a batch, facts in the footer.

What is chosen for a table's columns was measured on days of 50,000 engagements. Ids are most of such a file and come
out a tenth smaller at level 1 than at 3; all in all a file is smaller and costs a third less to write.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from salted_assets.history import AffectedDates, Reschedule
from salted_assets.history.footers import Footer
from salted_assets.ingest import Batch, TableStream
from salted_assets.ingest.contract import FIRST_CASES_COUNT
from salted_assets.ingest.keys import Keys, hash_texts, is_among
from salted_assets.schemas.base import ColumnFacts, columns_of, facts_of
from salted_assets.schemas.rejects import REJECTS_SCHEMA

_COMPRESSION_LEVEL = 1
_ROWS_AT_ONCE = 65_536
_ROWS_WITHOUT_DICTIONARY = 1000
_BYTES_AT_ONCE = 1 << 20
_BYTES_AFTER_FOOTER = 8
_STARTS = ["pid", "start_time"]


@dataclass(frozen=True)
class FilesWritten:
    """What the files of one table came to: rows of its rejects, the start days that the table affects."""

    reject_count: int
    affected: AffectedDates


@dataclass(frozen=True)
class KeyFaults:
    """Rows of a written table without a key, and rows whose key an earlier row has, with the first of those keys."""

    null_count: int
    repeated_count: int
    first_repeated: tuple[str, ...] = ()


def count_key_faults(table: pq.ParquetFile) -> KeyFaults:
    """Read the keys back from the file and count what is wrong with them; a table of no rows has no faults.

    Keys are compared by 64-bit hashes, 8 bytes a row: no repetition is missed, and at 5 million rows one is made up in
    less than one of a million tables.
    """
    keys, null_count = Keys(), 0
    for batch in table.iter_batches(columns=["pid"]):
        pids = batch.column("pid")
        null_count += pids.null_count
        keys.add(hash_texts(pids.drop_null()))
    repeats = keys.repeats()
    return KeyFaults(null_count, repeats.size, _first_keys(table, repeats) if repeats.size else ())


def _first_keys(table: pq.ParquetFile, hashes: np.ndarray) -> tuple[str, ...]:
    """The first keys, each once, that have one of the sorted hashes, in the order of the file."""
    found: dict[str, None] = {}
    for batch in table.iter_batches(columns=["pid"]):
        pids = batch.column("pid").drop_null()
        found |= dict.fromkeys(pids.filter(pa.array(is_among(hash_texts(pids), hashes))).to_pylist())
        if len(found) >= FIRST_CASES_COUNT:
            break
    return tuple(found)[:FIRST_CASES_COUNT]


def write_table(
    stream: TableStream,
    table_path: Path,
    rejects_path: Path,
    *,
    footer: Footer,
    zone: str,
    reschedules_of: Callable[[pa.Table], Iterable[Reschedule]] | None = None,
) -> FilesWritten:
    """Drain the stream into a file of rows and one of rejects, both with the footer; no rows give files of no rows.

    Start days are calendar days of `zone`; `reschedules_of` finds out of engagements' ids and starts which were
    rescheduled. Raises what the stream raises; the files are then not to be used.
    """
    for batches in stream.passes():
        written = _drain(batches, stream, (table_path, rejects_path), footer, zone, reschedules_of)
    return written


def write_frame(path: Path, frame: pa.Table, footer: Footer) -> None:
    """Write a whole frame with the footer, in row groups small enough that a reader of sorted rows can pass some by."""
    with open_frame_writer(path, frame.schema, footer, row_count=frame.num_rows) as write:
        write(frame)


@contextmanager
def open_frame_writer(
    path: Path, schema: pa.Schema, footer: Footer, *, row_count: int
) -> Iterator[Callable[[pa.Table], None]]:
    """Gives what writes the parts of a frame one after another; the footer comes last.

    `row_count` is that of the rows, or of the first part: a few hundred repeat too little for dictionaries.
    """
    options = {"use_dictionary": row_count > _ROWS_WITHOUT_DICTIONARY}
    with _open_writer(path, schema, options) as writer:
        yield lambda part: writer.write(part, _share_out(part.num_rows))
        footer.write(writer)


def _share_out(row_count: int) -> int:
    """Rows of a row group, all of about one size: readers with several threads give each of them whole ones."""
    return ceil(row_count / max(ceil(row_count / _ROWS_AT_ONCE), 1)) or 1


def have_same_pages(one: tuple[pq.ParquetFile, BinaryIO], other: tuple[pq.ParquetFile, BinaryIO]) -> bool:
    """Whether two files have the same bytes but for their footers, and so the same rows in the same columns.

    Files of other row groups, encodings or writers may have the same rows all the same.
    """
    (opened, file), (other_opened, other_file) = one, other
    said, said_by_other = opened.metadata, other_opened.metadata
    groups = range(said.num_row_groups)
    # `metadata.schema` would refer to the metadata and keep it, which is large, until cycles are collected
    if said.num_row_groups != said_by_other.num_row_groups or not opened.schema_arrow.equals(other_opened.schema_arrow):
        return False
    if not all(said.row_group(group).equals(said_by_other.row_group(group)) for group in groups):
        return False
    left = _find_end_of_pages(file)
    if left != _find_end_of_pages(other_file):
        return False
    while left:
        part = file.read(min(left, _BYTES_AT_ONCE))
        if not part or part != other_file.read(len(part)):
            return False
        left -= len(part)
    return True


def _find_end_of_pages(file: BinaryIO) -> int:
    """Where the footer begins, as the last bytes of every Parquet file say; leaves the file at its start.

    Source: https://parquet.apache.org/docs/file-format/
    """
    size = file.seek(-_BYTES_AFTER_FOOTER, os.SEEK_END)
    footer_size = int.from_bytes(file.read(4), "little")
    file.seek(0)
    return size - footer_size


def copy_rows(
    source: pq.ParquetFile, path: Path, keep: Callable[[pa.Table], pa.Array], columns: Sequence[ColumnFacts]
) -> None:
    """Write a file of the rows that `keep` is true for, asked for each row group, under the footer of the source.

    Its id is another one, so what was made of the source is out of date. `columns` are those of a vendor's table, and
    none for rejects and scores.
    """
    footer = replace(Footer.of(source), file_id=None)
    with _open_writer(path, source.schema_arrow.remove_metadata(), _encode_by_kind(columns)) as writer:
        for number in range(source.num_row_groups):
            rows = source.read_row_group(number)
            kept = rows.filter(keep(rows))
            if kept.num_rows:
                writer.write(kept)
        footer.write_with_id(writer, path)


def change_rows(
    source: pq.ParquetFile,
    path: Path,
    change: Callable[[pa.Table], pa.Table],
    columns: Sequence[ColumnFacts],
    file_id: str,
) -> None:
    """Write a file of the changed rows, asked for each row group, under the footer of the source and with this id.

    With the id that the source was known by, what was made of it stays in force: for changes that move no figure.
    `columns` are as in `copy_rows`.
    """
    footer = replace(Footer.of(source), file_id=file_id)
    with _open_writer(path, source.schema_arrow.remove_metadata(), _encode_by_kind(columns)) as writer:
        for number in range(source.num_row_groups):
            writer.write(change(source.read_row_group(number)))
        footer.write(writer)


def _drain(  # noqa: PLR0917 - what is drained and where to, each of its own type
    batches: Iterator[Batch],
    stream: TableStream,
    paths: tuple[Path, Path],
    footer: Footer,
    zone: str,
    reschedules_of: Callable[[pa.Table], Iterable[Reschedule]] | None,
) -> FilesWritten:
    """Write one pass to the files of the table and of its rejects, over those of an earlier pass."""
    table_path, rejects_path = paths
    affected = AffectedDates(facts_of(stream.model).dataset, zone)
    reject_count, starts = 0, []
    with (
        _open_writer(table_path, stream.schema, _encode_by_kind(columns_of(stream.model))) as table_writer,
        _open_writer(rejects_path, REJECTS_SCHEMA) as rejects_writer,
    ):
        for batch in batches:
            affected.add(batch.table)
            if reschedules_of is not None:
                starts.append(batch.table.select(_STARTS))
            reject_count += batch.rejects.num_rows
            table_writer.write(batch.table)
            if batch.rejects.num_rows:
                rejects_writer.write(batch.rejects)
        if reschedules_of is not None:
            affected.add_reschedules(
                reschedules_of(pa.concat_tables([stream.schema.empty_table().select(_STARTS), *starts]))
            )
        footer.write(rejects_writer)
        replace(footer, affected_dates=affected.to_json()).write_with_id(table_writer, table_path)
    return FilesWritten(reject_count, affected)


def _open_writer(path: Path, schema: pa.Schema, options: Mapping[str, Any] = MappingProxyType({})) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        path, schema, compression="zstd", compression_level=_COMPRESSION_LEVEL, write_page_checksum=True, **options
    )


def _encode_by_kind(columns: Sequence[ColumnFacts]) -> dict[str, Any]:
    """Dictionaries where values repeat, differences for times and whole numbers; no bounds of ids and free text.

    Nothing is chosen where the columns are those of no vendor's table.
    """
    if not columns:
        return {}
    unlike = {facts.name for facts in columns if pa.types.is_string(facts.arrow_type) and not _repeats(facts)}
    stepwise = {
        facts.name
        for facts in columns
        if pa.types.is_integer(facts.arrow_type) or pa.types.is_timestamp(facts.arrow_type)
    }
    return {
        "use_dictionary": [facts.name for facts in columns if facts.name not in unlike | stepwise],
        "column_encoding": dict.fromkeys(stepwise, "DELTA_BINARY_PACKED"),
        "write_statistics": [facts.name for facts in columns if facts.name not in unlike],
    }


def _repeats(facts: ColumnFacts) -> bool:
    """Whether a text column's values repeat: ids and free text do not, and a dictionary costs time there."""
    is_id = facts.name in {"pid", "external_id", "link", "conversation_external_id", "review_session_id", "response_to"}
    return facts.personal != "content" and not is_id
