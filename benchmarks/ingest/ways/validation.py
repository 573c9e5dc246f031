"""How many rows of a frame break pandera's checks, for the ways that use it."""

import pandas as pd
import pandera.pandas as pandera
from pandera.errors import SchemaError, SchemaErrors

from benchmarks.ingest.plan import rule_title


def count_broken(schema: pandera.DataFrameSchema, frame: pd.DataFrame) -> dict[str, int]:
    """How many rows break each rule; every rule is tried."""
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        return {_title(error): int((~error.check_output.astype(bool)).sum()) for error in errors.schema_errors}
    return {}


def _title(error: SchemaError) -> str:
    column = None if isinstance(error.schema, pandera.DataFrameSchema) else error.schema.name
    return rule_title(column, error.check.name)
