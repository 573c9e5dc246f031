"""The page of the scorecard: what it shows, that it needs nothing from outside, that no text in it becomes markup."""

import json
import re
from typing import Any

import pytest

from salted_assets.output.scorecard import (
    ScorecardInputs,
    build_scorecard,
    draw_sparkline,
    list_weekly_means,
    render_page,
)
from salted_assets.output.scorecard.scorecard import PageOptions
from salted_assets_tests.support.page_reader import Page
from salted_assets_tests.support.scorecard_rows import agent_rows, build_inputs, low_evaluation

pytestmark = pytest.mark.slow


def render(inputs: ScorecardInputs, *, is_simulated: bool = False) -> str:
    return render_page(build_scorecard(inputs, PageOptions(0.5), is_simulated=is_simulated))


def many_agents(count: int) -> list[dict[str, Any]]:
    return [row for number in range(count) for row in agent_rows(number)]


def test_the_page_has_a_row_for_each_agent_and_a_plot_for_each_question() -> None:
    page = Page(render(build_inputs(many_agents(12), low=[low_evaluation()])))

    rows = [attributes for tag, attributes in page.tags if tag == "tr" and "data-team" in attributes]
    assert len(rows) == 12 + 1, "each agent, and the low evaluation"
    assert sum(attributes.get("class") == "unsure" for attributes in rows) == 3
    assert page.count("svg") == 7
    assert "fewer than 5 evaluations" in page.texts
    assert "https://platform.example/e1" in [attributes.get("href") for tag, attributes in page.tags if tag == "a"]


@pytest.mark.parametrize("shows_agents", [True, False])
@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("settlement", "Provisional: about 64 % of reviewer evaluations of the last 7 days are in."),
        ("auto_drift", 'Drift: since 12 March the auto reviewer scores "<b>Was it 5 & more?" higher.'),
    ],
)
def test_what_is_still_to_come_and_what_drifts_stand_in_the_header_as_text(
    argument: str, said: str, shows_agents: bool
) -> None:
    options, inputs = PageOptions(0.5, shows_agents=shows_agents), build_inputs(many_agents(12))
    spoken, silent = (
        Page(render_page(build_scorecard(inputs, options, is_simulated=False, **{argument: text})))  # type: ignore[arg-type]
        for text in (said, "")
    )
    assert said in spoken.texts
    mark = argument.replace("_", "-")
    assert mark in [attributes.get("id") for _, attributes in spoken.tags]
    assert mark not in [attributes.get("id") for _, attributes in silent.tags]


@pytest.mark.parametrize("url", ["", "https://docs.example"])
def test_how_scores_are_made_is_named_as_a_page_and_linked_where_that_is(url: str) -> None:
    card = build_scorecard(build_inputs(many_agents(2)), PageOptions(0.5, docs_url=url), is_simulated=False)
    page = Page(render_page(card))

    assert page.visible().count("the page “Scores” of the documentation") == 2
    assert "docs/scores.md" not in page.visible()
    marks = [attributes for tag, attributes in page.tags if tag == "a" and "data-docs" in attributes]
    linked = [attributes.get("href") for tag, attributes in page.tags if tag == "a"]
    assert (len(marks), linked.count("https://docs.example/docs/scores.md")) == ((0, 2) if url else (2, 0))


def test_what_a_manager_acts_on_comes_before_the_table_of_all_agents() -> None:
    page = Page(render(build_inputs(many_agents(12))))

    sections = [attributes.get("id") for tag, attributes in page.tags if tag == "section"]
    first = ["short", "news", "questions", "calibrate"]
    assert [name for name in sections if name in {*first, "agents"}] == [*first, "agents"]
    assert "What must not be concluded" in page.texts


def test_the_page_asks_for_nothing_from_outside() -> None:
    text = render(build_inputs(many_agents(12)))
    page = Page(text)

    assert page.count("link") == page.count("img") == page.count("iframe") == 0
    assert all("src" not in attributes for _, attributes in page.tags)
    assert not [tag for tag, attributes in page.tags if tag != "a" and {"href", "xlink:href"} & set(attributes)]
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)


def test_ids_are_there_once_and_what_points_at_them_finds_them() -> None:
    page = Page(render(build_inputs(many_agents(12))))

    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    clips = {str(attributes["clip-path"]) for _, attributes in page.tags if "clip-path" in attributes}
    assert clips
    assert clips <= {f"url(#{name})" for name in ids}


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "</script>",
        "$x^$",
        "\"'&",
        "名前",
        "\u202eAda\u2066",
        "Zoë\u0301 👩‍👩‍👧",
        "A" * 300,
        " ",
    ],
)
def test_a_name_is_shown_as_it_is_and_never_runs(name: str) -> None:
    agents = [*agent_rows(99, agent_name=name, team=name), *many_agents(8)]
    page = Page(render(build_inputs(agents)))

    assert sum(tag == "script" and "type" not in attributes for tag, attributes in page.tags) == 1
    assert name in page.texts
    choices = [attributes.get("value") for tag, attributes in page.tags if tag == "option"]
    assert (choices.count(name), choices.count("p99")) == (1, 1), "the team as it is, the agent by ID"
    (data,) = [text for text in page.texts if text.startswith('[["",')]
    assert name in {team for team, *_ in json.loads(data)}
    assert any(name[:10] in text for text in page.texts if "evaluations" in text), "the point's tip names the agent"


