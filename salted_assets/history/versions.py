"""Which version of a row is the newest: the one rule that the reader and the catalog's views share."""

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from salted_assets.history.footers import Partition

_EXPORTS = pa.schema({"date": pa.date32(), "requested_at_utc": pa.timestamp("us", "UTC")})


def build_outdated_query(versions: str) -> str:
    """The query for `pid` and `date` of those rows of a relation of which another row is a newer version.

    The relation has `pid`, `updated_at`, the `date` of the partition and `requested_at_utc`, a pid once at most for
    each partition (the loader lets no key through twice). Where every version of a row carries `updated_at`, the latest
    is the newest; else the export that was requested last decides, for a file gives the state at that time; then the
    partition's day.
    """
    return f"""
        SELECT pid, date
        FROM (SELECT *, bool_and(updated_at IS NOT NULL) OVER (PARTITION BY pid) AS is_dated FROM {versions})
        QUALIFY row_number() OVER (
            PARTITION BY pid
            ORDER BY CASE WHEN is_dated THEN updated_at END DESC NULLS LAST, requested_at_utc DESC, date DESC
        ) > 1
    """  # noqa: S608 - the name of a relation of our own


def create_outdated(connection: duckdb.DuckDBPyConnection, partitions: Sequence[Partition]) -> None:
    """Make the table `outdated` of the table `version`, which has what `build_outdated_query` asks for.

    But for `requested_at_utc`, which is that of the partition. Rows with one version are not compared.
    """
    exports = [{"date": each.day, "requested_at_utc": each.requested_at} for each in partitions]
    connection.register("export", pa.Table.from_pylist(exports, schema=_EXPORTS))
    connection.execute(f"""
        CREATE TEMP TABLE outdated AS
        WITH several AS (SELECT pid FROM version GROUP BY pid HAVING count(*) > 1),
        compared AS (FROM version SEMI JOIN several USING (pid) JOIN export USING (date))
        {build_outdated_query("compared")}
    """)  # noqa: S608 - names of our own relations
