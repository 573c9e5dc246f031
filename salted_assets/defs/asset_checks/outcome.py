"""The outcome of a check on one day, and the metadata by which a person can act on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from salted_assets.ingest import CheckFailure

SUMMARY, PROBLEM = "summary", "problem"
"""Metadata of an outcome that did not pass: what was found and how many, or what kept the table from being made."""

NEW = "new"
"""Metadata of an outcome that may not pass for many days: how much of it was not found on the days before."""

ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


@dataclass(frozen=True)
class CheckOutcome:
    """The outcome of one check on one day."""

    check: str
    passed: bool
    severity: dg.AssetCheckSeverity = WARN
    metadata: Mapping[str, Any] = field(default_factory=dict)


def build_record(**cells: str | int) -> dg.TableRecord:
    """A row of a table of first cases."""
    return dg.TableRecord(cells)


def build_case_record(failure: CheckFailure, kind: str, without_column: str = "several") -> dg.TableRecord:
    """A row on a rule or reason (by the name `kind`): how many rows it concerns, and which are the first."""
    return build_record(
        **{kind: failure.rule},
        column=failure.column or without_column,
        rows=failure.count,
        first_rows=", ".join(str(row) for _, row in failure.first_cases),
        first_keys=", ".join(pid for pid, _ in failure.first_cases if pid),
    )


def table_metadata(name: str, records: Sequence[dg.TableRecord]) -> dict[str, dg.TableMetadataValue]:
    """The records as a table under a name; nothing where there are none."""
    return {name: dg.MetadataValue.table(records)} if records else {}


def explain(is_needed: bool, summary: str, what_to_do: str) -> dict[str, str]:
    """Of an outcome that did not pass what was found, in one line with its numbers, and what a person should do."""
    return {SUMMARY: summary, "what_to_do": what_to_do} if is_needed else {}


def count(number: int, noun: str) -> str:
    """A number with its noun.

    >>> count(1, "row"), count(2, "row")
    ('1 row', '2 rows')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
