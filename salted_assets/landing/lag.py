"""Refuses days that cannot be exported yet. Not here: when that is (`days`), exporting."""

from datetime import date, datetime

from salted_assets.days import Calendar
from salted_assets.landing.errors import DayNotExportable
from salted_assets.landing.manifest import format_instant


def refuse_early(calendar: Calendar, day: date, now: datetime) -> None:
    """Raise DayNotExportable, naming the time from which the day can be exported, unless that time has come."""
    if calendar.is_exportable(day, now):
        return
    start = calendar.exportable_from(day)
    local = start.astimezone(calendar.zone)
    raise DayNotExportable(
        f"{day} can be exported from {local:%Y-%m-%d %H:%M} {calendar.zone.key} ({format_instant(start)}) on: "
        "the day must be over, and the vendor loads data late (SALTED_EXPORT_LAG_MINUTES)."
    )
