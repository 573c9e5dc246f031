"""The kinds of columns that models are written in, the facts kept for each, a model's Arrow schema and CSV header."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pyarrow.compute as pc
from pandera import extensions

Text = Annotated[pd.ArrowDtype, pa.string()]
Integer = Annotated[pd.ArrowDtype, pa.int64()]
Number = Annotated[pd.ArrowDtype, pa.float64()]
Timestamp = Annotated[pd.ArrowDtype, pa.timestamp("us", tz="UTC")]
Boolean = Annotated[pd.ArrowDtype, pa.bool_()]
Date = Annotated[pd.ArrowDtype, pa.date32()]
TextList = Annotated[pd.ArrowDtype, pa.list_(pa.string())]


@dataclass(frozen=True)
class TypeNames:
    """What one type is called: in the UI, in a Data Package, in Athena."""

    label: str
    data_package: str
    athena: str


_TYPE_NAMES = {
    pa.string(): TypeNames("text", "string", "string"),
    pa.int64(): TypeNames("integer", "integer", "bigint"),
    pa.float64(): TypeNames("number", "number", "double"),
    pa.bool_(): TypeNames("boolean", "boolean", "boolean"),
    pa.date32(): TypeNames("date", "date", "date"),
    pa.timestamp("us", tz="UTC"): TypeNames("timestamp", "datetime", "timestamp"),
    pa.list_(pa.string()): TypeNames("list of texts", "array", "array<string>"),
}

PersonalData = Literal["direct", "indirect", "content"]
"""`direct` names a person, `indirect` leads to one (an id, a link), `content` is free text that may hold anything."""


@dataclass(frozen=True)
class ColumnFacts:
    """What is known of one column, for docs, checks and the UI.

    `documented` is False for a column that the vendor's page does not list but a newer page names: it is optional in
    a file and kept when it comes. `delivered` is False for a column of a dataset's table that no file has: ingestion
    makes it. Where most filled cells of an `essential` column cannot be read, a file is not taken for read at all.
    `known_values` are compared without regard to case. `sources` are the columns that a
    computed column is made from, as `tables/engagement.empathy`; a delivered column has none. `minimum` and `maximum`
    are the bounds that the column's checks hold values to, both included; None where there is none.
    """

    name: str
    description: str
    arrow_type: pa.DataType
    nullable: bool
    unit: str | None = None
    personal: PersonalData | None = None
    known_values: tuple[str, ...] = ()
    documented: bool = True
    delivered: bool = True
    essential: bool = False
    sources: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None

    @property
    def is_duration(self) -> bool:
        """Whether the column holds lengths of time, none of which can be negative."""
        return self.unit == "ms" and self.minimum == 0


@dataclass(frozen=True)
class TableFacts:
    """What is known of one vendor dataset beside its columns.

    `needed` are the columns without which a file says nothing that could be used; `grain` completes "One row per".
    """

    dataset: str
    file_name: str
    grain: str
    needed: tuple[str, ...] = ("pid",)


def type_names_of(arrow_type: pa.DataType) -> TypeNames:
    """What a column's type is called elsewhere. Raises KeyError for a type that no table has."""
    return _TYPE_NAMES[arrow_type]


@extensions.register_check_method(statistics=["values"])  # type: ignore[untyped-decorator]
def known_value(series: "pd.Series[str]", *, values: Sequence[str]) -> "pd.Series[bool]":
    """True where the text, whatever its case, is one of `values`, and where there is none."""
    texts = pa.array(series.array)
    is_known = pc.is_in(texts, value_set=pa.array([*values, None], pa.string()))
    if not pc.all(is_known).as_py():
        lowered = [value.lower() for value in values]
        is_known = pc.is_in(pc.utf8_lower(texts), value_set=pa.array([*lowered, None], pa.string()))
    return pd.Series(pd.arrays.ArrowExtensionArray(is_known), index=series.index)


def text(
    description: str,
    *,
    key: bool = False,
    personal: PersonalData | None = None,
    known_values: Sequence[str] = (),
) -> Any:
    """A text column; `known_values` lists what the vendor's pages name, other values land and are flagged."""
    checks = {"known_value": {"values": list(known_values)}} if known_values else {}
    return _column(description, key=key, personal=personal, known_values=known_values, checks=checks)


