"""Our way: the platform's own reader and writer, with rejects and checks over the whole file."""

from pathlib import Path

from benchmarks.ingest.plan import Dataset, Loaded, rule_title
from salted_assets.history import Footer
from salted_assets.history.table_files import write_table
from salted_assets.ingest import RawFile, read_table
from salted_assets.schemas import DATASET_MODELS


def load(plan: tuple[Dataset, ...], source: Path, target: Path) -> list[Loaded]:
    """Load as the platform does, but for compression of the raw files and publishing of the result."""
    return [_load(dataset, source, target) for dataset in plan]


def _load(dataset: Dataset, source: Path, target: Path) -> Loaded:
    file = RawFile(dataset.file_name, lambda: (source / dataset.file_name).open("rb"))
    path = target / f"{dataset.name}.parquet"
    stream = read_table(DATASET_MODELS[dataset.name], [file])
    write_table(stream, path, target / f"{dataset.name}.rejects.parquet", footer=Footer(), zone="UTC")
    statistics = stream.statistics
    return Loaded(
        dataset.name,
        statistics.table_rows,
        {rule_title(failure.column, failure.rule): failure.count for failure in statistics.check_failures},
        statistics.identical_duplicates + statistics.conflicting_duplicates,
        (str(path),),
    )
