"""The table of rejects, one for each dataset: what could not be read of a file, and why."""

import pyarrow as pa

REJECTS_SCHEMA = pa.schema(
    [
        pa.field("row_number", pa.int64(), nullable=False),
        pa.field("pid", pa.string()),
        pa.field("column", pa.string()),
        pa.field("raw_value", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("file", pa.string()),
    ]
)
"""One row per refused cell or, where `column` is null, per refused record; `row_number` counts from 1
in each file, and `file` is the path of the raw file in the warehouse; rejects written before it was there lack it.

`raw_value` is the text as delivered, undecodable bytes as `\\xNN`; null for redacted columns, and for
whole records where any column is redacted.
"""
