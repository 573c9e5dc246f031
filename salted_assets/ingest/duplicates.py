"""Rows of one load that have the same key, in one file or over several: which stays, and why the others go."""

from dataclasses import dataclass, field
from enum import IntEnum

import duckdb
import numpy as np
import pyarrow as pa

from salted_assets.ingest.keys import hash_rows
from salted_assets.schemas.versions import build_is_readable, build_ranked_query

DroppedRows = list[tuple[np.ndarray, np.ndarray]]
"""For each file the numbers of the rows to drop, sorted, and why (`DropReason`)."""

_COMPARED = ("pid", "updated_at", "refused_columns", "status")
"""What the rule looks at, as far as a dataset has it."""


class DropReason(IntEnum):
    """Why a row is left out of the table: it is the newest's very like, or another one, in its file or in another."""

    IDENTICAL = 0
    CONFLICTING = 1
    SUPERSEDED = 2


_DROPPED = """
    SELECT
        file, row,
        CASE WHEN file <> newest_file THEN {superseded} WHEN is_again THEN {identical} ELSE {conflicting} END AS reason
    FROM (
        SELECT
            file, row, version_rank,
            arg_min(file, version_rank) OVER (PARTITION BY pid) AS newest_file,
            row_number() OVER (PARTITION BY pid, file, digest ORDER BY version_rank) > 1 AS is_again
        FROM ({ranked})
    )
    WHERE version_rank > 1
    ORDER BY file, row
"""


@dataclass
class DuplicateScan:
    """The rows of a dataset whose keys may come twice, compactly."""

    dataset: str
    _rows: list[pa.Table] = field(default_factory=list)

    def add(self, table: pa.Table, file_index: int, row_numbers: np.ndarray) -> None:
        """Add suspect rows of one file."""
        rows = table.select([name for name in _COMPARED if name in table.column_names])
        rows = rows.append_column("digest", pa.array(hash_rows(table)))
        rows = rows.append_column("file", pa.repeat(pa.scalar(file_index, pa.int32()), table.num_rows))
        self._rows.append(rows.append_column("row", pa.array(row_numbers, pa.int64())))

    def dropped_rows(self, file_count: int) -> DroppedRows:
        """For each file the numbers of the rows to drop, sorted, and why.

        The newest version of each key stays, by the rule of `schemas.versions`; what is later in the order of the files
        and of a file's rows arrived later.
        """
        if not self._rows:
            return [(np.empty(0, np.int64), np.empty(0, np.int64))] * file_count
        version = f"SELECT * EXCLUDE (refused_columns), {build_is_readable(self.dataset)} AS is_readable FROM suspect"  # noqa: S608 - names of our own
        query = _DROPPED.format(
            superseded=DropReason.SUPERSEDED.value,
            identical=DropReason.IDENTICAL.value,
            conflicting=DropReason.CONFLICTING.value,
            ranked=build_ranked_query(f"({version})", "file", "row"),
        )
        with duckdb.connect() as connection:
            connection.register("suspect", pa.concat_tables(self._rows))
            dropped = connection.sql(query).to_arrow_table()
        files, rows, reasons = (dropped[name].to_numpy().astype(np.int64) for name in dropped.column_names)
        bounds = np.searchsorted(files, np.arange(1, file_count))
        return list(zip(np.split(rows, bounds), np.split(reasons, bounds), strict=True))
