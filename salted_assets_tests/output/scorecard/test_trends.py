"""The scorecard's lines week by week: which teams are drawn, which are not and why, and what the points are."""

import math
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from salted_assets.output.scorecard import build_scorecard, read_inputs
from salted_assets.output.scorecard.plot_sections import PlotSection
from salted_assets.output.scorecard.records import list_records
from salted_assets.output.scorecard.scorecard import PageOptions
from salted_assets.output.scorecard.trend_plots import TrendPoint, plot_trend
from salted_assets.output.scorecard.trends import (
    FEWEST_PEOPLE,
    TEAMS_MAX,
    trend_of_minutes,
    trend_of_scores,
    trend_teams,
)
from salted_assets.scoring.windows.team_rolling import score_teams_rolling
from salted_assets.warehouse import Warehouse, WarehouseDamaged
from salted_assets_tests.support import rolling_rows
from salted_assets_tests.support.rolling_rows import Engagements, Given, build_answers, build_daily, build_segments
from salted_assets_tests.support.scorecard_rows import END, agent_rows, build_inputs, team_weeks, write_days
from salted_assets_tests.support.spoiled_files import spoil

pytestmark = pytest.mark.slow


def plot_of(title: str, teams: pd.DataFrame) -> PlotSection:
    card = build_scorecard(build_inputs(agent_rows(1), teams=teams), PageOptions(0.5), is_simulated=False)
    (plot,) = [plot for plot in card.plots if plot.title == title]
    return plot


@pytest.mark.parametrize("title", ["QA score by week, team by team", "Handle time (AHT) by week, team by team"])
def test_each_team_has_a_panel_with_its_people(title: str) -> None:
    plot = plot_of(title, team_weeks({"North": 7, "South": 5}))

    assert plot.picture is not None
    assert [picture.title for picture in plot.pictures] == ["North (7 people)", "South (5 people)"]
    assert [picture.about.team for picture in plot.pictures] == ["North", "South"]
    assert all(">31 Mar<" in picture.svg for picture in plot.pictures), "each has dates at its own axis"


def test_a_small_team_is_not_drawn_and_named_with_the_reason() -> None:
    plot = plot_of("QA score by week, team by team", team_weeks({"North": 7, "Tiny": FEWEST_PEOPLE - 1}))

    assert plot.picture is not None
    assert [picture.about.team for picture in plot.pictures] == ["North"]
    assert "they would show single people, not a team. Too small to draw: Tiny (4 people)." in plot.words


def test_without_a_large_team_nothing_is_drawn_and_that_is_said() -> None:
    plot = plot_of("QA score by week, team by team", team_weeks({"Tiny": 1}))

    assert plot.picture is None
    assert plot.absent == "No team has had 5 people or more in most of its weeks."


@pytest.mark.parametrize(
    ("people", "drawn_weeks_ago"),
    [
        ([7, 7, 6, 5], [3, 2, 1, 0]),
        ([3, 6, 6, 5], [2, 1, 0]),
        ([7, 6, 4, 5], []),
        ([7, 4, 6, 5], []),
        ([7, 7, 7, 4], []),
    ],
)
def test_a_line_never_starts_and_stops(people: list[int], drawn_weeks_ago: list[int]) -> None:
    weeks = team_weeks({"North": 7}, week_count=4)
    weeks["agent_count"] = people
    trends = trend_teams(list_records(weeks), trend_of_scores)

    drawn = [point.last_day for team in trends.shown for point in team.points]
    assert drawn == [END - timedelta(days=7 * ago) for ago in drawn_weeks_ago]
    assert trends.small == (() if drawn else (f"North ({min(people)} to {max(people)} people)",))


def test_a_week_without_anybody_is_a_break_like_one_of_few() -> None:
    weeks = team_weeks({"North": 7}, week_count=8)
    trends = [trend_teams(list_records(weeks.drop(index=missing)), trend_of_scores).shown for missing in (1, 6)]

    assert [len(team.points) for (team,) in trends[:1]] == [6]
    assert trends[1] == ()


def test_of_many_teams_the_largest_are_drawn() -> None:
    weeks = team_weeks({f"Team {n:02}": 9 for n in range(TEAMS_MAX + 2)})
    weeks.loc[weeks["team"].isin(["Team 03", "Team 05"]), "engagement_count"] = 1.0
    trends = trend_teams(list_records(weeks), trend_of_minutes)

    assert len(trends.shown) == TEAMS_MAX
    assert trends.further == ("Team 03", "Team 05")
    assert "not Team 03, Team 05." in plot_of("QA score by week, team by team", weeks).words


def test_a_point_is_the_mean_of_the_weeks_evaluations_with_its_t_interval() -> None:
    (team,) = trend_teams(list_records(team_weeks({"North": 5}, score=0.6)), trend_of_scores).shown
    half = 2.262157 * math.sqrt(0.4 / 9 / 10)  # ten evaluations, sum of squares around the mean 0.4

    assert {(round(p.mean, 6), round(p.low, 6), round(p.high, 6)) for p in team.points} == {
        (0.6, round(0.6 - half, 6), round(0.6 + half, 6))
    }


def test_a_missing_week_breaks_the_line_and_a_lone_week_keeps_its_interval() -> None:
    def drawn(*weeks_ago: int) -> list[int]:
        days = [date(2024, 3, 31) - timedelta(days=7 * ago) for ago in weeks_ago]
        svg = plot_trend("x", "score", [TrendPoint(day, 0.5, 0.4, 0.6) for day in days]).svg
        return [svg.count(f'class="{look}"') for look in ("line", "band", "interval", "compared")]

    assert drawn(4, 3, 2, 1) == [1, 1, 0, 4]
    assert drawn(5, 4, 2, 1) == [2, 2, 0, 4]
    assert drawn(5, 4, 2) == [2, 1, 1, 3]


