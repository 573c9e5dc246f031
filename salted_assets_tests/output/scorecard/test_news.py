"""What is new since the card before: who came to stand out, who no longer does, and alarms that were not there."""

from datetime import date
from typing import Any

import pytest

from salted_assets.output.scorecard.comparison import with_sides
from salted_assets.output.scorecard.news import build_news, list_news
from salted_assets.output.scorecard.records import Records, list_records
from salted_assets_tests.support.scorecard_rows import END, agent_rows, build_inputs

NOWHERE = {"fair_mean": 0.65, "fair_low": 0.5, "fair_high": 0.8, "shrunk_low": 0.55, "shrunk_high": 0.75}
LOW = {"fair_mean": 0.4, "fair_low": 0.3, "fair_high": 0.5, "shrunk_mean": 0.5, "shrunk_low": 0.4, "shrunk_high": 0.6}
PERHAPS_LOW = LOW | {"shrunk_high": 0.7}
HIGH = {"fair_mean": 0.9, "fair_low": 0.8, "fair_high": 1.0, "shrunk_mean": 0.8, "shrunk_low": 0.7, "shrunk_high": 0.9}
UNKNOWN = dict.fromkeys((*NOWHERE, "shrunk_mean")) | {"not_comparable_reason": "fewer than 5 evaluations"}


def card(*figures: dict[str, Any]) -> Records:
    """Rows of the reviewers' evaluations of agents p1, p2 and so on."""
    rows = [agent_rows(number, **values)[0] for number, values in enumerate(figures, 1)]
    return with_sides(list_records(build_inputs(rows).rolling))


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        (NOWHERE, LOW, "newly stands out: below the colleagues"),
        (PERHAPS_LOW, LOW, "newly stands out: below the colleagues"),
        (UNKNOWN, HIGH, "newly stands out: above the colleagues"),
        (NOWHERE, PERHAPS_LOW, "newly outside the funnel: perhaps below the colleagues"),
        (LOW, PERHAPS_LOW, "no longer stands out: perhaps below the colleagues"),
        (LOW, NOWHERE, "no longer stands out"),
        (HIGH, UNKNOWN, "no longer stands out"),
        (LOW, LOW, None),
        (PERHAPS_LOW, NOWHERE, None),
        (UNKNOWN, NOWHERE, None),
    ],
)
def test_what_is_new_of_an_agent(before: dict[str, Any], now: dict[str, Any], said: str | None) -> None:
    assert [row["new"] for row in list_news(card(now), {}, card(before), {})] == ([said] if said else [])


def test_the_most_pressing_comes_first_and_an_agent_without_a_card_before_is_new() -> None:
    now = card(HIGH, PERHAPS_LOW, LOW, NOWHERE)
    alarms = {"p4": ("down", date(2024, 3, 28)), "p1": ("up", date(2024, 3, 2))}

    news = list_news(now, alarms, card(NOWHERE), {"p1": ("up", date(2024, 3, 1))})

    assert [[row["agent_pid"], row["new"]] for row in news] == [
        ["p3", "newly stands out: below the colleagues"],
        ["p2", "newly outside the funnel: perhaps below the colleagues"],
        ["p4", "alarm of change: down since 2024-03-28"],
        ["p1", "newly stands out: above the colleagues"],
    ]


def test_a_row_has_both_cards_and_what_the_filter_goes_by() -> None:
    news = build_news(END, card(LOW), {}, card(UNKNOWN), {})

    (row,) = news.table.rows
    assert (news.since, news.absent) == (date(2024, 3, 24), "")
    assert (row.agent, row.team, row.channel) == ("p1", "Team 1", "Voice")
    assert [(cell.text, cell.note) for cell in row.cells[2:]] == [
        ("not compared", "fewer than 5 evaluations"),
        ("50%", "40 to 60%\nbelow the colleagues (65%)"),
    ]


def test_without_scores_of_the_card_before_nothing_is_new_and_it_says_why() -> None:
    news = build_news(END, card(LOW), {"p1": ("down", END)}, card(), {})

    assert news.table.rows == ()
    assert news.absent == "There are no scores of 2024-03-24, so nothing can be said to be new."
