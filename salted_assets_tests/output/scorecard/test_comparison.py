"""Who stands out: plots, list, table and texts of one page say the same of the same agents."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from salted_assets.output.scorecard import build_scorecard, read_inputs, render_page
from salted_assets.output.scorecard.comparison import describe_comparison, find_chance_band, with_sides
from salted_assets.output.scorecard.records import list_records
from salted_assets.output.scorecard.scorecard import PageOptions
from salted_assets.scoring.choices import RollingChoices
from salted_assets.scoring.windows.agent_rolling import score_agents_rolling
from salted_assets.scoring.windows.fair_scores import score_fair
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.page_reader import Page
from salted_assets_tests.support.rolling_rows import END, Engagements, Given, build_answers, build_daily, build_segments
from salted_assets_tests.support.scorecard_rows import agent_rows, build_inputs, write_days

pytestmark = pytest.mark.slow

MEANS = (0.50, 0.72, 0.74, 0.75, 0.76, 0.77, 0.78, 0.80)
"""Of eight agents: all nearly alike but the first."""

SPREAD = 0.15 * np.array([-3, -1, 1, 3]) / np.sqrt(5)
"""Evaluations of one agent about their mean: a standard deviation of .15."""

POOR = "Agent 0"


def open_warehouse(folder: Path, means: tuple[float, ...] = MEANS, evaluations: int = 20) -> Warehouse:
    """A warehouse with so many evaluations, each of two answers, of agents of one channel with these means."""
    groups, answers = [], []
    for agent, mean in enumerate(means):
        for day in range(evaluations):
            score = float(mean + SPREAD[(day + agent) % 4])
            groups.append(Engagements(day, f"a{agent}", 3, f"Agent {agent}", evaluations=()))
            groups.append(Engagements(day, f"a{agent}", 1, f"Agent {agent}", evaluations=(score,)))
            apart = 0.1 if (day // 4 + agent) % 2 else -0.1
            answers += [
                Given(score + shift, "r0", f"a{agent}", question, f"e{agent} {day}", days_ago=day)
                for question, shift in (("q0", apart), ("q1", -apart))
            ]
    daily, segments, answered = build_daily(groups), build_segments(groups), build_answers(answers)
    warehouse = Warehouse(str(folder))
    for name, rows in (("agent_daily", daily), ("agent_segment_daily", segments), ("answer", answered)):
        write_days(warehouse, name, rows)
    write_days(warehouse, "agent_rolling", score_agents_rolling(daily, segments, END))
    write_days(warehouse, "fair", score_fair(daily, segments, answered, END, RollingChoices()))
    return warehouse


def read_page(warehouse: Warehouse) -> Page:
    inputs = read_inputs(warehouse, END, low_threshold=0.5)
    return Page(render_page(build_scorecard(inputs, PageOptions(0.5), is_simulated=False)))


@pytest.fixture(name="one_poor", scope="module")
def fixture_one_poor(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return open_warehouse(tmp_path_factory.mktemp("one_poor"))


def test_the_one_poor_agent_is_named_by_both_plots_the_list_and_the_table(one_poor: Warehouse) -> None:
    page = read_page(one_poor)

    for plot in ("caterpillar", "funnel"):
        (tip,) = page.tips(f"{plot}-apart")
        assert tip.startswith(f"{POOR}: fair QA score 50%")
        others = [text for kind in ("compared", "unsure") for text in page.tips(f"{plot}-{kind}")]
        assert sorted(text.split(":")[0] for text in others) == [f"Agent {n}" for n in range(1, len(MEANS))]
    (said,) = [text for text in page.paragraphs if "more than luck explains:" in text]
    assert said.startswith(f"Below the colleagues, more than luck explains: {POOR} (5")
    assert "Agent" not in said.replace(POOR, "")
    assert f"Of the other {len(MEANS) - 1} agents with a best guess, nobody is known to differ" in page.visible()
    rows = {row[0]: row for row in page.rows("agents")}
    assert "stands out: below the colleagues" in rows[POOR][7]
    assert not [name for name, row in rows.items() if "stands out" in row[7] and name != POOR]


def test_nobody_outside_the_funnel_is_explained_away(one_poor: Warehouse) -> None:
    page = read_page(one_poor)

    assert "chance" not in page.visible()
    assert not [text for text in page.tips("funnel-apart") if "too little is known" in text]


def find_outside(rows: pd.DataFrame) -> list[bool]:
    band = find_chance_band(list_records(rows))
    assert band
    distance = rows["fair_mean"] - rows["group_mean"]
    low, high = (np.interp(rows["effective_count"], band.counts, limit) for limit in (band.low, band.high))
    return [bool(is_out) for is_out in (distance < low) | (distance > high)]


def test_the_poor_agent_alone_lies_outside_the_band_that_is_drawn(one_poor: Warehouse) -> None:
    rolling = read_inputs(one_poor, END, low_threshold=0.5).rolling
    rows = rolling[(rolling["measure"] == "evaluation_reviewer") & (rolling["window_days"] == 28)]
    sides = [row["side"] for row in with_sides(list_records(rows))]

    is_poor = list(rows["agent_name"] == POOR)
    assert sum(is_poor) == 1
    assert find_outside(rows) == is_poor
    assert [side == -1 for side in sides] == [side != 0 for side in sides] == is_poor


def test_agents_are_outside_the_band_exactly_where_their_own_interval_leaves_out_the_mean() -> None:
    frame = pd.DataFrame([agent_rows(number)[0] for number in range(30)])
    frame["fair_low"] = frame["fair_mean"] - 0.2 / np.sqrt(frame["effective_count"])
    frame["fair_high"] = frame["fair_mean"] + 0.3 / np.sqrt(frame["effective_count"])
    leaves_out = (frame["fair_low"] > frame["group_mean"]) | (frame["fair_high"] < frame["group_mean"])

    assert leaves_out.nunique() == 2
    assert find_outside(frame) == list(leaves_out)


def test_agents_alike_are_compared_and_none_stands_out(tmp_path: Path) -> None:
    page = read_page(open_warehouse(tmp_path, (0.7,) * 8, evaluations=8))

    assert page.tips("caterpillar-apart") == page.tips("funnel-apart") == []
    assert "Of 8 agents with a best guess, nobody is known to differ" in page.visible()
    assert "stands out:" not in " ".join(page.tips("funnel-unsure"))


@pytest.mark.parametrize("count", [0, 1, 5])
def test_few_people_have_a_page_without_comparison(tmp_path: Path, count: int) -> None:
    page = read_page(open_warehouse(tmp_path, MEANS[:count]))

    assert len(page.rows("agents")) == 1 + count
    assert ("Nobody is compared with others by the fair score" in page.visible()) == (count > 0)
    assert "nan" not in page.visible().lower().split()
    assert all(row[4] == "-" and row[6] == "-" for row in page.rows("agents")[1:]), "no best guess and no place"
    assert all(re.match(r"\d\d% \d", row[3]) for row in page.rows("agents")[1:]), "the fair score with its interval"


def judged(**values: Any) -> dict[Any, Any]:
    row = agent_rows(1)[0] | {"group_mean": 0.8, "fair_mean": 0.6, "fair_low": 0.5, "fair_high": 0.7} | values
    return with_sides([row])[0]


UNSURE = "reliability under 0.7: too little is known to tell the agents of the group apart"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"shrunk_low": 0.5, "shrunk_high": 0.7}, ("stands out: below the colleagues", "")),
        (
            {"shrunk_low": 0.5, "shrunk_high": 0.7, "is_reliable": False, "not_comparable_reason": UNSURE},
            ("stands out: below the colleagues", "sure to differ, not by how much"),
        ),
        (
            {"shrunk_low": 0.5, "shrunk_high": 0.9, "is_reliable": False, "not_comparable_reason": UNSURE},
            ("perhaps below the colleagues", f"outside the funnel, not sure among all agents\n{UNSURE}"),
        ),
        (
            {"shrunk_low": 0.5, "shrunk_high": 0.9},
            ("perhaps below the colleagues", "outside the funnel, not sure among all agents"),
        ),
        (
            {"group_mean": 0.3, "shrunk_low": 0.2, "shrunk_high": 0.9},
            ("perhaps above the colleagues", "outside the funnel, not sure among all agents"),
        ),
        ({"shrunk_low": 0.5, "shrunk_high": 0.9, "fair_high": 0.9}, ("can be compared", "not known to differ")),
        (
            {"shrunk_low": None, "is_reliable": False, "not_comparable_reason": "only chosen ones"},
            ("only chosen ones", ""),
        ),
        ({"group_mean": 0.2, "shrunk_low": 0.5, "shrunk_high": 0.9}, ("stands out: above the colleagues", "")),
    ],
)
def test_what_is_said_beside_the_colleagues(values: dict[str, Any], said: tuple[str, str]) -> None:
    assert describe_comparison(judged(**values)) == said


def test_of_a_reason_the_table_says_what_keeps_its_rows_short() -> None:
    rows = agent_rows(1, is_reliable=False, not_comparable_reason=UNSURE)
    page = Page(render_page(build_scorecard(build_inputs(rows), PageOptions(0.5), is_simulated=False)))

    (row,) = page.rows("agents")[1:]
    assert row[7].startswith("reliability under 0.7")
    assert "too little" not in row[7]


def test_a_plain_fall_is_no_alarm_and_an_alarm_is_shown() -> None:
    fallen = [row | {"trend": -0.2, "trend_low": -0.3, "trend_high": -0.1} for row in agent_rows(1)]
    alarm = {"window_days": 7, "change_direction": "worse", "change_since": END}
    alarmed = [*agent_rows(2), agent_rows(2, **alarm)[0]]
    html = render_page(build_scorecard(build_inputs([*fallen, *alarmed]), PageOptions(0.5), is_simulated=False))
    page = Page(html)

    assert 'Alarms of change: <a data-agent-page="p2">Agent 2</a> worse' in html, "a name leads to the agent's page"
    rows = {row[0]: row[10] for row in page.rows("agents")}
    assert rows["Agent 1"] == "-20 -30 to -10"
    assert rows["Agent 2"] == f"+1 -2 to +4 alarm: worse since {END}"
    assert [text for text in page.paragraphs if "Alarms of change" in text] == [
        f"Alarms of change: Agent 2 worse since {END}."
    ]


def test_an_agent_with_chosen_evaluations_says_how_many_count() -> None:
    few = {"is_reliable": False, "not_comparable_reason": "fewer than 5 evaluations", "measure_count": 12}
    chosen = agent_rows(1, **few)[0]
    usual = chosen | {"measure": "evaluation_reviewer_random_or_all", "measure_count": 3}
    compared = [row | {"agent_pid": "p2", "agent_name": "Bo"} for row in (agent_rows(1, measure_count=12)[0], usual)]
    compared[1] |= {"is_reliable": True, "not_comparable_reason": None}
    inputs = build_inputs([chosen, usual, *compared])
    page = Page(render_page(build_scorecard(inputs, PageOptions(0.5), is_simulated=False)))

    few_row, compared_row = page.rows("agents")[1:]
    assert few_row[7].startswith("fewer than 5 evaluations 3 of 12 not chosen on purpose")
    assert "chosen" not in compared_row[7]
