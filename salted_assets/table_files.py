"""Tables, rejects and scores as local Parquet files: zstd, one row group a batch, notes in the footer.

Here: how such a file is written, the same for the platform and for whoever measures it. Not here: where files lie and
when they become visible (`warehouse`), what is in the batches (`ingest`, `scoring`), Dagster.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from salted_assets.history import TouchedDays
from salted_assets.ingest import REJECTS_SCHEMA, Batch, TableStream
from salted_assets.ingest.keys import Keys, hash_texts
from salted_assets.tables.base import ColumnFacts, columns_of, facts_of

_COMPRESSION_LEVEL = 3


@dataclass(frozen=True)
class FilesWritten:
    """What the files of one table came to: rows of its rejects, the start days that the table touches."""

    reject_count: int
    touched: TouchedDays


@dataclass(frozen=True)
class KeyFaults:
    """Rows of a written table without a key, and rows whose key an earlier row has."""

    null_count: int
    repeated_count: int


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
    hashes = keys.sort()
    return KeyFaults(null_count, int((hashes[1:] == hashes[:-1]).sum()))


def write_table(
    stream: TableStream, table_path: Path, rejects_path: Path, *, notes: Mapping[str, str], zone: str
) -> FilesWritten:
    """Drain the stream into a file of rows and one of rejects, both with the notes; no rows give files of no rows.

    Start days are calendar days of `zone`. Raises what the stream raises; the files are then not to be used.
    """
    for batches in stream.passes():
        written = _drain(batches, stream, (table_path, rejects_path), notes, zone)
    return written


def write_frame(path: Path, frame: pa.Table, *, notes: Mapping[str, str]) -> None:
    """Write a whole frame with the notes."""
    with _open_writer(path, frame.schema, notes, ()) as writer:
        writer.write(frame)


def _drain(
    batches: Iterator[Batch],
    stream: TableStream,
    paths: tuple[Path, Path],
    notes: Mapping[str, str],
    zone: str,
) -> FilesWritten:
    """Write one pass to the files of the table and of its rejects, over those of an earlier pass."""
    table_path, rejects_path = paths
    touched = TouchedDays(facts_of(stream.model).dataset, zone)
    reject_count = 0
    with (
        _open_writer(table_path, stream.schema, notes, columns_of(stream.model)) as table_writer,
        _open_writer(rejects_path, REJECTS_SCHEMA, notes, ()) as rejects_writer,
    ):
        for batch in batches:
            touched.add(batch.table)
            reject_count += batch.rejects.num_rows
            table_writer.write(batch.table)
            if batch.rejects.num_rows:
                rejects_writer.write(batch.rejects)
        table_writer.add_key_value_metadata({"salted.touches": touched.to_json()})
    return FilesWritten(reject_count, touched)


def _open_writer(
    path: Path, schema: pa.Schema, notes: Mapping[str, str], columns: Sequence[ColumnFacts]
) -> pq.ParquetWriter:
    writer = pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=_COMPRESSION_LEVEL,
        use_dictionary=[facts.name for facts in columns if _repeats(facts)] if columns else True,
    )
    writer.add_key_value_metadata(dict(notes))
    return writer


def _repeats(facts: ColumnFacts) -> bool:
    """Whether a column's values repeat enough for a dictionary: ids and free text do not, and cost time there."""
    is_id = facts.name in {"pid", "external_id", "link", "conversation_external_id", "review_session_id", "response_to"}
    return pa.types.is_string(facts.arrow_type) and facts.personal != "content" and not is_id
