"""Versions of reviews that were disputed: what the newest version alone does not tell once a dispute has ended."""

from datetime import date

import duckdb
import pyarrow as pa

from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.review import Review
from salted_assets.warehouse import Warehouse
from salted_assets.warehouse.scans import damage_named, write_scan

_COLUMNS = ("pid", "verified", "answer_score", "worst_score", "best_score")


def read_disputed_versions(connection: duckdb.DuckDBPyConnection, warehouse: Warehouse, first: date) -> pa.Table:
    """A row for each review that an export of a day from `first` on brought as verified Disputed.

    Gives `pid`, `disputed_since` (the day of the first such export) and `disputed_score`, the score of the last one in
    0..1, null where it has none. A dispute that began and ended between two exports is in none of them, so it is not
    here. Raises WarehouseDamaged for a table that cannot be read.
    """
    paths = {
        day: warehouse.table_path(("tables", "review"), day)
        for day in warehouse.list_days(("tables", "review"))
        if day >= first
    }
    columns = arrow_schema(Review)
    with damage_named(warehouse, paths.values()):
        scan = write_scan(connection, warehouse, paths, pa.schema([columns.field(name) for name in _COLUMNS]))
        return connection.sql(
            "SELECT pid, min(date) AS disputed_since, "  # noqa: S608 - our own names
            "arg_max((answer_score - worst_score) / nullif(best_score - worst_score, 0), date) AS disputed_score "
            f"FROM {scan} WHERE lower(trim(verified)) = 'disputed' AND pid IS NOT NULL GROUP BY pid"
        ).to_arrow_table()
