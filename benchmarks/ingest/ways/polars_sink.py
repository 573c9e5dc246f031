"""Polars: a lazy scan into a Parquet sink, then one lazy query that validates what was written."""

from pathlib import Path
from typing import Any

import polars as pl  # type: ignore[import-not-found, unused-ignore]  # a peer, installed only to be measured

from benchmarks.ingest.plan import KEY, Dataset, Kind, Loaded, of_kind

_TYPES: dict[Kind, Any] = {
    "text": pl.String,
    "integer": pl.Int64,
    "number": pl.Float64,
    "timestamp": pl.Datetime("us", "UTC"),
}


def load(plan: tuple[Dataset, ...], source: Path, target: Path) -> list[Loaded]:
    """Load one dataset after the other; each uses all cores."""
    return [_load(dataset, source, target) for dataset in plan]


def _load(dataset: Dataset, source: Path, target: Path) -> Loaded:
    path = target / f"{dataset.name}.parquet"
    rows = pl.scan_csv(source / dataset.file_name, schema=of_kind(dataset, _TYPES))
    rows.sink_parquet(path, compression="zstd", compression_level=1)
    broken_counts = [pl.sql_expr(rule.broken_if).sum().alias(rule.title) for rule in dataset.rules]
    keys = pl.len().alias("rows"), pl.col(KEY).n_unique().alias("keys")
    counts = pl.scan_parquet(path).select(*keys, *broken_counts).collect(engine="streaming").row(0, named=True)
    row_count, key_count = counts.pop("rows"), counts.pop("keys")
    broken = {title: count for title, count in counts.items() if count}
    return Loaded(dataset.name, row_count, broken, row_count - key_count, (str(path),))
