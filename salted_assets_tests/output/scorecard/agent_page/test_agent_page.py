"""The page of one agent: what it shows of 13 weeks, what it leaves out and says so, and that no text becomes markup."""

import re
from datetime import timedelta
from typing import Any

import pytest

from salted_assets.explain.settlement import Statement
from salted_assets.output.scorecard.agent_page import AgentInputs, Person, build_agent_page, render_agent_page
from salted_assets.output.scorecard.scorecard import PageOptions
from salted_assets_tests.support.agent_page_rows import (
    ENDS,
    PERSON,
    alarm,
    answered,
    asked,
    build_agent_inputs,
    evaluation,
    windows_of,
)
from salted_assets_tests.support.page_reader import Page
from salted_assets_tests.support.scorecard_rows import END

OTHERS = {f"o{number}": (1, 10) for number in range(8)}


def render(inputs: AgentInputs, person: Person = PERSON, *, is_simulated: bool = False, **options: Any) -> str:
    card_url = options.pop("card_url", None)
    page = build_agent_page(inputs, person, PageOptions(0.5, **options), is_simulated=is_simulated, card_url=card_url)
    return render_agent_page(page)


def test_the_page_has_a_point_for_each_of_13_weeks_and_the_same_in_figures() -> None:
    page = Page(render(build_agent_inputs()))

    assert page.count("svg") == 3
    assert sum(attributes.get("class") == "compared" for tag, attributes in page.tags if tag == "circle") == 3 * 13
    figures = page.rows("figures")[1:]
    assert [cells[0] for cells in figures] == [f"{end}" for end in reversed(ENDS)]
    assert figures[0][2:5] == ["101", "61% 51 to 71%", "61% n = 6"]


def test_how_far_the_own_mean_may_still_move_is_said_by_its_number_of_evaluations() -> None:
    to_come = Statement(share=0.5, settled_on=ENDS[-1] + timedelta(days=10), move_factor=0.28)
    inputs, options = build_agent_inputs(), PageOptions(0.5)
    page = render_agent_page(build_agent_page(inputs, PERSON, options, is_simulated=False, settlement=to_come))
    assert "about 50 % of reviewer evaluations of the last 28 days are in" in page
    assert "a mean of 6 evaluations moved by at most 0.08 in 9 of 10 cases; settled about 10 April." in page
    assert "Provisional" not in render(inputs)


def test_missing_week_ends_are_named_and_break_the_lines() -> None:
    missing = (*ENDS[2:4], ENDS[8])
    windows = windows_of(ends=tuple(end for end in ENDS if end not in missing))
    page = Page(render(build_agent_inputs(windows, missing=missing)))

    assert "There are no scores of 21 Jan to 28 Jan, 3 Mar, so the lines have no points there." in page.texts
    lines = [attributes for tag, attributes in page.tags if tag == "path" and attributes.get("class") == "line"]
    assert len(lines) == 3 * 3, "each of three lines is in three parts"
    assert len(page.rows("figures")) == 1 + 10


def test_a_week_end_without_the_agent_or_without_all_days_is_said() -> None:
    windows = [*windows_of(ends=ENDS[3:-1]), *windows_of(ends=ENDS[-1:], days_present_count=9)]
    page = Page(render(build_agent_inputs(windows)))

    assert "No engagement of the agent in the 28 days to 7 Jan to 21 Jan." in page.texts
    assert "Hollow points stand on fewer than 28 days, as many as in brackets: 31 Mar (9)." in page.texts
    assert sum(attributes.get("class") == "unsure" for tag, attributes in page.tags if tag == "circle") == 3


def test_questions_to_coach_are_beside_what_others_get_with_the_reason() -> None:
    questions = [
        *asked("Identity?", OTHERS | {"p1": (6, 8)}),
        *asked("Greeting?", OTHERS | {"p1": (2, 10)}),
        *asked("Tone?", dict.fromkeys(OTHERS, (7, 10)) | {"p1": (0, 20)}),
        *asked("Offer?", OTHERS | {"p1": (1, 10)}),
    ]
    answers = [answered("Identity?", 6, 8), answered("Greeting?", 2, 10, answer_reason=None)]
    page = Page(render(build_agent_inputs(questions=questions, answers=answers)))

    coach = page.rows("coach")[1:]
    assert [cells[0] for cells in coach] == ["Identity?", "Greeting?"]
    assert coach[0][1:4] == ["75% 41 to 93% 6 of 8", "10%", "Not asked 6 times"]
    unsure = [attributes for tag, attributes in page.tags if tag == "tr" and attributes.get("class") == "unsure"]
    assert len(unsure) == 1, "luck may explain two of ten"
    assert [cells[0] for cells in page.rows("strengths")[1:]] == ["Tone?"]


