"""Names on a scorecard: plain where it is opened as a file, links to the agents' pages where it is served."""

from datetime import date
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest

from salted_assets.output.scorecard.agent_links import agent_url, has_page, link_agents, mark_agent

DAY = date(2024, 1, 31)


class Links(HTMLParser):
    """The anchors of a page: where each leads, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str | None, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "a"
        self.found.append((dict(attrs).get("href"), ""))

    def handle_data(self, data: str) -> None:
        href, text = self.found[-1]
        self.found[-1] = (href, text + data)


@pytest.mark.parametrize("pid", ["p1", "a/b", "..", "a b&c?d#e%2F", '"><script>', "ünï"])
def test_a_marked_name_leads_to_the_agents_page_once_it_is_served(pid: str) -> None:
    mark = mark_agent(pid, "<b>Ada & Co</b>")
    assert Links(mark).found == [(None, "<b>Ada & Co</b>")]

    ((href, text),) = Links(link_agents(mark.encode(), "../../", DAY).decode()).found
    assert text == "<b>Ada & Co</b>"
    parts = urlsplit(href or "")
    assert parts.path.startswith("../../agent/")
    assert (unquote(parts.path.removeprefix("../../agent/")), parts.query) == (pid, "day=2024-01-31")
    assert parts.path.count("/") == 3


def test_a_name_that_looks_like_a_mark_leads_nowhere() -> None:
    name = mark_agent("p2", "Eve")
    ((_, text),) = Links(link_agents(mark_agent("p1", name).encode(), "", DAY).decode()).found
    assert text == name


def test_an_address_below_nothing_is_relative() -> None:
    assert agent_url("", "p1", DAY) == "agent/p1?day=2024-01-31"


@pytest.mark.parametrize(("is_bot", "has_one"), [(True, False), (False, True), (None, True), (float("nan"), True)])
def test_people_have_a_page_and_machines_do_not(is_bot: object, has_one: bool) -> None:
    assert has_page(is_bot) is has_one
