"""What the filter at the top of the page can be set to."""

from dataclasses import dataclass

import pandas as pd

from salted_assets.output.scorecard.about import About
from salted_assets.output.scorecard.table_cells import about_agent, list_records


@dataclass(frozen=True)
class FilterChoices:
    """Teams, types of channel and agents: each agent's name with what the agent is about, by name."""

    teams: tuple[str, ...]
    channels: tuple[str, ...]
    agents: tuple[tuple[str, About], ...]


def build_filter(people: pd.DataFrame) -> FilterChoices:
    """The choices out of the window's rows of people, whose names are told apart."""
    agents = people.drop_duplicates("agent_pid").sort_values(["agent_name", "agent_pid"], kind="stable")
    named = tuple((row["agent_name"], about_agent(row)) for row in list_records(agents))
    teams, channels = ({getattr(about, name) for _, about in named} - {""} for name in ("team", "channel"))
    return FilterChoices(tuple(sorted(teams)), tuple(sorted(channels)), named)
