"""DuckDB: `COPY` with explicit types, then one query that validates what was written."""

from pathlib import Path

import duckdb

from benchmarks.ingest.plan import KEY, Dataset, Kind, Loaded, of_kind

_TYPES: dict[Kind, str] = {"text": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE", "timestamp": "TIMESTAMPTZ"}


def load(plan: tuple[Dataset, ...], source: Path, target: Path) -> list[Loaded]:
    """Load one dataset after the other; each uses all cores."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return [_load(connection, dataset, source, target) for dataset in plan]


def _load(connection: duckdb.DuckDBPyConnection, dataset: Dataset, source: Path, target: Path) -> Loaded:
    path = target / f"{dataset.name}.parquet"
    # Nothing is left to sniffing, neither types nor the end of lines, so that CRLF within quotes stays as it is.
    rows = connection.read_csv(
        str(source / dataset.file_name),
        header=True,
        columns=of_kind(dataset, _TYPES),
        auto_detect=False,
        delimiter=",",
        quotechar='"',
        escapechar='"',
        lineterminator=duckdb.CSVLineTerminator.LINE_FEED,
    )
    rows.create_view("delivered")
    connection.execute(
        "COPY delivered TO $path (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)", {"path": str(path)}
    )
    counters = [f"count(*) FILTER (WHERE {rule.broken_if})" for rule in dataset.rules]
    counts = connection.read_parquet(str(path)).aggregate(", ".join(["count(*)", f"count(DISTINCT {KEY})", *counters]))
    row_count, key_count, *broken_counts = counts.fetchall()[0]
    broken = {rule.title: count for rule, count in zip(dataset.rules, broken_counts, strict=True) if count}
    return Loaded(dataset.name, row_count, broken, row_count - key_count, (str(path),))