def test_an_ai_score_beyond_what_the_same_cases_let_expect_is_a_strength_or_to_coach() -> None:
    apart = {"shrunk_low": 4.3, "shrunk_high": 4.5, "fair_low": 4.2, "fair_high": 4.6, "group_mean": 4.0}
    apart |= {"shrunk_mean": 4.4, "fair_mean": 4.4, "difference_to_expected_low": 0.05}
    above = [row | (apart if row["measure"] == "empathy" else {}) for row in windows_of(ends=ENDS[-1:])]
    page = Page(render(build_agent_inputs(above)))
    assert "Empathy 4.00, expected 3.90 (difference +0.05 to +0.40, n = 6)" in page.texts

    page = Page(render(build_agent_inputs()))
    assert "AI scores" not in page.visible()


@pytest.mark.parametrize(
    ("estimates", "said"),
    [
        (
            {"fair_low": 0.52, "fair_high": 0.70},
            "Not known to differ from the colleagues: luck may explain the distance.",
        ),
        ({"fair_low": 0.52, "fair_high": 0.64}, "Perhaps below the colleagues: by the own evaluations, which"),
        (
            {"fair_low": 0.66, "fair_high": 0.90, "fair_mean": 0.8},
            "Perhaps above the colleagues: by the own evaluations",
        ),
        ({"fair_high": 0.64, "shrunk_high": 0.64}, "Below the colleagues, more than luck explains."),
        ({"shrunk_mean": None, "not_comparable_reason": "too few"}, "Not compared with colleagues: too few."),
        ({"group_count": 6}, "Not shown beside colleagues: fewer than 7 people"),
        ({"measure_count": 0}, "No reviewer has evaluated the agent in these 28 days."),
    ],
)
def test_the_page_says_of_the_agent_beside_the_colleagues_what_the_card_says(
    estimates: dict[str, Any], said: str
) -> None:
    row = {"shrunk_low": 0.55, "shrunk_high": 0.70} | estimates
    page = Page(render(build_agent_inputs([each | row for each in windows_of(ends=ENDS[-1:])])))

    assert [text for text in page.texts if text.startswith(said)] != []


def test_alarms_are_said_once_with_how_near_the_next_is() -> None:
    since = {"change_direction": "worse", "change_since": END - timedelta(days=12)}
    earlier = {"change_direction": "better", "change_since": END - timedelta(days=70)}
    alarms = [alarm(ENDS[4], **earlier), alarm(ENDS[11], **since), alarm(END, **since, change_statistic=-0.62)]
    page = Page(render(build_agent_inputs(alarms=alarms)))

    said = [text for text in page.texts if " since 2024" in text and text.startswith("Evaluations")]
    assert said == ["Evaluations worse since 2024-03-19.", "Evaluations better since 2024-01-21."]
    assert any("below the earlier level, 62% of the way" in text for text in page.texts)


def test_evaluations_have_their_worst_answers_and_lead_to_the_application() -> None:
    single = {"question": "Greeted?", "answer": "No", "reason": None, "is_worst": True}
    rows = [evaluation(0), evaluation(1, form=False, answers=[single], reviewer_pid="v2")]
    page = Page(render(build_agent_inputs(evaluations=rows)))

    form, answer = page.rows("evaluations")[1:]
    assert form == [
        "2024-03-30 09:12",
        "Voice",
        "31%",
        "Was the identity verified?: No (Not asked)",
        "reviewer 1",
        "open",
    ]
    assert answer[2:5] == ["-", "Greeted?: No", "reviewer 2"]
    assert "https://platform.example/e0" in [attributes.get("href") for tag, attributes in page.tags if tag == "a"]


