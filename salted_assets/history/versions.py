"""Which of several versions of a row are outdated. Not here: where versions come from, which rows are asked for."""

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from salted_assets.history.table_partitions import Partition

_EXPORTS = pa.schema({"date": pa.date32(), "requested_at": pa.timestamp("us", "UTC")})

_OUTDATED = """
    CREATE TEMP TABLE outdated AS
    WITH several AS (SELECT pid FROM version GROUP BY pid HAVING count(*) > 1),
    compared AS (
        SELECT pid, date, updated_at, requested_at, bool_and(updated_at IS NOT NULL) OVER (PARTITION BY pid) AS is_dated
        FROM version SEMI JOIN several USING (pid) JOIN export USING (date)
    )
    SELECT pid, date FROM compared
    QUALIFY row_number() OVER (
        PARTITION BY pid
        ORDER BY CASE WHEN is_dated THEN updated_at END DESC NULLS LAST, requested_at DESC, date DESC
    ) > 1
"""


def create_outdated(connection: duckdb.DuckDBPyConnection, partitions: Sequence[Partition]) -> None:
    """Make the table `outdated`: `pid` and `date` of those rows of the table `version` of which another one is newer.

    `version` has `pid`, `updated_at` and the `date` of the partition, a pid once at most for each partition (the loader
    lets no key through twice). Where every version of a row carries `updated_at`, the latest is the newest; else the
    export that was ordered last decides, for a file gives the state at that time; then the partition's day.
    """
    exports = [{"date": each.day, "requested_at": each.requested_at} for each in partitions]
    connection.register("export", pa.Table.from_pylist(exports, schema=_EXPORTS))
    connection.execute(_OUTDATED)
