"""Which version of a row is the newest: the one rule that the reader and the catalog's views share."""

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from salted_assets.history.footers import Partition

_EXPORTS = pa.schema({"date": pa.date32(), "requested_at_utc": pa.timestamp("us", "UTC")})

_NEEDED = {
    "engagement": ("start_time", "preparation_time", "engagement_time", "wrap_up_time", "wait_time"),
    "turn": ("turn_time",),
    "review": ("answer_score", "worst_score", "best_score"),
}
"""What scores are made of: the start, durations, and the three scores of an answer."""

_WITHDRAWN = ("deleted", "ignore", "rejected")


def build_version_columns(dataset: str) -> str:
    """The columns of a dataset's rows that `build_outdated_query` looks at, as a SELECT has them.

    `is_readable`: none of the columns that scores are made of was refused. A file of before there was `refused_columns`
    refused nothing, as far as it says. A review that is withdrawn needs no scores.
    """
    columns = ", ".join(f"'{column}'" for column in _NEEDED.get(dataset, ()))
    is_readable = f"NOT coalesce(list_has_any(refused_columns, [{columns}]), false)" if columns else "true"
    if dataset == "review":
        withdrawn = ", ".join(f"'{status}'" for status in _WITHDRAWN)
        is_readable = f"({is_readable} OR coalesce(lower(trim(status)) IN ({withdrawn}), false))"
    return f"pid, date, updated_at, {is_readable} AS is_readable"


def build_outdated_query(versions: str) -> str:
    """The query for `pid` and `date` of those rows of a relation of which another row is a newer version.

    The relation has the columns of `build_version_columns` and `requested_at_utc`, a pid once at most for each
    partition (the loader lets no key through twice). A version that cannot be read is older than each one that can.
    Where all that can (or all, where none can) carry `updated_at`, the latest is the newest; otherwise the export that
    was requested last decides, for a file gives the state at that time; then the partition's day.
    """
    return f"""
        SELECT pid, date
        FROM (
            SELECT *, bool_and(updated_at IS NOT NULL) OVER (PARTITION BY pid, is_readable) AS is_dated FROM {versions}
        )
        QUALIFY row_number() OVER (
            PARTITION BY pid
            ORDER BY
                is_readable DESC, CASE WHEN is_dated THEN updated_at END DESC NULLS LAST, requested_at_utc DESC,
                date DESC
        ) > 1
    """  # noqa: S608 - the name of a relation of our own


def create_outdated(connection: duckdb.DuckDBPyConnection, partitions: Sequence[Partition]) -> None:
    """Make the table `outdated` of the table `version`, which has the columns of `build_version_columns`.

    When their exports were requested is that of the partitions. Rows with one version are not compared.
    """
    exports = [{"date": each.day, "requested_at_utc": each.requested_at} for each in partitions]
    connection.register("export", pa.Table.from_pylist(exports, schema=_EXPORTS))
    connection.execute(f"""
        CREATE TEMP TABLE outdated AS
        WITH several AS (SELECT pid FROM version GROUP BY pid HAVING count(*) > 1),
        compared AS (FROM version SEMI JOIN several USING (pid) JOIN export USING (date))
        {build_outdated_query("compared")}
    """)  # noqa: S608 - names of our own relations
