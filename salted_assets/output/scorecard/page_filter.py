"""What the filter at the top of the page can be set to."""

from collections.abc import Iterable
from dataclasses import dataclass

from salted_assets.output.scorecard.about import About
from salted_assets.output.scorecard.records import Records, keep_first, order_records
from salted_assets.output.scorecard.table_cells import Table, about_agent


@dataclass(frozen=True)
class FilterChoices:
    """Teams, types of channel and agents: each agent's name with what the agent is about, by name."""

    teams: tuple[str, ...]
    channels: tuple[str, ...]
    agents: tuple[tuple[str, About], ...]


def build_filter(people: Records, lists: Iterable[Table]) -> FilterChoices:
    """The choices out of the window's rows of people, whose names are told apart, and the channels of these lists."""
    agents = order_records(keep_first(people, "agent_pid"), "agent_name", "agent_pid")
    named = tuple((row["agent_name"], about_agent(row)) for row in agents)
    listed = {row.channel for table in lists for row in table.rows}
    teams, channels = {about.team for _, about in named}, {about.channel for _, about in named} | listed
    return FilterChoices(tuple(sorted(filter(None, teams))), tuple(sorted(filter(None, channels))), named)
