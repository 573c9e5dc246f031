"""How the figure of an agent's page came about, as the page shows it."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from salted_assets.explain.agent_figure import (
    AgentFigure,
    Comparison,
    Derivation,
    Estimate,
    FigureChange,
    Step,
    WeekChange,
)
from salted_assets.explain.agent_figure.steps import StepKind
from salted_assets.explain.explanation import CausePart, Explanation
from salted_assets.output.scorecard.agent_page import build_agent_page, render_agent_page
from salted_assets.output.scorecard.agent_page.origin import OriginInputs, build_origin
from salted_assets.output.scorecard.scorecard import PageOptions
from salted_assets.schemas.rolling_measures import ROLLING_MEASURES
from salted_assets_tests.support.agent_page_rows import PERSON, build_agent_inputs
from salted_assets_tests.support.page_reader import Page

DAY = date(2024, 3, 31)
REVIEWERS = StepKind("reviewers", "stricter <b>", "more lenient")
SHRINKAGE = StepKind("shrinkage", "moved up", "moved down")
MEASURE = next(measure for measure in ROLLING_MEASURES if measure.name == "evaluation_reviewer")


def explanation(figure: str, old: float, new: float, *parts: CausePart) -> Explanation:
    return Explanation(
        score="agent_rolling",
        day=DAY,
        agent_pid="p1",
        figure=figure,
        old=old,
        new=new,
        parts=parts,
        published_at=datetime(2024, 4, 1, tzinfo=UTC),
        notes=("Not known before 2024-03-01.",),
    )


LATE = explanation(
    "mean", 0.6004, 0.5714, CausePart("late", -0.0352, ("e1", "e2"), 5), CausePart("rule: exclude_unclear", 0.0062)
)


def build(*, week: WeekChange | None = None, best: float | None = 0.6127) -> OriginInputs:
    guess = None if best is None else Estimate(best, 0.5, 0.7)
    figure = AgentFigure(
        "p1",
        "Agent 1",
        MEASURE,
        28,
        DAY,
        12,
        Estimate(0.5714, 0.5, 0.6),
        Estimate(0.5921, 0.5, 0.7),
        guess,
        Comparison("compared", None),
        None,
    )
    steps = [Step(REVIEWERS, 0.5921 - 0.5714), *([Step(SHRINKAGE, best - 0.5921)] if best is not None else [])]
    derivation = Derivation(0.5714, tuple(steps), 0.5921 if best is None else best)
    return OriginInputs(figure, derivation, (FigureChange("plain mean", LATE),), week)


def page_of(inputs: OriginInputs | None) -> Page:
    page = build_agent_page(build_agent_inputs(), PERSON, PageOptions(0.5), is_simulated=False, origin=inputs)
    return Page(render_agent_page(page))


def test_each_step_is_a_row_and_the_rows_add_up_as_they_are_shown() -> None:
    rows = page_of(build()).rows("origin")[1:]
    assert [row[0].split()[0] for row in rows] == ["Plain", "Reviewers", "Fair", "Shrinkage", "Best"]
    assert [row[3] or row[2] for row in rows] == ["57.1%", "+2.1", "59.2%", "+2.1", "61.3%"]
    assert rows[1][1] == "stricter <b>", "text, no markup"


def test_bars_begin_where_the_one_before_ends() -> None:
    _, reviewers, fair, shrinkage, guess = build_origin(build()).rows
    assert reviewers.left + reviewers.width == pytest.approx(fair.width, abs=0.02)
    assert shrinkage.left == pytest.approx(fair.width, abs=0.02)
    assert shrinkage.side == "up"
    assert shrinkage.left + shrinkage.width == pytest.approx(guess.width, abs=0.02)
    assert 0 < guess.width < 100


def test_without_a_best_guess_the_fair_score_is_the_end() -> None:
    rows = page_of(build(best=None)).rows("origin")[1:]
    assert [row[0].split()[0] for row in rows] == ["Plain", "Reviewers", "Fair"]


def test_what_changed_is_told_by_cause_in_points_that_add_up() -> None:
    seen = page_of(build()).visible()
    assert "Plain mean: 60.0% \u2192 57.1%, -2.9 points." in seen
    assert "-3.5 late (5 answers of 2 engagements)" in " ".join(seen.split())
    assert "+0.6 setting exclude_unclear" in " ".join(seen.split())
    assert "Not known before 2024-03-01." in seen
    assert "Changed since the week before" not in seen


def test_where_no_change_was_kept_it_is_not_said_that_there_was_none() -> None:
    assert "No change is on record." in page_of(replace(build(), changes=())).visible()


def test_from_the_week_before_it_comes_by_causes_and_by_the_window() -> None:
    parts = CausePart("the window moved on", -0.1086), CausePart("late", -0.03, ("e1",), 1), CausePart("edited", 0.0)
    week = WeekChange(date(2024, 3, 24), FigureChange("plain mean", explanation("mean", 0.71, 0.5714, *parts)))
    change = build_origin(build(week=week)).week
    assert change is not None
    assert "71.0% as it was reported for 2024-03-24 \u2192 57.1% now, -13.9 points" in change.sentence
    assert change.causes == (("-10.9", "the window moved on", ""), ("-3.0", "late", "1 engagement"))


def test_nobody_evaluated_has_no_such_section() -> None:
    assert "How this figure came about" not in page_of(None).visible()
