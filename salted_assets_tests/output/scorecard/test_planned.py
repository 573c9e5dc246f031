"""Whom to listen to next, on the scorecard and on the page of an agent."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from salted_assets.explain.review_plan import PlanProgress
from salted_assets.output.scorecard import build_scorecard, render_page
from salted_assets.output.scorecard.agent_page.page import build_agent_page, render_agent_page
from salted_assets.output.scorecard.csv_tables import list_tables, write_csv_table
from salted_assets.output.scorecard.scorecard import PageOptions, Scorecard
from salted_assets_tests.support.agent_page_rows import PERSON, build_agent_inputs
from salted_assets_tests.support.page_reader import Page
from salted_assets_tests.support.review_plans import planned
from salted_assets_tests.support.scorecard_rows import agent_rows, build_inputs

pytestmark = pytest.mark.slow

DAY = date(2024, 6, 20)
REASON = "2 by chance so far"


def row(engagement: str, agent: str, score: float | None = None, **columns: Any) -> dict[str, Any]:
    more = {
        "team": "Team 0",
        "start_time": datetime(2024, 6, 20, 7, 5, tzinfo=UTC),
        "link": f"https://desk.example/{engagement}",
        "score": score,
        "is_done": score is not None,
        "reason": REASON,
    }
    return planned(engagement, DAY, agent) | more | columns


PLAN = PlanProgress(
    "20240701T080000Z-plan",
    datetime(2024, 7, 1, 8, tzinfo=UTC),
    date(2024, 6, 3),
    date(2024, 6, 30),
    7,
    [
        row("e1", "p2", 0.9, eligible_count=30),
        row("e2", "p2", eligible_count=30),
        row("e3", "p3", 0.6, eligible_count=10, agent_name=None),
        row("e4", "p3", 0.8, eligible_count=10),
        row("e5", PERSON.agent_pid, link="javascript:alert(1)"),
    ],
)


def card(plan: PlanProgress | None, *, shows_agents: bool = True) -> Scorecard:
    inputs = build_inputs([each for number in range(6) for each in agent_rows(number)])
    options = PageOptions(0.5, zone="Europe/Prague", shows_agents=shows_agents)
    return build_scorecard(inputs, options, is_simulated=False, plan=plan)


def test_what_is_planned_and_not_done_stands_with_links_and_means_are_weighted() -> None:
    page = Page(render_page(card(PLAN)))
    text = " ".join(page.texts)
    assert "The plan of 2024-07-01 10:00 drew 5 engagements of 2024-06-03 to 2024-06-30 by chance: 3 of them" in text
    agents, left = page.rows("planned")[1:4], page.rows("planned")[5:]
    assert [cells[0] for cells in agents][1:] == ["Agent 2", "Agent 3"]
    assert [cells[2:5] for cells in agents] == [["1", "0", "1"], ["2", "1", "1"], ["2", "2", "0"]]
    assert [cells[2] for cells in left] == ["2024-06-20 09:05", "2024-06-20 09:05"]
    links = [attributes.get("href") for tag, attributes in page.tags if tag == "a"]
    assert "https://desk.example/e2" in links
    assert "https://desk.example/e1" not in links
    assert "javascript:alert(1)" not in links
    # (30 x 0.9 + 10 x 0.7) / 40
    assert "Chat: 85%" in text
    assert "out of 3 evaluated" in text
    once = replace(PLAN, rows=[each for each in PLAN.rows if each["engagement_pid"] in {"e1", "e4"}])
    assert "Chat: 88%, interval not known, out of 2 evaluated" in render_page(card(once))


def test_evaluations_of_before_the_draw_are_called_so_until_the_others_are_done() -> None:
    caution = "2 of the 3 done were evaluated before the draw"
    drawn_after = [each | {"was_evaluated": each["engagement_pid"] in {"e1", "e3"}} for each in PLAN.rows]
    assert caution in render_page(card(replace(PLAN, rows=drawn_after)))
    assert "before the draw" not in render_page(card(PLAN))
    done = [each for each in drawn_after if each["is_done"]]
    assert not replace(PLAN, rows=done).caution


def test_without_a_plan_the_card_says_what_draws_one() -> None:
    assert "`salted plan --reviews 60` draws one" in render_page(card(None))


def test_where_no_single_people_are_shown_no_plan_is() -> None:
    team = card(PLAN, shows_agents=False)
    assert (team.planned.agents.rows, team.planned.left.rows, team.planned.means) == ((), (), ())
    assert "desk.example" not in render_page(team) + "".join(map(write_csv_table, list_tables(team).values()))
    assert "e5" in write_csv_table(list_tables(card(PLAN))["planned_left"])


def test_the_page_of_an_agent_has_the_own_planned_engagements_alone() -> None:
    def render(plan: PlanProgress | None) -> str:
        page = build_agent_page(build_agent_inputs(), PERSON, PageOptions(0.5), is_simulated=False, plan=plan)
        return render_agent_page(page)

    page = render(PLAN)
    assert "A plan drew 1 engagement of the agent by chance" in page
    assert "it has not been evaluated yet" in page
    assert "it has been evaluated" in render(replace(PLAN, rows=[row("e6", PERSON.agent_pid, 0.7)]))
    assert "1 of them has been evaluated" in render(replace(PLAN, rows=[*PLAN.rows, row("e6", PERSON.agent_pid, 0.7)]))
    assert not [each for each in ("e1", "e2", "e3", "e4") if f"desk.example/{each}" in page]
    assert "javascript:alert(1)" not in page
    assert "Evaluations to come" not in render(None)
