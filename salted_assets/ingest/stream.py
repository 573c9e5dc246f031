"""A dataset's files as a lazy stream of checked batches: what the rest of the project calls."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from salted_assets.ingest.checks import assert_checks_are_on
from salted_assets.ingest.contract import Batch, IngestRules, RawFile, Statistics
from salted_assets.ingest.duplicates import DroppedRows, DuplicateScan
from salted_assets.ingest.files import TableFiles
from salted_assets.ingest.keys import is_among
from salted_assets.ingest.parse import ParseMode
from salted_assets.ingest.passes import Pass
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import DatasetTable, arrow_schema, delivered_columns_of, facts_of


def read_table(
    model: type[DatasetTable],
    files: Sequence[RawFile],
    rules: IngestRules | None = None,
    pseudonymise: Callable[[Batch], Batch] | None = None,
) -> "TableStream":
    """A dataset's files of one day, in the order of their exports, as a lazy stream. Nothing is read yet.

    Of several rows of a key the newest version stays, by the rule of `schemas.versions`.
    No files at all, like files of a header alone, give a table of no rows with the full schema.
    Keys stay whatever classes are redacted. `pseudonymise` is what every batch goes through at the end. Raises
    ValueError if `rules.redact` names something that is neither a column of any dataset nor a class of personal data,
    or names a key.
    """
    return TableStream(model, files, rules or IngestRules(), pseudonymise)


class TableStream:
    """The typed, checked rows of one dataset and day. Iterate `passes`, keep what the last one gives.

    `schema` is the Arrow schema of every batch; `statistics` is complete once the last pass is drained.
    """

    def __init__(
        self,
        model: type[DatasetTable],
        files: Sequence[RawFile],
        rules: IngestRules,
        pseudonymise: Callable[[Batch], Batch] | None = None,
    ) -> None:
        self.model = model
        self._pseudonymise = pseudonymise
        self.schema: pa.Schema = arrow_schema(model)
        self.statistics = Statistics()
        self._rules = rules
        self._redacted = _columns_to_redact(model, rules.redact)
        self._files = TableFiles(model, files, rules, self._redacted)

    def passes(self) -> Iterator[Iterator[Batch]]:
        """Passes over the files, each to be drained in turn into a fresh file; only the last one counts.

        One pass if all keys are different and no point is in doubt. Otherwise the first may end early, and another
        leaves out the dropped rows and reads no `600.000` in a column where `1.234` stands too.
        While a pass is drained it raises IngestError (see `exceptions`) if the table fails.
        """
        assert_checks_are_on()
        dropped_rows: DroppedRows | None = None
        suspects = np.empty(0, np.uint64)
        thousands: Mapping[int, frozenset[str]] = {}
        while True:
            one = Pass(self.model, self._files, self._rules, self._redacted, dropped_rows, thousands)
            self.statistics = one.statistics
            yield one.batches() if self._pseudonymise is None else map(self._pseudonymise, one.batches())
            if not one.is_drained:
                raise RuntimeError("a pass was asked for before the one before it was drained")
            repeated, found = one.take_repeated_hashes(), one.list_thousands()
            if dropped_rows is None and (repeated.size or one.is_given_up):
                suspects = repeated
            elif not found:
                return
            # Columns that this pass knew of have no such cells any more, so each pass finds others or none.
            thousands = {
                index: thousands.get(index, frozenset()) | found.get(index, frozenset())
                for index in thousands.keys() | found.keys()
            }
            # Which cells are refused depends on the points, and which row of a key stays on the cells.
            if suspects.size or one.is_given_up:
                dropped_rows = self._scan_duplicates(suspects, thousands)

    def _scan_duplicates(self, suspects: np.ndarray, thousands: Mapping[int, frozenset[str]]) -> DroppedRows:
        scan = DuplicateScan(facts_of(self.model).dataset)
        if suspects.size:
            for file_chunk in self._files.parsed_chunks(Statistics(), ParseMode(keys_alone=True, thousands=thousands)):
                chunk = file_chunk.chunk
                indices = np.flatnonzero(is_among(chunk.key_hashes, suspects))
                if indices.size:
                    rows = file_chunk.parser.read_rows(chunk, indices)
                    scan.add(rows, file_chunk.file_index, chunk.rows[indices] + file_chunk.rows_before)
        return scan.dropped_rows(self._files.count)


def _columns_to_redact(model: type[DatasetTable], redact: frozenset[str]) -> tuple[str, ...]:
    columns = delivered_columns_of(model)
    of_all = [facts for one in DATASET_MODELS.values() for facts in delivered_columns_of(one)]
    known = {word for facts in of_all for word in (facts.name, facts.personal)}
    if strangers := sorted(redact - known):
        raise ValueError(
            f"redact names {', '.join(strangers)}: neither a column of a dataset nor a class of personal data"
        )
    chosen = tuple(facts.name for facts in columns if facts.name in redact or facts.personal in redact)
    keys = [name for name in chosen if name in facts_of(model).needed and name in redact]
    if keys:
        raise ValueError(f"redact names {', '.join(keys)}, without which rows of {model.__name__} are useless")
    return tuple(name for name in chosen if name not in facts_of(model).needed)
