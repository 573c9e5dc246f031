"""The tiles of everyone and of what the filter may be set to, and the names by which it is set."""

import json

import pytest

from salted_assets.output.scorecard import build_scorecard, render_page
from salted_assets.output.scorecard.about import About
from salted_assets.output.scorecard.names import name_apart
from salted_assets.output.scorecard.scorecard import PageOptions
from salted_assets.output.scorecard.tiles import Scope
from salted_assets_tests.support.page_reader import Page
from salted_assets_tests.support.scorecard_rows import agent_rows, build_inputs, disputed, low_evaluation, scored_twice

TEAM = "</script><b>"


def build_page() -> tuple[str, dict[tuple[str, str, str], Scope]]:
    """Two agents of a team whose name is markup, of two channels, one of another team; their page and its scopes."""
    rows = [
        *agent_rows(1, team=TEAM),
        *agent_rows(2, team=TEAM, channel_type="Chat"),
        *agent_rows(3, team="South", agent_name="Agent 1"),
    ]
    card = build_scorecard(build_inputs(rows), PageOptions(0.5), is_simulated=False)
    scopes = {(scope.about.team, scope.about.channel, scope.about.agent): scope for scope in card.scopes}
    return render_page(card), scopes


def figures(scope: Scope) -> list[str]:
    return [tile.value for tile in scope.tiles]


def test_each_team_channel_and_agent_has_its_own_tiles() -> None:
    _, scopes = build_page()

    assert figures(scopes["", "", ""]) == ["3", "306", "30", "8.8%", "62%", "6:40", "62%"]
    assert figures(scopes[TEAM, "", ""]) == ["2", "203", "20", "8.9%", "62%", "6:40", "62%"]
    assert figures(scopes["", "Chat", ""]) == figures(scopes[TEAM, "Chat", ""]) == figures(scopes["", "", "p2"])
    assert figures(scopes["", "", "p3"]) == ["1", "103", "10", "8.7%", "63%", "6:40", "63%"]
    assert len(scopes) == 1 + 2 + 2 + 3 + 3


def test_mean_and_typical_handle_time_stand_side_by_side() -> None:
    _, scopes = build_page()
    (handle_time,) = [tile for tile in scopes["", "", ""].tiles if "AHT" in tile.label]

    assert (handle_time.value, handle_time.beside) == ("6:40", "typical 5:00")


def test_the_page_holds_the_tiles_of_every_choice_and_no_name_ends_them() -> None:
    text, scopes = build_page()
    held = text.partition('id="scopes">')[2].partition("</script>")[0]
    records = json.loads(held)

    assert [(team, channel, agent) for team, channel, agent, _ in records] == list(scopes)
    assert [[value for value, *_ in tiles] for *_, tiles in records] == list(map(figures, scopes.values()))
    assert TEAM not in text


def test_rows_points_and_choices_say_whom_they_are_about() -> None:
    page = Page(build_page()[0])
    about = [attributes for _, attributes in page.tags if attributes.get("data-agent") == "p2"]

    assert len(about) == 4, "a row of the table, and a point in three plots"
    assert {(each["data-team"], each["data-channel"]) for each in about} == {(TEAM, "Chat")}
    options = [attributes.get("value") for tag, attributes in page.tags if tag == "option"]
    assert [value for value in options if value] == [TEAM, "South", "Chat", "Voice", "p1", "p3", "p2"]


def test_what_is_chosen_is_found_also_where_a_name_has_a_character_that_no_page_can_have() -> None:
    rows = [*agent_rows(1, team="No\0rth", agent_pid="p\0"), *agent_rows(2)]
    page = Page(render_page(build_scorecard(build_inputs(rows), PageOptions(0.5), is_simulated=False)))

    (data,) = [text for text in page.texts if text.startswith('[["",')]
    as_browsers_read = {value.replace("\0", "\ufffd") for _, each in page.tags if (value := each.get("value"))}
    assert {"No\ufffdrth", "p\ufffd"} <= as_browsers_read
    assert as_browsers_read - {"Voice"} <= {part for team, _, agent, _ in json.loads(data) for part in (team, agent)}


