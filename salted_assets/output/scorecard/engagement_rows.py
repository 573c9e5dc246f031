"""Rows that are about one engagement each: whose it is, when it started, and where it opens."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from salted_assets.output.scorecard.table_cells import Cell, Heading, Row, text_of, write_link, write_minute
from salted_assets.output.scorecard.table_cells import write_words as words

WHOSE = (
    Heading("Agent", "Name as in the table of agents.", is_text=True),
    Heading("Team", "Team and channel type of the engagement.", is_text=True, is_aside=True),
)
"""The headings with which a table of such rows begins."""

STARTED = Heading("Started", "When the engagement started, in the zone of the account.", is_text=True)
OPENED = Heading("Engagement", "Opens it in the vendor's application, where it has a link.", is_text=True)
"""The heading with which it ends."""


def build_engagement_row(row: Mapping[Any, Any], *cells: Cell) -> Row:
    """The row: agent, team and channel as recorded on the engagement, these cells, and what opens it.

    Takes `agent_pid`, `agent_name`, `team`, `channel_type`, `engagement_pid` and `link`. An agent without a name is
    called by the ID.
    """
    team, channel = text_of(row["team"]), text_of(row["channel_type"])
    agent = words(text_of(row["agent_name"]) or row["agent_pid"])
    return Row(
        agent=row["agent_pid"],
        team=team,
        channel=channel,
        cells=(agent, words(team, channel), *cells, write_link(row)),
    )


def write_start(row: Mapping[Any, Any]) -> Cell:
    """When the engagement started, by its `start_time`; a dash where that is not known."""
    return words("-" if pd.isna(row["start_time"]) else write_minute(row["start_time"]))
