"""The SQL expressions that every score shares, and the ways into and out of DuckDB."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

import duckdb
import pandas as pd
import pyarrow as pa

from salted_assets.schemas.base import DatasetTable, Table, arrow_schema

START_DATE = pa.field("start_date", pa.date32())
"""The day that rows of the vendor's tables are scored for, which the reader of newest versions gives."""

Rows: TypeAlias = pa.Table | pd.DataFrame | duckdb.DuckDBPyRelation
"""Rows of a score table, in memory or still to be read."""


def summed_up(name: str, value: str, condition: str | None = None) -> list[str]:
    """Count, sum and sum of squares of a decimal value, where `condition` holds if there is one: 0 where there is none.

    `fsum` compensates rounding, so that the order of the rows does not show in the result. The condition makes other
    values null: a filter of each aggregate takes up to twice the time.
    """
    counted = f"CASE WHEN {condition} THEN {value} END" if condition else value
    return [
        f"count({counted}) AS {name}_count",
        f"coalesce(fsum({counted}), 0.0) AS {name}_sum",
        f"coalesce(fsum({counted} * {counted}), 0.0) AS {name}_sum_of_squares",
    ]


def sum_in_order(value: str) -> str:
    """The sum of an expression in SQL, rounded alike whatever the order of the rows: `fsum` over them by size.

    Threads reach rows in an order of their own, in which a mean may come out on either side of a half.
    """
    return f"fsum({value} ORDER BY {value})"


EVALUATION_SCORE = f"least({sum_in_order('weight * score')} / {sum_in_order('weight')}, 1)"
"""The score of an evaluation out of its scored answers, as SQL."""


REVIEW_SOURCE = "nullif(lower(trim(type)), '')"
"""Who gave an answer, of a row of reviews, as SQL."""

EVALUATION = "coalesce('session ' || nullif(trim(review_session_id), ''), 'answer ' || pid)"
"""What tells evaluations of an engagement apart, of a row of reviews, as SQL."""

IS_ON_SCALE = """
    best_score <> worst_score
    AND isfinite(answer_score) AND isfinite(worst_score) AND isfinite(best_score)
    AND answer_score BETWEEN least(worst_score, best_score) AND greatest(worst_score, best_score)
"""
"""Whether an answer has a score, of a row of reviews, as SQL."""

SHARE_OF_SCALE = "(answer_score - worst_score) / (best_score - worst_score)"
"""The score in 0..1 of an answer that has one, as SQL."""


def mean_of(name: str) -> str:
    """The mean that a count and a sum give: null where the count is 0 or null."""
    return f"{name}_sum / nullif({name}_count, 0) AS {name}_mean"


def is_refused(*columns: str) -> str:
    """The condition that one of these cells of a row is null though the vendor's file has a value there."""
    return f"coalesce(list_has_any(refused_columns, {list(columns)}), false)"


def text_list(values: tuple[str, ...]) -> list[str]:
    """Values as the queries compare them: lower case, no blanks around."""
    return [value.strip().lower() for value in values]


@contextmanager
def related(rows: Rows, model: type[Table]) -> Iterator[duckdb.DuckDBPyRelation]:
    """The rows of a model's table as a relation; that of rows in memory holds for as long as the context."""
    if isinstance(rows, duckdb.DuckDBPyRelation):
        yield rows
        return
    if isinstance(rows, pd.DataFrame):
        rows = pa.Table.from_pandas(rows, schema=arrow_schema(model), preserve_index=False)
    with duckdb.connect() as connection:
        yield connection.from_arrow(rows)


def register(
    connection: duckdb.DuckDBPyConnection,
    dataset: str,
    rows: pa.Table | None,
    model: type[DatasetTable],
    columns: tuple[str, ...],
) -> None:
    """Make these columns of a vendor's table, and the rows' `start_date`, known under the dataset's name.

    None is a table of no rows.
    """
    if rows is None:
        schema = arrow_schema(model)
        rows = pa.schema([*(schema.field(column) for column in columns), START_DATE]).empty_table()
    connection.register(dataset, rows.select([*columns, START_DATE.name]))


def framed(relation: duckdb.DuckDBPyRelation | pa.Table, model: type[Table]) -> pd.DataFrame:
    """The relation's columns in the order and the types of the model, as a frame over Arrow arrays."""
    schema = arrow_schema(model)
    rows: pa.Table = relation if isinstance(relation, pa.Table) else relation.to_arrow_table()
    frame: pd.DataFrame = rows.select(schema.names).cast(schema).to_pandas(types_mapper=pd.ArrowDtype)
    return frame
