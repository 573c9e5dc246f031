"""How the figure of an agent's page came about, as the page shows it."""

from dataclasses import replace
from datetime import date

import pytest

from salted_assets.explain.agent_figure import (
    FigureChange,
    WeekChange,
)
from salted_assets.explain.explanation import CausePart
from salted_assets.output.scorecard.agent_page import build_agent_page, render_agent_page
from salted_assets.output.scorecard.agent_page.origin import OriginInputs, build_origin
from salted_assets.output.scorecard.scorecard import PageOptions
from salted_assets_tests.support.agent_page_rows import PERSON, build_agent_inputs
from salted_assets_tests.support.origin_inputs import (
    build_origin_inputs,
    explanation,
)
from salted_assets_tests.support.page_reader import Page


def page_of(inputs: OriginInputs | None) -> Page:
    page = build_agent_page(build_agent_inputs(), PERSON, PageOptions(0.5), is_simulated=False, origin=inputs)
    return Page(render_agent_page(page))


def test_each_step_is_a_row_and_the_rows_add_up_as_they_are_shown() -> None:
    rows = page_of(build_origin_inputs()).rows("origin")[1:]
    assert [row[0].split()[0] for row in rows] == ["Plain", "Reviewers", "Fair", "Shrinkage", "Best"]
    assert [row[3] or row[2] for row in rows] == ["57.1%", "+2.1", "59.2%", "+2.1", "61.3%"]
    assert rows[1][1] == "stricter <b>", "text, no markup"


def test_bars_begin_where_the_one_before_ends() -> None:
    _, reviewers, fair, shrinkage, guess = build_origin(build_origin_inputs()).rows
    assert reviewers.left + reviewers.width == pytest.approx(fair.width, abs=0.02)
    assert shrinkage.left == pytest.approx(fair.width, abs=0.02)
    assert shrinkage.side == "up"
    assert shrinkage.left + shrinkage.width == pytest.approx(guess.width, abs=0.02)
    assert 0 < guess.width < 100


def test_without_a_best_guess_the_fair_score_is_the_end() -> None:
    rows = page_of(build_origin_inputs(best=None)).rows("origin")[1:]
    assert [row[0].split()[0] for row in rows] == ["Plain", "Reviewers", "Fair"]


def test_what_changed_is_told_by_cause_in_points_that_add_up() -> None:
    seen = page_of(build_origin_inputs()).visible()
    assert "Plain mean: 60.0% \u2192 57.1%, -2.9 points." in seen
    assert "-3.5 late (5 answers of 2 engagements)" in " ".join(seen.split())
    assert "+0.6 setting exclude_unclear" in " ".join(seen.split())
    assert "Not known before 2024-03-01." in seen
    assert "Changed since the week before" not in seen


def test_where_no_change_was_kept_it_is_not_said_that_there_was_none() -> None:
    assert "No change is on record." in page_of(replace(build_origin_inputs(), changes=())).visible()


def test_from_the_week_before_it_comes_by_causes_and_by_the_window() -> None:
    parts = CausePart("the window moved on", -0.1086), CausePart("late", -0.03, ("e1",), 1), CausePart("edited", 0.0)
    week = WeekChange(date(2024, 3, 24), FigureChange("plain mean", explanation("mean", 0.71, 0.5714, *parts)))
    change = build_origin(build_origin_inputs(week=week)).week
    assert change is not None
    assert "71.0% as it was reported for 2024-03-24 \u2192 57.1% now, -13.9 points" in change.sentence
    assert change.causes == (("-10.9", "the window moved on", ""), ("-3.0", "late", "1 engagement"))


def test_nobody_evaluated_has_no_such_section() -> None:
    assert "How this figure came about" not in page_of(None).visible()
