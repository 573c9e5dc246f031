"""How much of each file could be read, and the rule by which too little fails the table."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.ingest.contract import IngestRules
from salted_assets.ingest.exceptions import UnreadableFileError
from salted_assets.ingest.parse import ParsedChunk
from salted_assets.schemas.base import ColumnFacts

_MIN_REFUSED_COUNT = 3


@dataclass
class _FileCounts:
    """Of one file the records and the filled cells of essential columns, those refused, and the first of each."""

    name: str
    total: Counter[str | None] = field(default_factory=Counter)
    refused: Counter[str | None] = field(default_factory=Counter)
    first: dict[str | None, str] = field(default_factory=dict)
    three_zeros: set[str] = field(default_factory=set)
    thousands: set[str] = field(default_factory=set)


class Readability:
    """What a pass has seen of each file. Records are counted under None, cells under their column."""

    def __init__(self, columns: Sequence[ColumnFacts]) -> None:
        self._essential = [facts.name for facts in columns if facts.essential]
        self._files: dict[int, _FileCounts] = {}

    def add(self, file_index: int, file_name: str, chunk: ParsedChunk, rejects: pa.Table) -> None:
        """Add a chunk with its rejects, which are numbered by the file."""
        counts = self._files.setdefault(file_index, _FileCounts(file_name))
        counts.total[None] += chunk.span.record_count
        counts.refused[None] += chunk.rejected_records
        for name in self._essential:
            counts.total[name] += chunk.table.num_rows - chunk.table[name].null_count + chunk.rejected_cells[name]
            counts.refused[name] += chunk.rejected_cells[name]
        for subject in counts.refused.keys() - counts.first.keys():
            if counts.refused[subject]:
                counts.first[subject] = _describe_first(rejects, subject)
        counts.three_zeros |= chunk.three_zeros
        counts.thousands |= chunk.thousands

    def list_thousands(self) -> Mapping[int, frozenset[str]]:
        """By file the columns in which cells such as `600.000` were read though points separate thousands there."""
        doubtful = {index: frozenset(file.three_zeros & file.thousands) for index, file in self._files.items()}
        return {index: columns for index, columns in doubtful.items() if columns}

    def assert_readable(self, rules: IngestRules) -> None:
        """Raise UnreadableFileError if of one file too many records, or cells of an essential column, were refused."""
        for file in self._files.values():
            for subject, refused in file.refused.items():
                total = file.total[subject]
                if refused >= _MIN_REFUSED_COUNT and refused > rules.refused_max_ratio * total:
                    what = "records" if subject is None else f"filled cells of {subject}"
                    raise UnreadableFileError(
                        f"{file.name}: {refused} of {total} {what} could not be read, more than "
                        f"{rules.refused_max_ratio:.0%}; the first: {file.first[subject]}. The file is damaged, or its "
                        "format has changed. Trying again won't help; look at the raw file. "
                        "SALTED_REFUSED_MAX_RATIO=1 loads what could be read"
                    )


def _describe_first(rejects: pa.Table, column: str | None) -> str:
    of_kind = rejects["column"].is_null() if column is None else pc.equal(rejects["column"], column)
    first = rejects.filter(of_kind).slice(0, 1).to_pylist()[0]
    return f"data row {first['row_number']}, {first['reason']}"