def test_a_teams_last_week_is_its_window_of_seven_days(tmp_path: Path) -> None:
    """Also where people change teams within the week, have as many engagements in two, or none that is known."""
    groups = [
        Engagements(
            days_ago,
            f"a{agent}",
            1 + agent % 3,
            team=team,
            handle_time=60_000 * (1 + agent),
            evaluations=(0.5 + 0.03 * agent, 0.4 + 0.02 * days_ago),
        )
        for agent in range(14)
        for days_ago, team in enumerate(
            ["North", "North", "South", "South"] if agent % 2 else ["South", None, "\u00a0 "]
        )
    ]
    groups += [
        Engagements(agent="bot", is_bot=True, team="North", times=50),
        Engagements(9, "a1", 30, team="East"),
    ]
    daily, segments = build_daily(groups), build_segments(groups)
    warehouse = Warehouse(str(tmp_path))
    write_days(warehouse, "agent_daily", daily)
    write_days(warehouse, "agent_segment_daily", segments)
    inputs = read_inputs(warehouse, rolling_rows.END, low_threshold=0.5)
    rolling = score_teams_rolling(daily, segments, rolling_rows.END)
    rolling = rolling[(rolling["window_days"] == 7) & ~rolling["is_bot"]]

    rows_of_measure = rolling[rolling["measure"] == "handle_time_geometric_ms"].dropna(subset=["team"])
    expected = rows_of_measure.set_index("team").to_dict("index")
    weeks = inputs.team_weeks[inputs.team_weeks["last_day"].astype(str) == str(rolling_rows.END)]
    people = {team: row["agent_count"] for team, row in expected.items()}
    assert dict(zip(weeks["team"], weeks["agent_count"], strict=True)) == people
    for team, rows in weeks.groupby("team"):
        (point,) = trend_of_minutes(list_records(rows))
        row = expected[team]
        found = (point.mean, point.low, point.high)
        assert found == pytest.approx([row[name] / 60_000 for name in ("mean", "mean_low", "mean_high")])


def test_a_weeks_score_is_of_whole_forms_and_single_answers_are_counted_apart(tmp_path: Path) -> None:
    forms = {"e0": (0.2, 0.6), "e1": (0.8, 0.8), "e2": (0.0,), "e3": (1.0,), "e4": (0.5, 0.7)}
    answers = [
        Given(score, question=f"q{number}", engagement=name, weight=3.0 if name == "e4" and number else 1.0)
        for name, scores in forms.items()
        for number, score in enumerate(scores)
    ]
    answers.append(Given(0.0, question="q2", engagement="e0", is_scored=False))
    answers.append(Given(0.0, question="q2", engagement="e1", source="auto"))
    warehouse = Warehouse(str(tmp_path))
    write_days(warehouse, "agent_daily", build_daily([Engagements(times=5)]))
    write_days(warehouse, "answer", build_answers(answers))
    inputs = read_inputs(warehouse, rolling_rows.END, low_threshold=0.5)

    (week,) = inputs.weeks.to_dict("records")
    assert (week["form_evaluation_count"], week["single_answer_count"]) == (3, 2)
    assert week["form_evaluation_sum"] == pytest.approx(0.4 + 0.8 + 0.65)
    assert week["form_evaluation_sum_of_squares"] == pytest.approx(0.4**2 + 0.8**2 + 0.65**2)
    assert week["single_answer_sum"] == 1.0
    (point,) = trend_of_scores(list_records(inputs.weeks))
    assert point.mean == pytest.approx(1.85 / 3)


@pytest.mark.parametrize("table", ["agent_daily", "agent_segment_daily", "answer"])
def test_a_score_of_spoiled_pages_is_named(tmp_path: Path, table: str) -> None:
    groups = [Engagements(days_ago, "a1", 3, team="North") for days_ago in range(3)]
    warehouse = Warehouse(str(tmp_path))
    write_days(warehouse, "agent_daily", build_daily(groups))
    write_days(warehouse, "agent_segment_daily", build_segments(groups))
    write_days(warehouse, "answer", build_answers([Given(0.5, days_ago=days_ago) for days_ago in range(3)]))
    path = warehouse.table_path(("scores", table), rolling_rows.END - timedelta(days=1))
    spoil(warehouse, path)
    with pytest.raises(WarehouseDamaged, match=path):
        read_inputs(warehouse, rolling_rows.END, low_threshold=0.5)


def test_an_incomplete_week_is_hollow_and_said() -> None:
    inputs = build_inputs(agent_rows(1))
    inputs.weeks.loc[0, "day_count"] = 3
    inputs.weeks.loc[12, "form_evaluation_count"] = 6.0
    card = build_scorecard(inputs, PageOptions(0.5), is_simulated=False)
    scores, times = (
        {plot.title: plot for plot in card.plots}[title] for title in ("QA score by week", "Handle time (AHT) by week")
    )

    first = f"the week to {END - timedelta(days=84):%-d %b} has 3 of 7 days"
    assert f"Hollow: {first}; the last week has 6 evaluations so far, where 10 are usual" in scores.words
    assert times.words.endswith(f"Hollow: {first}.")
    assert scores.picture
    assert times.picture
    assert (scores.picture.svg.count('"unsure"'), times.picture.svg.count('"unsure"')) == (2, 1)
    assert "Hollow" not in plot_of("QA score by week", team_weeks({})).words
