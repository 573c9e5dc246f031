"""What the page of an agent tells of others: no single one, and no small group, not even to two who compare pages."""

import random
import re

import pytest

from salted_assets.output.scorecard.agent_page import Person, build_agent_page, render_agent_page
from salted_assets.output.scorecard.scorecard import PageOptions
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import FairScore
from salted_assets.schemas.scores.fair import GROUP_FIGURES
from salted_assets_tests.support.agent_page_rows import asked, build_agent_inputs, evaluation, windows_of
from salted_assets_tests.support.page_reader import Page

PAIR = ("p1", "p2")
QUESTIONS = ("Identity?", "Greeting?")


def page_of(pid: str, group_count: int, others: random.Random) -> str:
    """The page of one of two agents whose own figures are given, in a group with others whose figures are drawn."""
    level = others.uniform(0.5, 0.9)
    told = {name: level + 0.01 * place for place, name in enumerate(GROUP_FIGURES)} | {"group_count": group_count}
    own = {"p1": (6, 9), "p2": (1, 11)}
    people = [f"o{number}" for number in range(group_count - len(PAIR))]
    questions = [
        row for name in QUESTIONS for row in asked(name, own | {each: (others.randint(0, 30), 30) for each in people})
    ]
    own_rows = windows_of(int(pid[1:]), is_reliable=True, not_comparable_reason=None)
    rows = [row | told for row in own_rows]
    inputs = build_agent_inputs(rows, questions=questions, evaluations=[evaluation()], agent_pid=pid)
    return render_agent_page(
        build_agent_page(inputs, Person(pid, f"Agent {pid}", "Team 1"), PageOptions(0.5), is_simulated=False)
    )


@pytest.mark.parametrize("group_count", [3, 6])
def test_two_pages_together_say_nothing_of_a_small_group(group_count: int) -> None:
    """Whatever the others' figures are, both pages stay what they are: so nothing of them can be computed."""
    pairs = {tuple(page_of(pid, group_count, random.Random(seed)) for pid in PAIR) for seed in range(3)}

    assert len(pairs) == 1
    assert "fewer than 7 people" in next(iter(pairs))[0]


def test_a_group_of_seven_is_shown_and_alike_on_the_pages_of_two() -> None:
    """What is left once both take themselves out of it stands for five others."""
    pages = [Page(page_of(pid, 7, random.Random(3))) for pid in PAIR]

    means = [re.findall(r"([0-9]+)% colleagues' mean 7 people compared", page.visible()) for page in pages]
    assert means[0] == means[1]
    assert len(means[0]) == 1
    differing = {page_of("p1", 7, random.Random(seed)) for seed in range(3)}
    assert len(differing) == 3, "the group's figures are on the page"


def test_every_column_of_the_group_is_known_to_tell_of_it() -> None:
    """A new column of the fair score has to be sorted: is it the agent's own, or does it tell of others?"""
    own = (
        *("end_date", "window_days", "days_present_count", "agent_pid", "agent_name", "is_bot", "team"),
        *("channel_type", "measure", "unit", "unit_of_count", "measure_count", "effective_count"),
        *("fair_mean", "fair_low", "fair_high", "is_reliable", "not_comparable_reason"),
        *("change_direction", "change_since", "change_statistic", "has_changed_questions"),
        *("anchored_count", "anchored_mean", "anchored_low", "anchored_high", "anchored_extra_count"),
        "anchored_reason",
    )
    assert sorted((*own, *GROUP_FIGURES)) == sorted(arrow_schema(FairScore).names)


def test_nobody_else_is_named() -> None:
    page = page_of("p1", 9, random.Random(3))

    assert "Agent p1" in page
    assert not re.search(r"\bo\d\b|Agent p2|\bp2\b|Vera|\bv1\b", page)


def test_reviewers_are_numbers_by_when_they_appear_unless_a_setting_names_them() -> None:
    reviewers = ("v7", "v2", "v7", None)
    rows = [
        evaluation(number, reviewer_pid=pid, reviewer_name=pid and f"Reviewer {pid}")
        for number, pid in enumerate(reviewers)
    ]
    inputs = build_agent_inputs(evaluations=rows)

    def shown(*, name_reviewers: bool = False) -> list[str]:
        options = PageOptions(0.5, name_reviewers=name_reviewers)
        page = Page(render_agent_page(build_agent_page(inputs, Person("p1", "Ada", ""), options, is_simulated=False)))
        return [cells[4] for cells in page.rows("evaluations")[1:]]

    assert shown() == ["reviewer 1", "reviewer 2", "reviewer 1", "-"]
    assert shown(name_reviewers=True) == ["Reviewer v7", "Reviewer v2", "Reviewer v7", "-"]
