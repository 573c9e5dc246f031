"""Whom a row, a point or a picture of a page is about: what the page's filter goes by."""

import html
from dataclasses import dataclass


@dataclass(frozen=True)
class About:
    """An agent (by pid), a team and a type of channel, as far as it is about one; empty where it is not, or not known.

    The filter hides what is about another agent, team or channel than the one that is chosen, see `filter.js`.
    """

    agent: str = ""
    team: str = ""
    channel: str = ""

    @property
    def attributes(self) -> str:
        """As attributes of an element, escaped: `data-agent`, `data-team` and `data-channel`, those that are known."""
        known = ((name, getattr(self, name)) for name in ("agent", "team", "channel"))
        return "".join(f' data-{name}="{html.escape(value)}"' for name, value in known if value)
