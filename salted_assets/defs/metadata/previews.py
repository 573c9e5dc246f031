"""The first rows of a table as the UI shows them, without any personal data."""

import re
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq

from salted_assets.schemas.base import ColumnFacts

ROWS_SHOWN = 5
COLUMNS_SHOWN = 9
_TEXT_LENGTH = 40
_TELL_LITTLE = ("external_id", "conversation_id")
_MARKUP = re.compile(r"([\\`*_\[\]<>|~])")


def read_preview(file: pq.ParquetFile, columns: Sequence[ColumnFacts]) -> dict[str, dg.MetadataValue[Any]]:
    """The preview of a stored table: of a big one only the shown columns of its first row group with rows are read."""
    schema = file.schema_arrow
    shown = [name for name in choose_shown(columns) if name in schema.names]
    groups = (number for number in range(file.num_row_groups) if file.metadata.row_group(number).num_rows)
    for batch in file.iter_batches(ROWS_SHOWN, row_groups=list(islice(groups, 1)), columns=shown):
        return build_preview(pa.Table.from_batches([batch]), columns)
    return build_preview(schema.empty_table().select(shown), columns)


def build_preview(rows: pa.Table, columns: Sequence[ColumnFacts]) -> dict[str, dg.MetadataValue[Any]]:
    """The first rows as a Markdown table: five rows of up to nine columns, none of which has a personal-data class.

    Ids of other systems and columns that the model does not know are not shown. A table without any other column has
    no preview.
    """
    shown = [name for name in choose_shown(columns) if name in rows.column_names]
    if not shown:
        return {}
    first = rows.select(shown).slice(0, ROWS_SHOWN).to_pylist()
    lines = [
        _line([_escape(name) for name in shown]),
        _line(["---"] * len(shown)),
        *(_line([_show(row[name]) for name in shown]) for row in first),
    ]
    return {"preview": dg.MetadataValue.md("\n".join(lines))}


def choose_shown(columns: Sequence[ColumnFacts]) -> list[str]:
    """The columns that a preview shows."""
    shown = (facts.name for facts in columns if facts.personal is None and not facts.name.endswith(_TELL_LITTLE))
    return list(islice(shown, COLUMNS_SHOWN))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _show(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = " ".join(str(value).split())
    return _escape(text if len(text) <= _TEXT_LENGTH else f"{text[: _TEXT_LENGTH - 1]}…")


def _escape(text: str) -> str:
    return _MARKUP.sub(r"\\\1", text)
