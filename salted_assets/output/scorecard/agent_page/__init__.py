"""The page of one agent, drawn from the score files when it is asked for: 13 weeks, questions to coach, evaluations.

Not here: any score or statistic (`scoring`), who may be sent the page, and the scorecard of all agents.
"""

from salted_assets.output.scorecard.agent_page.page import (
    AgentPage,
    build_agent_page,
    make_agent_page,
    render_agent_page,
)
from salted_assets.output.scorecard.agent_page.people import Person, find_people, list_people, suggest_people
from salted_assets.output.scorecard.agent_page.reading import (
    AgentInputs,
    find_newest_day,
    has_agent_scores,
    read_agent_inputs,
)

__all__ = [
    "AgentInputs",
    "AgentPage",
    "Person",
    "build_agent_page",
    "find_newest_day",
    "find_people",
    "has_agent_scores",
    "list_people",
    "make_agent_page",
    "read_agent_inputs",
    "render_agent_page",
    "suggest_people",
]
