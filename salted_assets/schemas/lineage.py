"""Which columns each column of a table or score is made from, back to the delivered files."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType

import pyarrow as pa

from salted_assets.schemas import DATASET_MODELS, FILE_NAMES
from salted_assets.schemas.base import Table, columns_of, delivered_columns_of
from salted_assets.schemas.rolling_measures import ROLLING_MEASURES
from salted_assets.schemas.scores import SCORE_MODELS

Source = tuple[str, str]
"""A table by its path, such as `tables/engagement`, and one of its columns."""

_ALL_MEASURES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "<measure>": tuple(column for measure in ROLLING_MEASURES for column in measure.columns),
        "<measure>_count": tuple(measure.count for measure in ROLLING_MEASURES),
        "<measure>_sum": tuple(measure.total for measure in ROLLING_MEASURES),
        "<measure>_sum_of_squares": tuple(measure.squares for measure in ROLLING_MEASURES if measure.squares),
    }
)
"""What a source stands for that names the columns of all measures of a window at once."""


def list_sources(layer: str, name: str) -> dict[str, tuple[Source, ...]]:
    """The sources of each column of `layer/name`, each once, in the order in which the model notes them.

    A delivered column's is `raw/export` and its CSV column, such as `engagements.csv:empathy`; those of
    `refused_columns` are the columns whose cells can be refused. A constant has none.
    Raises KeyError for what is neither a table nor a score.
    """
    layers: dict[str, Mapping[str, type[Table]]] = {"tables": DATASET_MODELS, "scores": SCORE_MODELS}
    model = layers[layer][name]
    columns = columns_of(model)
    if layer == "tables":
        delivered = delivered_columns_of(model)
        own = {facts.name: ("raw/export", f"{FILE_NAMES[name]}:{facts.name}") for facts in delivered}
        refusable = tuple(own[facts.name] for facts in delivered if not pa.types.is_string(facts.arrow_type))
        return {facts.name: (own[facts.name],) if facts.delivered else refusable for facts in columns}
    return {facts.name: tuple(dict.fromkeys(_spell_out(facts.sources))) for facts in columns}


def describe_sources(sources: Sequence[str]) -> str:
    """The sources of a column as a sentence, each table once; nothing for a column that has none.

    What stands for each measure is written MEASURE: Dagster's UI takes angle brackets for a tag and hides them.

    >>> describe_sources(("tables/review.pid", "tables/review.status", "tables/turn.pid"))
    'From tables/review: pid, status; tables/turn: pid.'
    >>> describe_sources(("scores/agent_daily.<measure>_count",))
    'From scores/agent_daily: MEASURE_count.'
    """
    pairs = sorted((source.partition(".") for source in dict.fromkeys(sources)), key=lambda parts: parts[0])
    tables = [
        f"{table}: {', '.join(column for _, _, column in of_table)}"
        for table, of_table in groupby(pairs, key=lambda parts: parts[0])
    ]
    return f"From {'; '.join(tables)}.".replace("<measure>", "MEASURE") if tables else ""


def _spell_out(sources: Sequence[str]) -> Iterator[Source]:
    for source in sources:
        table, _, column = source.partition(".")
        for each in _ALL_MEASURES.get(column, (column,)):
            yield table, each
