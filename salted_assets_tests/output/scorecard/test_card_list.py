"""The list of scorecards as calendars, and the links from one card to the others."""

from datetime import date, timedelta

import pytest

from salted_assets.output.scorecard.card_list import link_neighbours, render_list
from salted_assets_tests.support.page_reader import Page

DAY = date(2024, 3, 31)


def test_each_day_stands_in_its_month_under_its_weekday() -> None:
    text = render_list({date(2024, 2, 29)}, {date(2024, 2, 29), date(2024, 3, 1)}, is_simulated=False, account="acme")
    page = Page(text)

    links = {attributes["href"]: attributes for tag, attributes in page.tags if tag == "a"}
    assert links["scorecard/date=2024-02-29/scorecard.html"]["aria-label"] == "Thursday 29 February 2024"
    assert "unstored" not in str(links["scorecard/date=2024-02-29/scorecard.html"]["class"])
    assert page.visible().index("March 2024") < page.visible().index("February 2024")
    firsts = [row.index("1") for row in page.rows("") if "1" in row]
    assert firsts == [4, 3], "1 March 2024 was a Friday, 1 February a Thursday"
    assert "acme. 2 days have a card" in page.visible()


def test_without_any_day_the_list_says_how_to_come_by_one() -> None:
    page = Page(render_list(set(), set(), is_simulated=True, account=""))

    assert "salted backfill" in page.visible()
    assert "Simulated data." in page.visible()


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ([], []),
        ([-1], ["← Previous card (Sat 30 Mar)"]),
        ([-7], ["← Previous card (Sun 24 Mar)"]),
        ([-9, -7, -2], ["← Previous card (Fri 29 Mar)", "A week before (Sun 24 Mar)"]),
        ([3, 4], ["Next card (Wed 3 Apr) →"]),
    ],
)
def test_neighbours_are_the_nearest_cards_that_there_are(others: list[int], said: list[str]) -> None:
    days = {DAY, *(DAY + timedelta(days=offset) for offset in others)}
    page = Page(link_neighbours(b"<!--other cards-->", DAY, days).decode())

    docs = link_neighbours(b"<!--other cards--><a data-docs>Scores</a>", DAY, days)
    assert b'<a href="../../docs/scores.md">Scores</a>' in docs
    always = {"All scorecards", "How scores are made"}
    assert [text for text in page.texts if text.strip() and text not in always] == said
    assert always <= set(page.texts)
