"""A dataset's files as a lazy stream of checked batches: the one thing that the rest of the project calls.

Here: how many passes there are, and what they must leave out. Not here: what a pass does (`passes`); writing anything.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from salted_assets.ingest.checks import assert_checks_are_on
from salted_assets.ingest.contract import Batch, IngestRules, RawFile, Statistics
from salted_assets.ingest.files import TableFiles
from salted_assets.ingest.keys import Losers, Survey, is_among
from salted_assets.ingest.parse import Aim
from salted_assets.ingest.passes import Pass
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import DatasetTable, arrow_schema, columns_of, facts_of


def read_table(model: type[DatasetTable], files: Sequence[RawFile], rules: IngestRules | None = None) -> "TableStream":
    """A dataset's files of one day as a lazy stream; later files win over earlier ones. Nothing is read yet.

    No files at all, like files of a header alone, give a table of no rows with the full schema.
    Keys stay whatever classes are redacted. Raises ValueError if `rules.redact` names something that is neither a
    column of any dataset nor a class of personal data, or names a key.
    """
    return TableStream(model, files, rules or IngestRules())


class TableStream:
    """The typed, checked rows of one dataset and day. Iterate `passes`, keep what the last one gives.

    `schema` is the Arrow schema of every batch; `statistics` is complete once the last pass is drained.
    """

    def __init__(self, model: type[DatasetTable], files: Sequence[RawFile], rules: IngestRules) -> None:
        self.model = model
        self.schema: pa.Schema = arrow_schema(model)
        self.statistics = Statistics()
        self._rules = rules
        self._redacted = _columns_to_redact(model, rules.redact)
        self._files = TableFiles(model, files, rules, self._redacted)

    def passes(self) -> Iterator[Iterator[Batch]]:
        """Passes over the files, each to be drained in turn into a fresh place; only the last one counts.

        One pass if all keys are different. Otherwise the first ends early, and another gives all but the rows that
        lose. While a pass is drained it raises IngestError (see `errors`) if the table fails.
        """
        assert_checks_are_on()
        first = self._pass(None)
        yield first.batches()
        if not first.is_drained:
            raise RuntimeError("a pass was asked for before the one before it was drained")
        repeated = first.take_repeated_hashes()
        if repeated.size or first.is_given_up:
            yield self._pass(self._survey(repeated)).batches()

    def _pass(self, losers: Losers | None) -> Pass:
        one = Pass(self.model, self._files, self._rules, self._redacted, losers)
        self.statistics = one.statistics
        return one

    def _survey(self, suspects: np.ndarray) -> Losers:
        survey = Survey()
        if suspects.size:
            for placed in self._files.parsed_chunks(Statistics(), Aim(keys_alone=True)):
                chunk = placed.chunk
                places = np.flatnonzero(is_among(chunk.key_hashes, suspects))
                if places.size:
                    rows = placed.parser.read_rows(chunk, places)
                    survey.add(rows, placed.file_index, chunk.rows[places] + placed.rows_before)
        return survey.losers(self._files.count)


def _columns_to_redact(model: type[DatasetTable], redact: frozenset[str]) -> tuple[str, ...]:
    columns = columns_of(model)
    known = {
        word for one in DATASET_MODELS.values() for facts in columns_of(one) for word in (facts.name, facts.personal)
    }
    if strangers := sorted(redact - known):
        raise ValueError(
            f"redact names {', '.join(strangers)}: neither a column of a dataset nor a class of personal data"
        )
    chosen = tuple(facts.name for facts in columns if facts.name in redact or facts.personal in redact)
    keys = [name for name in chosen if name in facts_of(model).needed and name in redact]
    if keys:
        raise ValueError(f"redact names {', '.join(keys)}, without which rows of {model.__name__} are useless")
    return tuple(name for name in chosen if name not in facts_of(model).needed)
