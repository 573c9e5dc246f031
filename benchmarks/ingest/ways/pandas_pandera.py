"""The plain way: a whole file in a frame, validated, written."""

from pathlib import Path

import pandas as pd

from benchmarks.ingest.plan import KEY, Dataset, Kind, Loaded, of_kind
from benchmarks.ingest.ways.validation import count_broken
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import arrow_schema

_DTYPES: dict[Kind, str] = {"text": "str", "integer": "Int64", "number": "float64", "timestamp": "str"}


def load(plan: tuple[Dataset, ...], source: Path, target: Path) -> list[Loaded]:
    """Load one dataset after the other."""
    return [_load(dataset, source, target) for dataset in plan]


def _load(dataset: Dataset, source: Path, target: Path) -> Loaded:
    model = DATASET_MODELS[dataset.name]
    times = [name for name, kind in dataset.columns.items() if kind == "timestamp"]
    frame = pd.read_csv(
        source / dataset.file_name,
        dtype=of_kind(dataset, _DTYPES),
        keep_default_na=False,
        na_values=[""],
        parse_dates=times,
        date_format="ISO8601",
    )
    schema = arrow_schema(model)
    frame = frame.astype({name: pd.ArrowDtype(schema.field(name).type) for name in frame.columns})
    broken = count_broken(model.to_schema(), frame)
    repeated = int(frame[KEY].duplicated().sum())
    path = target / f"{dataset.name}.parquet"
    frame.to_parquet(path, index=False, compression="zstd", compression_level=1)
    return Loaded(dataset.name, len(frame), broken, repeated, (str(path),))