def test_of_many_evaluations_the_newest_are_shown_and_the_number_is_said() -> None:
    page = Page(render(build_agent_inputs(evaluations=[evaluation(number) for number in range(130)])))

    assert len(page.rows("evaluations")) == 1 + 100
    assert "100 of 130" in page.visible()


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "", None])
def test_what_is_no_web_address_is_no_link(link: str | None) -> None:
    page = Page(render(build_agent_inputs(evaluations=[evaluation(link=link)])))

    assert page.count("a") == 0
    assert "e0" in page.texts


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "</title><img src=x>", "\"'><b>&", "名前"])
def test_a_text_is_shown_as_it_is_and_never_runs(text: str) -> None:
    def page_with(text: str) -> Page:
        answers = [{"question": text, "answer": text, "reason": text, "is_worst": True}]
        row = evaluation(answers=answers, reviewer_name=text, engagement_pid=text, channel_type=text, link=None)
        questions = asked(text, OTHERS | {"p1": (6, 8)})
        windows = windows_of(channel_type=text, not_comparable_reason=text)
        inputs = build_agent_inputs(windows, questions=questions, evaluations=[row])
        return Page(render(inputs, Person("p1", text, text), name_reviewers=True))

    page = page_with(text)
    tags, usual = ([(tag, [*attributes]) for tag, attributes in each.tags] for each in (page, page_with("plain")))
    assert tags == usual
    assert text in page.texts


def test_the_page_asks_for_nothing_from_outside() -> None:
    text = render(build_agent_inputs(evaluations=[evaluation()]))
    page = Page(text)

    assert page.count("link") == page.count("img") == page.count("iframe") == 0
    assert all("src" not in attributes for _, attributes in page.tags)
    assert not re.search(r"url\((?!#)|@import", text)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_what_is_not_known_is_left_out_and_never_written_as_nan_or_none() -> None:
    known = ("end_date", "window_days", "agent_pid", "is_bot", "engagement_count", "measure", "measure_count")
    bare = [dict.fromkeys(row) | {name: row[name] for name in (*known, "days_present_count")} for row in windows_of()]
    unknown = dict.fromkeys(("reviewer_pid", "reviewer_name", "link", "channel_type"))
    page = Page(
        render(
            build_agent_inputs(bare, evaluations=[evaluation() | unknown], alarms=[alarm(END, change_statistic=None)])
        )
    )

    assert [text for text in page.texts if re.search(r"\bnan\b|<NA>|NaT|None(?! in| is|:| of this)", text)] == []
    assert page.count("svg") == 0


def test_an_agent_of_whom_nothing_is_known_has_a_page_that_says_so() -> None:
    page = Page(render(build_agent_inputs([])))

    assert "No reviewer has evaluated the agent in these 28 days." in page.texts
    assert page.count("svg") == 0
    assert "None in these 91 days." in page.texts


def test_the_way_back_is_there_where_the_page_is_served() -> None:
    inputs = build_agent_inputs()
    back = [attributes["href"] for tag, attributes in Page(render(inputs, card_url="../x.html")).tags if tag == "a"]
    assert back == ["../x.html"]
    assert Page(render(inputs)).count("a") == 0


def test_simulated_data_say_so() -> None:
    assert "Simulated data" in render(build_agent_inputs(), is_simulated=True)
    assert "Simulated data" not in render(build_agent_inputs())


def test_what_auto_reviews_are_worth_is_said_beside_the_fair_score_or_why_they_tell_nothing() -> None:
    told: dict[str, Any] = {"anchored_count": 9, "anchored_mean": 0.642, "anchored_low": 0.58, "anchored_high": 0.71}
    page = Page(render(build_agent_inputs(windows_of(**told, anchored_extra_count=3.6))))
    assert (
        "64% score corrected by auto reviews 95% interval 58 to 71%; auto reviews are worth 4 extra reviews here"
        in (page.visible())
    )

    silent: dict[str, Any] = {
        "anchored_extra_count": 0.0,
        "anchored_reason": "auto reviews do not go with people's evaluations here",
    }
    page = Page(render(build_agent_inputs(windows_of(**told, **silent))))
    assert "Auto reviews tell nothing here: auto reviews do not go with people's evaluations here." in page.texts
    assert "corrected by auto reviews" not in page.visible()
    assert "uto reviews" not in Page(render(build_agent_inputs())).visible()
