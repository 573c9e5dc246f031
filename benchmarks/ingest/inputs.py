"""The input of the benchmark: one simulated day as CSV files, what they hold, and the plan of what to do with them.

`python -m benchmarks.ingest.inputs AGENTS FOLDER` runs as a process of its own, for the one that measures must stay
small. Files that are there are kept; the plan is renewed, so that it says what the models say.
"""

import json
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import pyarrow as pa

from benchmarks.ingest.plan import KEY, Dataset, Kind, Rule, write_plan
from benchmarks.sizes import DAY, ENGAGEMENTS_PER_AGENT, FACTS_FILE, PLAN_FILE
from salted_assets.schemas import DATASET_MODELS, FILE_NAMES
from salted_assets.schemas.base import DatasetTable, delivered_columns_of, facts_of
from salted_assets.simulator import SimulatorOptions
from salted_assets.simulator.data.exporting import write_files
from salted_assets.simulator.data.windows import Window, to_ms

_ROW_RULES = {
    "start_time_not_after_end_time": "start_time > end_time",
    "not_before_engagement": "turn_time_relative_ms < 0",
    "answer_score_within_scale": "(answer_score - worst_score) * (answer_score - best_score) > 0",
}
"""The models' checks over several columns, which are Python there, as SQL."""

_KINDS: dict[pa.DataType, Kind] = {
    pa.string(): "text",
    pa.int64(): "integer",
    pa.float64(): "number",
    pa.timestamp("us", tz="UTC"): "timestamp",
}


@click.command()
@click.argument("agent_count", type=int)
@click.argument("folder", type=click.Path(path_type=Path))
def main(agent_count: int, folder: Path) -> None:
    """Put the input for so many agents into FOLDER, unless it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    write_plan(folder / PLAN_FILE, build_plan())
    facts_file = folder / FACTS_FILE
    if not facts_file.exists():
        facts_file.write_text(json.dumps(write_day(agent_count, folder)))


def build_plan() -> tuple[Dataset, ...]:
    """What the models ask for. Raises KeyError for a check that has no SQL here: the comparison would not be fair."""
    return tuple(_build_dataset(model) for model in DATASET_MODELS.values())


def write_day(agent_count: int, folder: Path) -> dict[str, int]:
    """Write the day's files; gives the rows of each dataset, and their bytes in all as `byte_count`."""
    options = SimulatorOptions(
        agent_count=agent_count, engagements_per_agent=ENGAGEMENTS_PER_AGENT, with_updated_at=True
    )
    window = Window(to_ms(DAY), to_ms(DAY + timedelta(days=1)), to_ms(DAY + timedelta(days=1, hours=2)))
    paths = {dataset: folder / name for dataset, name in FILE_NAMES.items()}
    with ExitStack() as files:
        row_counts = write_files(
            {name: files.enter_context(path.open("wb")) for name, path in paths.items()}, window, options
        )
    return {**row_counts, "byte_count": sum(path.stat().st_size for path in paths.values())}


def _build_dataset(model: type[DatasetTable]) -> Dataset:
    schema = model.to_schema()
    facts = facts_of(model)
    rules = [_column_rule(name, check) for name, column in schema.columns.items() for check in column.checks]
    missing = [Rule(name, "not_nullable", f"{name} IS NULL") for name in facts.needed]
    rows = [Rule(None, check.name, _ROW_RULES[check.name]) for check in schema.checks]
    kinds = {column.name: _KINDS[column.arrow_type] for column in delivered_columns_of(model)}
    if KEY not in kinds:
        raise KeyError(f"{model.__name__} has no column {KEY}")
    return Dataset(facts.dataset, facts.file_name, kinds, (*rules, *missing, *rows))


def _column_rule(name: str, check: Any) -> Rule:
    statistics = check.statistics
    match check.name:
        case "greater_than_or_equal_to":
            broken_if = f"{name} < {statistics['min_value']}"
        case "known_value":
            values = ", ".join(f"'{value.lower()}'" for value in statistics["values"])
            broken_if = f"lower({name}) NOT IN ({values})"
        case _:
            raise KeyError(f"the check {check.name} of {name} has no SQL here")
    return Rule(name, check.name, broken_if)


if __name__ == "__main__":
    main()
