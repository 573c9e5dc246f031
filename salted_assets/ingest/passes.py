"""One pass over a dataset's files: batches out, counts kept, rules over the whole file applied at its end."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from salted_assets.ingest.checks import Tally
from salted_assets.ingest.contract import (
    FIRST_CASES_COUNT,
    SELF_REFERENCE,
    SELF_REFERENCE_RULE,
    Batch,
    IngestRules,
    Statistics,
)
from salted_assets.ingest.duplicates import DroppedRows, DropReason
from salted_assets.ingest.exceptions import TooManyRejectsError
from salted_assets.ingest.files import FileChunk, TableFiles
from salted_assets.ingest.keys import Keys, References
from salted_assets.ingest.parse import ParseMode, build_rejects, shifted
from salted_assets.ingest.readability import Readability
from salted_assets.ingest.starts import Starts
from salted_assets.schemas.base import DatasetTable, arrow_schema, delivered_columns_of, facts_of
from salted_assets.schemas.rejects import REJECTS_SCHEMA


class Pass:
    """One pass: batches out, counts kept; without the rows to drop, once they are known.

    Where they are not known, the pass gives no batch after the first key that comes twice and goes on for keys alone.
    Files of a day that was exported in parts nearly always share keys, so there it begins with the keys alone.
    """

    def __init__(  # noqa: PLR0917 - of what, by which rules and with what is known already, each of its own type
        self,
        model: type[DatasetTable],
        files: TableFiles,
        rules: IngestRules,
        redacted: Sequence[str],
        dropped_rows: DroppedRows | None,
        thousands: Mapping[int, frozenset[str]],
    ) -> None:
        self._model = model
        self._files = files
        self._rules = rules
        self._redacted = redacted
        self._dropped_rows = dropped_rows
        self._schema: pa.Schema = arrow_schema(model)
        self.statistics = Statistics(redacted_columns=list(redacted))
        self._tally = Tally()
        self._keys = Keys()
        self._references = References()
        self._starts = Starts()
        self._readability = Readability(delivered_columns_of(model))
        self._mode = ParseMode(dropped_rows is None and files.count > 1, thousands)
        self.is_drained = False

    @property
    def is_given_up(self) -> bool:
        """Whether the batches given are not all."""
        return self._mode.keys_alone

    def batches(self) -> Iterator[Batch]:
        """The table's rows and rejects; first an empty batch, so that there is one even for no rows.

        Raises IngestError if the table fails, for too many rejects at the very end.
        """
        yield Batch(self._schema.empty_table(), REJECTS_SCHEMA.empty_table())
        for file_chunk in self._files.parsed_chunks(self.statistics, self._mode):
            if self.is_given_up:
                self._keys.add(file_chunk.chunk.key_hashes)
            else:
                yield self._batch(file_chunk)
                self._mode.keys_alone = self._dropped_rows is None and self._keys.has_repeats
        if not self.is_given_up:
            self._finish()
        self.is_drained = True

    def take_repeated_hashes(self) -> np.ndarray:
        """The hashes of keys that may have come twice, once the pass is drained; what was gathered is let go."""
        repeats, self._keys = self._keys.repeats(), Keys()
        return np.unique(repeats)

    def list_thousands(self) -> Mapping[int, frozenset[str]]:
        """By file the columns of which cells were read that have to be refused, which another pass does."""
        return self._readability.list_thousands()

    def _batch(self, file_chunk: FileChunk) -> Batch:
        chunk, statistics = file_chunk.chunk, self.statistics
        rejects = shifted(chunk.rejects, file_chunk.rows_before)
        self._readability.add(file_chunk.file_index, file_chunk.file_name, chunk, rejects)
        stays = np.ones(chunk.table.num_rows, bool)
        if self._dropped_rows is not None:
            stays, dropped_rows = self._without_dropped(file_chunk, self._dropped_rows[file_chunk.file_index])
            rejects = pa.concat_tables([rejects, dropped_rows]).sort_by("row_number")
        statistics.file_rows += chunk.span.record_count
        statistics.rejected_records += chunk.rejected_records
        statistics.rejected_cells.update(chunk.rejected_cells)
        statistics.naive_times.update(chunk.naive_times)
        statistics.reserved_values.update(chunk.reserved_values)
        for name, column in chunk.unknown_columns.items():
            statistics.unknown_columns[name] += column
        statistics.table_rows += int(stays.sum())
        self._gather(file_chunk, stays)
        table = chunk.table if stays.all() else chunk.table.filter(pa.array(stays))
        return Batch(self._redact(table.cast(self._schema)), _with_file(rejects, file_chunk.file_name))

    def _without_dropped(
        self, file_chunk: FileChunk, dropped_rows: tuple[np.ndarray, np.ndarray]
    ) -> tuple[np.ndarray, pa.Table]:
        dropped, reasons = dropped_rows
        numbers = file_chunk.chunk.rows + file_chunk.rows_before
        stays = np.ones(numbers.size, bool)
        of_chunk = (
            slice(*np.searchsorted(dropped, [file_chunk.rows_before + 1, numbers[-1] + 1]))
            if numbers.size
            else slice(0)
        )
        why = reasons[of_chunk]
        indices = np.searchsorted(numbers, dropped[of_chunk])
        stays[indices] = False
        self.statistics.identical_duplicates += int((why == DropReason.IDENTICAL).sum())
        self.statistics.superseded_rows += int((why == DropReason.SUPERSEDED).sum())
        conflicting = indices[why == DropReason.CONFLICTING]
        self.statistics.conflicting_duplicates += int(conflicting.size)
        self.statistics.rejected_records += int(conflicting.size)
        return stays, _conflicting_rejects(file_chunk, conflicting)

    def _gather(self, file_chunk: FileChunk, stays: np.ndarray) -> None:
        chunk = file_chunk.chunk
        numbers = chunk.rows + file_chunk.rows_before
        pids = chunk.table["pid"].combine_chunks()
        for broken in chunk.broken_rules:
            indices = broken.indices[stays[broken.indices]]
            self._tally.add(broken.rule, broken.column, indices.size, _cases(pids, numbers, indices))
        self._keys.add(chunk.key_hashes[stays])
        if chunk.open_references is not None:
            is_kept = stays[chunk.open_references.indices]
            indices = chunk.open_references.indices[is_kept]
            self._references.add(chunk.open_references.hashes[is_kept], numbers[indices], pids.take(pa.array(indices)))
        if chunk.starts is not None:
            self._starts.add(chunk.starts, numbers, pids)

    def _finish(self) -> None:
        count, cases = self._references.resolve(self._keys, FIRST_CASES_COUNT)
        self._tally.add(SELF_REFERENCE_RULE, SELF_REFERENCE, count, cases)
        count, cases = self._starts.resolve(FIRST_CASES_COUNT)
        self._tally.add("turns_agree_on_start", "turn_time_relative_ms", count, cases)
        self.statistics.check_failures = self._tally.failures()
        self.statistics.assert_accounted()
        self._assert_few_rejects()
        self._readability.assert_readable(self._rules)

    def _redact(self, table: pa.Table) -> pa.Table:
        for name in self._redacted:
            index = self._schema.get_field_index(name)
            nulls = pa.nulls(table.num_rows, self._schema.field(index).type)
            table = table.set_column(index, self._schema.field(index), nulls)
        return table

    def _assert_few_rejects(self) -> None:
        rules, statistics = self._rules, self.statistics
        count, total = statistics.rejected_records, statistics.file_rows
        if count > rules.rejected_records_max_count and count > rules.rejected_records_max_ratio * total:
            raise TooManyRejectsError(
                f"{facts_of(self._model).file_name}: {count} of {total} records were rejected, more than "
                f"{rules.rejected_records_max_count} and more than {rules.rejected_records_max_ratio:.2%}. Trying "
                "again won't help; look at the raw file, or raise the limits if the rest is worth having"
            )


def _with_file(rejects: pa.Table, file_name: str) -> pa.Table:
    """The rejects with the file that they are from, by which their rows are numbered."""
    index = REJECTS_SCHEMA.get_field_index("file")
    return rejects.set_column(index, REJECTS_SCHEMA.field(index), pa.repeat(file_name, rejects.num_rows))


def _cases(pids: pa.Array, numbers: np.ndarray, indices: np.ndarray) -> list[tuple[str | None, int]]:
    return [(pids[int(index)].as_py(), int(numbers[index])) for index in indices[:FIRST_CASES_COUNT]]


def _conflicting_rejects(file_chunk: FileChunk, indices: np.ndarray) -> pa.Table:
    if not indices.size:
        return REJECTS_SCHEMA.empty_table()
    chunk = file_chunk.chunk
    pids = chunk.table["pid"].combine_chunks().take(pa.array(indices))
    reason = "another row has the same pid and other values, and is the newer version"
    raw = file_chunk.parser.raw_rows(chunk, indices)
    return build_rejects(chunk.rows[indices] + file_chunk.rows_before, pids, None, raw, [reason] * len(indices))
