"""Links to the pages of agents: names on a scorecard are marked, and lead somewhere once a server gives the page out.

A page that is opened as a file has no server beside it, so there a mark is a name like any other. The one place that
says whether an agent has a page at all.
"""

import html
import re
from datetime import date
from typing import Any
from urllib.parse import quote

from salted_assets.output.scorecard.table_cells import is_true

AGENT_PAGES = "agent"
"""Below the URL of all reports, where the pages of agents are."""

_MARK = re.compile(rb'<a data-agent-page="([^"]*)">')


def has_page(is_bot: Any) -> bool:
    """Whether an agent has a page: people have one, machines do not; one of unknown type is among the people."""
    return not is_true(is_bot)


def mark_agent(agent_pid: str, name: str) -> str:
    """A name on a page as HTML, escaped: an anchor that leads nowhere yet.

    >>> mark_agent("p<1", "Zoë & Co")
    '<a data-agent-page="p&lt;1">Zoë &amp; Co</a>'
    """
    return f'<a data-agent-page="{html.escape(agent_pid)}">{html.escape(name)}</a>'


def link_agents(page: bytes, base: str, day: date) -> bytes:
    """The page with its marks leading to the agents' pages of the day below the relative URL of all reports.

    >>> link_agents('<a data-agent-page="p&lt;1/2">Zoë</a>'.encode(), "../../", date(2024, 1, 31)).decode()
    '<a href="../../agent/p%3C1%2F2?day=2024-01-31">Zoë</a>'
    """

    def link(mark: re.Match[bytes]) -> bytes:
        return f'<a href="{agent_url(base, html.unescape(mark[1].decode()), day)}">'.encode()

    return _MARK.sub(link, page)


def agent_url(base: str, agent_pid: str, day: date) -> str:
    """The URL of an agent's page below the URL of all reports, which ends in a slash or is empty."""
    return f"{base}{AGENT_PAGES}/{quote(agent_pid, safe='')}?day={day}"
