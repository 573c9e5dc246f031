"""Columns as the UI shows them: described, and with what they are made from."""

from collections.abc import Sequence

import dagster as dg

from salted_assets.defs.asset_keys import account_key
from salted_assets.schemas.base import ColumnFacts, type_names_of
from salted_assets.schemas.lineage import describe_sources, list_sources


def build_column_schema(columns: Sequence[ColumnFacts], *, key: Sequence[str] = ("pid",)) -> dg.TableSchema:
    """Every column with its type, unit, meaning, nullability, bounds, known values, personal-data class and sources.

    The columns of the key are marked as such and not as unique: a key comes once in a partition, and again in others.
    """
    return dg.TableSchema(columns=[_describe(facts, key) for facts in columns])


def build_column_lineage(layer: str, name: str, *, account: str = "") -> dg.TableColumnLineage:
    """Of each column of a table or score the columns that it is made from; constants are left out.

    The sources are the assets of the same account. Raises KeyError for what is neither a table nor a score.
    """
    return dg.TableColumnLineage(
        {
            column: [dg.TableColumnDep(account_key(table.split("/"), account), source) for table, source in sources]
            for column, sources in list_sources(layer, name).items()
            if sources
        }
    )


def _describe(facts: ColumnFacts, key: Sequence[str]) -> dg.TableColumn:
    notes = [f"Known values: {', '.join(facts.known_values)}." if facts.known_values else ""]
    if facts.unit:
        notes.append(f"Unit: {facts.unit}.")
    notes.append(describe_sources(facts.sources))
    return dg.TableColumn(
        name=facts.name,
        type=type_names_of(facts.arrow_type).label,
        # the UI shows it as it is written
        description=" ".join([facts.description, *filter(None, notes)]).replace("`", ""),
        constraints=dg.TableColumnConstraints(
            nullable=facts.nullable,
            other=[*_describe_key(facts.name, key), *_describe_bounds(facts)],
        ),
        tags={"personal_data": facts.personal} if facts.personal else {},
    )


def _describe_key(name: str, key: Sequence[str]) -> list[str]:
    if name not in key:
        return []
    return ["part of the key" if len(key) > 1 else "key"]


def _describe_bounds(facts: ColumnFacts) -> list[str]:
    if facts.minimum is None:
        return [] if facts.maximum is None else [f"≤ {facts.maximum:g}"]
    return [f"≥ {facts.minimum:g}" if facts.maximum is None else f"{facts.minimum:g} to {facts.maximum:g}"]