def test_low_evaluations_say_what_was_answered_why_by_whom_and_how_many_there_are() -> None:
    low = [low_evaluation(engagement_pid=f"e{number}") for number in range(61)]
    failed = low_evaluation(is_failed_critical=True, answer_reason=None, reviewer_name=None, worst_count=1, link=None)
    page = Page(render(build_inputs(many_agents(3), low=low, low_singles=[low_evaluation(), failed])))

    assert len(page.rows("low")) == 1 + 50
    assert page.rows("low")[1] == [
        *("Agent 1", "Team 1 Voice", "2024-03-30 09:12", "31%"),
        "Did the agent greet? No and 2 more worst answers",
        *("no name given", "Vera", "open"),
    ]
    assert page.rows("low-single")[1:] == [
        [
            *("Agent 1", "Team 1 Voice", "2024-03-30 09:12", "Did the agent greet?", "No"),
            "no name given",
            "Vera",
            "open",
        ],
        [*("Agent 1", "Team 1 Voice", "2024-03-30 09:12", "Did the agent greet?", "No auto-fail"), "-", "-", "e1"],
    ]
    assert "The newest 50 of 61, the newest first" in page.visible()
    assert "All 2, the newest first" in page.visible()
    rows = [attributes for tag, attributes in page.tags if tag == "tr" and attributes.get("data-agent") == "p1"]
    assert rows.count({"data-agent": "p1", "data-team": "Team 1", "data-channel": "Voice"}) == 1 + 50 + 2


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "", None])
def test_what_is_no_web_address_is_no_link(link: str | None) -> None:
    page = Page(render(build_inputs(many_agents(3), low=[low_evaluation(link=link)])))

    assert not [href for _, attributes in page.tags if not (href := attributes.get("href") or "#").startswith("#")]
    assert "e1" in page.texts


def test_names_in_tables_and_plots_are_marked_for_the_server_to_link() -> None:
    text = render(build_inputs(many_agents(12)))

    assert re.search(r'<td [^>]*><a data-agent-page="p1">Agent 1</a>', text)
    assert re.search(r'<text [^>]*><a data-agent-page="p1">Agent 1</a></text>', text)
    assert "/agent/" not in text
    linked = [plot for plot in re.findall(r"<svg .*?</svg>", text) if "<a " in plot]
    assert linked
    assert not [plot for plot in linked if 'role="img"' in plot], "an image has no links to who listens to the page"


def test_bots_have_no_row() -> None:
    page = Page(render(build_inputs([*agent_rows(1), *agent_rows(2, is_bot=True)])))

    assert "Agent 1" in page.texts
    assert "Agent 2" not in page.texts


def test_a_day_without_anything_is_a_page_that_says_so() -> None:
    page = Page(render(build_inputs([], week_count=0, day_count=0)))

    assert page.count("svg") == 0
    assert any("no engagement of a person" in text for text in page.texts)
    assert any("Fewer than 28 days" in text for text in page.texts)


def test_what_is_not_known_is_left_out_and_never_written_as_nan_or_none() -> None:
    """Agents with one evaluation have no interval, and some have no name, team or reason."""
    known = ("window_days", "agent_pid", "is_bot", "engagement_count", "measure", "measure_count")
    bare = [dict.fromkeys(row) | {name: row[name] for name in known} for row in agent_rows(7)]
    page = Page(render(build_inputs([*many_agents(6), *bare])))

    assert [text for text in page.texts if re.search(r"\bnan\b|<NA>|NaT|None(?! in these days)", text)] == []
    assert sum("p7" in cell for row in page.rows("agents") for cell in row) == 1
    assert not [text for text in page.texts if "p7:" in text], "nothing compares the agent"


def test_simulated_data_say_so() -> None:
    agents = build_inputs(many_agents(3))

    assert "Simulated data" in render(agents, is_simulated=True)
    assert "Simulated data" not in render(agents)


def test_of_many_agents_the_plot_shows_both_ends_and_the_table_all() -> None:
    page = Page(render(build_inputs(many_agents(200))))

    assert sum(tag == "tr" and "data-team" in attributes for tag, attributes in page.tags) == 200
    labels = [attributes.get("aria-label") or "" for tag, attributes in page.tags if tag == "svg"]
    assert any("164 agents between the two halves" in label for label in labels)


def test_the_same_inputs_give_the_same_page() -> None:
    assert render(build_inputs(many_agents(9))) == render(build_inputs(many_agents(9)))


def test_weekly_means_and_their_line() -> None:
    means = list_weekly_means(build_inputs(many_agents(3)))

    assert means["evaluation_score"] == pytest.approx([0.7] * 13)
    assert means["handle_time_minutes"] == pytest.approx([5.0] * 13)
    line = draw_sparkline([0.1, 0.3, 0.2])
    assert 'points="0,14 30,2 60,8"' in line
    assert len(draw_sparkline([0.5] * 13)) < 300, "the UI shows a longer one only as a link"
    assert "<polyline" not in draw_sparkline([0.5])


def test_the_table_has_what_auto_reviews_add_where_they_are_worth_a_review_at_least() -> None:
    rows = many_agents(12)
    anchored = {"anchored_mean": 0.642, "anchored_extra_count": 3.6}
    for row in rows:
        number = int(row["agent_pid"][1:])
        row.update(anchored if number < 2 else anchored | {"anchored_extra_count": 0.4} if number < 4 else {})
    text = Page(render(build_inputs(rows))).visible()
    assert text.count("by auto 64% (+4)") == 2
    assert text.count("by auto ") == 2
