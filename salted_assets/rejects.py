"""What a day's rejects are, by column and reason. Not here: why a cell is refused (`ingest`), who writes rejects."""

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from salted_assets.ingest import CheckFailure
from salted_assets.ingest.checks import Tally
from salted_assets.ingest.contract import FIRST_CASES_COUNT

_COLUMNS = ["row_number", "pid", "column", "reason"]


def summarize_rejects(file: pq.ParquetFile) -> list[CheckFailure]:
    """Refused cells and records counted by column (null for whole records) and reason, which takes the rule's place.

    No rejects give nothing. The refused text itself is not read.
    """
    tally = Tally()
    for batch in file.iter_batches(columns=_COLUMNS):
        rejects = pa.table(batch).set_column(2, "column", batch.column("column").fill_null(""))
        for group in rejects.group_by(["column", "reason"], use_threads=False).aggregate([]).to_pylist():
            alike = [pc.equal(rejects[name], group[name]) for name in ("column", "reason")]
            rows = rejects.filter(pc.and_(*alike))
            first = rows.slice(0, FIRST_CASES_COUNT)
            cases = list(zip(first["pid"].to_pylist(), first["row_number"].to_pylist(), strict=True))
            tally.add(group["reason"], group["column"] or None, rows.num_rows, cases)
    return tally.failures()
