"""The ways to load a day that are compared, one module each. Not here: how they are run and measured.

Every module has `load(plan, source, target)`: read the CSV files in `source`, write one table per dataset as zstd
Parquet (level 1) below `target`, check every rule of the plan, look for repeated keys, and give a `Loaded` per dataset.
This module is imported by the measuring process, so it loads none of them.
"""

from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True)
class Way:
    """A way to load a day: the module's name, what a reader calls it, the package that it needs, its colour."""

    name: str
    label: str
    package: str
    colour: str

    @property
    def is_installed(self) -> bool:
        """Whether the package that it needs can be imported."""
        return find_spec(self.package) is not None


OURS = Way("ours", "salted_assets", "salted_assets", "#0b6e4f")
WAYS = (
    OURS,
    Way("pandas_pandera", "pandas `read_csv` + pandera + `to_parquet`", "pandera", "#c1440e"),
    Way("duckdb_copy", "DuckDB `COPY` + validation query", "duckdb", "#8a6d00"),
    Way("polars_sink", "Polars `scan_csv` + `sink_parquet` + checks", "polars", "#2a5db0"),
    Way("dlt_filesystem", "dlt, filesystem to filesystem, + pandera", "dlt", "#7b3fa0"),
)
