"""What every way has to do, as plain data that a process can read without loading pandas or pandera."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeVar

Kind = Literal["text", "integer", "number", "timestamp"]

KEY = "pid"


@dataclass(frozen=True)
class Rule:
    """A check of values: `broken_if` is an SQL condition over one row, which null does not meet."""

    column: str | None
    name: str
    broken_if: str

    @property
    def title(self) -> str:
        """The rule's name together with its column."""
        return rule_title(self.column, self.name)


@dataclass(frozen=True)
class Dataset:
    """A CSV file to load: its columns in the order of the file, and the rules for its rows."""

    name: str
    file_name: str
    columns: dict[str, Kind]
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Loaded:
    """What a way made of one dataset: rows, rows per broken rule, rows whose key came before, its Parquet files."""

    dataset: str
    row_count: int
    broken: dict[str, int]
    repeated_key_count: int
    files: tuple[str, ...]


Value = TypeVar("Value")


def rule_title(column: str | None, name: str) -> str:
    """A rule's name together with its column; rules over several columns have none."""
    return f"{column}: {name}" if column else name


def of_kind(dataset: Dataset, values: Mapping[Kind, Value]) -> dict[str, Value]:
    """For each column the value for its kind."""
    return {name: values[kind] for name, kind in dataset.columns.items()}


def write_plan(path: Path, datasets: tuple[Dataset, ...]) -> None:
    """Write the plan as JSON."""
    path.write_text(json.dumps([asdict(dataset) for dataset in datasets], indent=1))


def read_plan(path: Path) -> tuple[Dataset, ...]:
    """Read the plan back. Raises FileNotFoundError."""
    return tuple(
        Dataset(**{**fields, "rules": tuple(Rule(**rule) for rule in fields["rules"])})
        for fields in json.loads(path.read_text())
    )
