"""One pass over a dataset's files: batches out, counts kept, rules over the whole file judged at its end.

Here: numbering rows, dropping those that lose to another of the same key, statistics. Not here: finding out which rows
lose (`keys`), what is done to one chunk (`parse`), how files are read (`files`).
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from salted_assets.ingest.checks import Tally
from salted_assets.ingest.contract import FIRST_CASES_COUNT, REJECTS_SCHEMA, Batch, IngestRules, Statistics
from salted_assets.ingest.errors import TooManyRejectsError
from salted_assets.ingest.files import PlacedChunk, TableFiles
from salted_assets.ingest.keys import Keys, Loser, Losers, References, reduce_starts, repeated
from salted_assets.ingest.parse import SELF_REFERENCE, build_rejects, shifted
from salted_assets.tables.base import DatasetTable, arrow_schema, facts_of

_START_TOLERANCE_MS = 60_000
_STARTS_HELD_COUNT = 500_000


class Pass:
    """One pass: batches out, counts kept; without the rows that lose, once they are known."""

    def __init__(
        self,
        model: type[DatasetTable],
        files: TableFiles,
        rules: IngestRules,
        redacted: Sequence[str],
        losers: Losers | None,
    ) -> None:
        self._model = model
        self._files = files
        self._rules = rules
        self._redacted = redacted
        self._losers = losers
        self._schema: pa.Schema = arrow_schema(model)
        self.statistics = Statistics(redacted_columns=list(redacted))
        self._tally = Tally()
        self._keys = Keys()
        self._references = References()
        self._starts: list[pd.DataFrame] = []
        self.repeated_hashes = np.empty(0, np.uint64)
        self.is_drained = False

    def batches(self) -> Iterator[Batch]:
        """The table's rows and rejects; first an empty batch, so that there is one even for no rows.

        Raises IngestError if the table fails, for too many rejects at the very end.
        """
        yield Batch(self._schema.empty_table(), REJECTS_SCHEMA.empty_table())
        for placed in self._files.parsed_chunks(self.statistics):
            yield self._batch(placed)
        self._finish()

    def _batch(self, placed: PlacedChunk) -> Batch:
        chunk, statistics = placed.chunk, self.statistics
        rejects = shifted(chunk.rejects, placed.rows_before)
        stays = np.ones(chunk.table.num_rows, bool)
        if self._losers is not None:
            stays, losing = self._without_losers(placed, self._losers[placed.file_index])
            rejects = pa.concat_tables([rejects, losing]).sort_by("row_number")
        statistics.file_rows += chunk.piece.record_count
        statistics.rejected_records += chunk.rejected_records
        statistics.rejected_cells.update(chunk.rejected_cells)
        statistics.naive_times.update(chunk.naive_times)
        statistics.reserved_values.update(chunk.reserved_values)
        statistics.table_rows += int(stays.sum())
        self._gather(placed, stays)
        table = chunk.table if stays.all() else chunk.table.filter(pa.array(stays))
        return Batch(self._redact(table.cast(self._schema)), rejects)

    def _without_losers(
        self, placed: PlacedChunk, losers: tuple[np.ndarray, np.ndarray]
    ) -> tuple[np.ndarray, pa.Table]:
        losing_rows, reasons = losers
        numbers = placed.chunk.rows + placed.rows_before
        loses = np.isin(numbers, losing_rows)
        why = reasons[np.searchsorted(losing_rows, numbers[loses])]
        self.statistics.identical_duplicates += int((why == Loser.IDENTICAL).sum())
        self.statistics.superseded_rows += int((why == Loser.SUPERSEDED).sum())
        is_conflicting = np.flatnonzero(loses)[why == Loser.CONFLICTING]
        self.statistics.conflicting_duplicates += int(is_conflicting.size)
        self.statistics.rejected_records += int(is_conflicting.size)
        return ~loses, _conflicting_rejects(placed, is_conflicting)

    def _gather(self, placed: PlacedChunk, stays: np.ndarray) -> None:
        chunk = placed.chunk
        numbers = chunk.rows + placed.rows_before
        pids = chunk.table["pid"].combine_chunks()
        for broken in chunk.broken_rules:
            places = broken.places[stays[broken.places]]
            self._tally.add(broken.rule, broken.column, places.size, _cases(pids, numbers, places))
        self._keys.add(chunk.key_hashes[stays])
        if chunk.open_references is not None:
            is_kept = stays[chunk.open_references.places]
            places = chunk.open_references.places[is_kept]
            self._references.add(chunk.open_references.hashes[is_kept], numbers[places], pids.take(pa.array(places)))
        if chunk.starts is not None:
            self._gather_starts(chunk.starts, pids, numbers)

    def _gather_starts(self, starts: pd.DataFrame, pids: pa.Array, numbers: np.ndarray) -> None:
        places = starts["place"].to_numpy()
        named = starts.drop(columns="place").assign(
            row=numbers[places], pid=pd.arrays.ArrowExtensionArray(pids.take(pa.array(places)))
        )
        self._starts.append(named)
        if sum(map(len, self._starts)) > _STARTS_HELD_COUNT + 2 * len(self._starts[0]):
            self._starts = [reduce_starts(pd.concat(self._starts))]

    def _finish(self) -> None:
        sorted_keys = self._keys.sort()
        count, cases = self._references.resolve(sorted_keys, FIRST_CASES_COUNT)
        self._tally.add("names_a_row_of_the_file", SELF_REFERENCE, count, cases)
        if self._starts:
            starts = reduce_starts(pd.concat(self._starts))
            apart = starts[starts["high"] - starts["low"] > _START_TOLERANCE_MS].sort_values("row")
            cases = list(zip(apart["pid"], apart["row"].astype(int), strict=True))
            self._tally.add("turns_agree_on_start", "turn_time_relative_ms", len(apart), cases)
        self.statistics.check_failures = self._tally.failures()
        self.statistics.assert_accounted()
        self.repeated_hashes = repeated(sorted_keys)
        self.is_drained = True
        self._judge_rejects()

    def _redact(self, table: pa.Table) -> pa.Table:
        for name in self._redacted:
            place = self._schema.get_field_index(name)
            nulls = pa.nulls(table.num_rows, self._schema.field(place).type)
            table = table.set_column(place, self._schema.field(place), nulls)
        return table

    def _judge_rejects(self) -> None:
        rules, statistics = self._rules, self.statistics
        count, total = statistics.rejected_records, statistics.file_rows
        if count > rules.rejected_records_max_count and count > rules.rejected_records_max_ratio * total:
            raise TooManyRejectsError(
                f"{facts_of(self._model).file_name}: {count} of {total} records were rejected, more than "
                f"{rules.rejected_records_max_count} and more than {rules.rejected_records_max_ratio:.2%}. Trying "
                "again won't help; look at the raw file, or raise the limits if the rest is worth having"
            )


def _cases(pids: pa.Array, numbers: np.ndarray, places: np.ndarray) -> list[tuple[str | None, int]]:
    return [(pids[int(place)].as_py(), int(numbers[place])) for place in places[:FIRST_CASES_COUNT]]


def _conflicting_rejects(placed: PlacedChunk, places: np.ndarray) -> pa.Table:
    if not places.size:
        return REJECTS_SCHEMA.empty_table()
    chunk = placed.chunk
    rows = chunk.rows[places]
    raw = placed.parser.record_texts(chunk.piece, np.searchsorted(chunk.piece.rows, rows))
    pids = chunk.table["pid"].combine_chunks().take(pa.array(places))
    reason = "another row has the same pid and other values, and is newer or comes later"
    return build_rejects(rows + placed.rows_before, pids, None, raw, [reason] * len(places))
