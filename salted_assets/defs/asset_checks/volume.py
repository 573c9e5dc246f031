"""The check `volume`: a day's rows against what its weekday usually has."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import Any

from salted_assets.defs.asset_checks.outcome import CheckOutcome, count, explain
from salted_assets.settings import variable_of
from salted_assets.warehouse import Warehouse, WarehouseDamaged

WEEKS = 8
FEWEST_DAYS = 3
"""Fewer earlier days than this have no median worth a warning."""

CHANCE_ROWS = 10
"""A difference of fewer rows than this is what chance makes of small numbers."""


@dataclass(frozen=True)
class Volume:
    """Rows of a day, and those of the earlier days with the same weekday that could be counted, but for holidays.

    Files of the `damaged_days` cannot be read.
    """

    row_count: int
    earlier_row_counts: Mapping[date, int]
    damaged_days: Sequence[date] = ()
    is_holiday: bool = False

    @property
    def usual_row_count(self) -> float | None:
        """The median of the earlier days; None where there are too few of them."""
        counts = self.earlier_row_counts.values()
        return float(median(counts)) if len(counts) >= FEWEST_DAYS else None

    @property
    def ratio(self) -> float | None:
        """Rows as a multiple of the usual ones; None where nothing, or no rows, are usual."""
        return self.row_count / self.usual_row_count if self.usual_row_count else None

    def is_usual(self, tolerance: float) -> bool:
        """Whether the rows lie from `tolerance` times the usual number to the usual number over `tolerance`.

        The median does not follow single odd days, such as holidays. A difference of fewer than 10 rows is always
        usual, but for no rows at all where there usually are some. So is any number while there are fewer than 3
        earlier days, and on a holiday.

        >>> earlier = {date(2024, 1, day): rows for day, rows in ((3, 90), (10, 100), (17, 0))}
        >>> [Volume(rows, earlier).is_usual(0.5) for rows in (0, 44, 45, 180, 181)]
        [False, False, True, True, False]
        """
        usual = self.usual_row_count
        if usual is None or self.is_holiday:
            return True
        if not self.row_count and usual:
            return False
        is_near = abs(self.row_count - usual) < CHANCE_ROWS
        return is_near or tolerance * usual <= self.row_count <= usual / tolerance


def measure_volume(
    warehouse: Warehouse, key: Sequence[str], day: date, row_count: int, holidays: Collection[date] = ()
) -> Volume:
    """The day's rows with those of the same weekday in the 8 weeks before, as far as their partitions are there.

    Holidays among these days are left out. Only footers are read.
    """
    days = [day - timedelta(weeks=weeks) for weeks in range(1, WEEKS + 1)]
    counts: dict[date, int] = {}
    damaged_days = []
    for earlier in (each for each in days if each not in holidays):
        try:
            with warehouse.open_parquet(warehouse.table_path(key, earlier)) as file:
                counts[earlier] = int(file.metadata.num_rows)
        except FileNotFoundError:
            continue
        except WarehouseDamaged:
            damaged_days.append(earlier)
    return Volume(row_count, counts, damaged_days, is_holiday=day in holidays)


def check_volume(volume: Volume, tolerance: float) -> CheckOutcome:
    """Whether the rows are about as many as the weekday usually has."""
    is_usual = volume.is_usual(tolerance)
    days = len(volume.earlier_row_counts)
    known: dict[str, Any] = {}
    if volume.is_holiday:
        known["not_judged"] = f"the day is a holiday ({variable_of('holidays')})"
    elif volume.usual_row_count is None:
        known["not_judged"] = (
            f"{days} earlier days of this weekday are in the warehouse; from {FEWEST_DAYS} on they are compared."
        )
    else:
        known |= {"median_rows": volume.usual_row_count, "tolerance": tolerance}
    if volume.damaged_days:
        known["damaged_days"] = f"{', '.join(map(str, volume.damaged_days))}: not compared, their files cannot be read"
    if volume.ratio is not None:
        known["ratio"] = round(volume.ratio, 4)
    is_short = volume.row_count < (volume.usual_row_count or 0)
    what_to_do = (
        "Compare with the rows of raw/export on this day. If they are as few there, materialize raw/export with "
        "refresh set, in case the vendor had loaded the day late, or ask the vendor; a holiday needs nothing, and "
        f"{variable_of('holidays')} leaves it out."
        if is_short
        else "Many older rows may have changed at once (see late_rows of the materialization), or the day was a busy "
        "one. If the same rows came twice under other keys, ask the vendor."
    )
    summary = f"{count(volume.row_count, 'row')}, where {volume.usual_row_count or 0:g} are usual"
    return CheckOutcome(
        "volume",
        passed=is_usual,
        metadata={
            "rows": volume.row_count,
            **known,
            "days_compared": days,
            **explain(not is_usual, summary, what_to_do),
        },
    )
