"""Instants as the vendor's API takes them, and as our records of exports keep them."""

from datetime import UTC, datetime


def format_instant(instant: datetime) -> str:
    """ISO 8601 in UTC with `Z`. Raises ValueError for a time without a zone.

    >>> format_instant(datetime(2024, 1, 31, tzinfo=UTC))
    '2024-01-31T00:00:00Z'
    """
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone")
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_instant(text: str) -> datetime:
    """The inverse of `format_instant`."""
    return datetime.fromisoformat(text)
