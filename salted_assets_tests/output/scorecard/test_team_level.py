"""The page where single people are not shown: nobody on it, in it or behind a difference, and teams as before."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.requests import Request

from salted_assets.output.scorecard.csv_tables import list_tables, write_csv_table
from salted_assets.output.scorecard.scorecard import PageOptions, Scorecard, build_scorecard, render_page
from salted_assets.output.scorecard.server import _Pages
from salted_assets.output.scorecard.team_level import is_servable
from salted_assets.warehouse import Warehouse, report_file
from salted_assets_tests.support.scorecard_rows import (
    END,
    agent_rows,
    build_inputs,
    calibrated,
    disputed,
    low_evaluation,
    outcome,
    scored_twice,
    team_weeks,
    worked,
)

TEAM = PageOptions(0.5, shows_agents=False)
PERSON = re.compile(r"Agent \d|\bp\d+\b|Vera|Walt|Reviewer v1|\bv1\b|data-agent=")


def page_of(people: dict[str, int], options: PageOptions = TEAM) -> str:
    """The page of teams of so many people, with something in every section."""
    return render_page(card_of(people, options))


def card_of(people: dict[str, int], options: PageOptions = TEAM) -> Scorecard:
    teams = [team for team, count in people.items() for _ in range(count)]
    rows = [row for number, team in enumerate(teams) for row in agent_rows(number, team=team)]
    inputs = build_inputs(
        rows,
        low=[low_evaluation()],
        low_singles=[low_evaluation()],
        teams=team_weeks(people),
        outcomes=[outcome(f"p{number}") for number in range(len(teams))],
        work=[worked()],
        far_apart=[scored_twice()],
        disputes=[disputed()],
        calibration=[calibrated("v1", "q1")],
        questions=[
            {"agent_pid": f"p{number}", "question_pid": "q1", "scored_count": 20, "worst_count": 8}
            for number in range(len(teams))
        ],
    )
    return build_scorecard(inputs, options, is_simulated=True)


def teams_on(page: str) -> set[str]:
    return set(re.findall(r"North|South|East", page))


def test_nobody_is_on_the_page_or_in_it() -> None:
    people = {"North": 6, "South": 7, "East": 5}
    assert len(PERSON.findall(page_of(people, PageOptions(0.5)))) > 100

    page = page_of(people)

    assert PERSON.findall(page) == []
    assert "agents by best guess" not in page
    assert '<script type="application/json"' not in page
    assert {"What goes wrong most", "Pass rate and auto-fail rate", "QA score by week", "Teams"} <= set(
        re.findall(r"<h2>([^<]*)</h2>", page)
    )
    assert teams_on(page) == {"North", "South", "East"}


def test_nobody_is_in_its_tables_as_files() -> None:
    people = {"North": 6, "South": 7, "East": 5}
    full = list_tables(card_of(people, PageOptions(0.5)))
    assert any(PERSON.search(write_csv_table(table)) for table in full.values())

    tables = {name: write_csv_table(table) for name, table in list_tables(card_of(people)).items()}

    assert set(tables) == {"questions_everyone", "questions_teams", "pass_rates"} < set(full)
    assert PERSON.findall("".join(tables.values())) == []
    assert all(table.count("\n") > 1 for table in tables.values())
    few = list_tables(card_of({"North": 4}))
    assert [len(table.rows) for table in few.values()] == [0, 0, 0]


@pytest.mark.parametrize(
    ("people", "shown"),
    [
        ({"North": 6, "South": 7, "East": 5}, {"North", "South", "East"}),
        # all people less the two large teams would be the two of the small one
        ({"North": 6, "South": 7, "East": 2}, {"South"}),
        ({"North": 6, "South": 4, "East": 4}, {"North"}),
    ],
)
def test_no_difference_tells_of_few(people: dict[str, int], shown: set[str]) -> None:
    page = page_of(people)
    tables = "".join(re.findall(r"<t[dh][^>]*>[^<]*|<figcaption>[^<]*", page))

    assert teams_on(tables) == shown


def test_no_figure_of_a_large_team_is_of_few() -> None:
    """Of two teams of six, one has two who were evaluated, were rated by customers and have forms."""
    rows = [
        {**row, "mean": None, "fair_mean": None} if 1 < number < 6 and "evaluation" in row["measure"] else row
        for number in range(12)
        for row in agent_rows(number, team="North" if number < 6 else "South")
    ]
    outcomes = [outcome(f"p{number}") for number in range(12) if not 1 < number < 6]

    card = build_scorecard(build_inputs(rows, outcomes=outcomes), TEAM, is_simulated=True)

    tiles = {scope.about.team: [tile.value for tile in scope.tiles] for scope in card.scopes}
    hidden = {team: [value == "-" for value in values] for team, values in tiles.items()}
    # with those of the other team alone, all less that team would be the two
    assert hidden == {"": [False] * 7} | dict.fromkeys(["North", "South"], [False] * 4 + [True, False, True])
    assert [row.team for row in card.pass_rates.table.rows] == [None]


def test_no_week_shows_what_few_were_evaluated_for_or_what_a_difference_tells_of_few() -> None:
    people = {"North": 6, "South": 7, "East": 5}
    names = [team for team, count in people.items() for _ in range(count)]
    rows = [row for number, team in enumerate(names) for row in agent_rows(number, team=team)]
    inputs = build_inputs(rows, teams=team_weeks(people))
    first, second, third = sorted(inputs.weeks["last_day"])[:3]
    weeks, teams = inputs.weeks.set_index("last_day"), inputs.team_weeks.set_index(["last_day", "team"])
    evaluated = "form_evaluation_agent_count"
    weeks.loc[first, evaluated] = 4
    teams.loc[[(first, team) for team in people], evaluated] = 1
    teams.loc[(second, "North"), evaluated] = 4
    # all less the two large teams would be the two of East
    weeks.loc[third, evaluated] = 15
    teams.loc[(third, "East"), evaluated] = 2
    inputs = replace(inputs, weeks=weeks.reset_index(), team_weeks=teams.reset_index())

    def points(options: PageOptions) -> list[dict[str, int]]:
        card = build_scorecard(inputs, options, is_simulated=True)
        trends = [plot for plot in card.plots if " by week" in plot.title]
        return [
            {picture.about.team or "all": picture.svg.count("<circle") for picture in plot.pictures} for plot in trends
        ]

    every_week = [{"all": 13}, dict.fromkeys(people, 13)] * 2
    assert points(PageOptions(0.5)) == every_week
    assert points(TEAM) == [{"all": 12}, {"East": 11, "North": 10, "South": 12}, *every_week[2:]]


def test_of_fewer_people_than_a_group_takes_nothing_is_shown() -> None:
    page = page_of({"North": 4})

    assert "Fewer than 5 people" in page
    assert re.findall(r"<h2>|<table|<svg", page) == []


def test_a_stored_page_of_the_other_level_is_not_served(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path), simulated=True)
    full, team = (page_of({"North": 6, "South": 7}, options) for options in (PageOptions(0.5), TEAM))
    assert (is_servable(team.encode(), shows_agents=False), is_servable(team.encode(), shows_agents=True)) == (
        True,
        False,
    )
    path = report_file(("report", "scorecard"), END, "scorecard.html")
    for stored, options, status in ((full, TEAM, 404), (team, TEAM, 200), (full, PageOptions(0.5), 200)):
        warehouse.write_bytes(path, stored.encode())
        # there are no scores to make the page again
        assert _Pages(warehouse, options).give(END.isoformat()).status_code == status


def test_there_is_no_page_of_an_agent(tmp_path: Path) -> None:
    pages = _Pages(Warehouse(str(tmp_path)), TEAM)
    request = Request({"type": "http", "path_params": {"agent_pid": "p1"}, "query_string": b"", "headers": []})

    answer = pages.give_agent(request)

    assert (answer.status_code, b"SALTED_AGENT_LEVEL=team" in answer.body) == (404, True)
