"""The newest version of every row, out of many exports.

Here: Parquet files of tables, rejects and scores with their footers, the reader that finds the newest versions of a
start day's rows, and the history of agents. Not here: what is scored (`scoring`), which day is written when, Dagster.
"""

from salted_assets.history.affected_dates import (
    AffectedDates,
    Reschedule,
    day_of,
)
from salted_assets.history.agent_history import AgentHistory, build_agent_history_query, find_agent_history
from salted_assets.history.footers import (
    SCHEMA_VERSION,
    TABLES_VERSION,
    Footer,
    FooterCache,
    Key,
    Partition,
    read_footer,
    read_requested_at,
    understand_footer,
)
from salted_assets.history.forgotten_rows import forget_rows
from salted_assets.history.past_inputs import open_past_reader
from salted_assets.history.reader import WHOLE, HistoryFacts, HistoryReader, Newest, NewestOfDays, Part
from salted_assets.history.recipes import Recipe
from salted_assets.history.repeat_contacts import RepeatContact, build_repeat_contact_query
from salted_assets.history.rescheduled import find_reschedules, linked_days

__all__ = [
    "SCHEMA_VERSION",
    "TABLES_VERSION",
    "WHOLE",
    "AffectedDates",
    "AgentHistory",
    "Footer",
    "FooterCache",
    "HistoryFacts",
    "HistoryReader",
    "Key",
    "Newest",
    "NewestOfDays",
    "Part",
    "Partition",
    "Recipe",
    "RepeatContact",
    "Reschedule",
    "affected_dates",
    "build_agent_history_query",
    "build_repeat_contact_query",
    "day_of",
    "find_agent_history",
    "find_reschedules",
    "forget_rows",
    "linked_days",
    "open_past_reader",
    "read_footer",
    "read_requested_at",
    "understand_footer",
]
