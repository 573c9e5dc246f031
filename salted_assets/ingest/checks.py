"""Pandera's checks on a chunk, with the rows that fail as plain indices, and their counts over chunks."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from threading import local

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
from pandera.config import ValidationDepth, get_config_context
from pandera.errors import SchemaError, SchemaErrors

from salted_assets.ingest.contract import FIRST_CASES_COUNT, CheckFailure
from salted_assets.ingest.exceptions import ChecksDisabledError
from salted_assets.schemas.base import DatasetTable


@dataclass(frozen=True)
class BrokenRule:
    """The indices in a chunk's table at which a rule is broken."""

    rule: str
    column: str | None
    indices: np.ndarray


class Checker:
    """Runs the model's checks on chunks, on any thread: each has its own schemas, which pandera may write to.

    To take the nulls out of a column costs as much as to check it. So a chunk is checked with its nulls first, of which
    a check says nothing or that they pass, and without them only if a rule is broken: then pandera wants to know where.
    What pandera does around a chunk's checks costs as much as they do, so at first the checks alone are asked.
    """

    def __init__(self, model: type[DatasetTable]) -> None:
        self._model = model
        self._of_thread = local()

    def check(self, table: pa.Table) -> list[BrokenRule]:
        """The rules that rows of the table break; none for an empty table.

        Raises ChecksDisabledError if pandera is switched off, RuntimeError if a check itself fails.
        """
        if not table.num_rows:
            return []
        frame = table.to_pandas(types_mapper=pd.ArrowDtype)
        try:
            passes = _passes(self._schema_of_thread(with_nulls=True), frame)
        except Exception:  # noqa: BLE001 - pandera names the check that did not run
            passes = False
        return [] if passes else self._find_broken(frame)

    def _find_broken(self, frame: pd.DataFrame) -> list[BrokenRule]:
        try:
            self._schema_of_thread(with_nulls=False).validate(frame, lazy=True, inplace=True)
        except SchemaErrors as errors:
            return [_broken_rule(error) for error in errors.schema_errors]
        return []

    def _schema_of_thread(self, *, with_nulls: bool) -> pandera.DataFrameSchema:
        name = "with_nulls" if with_nulls else "without_nulls"
        schema: pandera.DataFrameSchema | None = getattr(self._of_thread, name, None)
        if schema is None:
            schema = _build_schema(self._model, with_nulls=with_nulls)
            setattr(self._of_thread, name, schema)
        return schema


def assert_checks_are_on() -> None:
    """Raise ChecksDisabledError if pandera's own settings would skip checks of values."""
    config = get_config_context(validation_depth_default=ValidationDepth.SCHEMA_AND_DATA)
    if not config.validation_enabled or config.validation_depth is not ValidationDepth.SCHEMA_AND_DATA:
        raise ChecksDisabledError(
            "pandera's checks are switched off or reduced, so wrong values would pass unseen. "
            "Unset PANDERA_VALIDATION_ENABLED and PANDERA_VALIDATION_DEPTH and run again"
        )


def _build_schema(model: type[DatasetTable], *, with_nulls: bool) -> pandera.DataFrameSchema:
    """The model's schema with every rule, without what costs time and finds nothing in a table of the Arrow schema.

    Left out are columns of which nothing but their type is asked, and the search for rows that are all null, which no
    row with a key is. Failing cases are gathered to the first: which rows fail stands in a check's output.
    """
    schema = deepcopy(model.to_schema())
    schema.strict = False
    schema.columns = {name: column for name, column in schema.columns.items() if column.checks or not column.nullable}
    for check in schema.checks:
        check.ignore_na = False
    of_columns = [check for column in schema.columns.values() for check in column.checks]
    for check in of_columns:
        check.ignore_na = not with_nulls
    for check in (*schema.checks, *of_columns):
        check.n_failure_cases = 1
    return schema


def _passes(schema: pandera.DataFrameSchema, frame: pd.DataFrame) -> bool:
    """Whether every row passes every check, and no column has a null that may have none."""
    return (
        not any(frame[name].hasnans for name, column in schema.columns.items() if not column.nullable)
        and all(check(frame, name).check_passed for name, column in schema.columns.items() for check in column.checks)
        and all(check(frame).check_passed for check in schema.checks)
    )


def _broken_rule(error: SchemaError) -> BrokenRule:
    if not isinstance(error.check_output, pd.Series):
        # The message may quote values, so the cause is left out.
        raise RuntimeError(f"the check {error.check!r} of {error.schema.name} did not run") from None  # noqa: TRY004 - not about a type
    passed = error.check_output.astype(bool)
    column = None if isinstance(error.schema, pandera.DataFrameSchema) else error.schema.name
    return BrokenRule(error.check.name, column, passed.index[~passed].to_numpy())


class Tally:
    """Counts broken rules over chunks and keeps the first cases of each."""

    def __init__(self) -> None:
        self._failures: dict[tuple[str, str | None], CheckFailure] = {}

    def add(self, rule: str, column: str | None, count: int, first_cases: Sequence[tuple[str | None, int]]) -> None:
        """Add cases, given in the order of the file; nothing if there are none."""
        if not count:
            return
        failure = self._failures.setdefault((rule, column), CheckFailure(rule, column))
        failure.count += count
        failure.first_cases += first_cases[: FIRST_CASES_COUNT - len(failure.first_cases)]

    def failures(self) -> list[CheckFailure]:
        """All failures, by column and rule."""
        return sorted(self._failures.values(), key=lambda failure: (failure.column or "", failure.rule))
