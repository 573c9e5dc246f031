"""The days whose cards are read together, as a table that the queries of the sections join."""

from collections.abc import Sequence
from datetime import date

import duckdb
import pyarrow as pa

from salted_assets.output.scorecard.inputs import ALARM_DAYS, TREND_DAYS, WINDOW_DAYS

_CREATE = f"""
    CREATE OR REPLACE TEMP TABLE card AS
    SELECT
        end_date, end_date - {TREND_DAYS - 1} AS trend_start, end_date - {WINDOW_DAYS - 1} AS window_start,
        end_date - {ALARM_DAYS - 1} AS week_start
    FROM (SELECT unnest(?::DATE[]) AS end_date)
"""  # noqa: S608 - our own numbers


def create_card_days(connection: duckdb.DuckDBPyConnection, days: Sequence[date]) -> None:
    """Make the table `card`: of each day the first days of what its card shows, each span ending on `end_date`."""
    connection.execute(_CREATE, [list(days)])


def split_by_card(rows: pa.Table, days: Sequence[date]) -> dict[date, pa.Table]:
    """The rows of each of the days' cards, which come in the order of their `end_date`, without that column."""
    counts = {each["values"]: each["counts"] for each in rows["end_date"].value_counts().to_pylist()}
    rows = rows.drop_columns(["end_date"])
    split, start = {}, 0
    for day in sorted(days):
        split[day] = rows.slice(start, counts.get(day, 0))
        start += counts.get(day, 0)
    return split
