"""Columns as the UI shows them: described, and with what they are made from. Not here: the descriptions (`tables`)."""

from collections.abc import Sequence

import dagster as dg
import pyarrow as pa

from salted_assets.accounts import key_at
from salted_assets.tables.base import ColumnFacts
from salted_assets.tables.lineage import describe_sources, list_sources

_TYPE_NAMES = {
    pa.string(): "text",
    pa.int64(): "integer",
    pa.float64(): "number",
    pa.bool_(): "boolean",
    pa.date32(): "date",
}


def build_column_schema(columns: Sequence[ColumnFacts], *, key: Sequence[str] = ("pid",)) -> dg.TableSchema:
    """Every column with its type, unit, meaning, nullability, key, known values, personal-data class and sources."""
    return dg.TableSchema(columns=[_describe(facts, key) for facts in columns])


def build_column_lineage(layer: str, name: str, *, account: str = "") -> dg.TableColumnLineage:
    """Of each column of a table or score the columns that it is made from; constants are left out.

    The sources are the assets of the same account. Raises KeyError for what is neither a table nor a score.
    """
    return dg.TableColumnLineage(
        {
            column: [dg.TableColumnDep(key_at(table.split("/"), account), source) for table, source in sources]
            for column, sources in list_sources(layer, name).items()
            if sources
        }
    )


def _describe(facts: ColumnFacts, key: Sequence[str]) -> dg.TableColumn:
    notes = [f"Known values: {', '.join(facts.known_values)}." if facts.known_values else ""]
    if facts.unit:
        notes.append(f"Unit: {facts.unit}.")
    if facts.personal:
        notes.append(f"Personal data: {facts.personal}.")
    notes.append(describe_sources(facts.sources))
    return dg.TableColumn(
        name=facts.name,
        type=_TYPE_NAMES.get(facts.arrow_type, "timestamp"),
        description=" ".join([facts.description, *filter(None, notes)]),
        constraints=dg.TableColumnConstraints(
            nullable=facts.nullable,
            unique=[facts.name] == list(key),
            other=["part of the key"] if facts.name in key and len(key) > 1 else [],
        ),
        tags={"personal_data": facts.personal} if facts.personal else {},
    )
