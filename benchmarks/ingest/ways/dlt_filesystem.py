"""dlt: its filesystem source and destination with Arrow tables, its fastest road, pandera on every batch.

Its writer takes no compression level, so zstd is at pyarrow's default of 1, to which the other ways are set.
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt  # type: ignore[import-not-found, unused-ignore]  # a peer, installed only to be measured
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.dataset
from dlt.sources.filesystem import filesystem  # type: ignore[import-not-found, unused-ignore]  # as above

from benchmarks.ingest.plan import KEY, Dataset, Loaded
from benchmarks.ingest.ways.validation import count_broken
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import arrow_schema

_TABLES_FOLDER = "tables"


def load(plan: tuple[Dataset, ...], source: Path, target: Path) -> list[Loaded]:
    """Load all datasets in one run of a pipeline whose own state lies below `target` too."""
    os.environ.update({"RUNTIME__DLTHUB_TELEMETRY": "false", "DATA_WRITER__COMPRESSION": "zstd"})
    pipeline = dlt.pipeline(
        "benchmark",
        pipelines_dir=str(target / "state"),
        destination=dlt.destinations.filesystem(target.as_uri()),
        dataset_name=_TABLES_FOLDER,
    )
    broken: dict[str, Counter[str]] = {dataset.name: Counter() for dataset in plan}
    resources = [_build_resource(dataset, source, broken[dataset.name]) for dataset in plan]
    pipeline.run(resources, loader_file_format="parquet", write_disposition="replace")
    return [_loaded(dataset, target, broken[dataset.name]) for dataset in plan]


def _build_resource(dataset: Dataset, source: Path, broken: Counter[str]) -> Any:
    model = DATASET_MODELS[dataset.name]
    schema = pa.schema([field for field in arrow_schema(model) if field.name in dataset.columns])
    checks = model.to_schema()

    def read_typed(files: Any) -> Iterator[pa.Table]:
        for file in files:
            with file.open() as stream:
                for batch in _open_csv(stream, schema):
                    table = pa.Table.from_batches([batch]).select(schema.names)
                    broken.update(count_broken(checks, table.to_pandas(types_mapper=pd.ArrowDtype)))
                    yield table

    files = filesystem(source.as_uri(), file_glob=dataset.file_name)
    return (files | dlt.transformer(read_typed, name=dataset.name)).with_name(dataset.name)


def _open_csv(stream: Any, schema: pa.Schema) -> pyarrow.csv.CSVStreamingReader:
    return pyarrow.csv.open_csv(
        stream,
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=schema, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=True
        ),
    )


def _loaded(dataset: Dataset, target: Path, broken: Counter[str]) -> Loaded:
    files = tuple(str(path) for path in (target / _TABLES_FOLDER / dataset.name).glob("*.parquet"))
    keys = pyarrow.dataset.dataset(list(files)).to_table(columns=[KEY])[KEY]
    return Loaded(dataset.name, len(keys), dict(broken), len(keys) - pc.count_distinct(keys).as_py(), files)
