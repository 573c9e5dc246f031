"""Paths below the warehouse as functions of key and day (hive layout)."""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import date

from salted_assets.warehouse.exceptions import WarehouseDamaged

_DAY_FOLDER = re.compile(r"(?:^|/)date=([^/]*)(?:/|$)")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def partition_file(key: Sequence[str], day: date) -> str:
    """The one Parquet file of a daily partition.

    >>> partition_file(("tables", "turn"), date(2024, 1, 31))
    'tables/turn/date=2024-01-31/part-0.parquet'
    """
    return "/".join([*key, f"date={day.isoformat()}", "part-0.parquet"])


def whole_file(key: Sequence[str]) -> str:
    """The one Parquet file of a table without partitions.

    >>> whole_file(("raw", "export_history"))
    'raw/export_history/part-0.parquet'
    """
    return "/".join([*key, "part-0.parquet"])


def report_file(key: Sequence[str], day: date, name: str) -> str:
    """A file of a daily report: the page, or a picture beside it.

    >>> report_file(("report", "scorecard"), date(2024, 1, 31), "scorecard.html")
    'report/scorecard/date=2024-01-31/scorecard.html'
    """
    return "/".join([*key, f"date={day.isoformat()}", name])


def rejects_key(dataset: str) -> tuple[str, str]:
    """The key under which the cells and records that did not load are kept."""
    return ("rejects", dataset)


def landing_folder(day: date) -> str:
    """The folder of all that one day's exports delivered.

    >>> landing_folder(date(2024, 1, 31))
    'raw/export/date=2024-01-31'
    """
    return f"raw/export/date={day.isoformat()}"


def day_of_path(path: str) -> date | None:
    """The day that a path names, or None. Raises WarehouseDamaged for a `date=` that is none, as 30 February.

    >>> day_of_path("tables/turn/date=2024-01-31/part-0.parquet")
    datetime.date(2024, 1, 31)
    """
    found = _DAY_FOLDER.search(path)
    if not found:
        return None
    # fromisoformat alone takes days of weeks and days without hyphens too
    with suppress(ValueError):
        if _DAY.fullmatch(found[1]):
            return date.fromisoformat(found[1])
    raise WarehouseDamaged(
        f"{path} is in a folder that names no day as YYYY-MM-DD: nothing here writes such a folder. Move it out of the "
        "warehouse."
    )
