"""The SQL expressions that every score shares, and the way from a DuckDB relation to a frame. Not here: any rule."""

import duckdb
import pandas as pd
import pyarrow as pa

from salted_assets.tables.base import Table, arrow_schema


def summed_up(name: str, value: str, condition: str = "true") -> list[str]:
    """Count, sum and sum of squares of a decimal value where `condition` holds: 0 where there is none.

    `fsum` compensates rounding, so that the order of the rows does not show in the result.
    """
    where = f"FILTER (WHERE {condition})"
    return [
        f"count({value}) {where} AS {name}_count",
        f"coalesce(fsum({value}) {where}, 0.0) AS {name}_sum",
        f"coalesce(fsum({value} * {value}) {where}, 0.0) AS {name}_sum_of_squares",
    ]


def mean_of(name: str) -> str:
    """The mean that a count and a sum give: null where the count is 0 or null."""
    return f"{name}_sum / nullif({name}_count, 0) AS {name}_mean"


def text_list(values: tuple[str, ...]) -> list[str]:
    """Values as the queries compare them: lower case, no blanks around."""
    return [value.strip().lower() for value in values]


def framed(relation: duckdb.DuckDBPyRelation, model: type[Table]) -> pd.DataFrame:
    """The relation's columns in the order and the types of the model, as a frame over Arrow arrays."""
    schema = arrow_schema(model)
    table: pa.Table = relation.to_arrow_table().select(schema.names).cast(schema)
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return frame