def integer(description: str, *, unit: str, nullable: bool = True, **checks: float) -> Any:
    """A whole number in `unit`."""
    return _column(description, unit=unit, key=not nullable, checks=checks)


def number(description: str, *, unit: str, essential: bool = False, **checks: float) -> Any:
    """A decimal number in `unit`."""
    return _column(description, unit=unit, essential=essential, checks=checks)


def timestamp(description: str, *, documented: bool = True) -> Any:
    """An instant in UTC, from 2000 to 2099."""
    return _column(description, unit="UTC", documented=documented, essential=True)


def milliseconds(description: str, *, essential: bool = False) -> Any:
    """A duration in whole milliseconds, never negative."""
    return _column(description, unit="ms", essential=essential, checks={"ge": 0})


def derived(
    description: str,
    *,
    sources: Sequence[str],
    unit: str | None = None,
    nullable: bool = True,
    personal: PersonalData | None = None,
    **checks: float,
) -> Any:
    """A column computed here out of `sources`, each written as `tables/engagement.empathy`."""
    return _column(description, unit=unit, key=not nullable, personal=personal, sources=sources, checks=checks)


def _column(
    description: str,
    *,
    key: bool = False,
    unit: str | None = None,
    personal: PersonalData | None = None,
    known_values: Sequence[str] = (),
    documented: bool = True,
    delivered: bool = True,
    essential: bool = False,
    sources: Sequence[str] = (),
    checks: Mapping[str, Any] | None = None,
) -> Any:
    facts = {
        "unit": unit,
        "personal": personal,
        "known_values": tuple(known_values),
        "documented": documented,
        "delivered": delivered,
        "essential": essential,
        "sources": tuple(sources),
    }
    return pandera.Field(nullable=not key, description=description, metadata={"salted": facts}, **(checks or {}))


class Table(pandera.DataFrameModel):
    """What every model here shares: exact columns, no coercion (cells are cast once, where the raw text is at hand)."""

    class Config:
        strict = True
        coerce = False


class DatasetTable(Table):
    """A dataset of the vendor's export, whose newer documentation adds `updated_at` to every file."""

    updated_at: Timestamp | None = timestamp(
        "When the row last changed in Salted CX. Named only by the vendor's newer page: null where not delivered.",
        documented=False,
    )
    refused_columns: TextList | None = _column(
        "Columns that are null in this row though the file has a value there: one that could not be read or is "
        "impossible (see the rejects), or the vendor's reserved number for no value. Null where there is none.",
        documented=False,
        delivered=False,
    )


@cache
def facts_of(model: type[Table]) -> TableFacts:
    """The dataset facts that the model's `Config.metadata` holds.

    Raises TypeError for a model that describes no vendor dataset.
    """
    facts = getattr(model.Config, "metadata", {}).get("salted")
    if not isinstance(facts, TableFacts):
        raise TypeError(f"{model.__name__} describes no dataset of the vendor")
    return facts


@cache
def columns_of(model: type[Table]) -> tuple[ColumnFacts, ...]:
    """The model's columns in file order: documented ones first, in the order of the vendor's page."""
    columns = [_column_facts(name, column) for name, column in model.to_schema().columns.items()]
    return tuple(sorted(columns, key=lambda facts: not facts.documented))


def delivered_columns_of(model: type[Table]) -> tuple[ColumnFacts, ...]:
    """The model's columns that a file of the vendor may have, in file order."""
    return tuple(facts for facts in columns_of(model) if facts.delivered)


def csv_header(model: type[Table]) -> list[str]:
    """The column names that the vendor's page documents, in its order."""
    return [facts.name for facts in columns_of(model) if facts.documented]


@cache
def arrow_schema(model: type[Table]) -> pa.Schema:
    """The Arrow schema of a table as it is stored, with the description of each field."""
    return pa.schema(
        [
            pa.field(facts.name, facts.arrow_type, facts.nullable, {"description": facts.description})
            for facts in columns_of(model)
        ]
    )


def _column_facts(name: str, column: Any) -> ColumnFacts:
    bounds = {check.name: check.statistics for check in column.checks}
    return ColumnFacts(
        name=name,
        description=column.description,
        arrow_type=column.dtype.type.pyarrow_dtype,
        nullable=column.nullable,
        minimum=bounds.get("greater_than_or_equal_to", {}).get("min_value"),
        maximum=bounds.get("less_than_or_equal_to", {}).get("max_value"),
        **column.metadata["salted"],
    )
