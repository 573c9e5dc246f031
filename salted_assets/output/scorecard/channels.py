"""Types of channel as a page spells them: CHAT, Chat and " chat" are one."""

from typing import Any

from salted_assets.output.scorecard.records import Records
from salted_assets.output.scorecard.table_cells import text_of
from salted_assets.schemas.engagement import CHANNEL_TYPES

_KNOWN = {name.lower(): name for name in CHANNEL_TYPES}


def write_channel(channel_type: Any) -> str:
    """The type as the vendor's documentation spells it, another one with a capital; nothing where it is not known.

    >>> [write_channel(text) for text in ("CHAT", "sms ", "walk-in", None)]
    ['Chat', 'SMS', 'Walk-in', '']
    """
    text = text_of(channel_type).strip()
    return _KNOWN.get(text.lower(), text.capitalize())


def with_channels(rows: Records) -> Records:
    """The rows with their `channel_type` in one spelling."""
    return [row | {"channel_type": write_channel(row["channel_type"])} for row in rows]
