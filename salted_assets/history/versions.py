"""Which rows of a dataset's exports are outdated: another export brought a newer version of them."""

from collections.abc import Iterable

import duckdb
import pyarrow as pa

from salted_assets.history.footers import Partition
from salted_assets.schemas.versions import build_is_readable, build_ranked_query

_EXPORTS = pa.schema({"date": pa.date32(), "requested_at_utc": pa.timestamp("us", "UTC")})


def build_version_columns(dataset: str) -> str:
    """The columns of a dataset's rows that `build_outdated_query` looks at, as a SELECT has them."""
    return f"pid, date, updated_at, {build_is_readable(dataset)} AS is_readable"


def build_outdated_query(versions: str, key: str = "pid") -> str:
    """The query for `key` and `date` of those rows of a relation of which another row is a newer version.

    The relation has the columns of `key` and of `build_version_columns`, and `requested_at_utc`, a key once at most for
    each partition (the loader lets no pid through twice). The version of the export that was requested last arrived
    last, for a file gives the state at that time; then that of the later partition.
    """
    ranked = build_ranked_query(versions, "requested_at_utc", "date", key=key)
    return f"SELECT {key}, date FROM ({ranked}) WHERE version_rank > 1"  # noqa: S608 - a query of our own


def create_outdated(connection: duckdb.DuckDBPyConnection, partitions: Iterable[Partition]) -> None:
    """Make the table `outdated` of the table `version`: `start_date` and the columns of `build_version_columns`.

    Versions are compared within a start day: each day has its own partitions. When their exports were requested is that
    of the partitions. Rows with one version are not compared.
    """
    exports = [{"date": each.day, "requested_at_utc": each.requested_at} for each in partitions]
    connection.register("export", pa.Table.from_pylist(exports, schema=_EXPORTS))
    connection.execute(f"""
        CREATE TEMP TABLE outdated AS
        WITH several AS (SELECT start_date, pid FROM version GROUP BY start_date, pid HAVING count(*) > 1),
        compared AS (FROM version SEMI JOIN several USING (start_date, pid) JOIN export USING (date))
        {build_outdated_query("compared", "start_date, pid")}
    """)  # noqa: S608 - names of our own relations
