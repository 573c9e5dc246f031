"""What the cells of a column that the model does not name look like, in counts alone.

Here: one chunk's cells to counts. Not here: adding chunks up (`contract`), finding out which columns are unknown
(`header`).
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.ingest.cells import cast_texts
from salted_assets.ingest.contract import UnknownColumn

_KINDS = (pa.int64(), pa.float64(), pa.timestamp("us", tz="UTC"))


def describe_texts(texts: pa.Array) -> UnknownColumn:
    """Count cells of an unknown column by what they would cast to, as the cells of known columns are cast."""
    filled = texts.drop_null()
    if not len(filled):
        return UnknownColumn(empty_count=len(texts))
    different = filled.value_counts()
    values, counts = different.field("values"), different.field("counts").to_numpy()
    integer_count, number_count, timestamp_count = (_cast_count(values, counts, kind) for kind in _KINDS)
    lengths = pc.min_max(pc.utf8_length(values)).as_py()
    return UnknownColumn(
        texts.null_count, len(filled), integer_count, number_count, timestamp_count, lengths["min"], lengths["max"]
    )


def _cast_count(values: pa.Array, counts: np.ndarray, kind: pa.DataType) -> int:
    is_cast = cast_texts(values, kind).is_valid().to_numpy(zero_copy_only=False)
    return int(counts[is_cast].sum())
