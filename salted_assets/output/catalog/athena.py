"""Statements that define the files of a warehouse on S3 for Athena and Glue.

Athena is never asked anything from here: each statement names folders, columns and types, all of which the table models
know. Days come by partition projection, so that new ones are there without a crawler or `ALTER TABLE`.
"""

import re
from collections.abc import Iterator
from datetime import date

import pyarrow as pa

from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import arrow_schema, type_names_of
from salted_assets.schemas.rejects import REJECTS_SCHEMA
from salted_assets.schemas.row_change import ROW_CHANGES
from salted_assets.schemas.score_change import PUBLISHED_FIGURES, ScoreChange
from salted_assets.schemas.scores import SCORE_MODELS

_LOCATION = re.compile(r"s3://[a-z0-9.-]+(/[^\s'\\]*)?")


def build_athena_statements(location: str, database: str, first_day: date) -> Iterator[str]:
    """A CREATE EXTERNAL TABLE for each table, rejects table and score: `tables_turn`, `rejects_turn`, `scores_answer`.

    `location` is the warehouse's `s3://` address; days from `first_day` to the current one are looked for, and those
    without a file have no rows. The partition column `date` is text, such as 2024-01-31, as the folders spell it.
    Every name is in backticks: some, such as `date` and `column`, are reserved. Each statement ends with a semicolon.
    Raises ValueError for a location that is not on S3.
    """
    if not _LOCATION.fullmatch(location):
        raise ValueError(
            f"{location} is no s3://bucket/prefix, and Athena reads from S3 only. Copy the warehouse there and name "
            "that address (`--location`)."
        )

    for (layer, name), schema in _list_schemas():
        yield _build_statement(location.rstrip("/"), database, layer, name, schema, first_day)


def _list_schemas() -> Iterator[tuple[tuple[str, str], pa.Schema]]:
    for name, table in DATASET_MODELS.items():
        yield ("tables", name), arrow_schema(table)
        yield ("rejects", name), REJECTS_SCHEMA
    for name, score in SCORE_MODELS.items():
        yield ("scores", name), arrow_schema(score)
    for name in PUBLISHED_FIGURES:
        yield ("changes", name), arrow_schema(ScoreChange)
    for name, rows in ROW_CHANGES.items():
        yield ("changes", name), arrow_schema(rows)


def _build_statement(  # noqa: PLR0917 - where, what, since when: each has its own type
    location: str, database: str, layer: str, name: str, schema: pa.Schema, first_day: date
) -> str:
    columns = ",\n".join(f"  `{field.name}` {type_names_of(field.type).athena}" for field in schema)
    folder = f"{location}/{layer}/{name}"
    properties = {
        "projection.enabled": "true",
        "projection.date.type": "date",
        "projection.date.format": "yyyy-MM-dd",
        "projection.date.range": f"{first_day.isoformat()},NOW",
        "projection.date.interval": "1",
        "projection.date.interval.unit": "DAYS",
        "storage.location.template": f"{folder}/date=${{date}}",
    }
    options = ",\n".join(f"  '{key}' = '{value}'" for key, value in properties.items())
    return (
        f"CREATE EXTERNAL TABLE IF NOT EXISTS `{database}`.`{layer}_{name}` (\n{columns}\n)\n"
        f"PARTITIONED BY (`date` string)\nSTORED AS PARQUET\nLOCATION '{folder}/'\nTBLPROPERTIES (\n{options}\n);"
    )