def test_namesakes_are_told_apart_wherever_they_are_named() -> None:
    page = Page(build_page()[0])

    assert page.texts.count("Agent 1 (South)") >= 3
    assert f"Agent 1 ({TEAM})" in page.texts
    assert "Agent 1" not in page.texts


def test_lists_call_agents_as_the_table_does_and_link_them_alike() -> None:
    renamed = {"agent_pid": "p3", "agent_name": "Agent 1", "team": "South"}
    unseen = {"agent_pid": "p9", "agent_name": "Agent 1", "team": "West"}
    rows = [*agent_rows(1), *agent_rows(3, team="South", agent_name="Agent 1")]
    inputs = build_inputs(
        rows,
        low=[low_evaluation(**renamed), low_evaluation(), low_evaluation(**unseen)],
        low_singles=[low_evaluation(**renamed)],
        far_apart=[scored_twice(**renamed)],
        disputes=[disputed(**renamed)],
    )
    card = build_scorecard(inputs, PageOptions(0.5), is_simulated=False)

    lists = (card.low_forms, card.low_singles, card.far_apart, card.disputes.open)
    shown = [[row.cells[0].text for row in table.rows] for table in lists]
    assert shown == [["Agent 1 (South)", "Agent 1 (Team 1)", "Agent 1 (West)"], *[["Agent 1 (South)"]] * 3]
    assert {row.cells[0].text for row in card.agents.rows} == {"Agent 1 (South)", "Agent 1 (Team 1)"}
    assert render_page(card).count('<a data-agent-page="p3">Agent 1 (South)</a>') >= 5


@pytest.mark.parametrize(
    ("names", "given"),
    [
        ({"07aa1": "Ada", "07aa2": "Ada"}, {"07aa1": "Ada [07aa1]", "07aa2": "Ada [07aa2]"}),
        ({"a": "Ada", "ab": "Ada"}, {"a": "Ada [a]", "ab": "Ada [ab]"}),
        ({}, {}),
    ],
)
def test_pids_are_shown_as_far_as_they_are_needed(names: dict[str, str], given: dict[str, str]) -> None:
    assert name_apart(names, {}) == given


def test_namesakes_of_one_team_are_told_apart_by_pid() -> None:
    names = name_apart({"p1": "Ada", "p2": "Ada", "p3": "Ada"}, {"p1": "North", "p2": "North", "p3": "South"})
    assert names == {"p1": "Ada [p1]", "p2": "Ada [p2]", "p3": "Ada (South)"}


def test_every_channel_of_people_and_of_listed_engagements_can_be_chosen_in_one_spelling() -> None:
    rows = [*agent_rows(1), *agent_rows(2, channel_type="VOICE"), *agent_rows(3, channel_type=" ")]
    inputs = build_inputs(
        rows,
        low=[low_evaluation(channel_type="SMS"), low_evaluation(channel_type="Sms")],
        low_singles=[low_evaluation(channel_type="chat")],
        far_apart=[scored_twice(channel_type="EMAIL")],
        disputes=[disputed(channel_type="walk-in")],
    )
    card = build_scorecard(inputs, PageOptions(0.5), is_simulated=False)
    page = Page(render_page(card))

    channels = ["Chat", "Email", "SMS", "Voice", "Walk-in"]
    assert [attributes["value"] for tag, attributes in page.tags if tag == "option"][4:10] == ["", *channels]
    marked = {attributes.get("data-channel") for tag, attributes in page.tags if tag == "tr"}
    assert marked - {None, ""} == set(channels)
    assert [figures(scope)[0] for scope in card.scopes if scope.about == About(channel="Voice")] == ["2"]
