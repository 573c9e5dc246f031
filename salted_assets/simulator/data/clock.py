"""Instants as whole milliseconds since 1970 in UTC, and their ISO 8601 text. Not here: what happens at an instant."""

from datetime import UTC, datetime
from functools import lru_cache

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware `moment`, rounded down; raises ValueError for one without a zone."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; give one, UTC for example")
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return since.days * DAY_MS + since.seconds * SECOND_MS + since.microseconds // 1000


def iso_seconds(ms: int) -> str:
    """ISO 8601 with second precision and `Z`, the precision that the vendor takes at ingest."""
    day, rest = divmod(ms, DAY_MS)
    seconds = rest // SECOND_MS
    return f"{_date_text(day)}T{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}Z"


@lru_cache(maxsize=4096)
def _date_text(day: int) -> str:
    return datetime.fromtimestamp(day * 86_400, tz=UTC).strftime("%Y-%m-%d")
