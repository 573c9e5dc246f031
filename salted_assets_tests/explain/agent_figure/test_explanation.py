"""A published figure is explained by what it was made of, and figures that are not there are said to be none."""

from datetime import timedelta
from pathlib import Path

import pytest

from salted_assets.explain.agent_figure import (
    FigureExplanation,
    NotExplicable,
    ValueWords,
    describe_comparison,
    describe_figure,
    explain_figure,
    read_figure,
)
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.evaluated_agents import build_answers, draw_evaluations, write_evaluated
from salted_assets_tests.support.rolling_rows import END
from salted_assets_tests.support.scorecard_rows import write_days

pytestmark = pytest.mark.slow


@pytest.fixture(name="warehouse", scope="module")
def fixture_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    warehouse = Warehouse(str(tmp_path_factory.mktemp("evaluated") / "warehouse"))
    write_evaluated(warehouse)
    return warehouse


def explain(
    warehouse: Warehouse, agent: str = "a3", measure: str = "evaluation_reviewer", days: int = 28
) -> FigureExplanation:
    return explain_figure(warehouse, "UTC", agent, measure, END, days)


@pytest.mark.parametrize("days", [7, 28, 91])
def test_the_steps_lead_to_what_was_published_and_add_up_as_they_are_shown(warehouse: Warehouse, days: int) -> None:
    found = explain(warehouse, days=days)
    figure, derivation = found.figure, found.derivation
    assert derivation.note == ""
    assert figure.best_guess is not None
    assert derivation.end == figure.best_guess.value
    values = [step.value for step in derivation.steps]
    assert derivation.start + sum(values) == pytest.approx(derivation.end, abs=1e-12)
    words = ValueWords.of(figure.measure)
    assert figure.fair is not None
    *to_fair, shrinkage = derivation.round_steps(words)
    assert words.round(derivation.start) + sum(to_fair) == pytest.approx(words.round(figure.fair.value), abs=1e-9)
    assert shrinkage == words.subtract(derivation.end, figure.fair.value)
    assert {step.name for step in derivation.steps} >= {
        "reviewers",
        "questions",
        "chosen engagements",
        "shrinkage",
    }


def test_the_evaluations_are_those_of_the_plain_mean_and_single_answers_count_less(warehouse: Warehouse) -> None:
    found = explain(warehouse)
    every = found.evaluations
    assert len(every) == found.figure.count == 10
    assert sum(each.score for each in every) / 10 == pytest.approx(found.figure.plain.value, abs=1e-12)
    assert [each.day for each in every] == sorted((each.day for each in every), reverse=True)
    shares = found.derivation.shares
    by_size = {1: [0.0], 3: [0.0]}
    for each in every:
        by_size[len(each.answers)].append(shares[each.engagement_pid, each.evaluation])
    assert sum(map(sum, by_size.values())) == pytest.approx(1, abs=1e-9)
    assert max(by_size[1]) < min(by_size[3][1:])
    assert every[0].link == f"https://desk.example/{every[0].engagement_pid}"
    assert {each.reviewer for each in every} <= {"reviewer 1", "reviewer 2", "reviewer 3"}
    assert every[0].reviewer == "reviewer 1"


def test_reviewers_are_named_where_the_settings_say_so(warehouse: Warehouse) -> None:
    found = explain_figure(warehouse, "UTC", "a3", "evaluation_reviewer", END, 28, name_reviewers=True)
    assert {each.reviewer for each in found.evaluations} <= {"Vera r0", "Vera r1", "Vera r2"}


def test_what_changed_since_is_not_split_into_steps(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path / "warehouse"))
    write_evaluated(warehouse)
    later = draw_evaluations()
    at = next(index for index, each in enumerate(later) if each.agent == "a3" and len(each.answers) > 1)
    later[at].answers["q0"] = 1 - later[at].answers["q0"]
    write_days(warehouse, "answer", build_answers(later))
    derivation = explain(warehouse).derivation
    assert "have changed since this figure was published" in derivation.note
    assert [step.name for step in derivation.steps] == ["all corrections", "shrinkage"]
    assert derivation.start + sum(step.value for step in derivation.steps) == pytest.approx(derivation.end, abs=1e-12)


def test_a_single_day_is_explained_by_its_evaluations_alone(warehouse: Warehouse) -> None:
    found = explain_figure(warehouse, "UTC", "a3", "empathy", END, 1)
    assert (found.figure.score, found.figure.headline.value) == ("agent_daily", found.values[0].value)
    assert (
        describe_comparison(found.figure)
        == "Not compared with colleagues: a single day is not compared with that of others."
    )
    assert describe_figure(found.figure) == f"empathy {found.values[0].value:.2f}, on {END}, from 1 engagement"


def test_the_figure_is_told_in_the_words_of_the_trade(warehouse: Warehouse) -> None:
    figure = explain(warehouse).figure
    assert describe_figure(figure).startswith("fair QA score ")
    assert describe_figure(figure).endswith(f", 28 days to {END}, from 10 evaluations by reviewers")
    assert "the mean of the 11 people compared is" in describe_comparison(figure)
    assert figure.comparison.state in describe_comparison(figure).lower()


@pytest.mark.parametrize(
    ("agent", "measure", "days_ago", "window", "said"),
    [
        (
            "a3",
            "evaluation_reviewr",
            0,
            28,
            "there is no measure 'evaluation_reviewr'; near it are evaluation_reviewer,",
        ),
        ("a3", "empathy", 0, 28, "empathy is of no single person here: the settings exclude it"),
        ("a3", "evaluation_auto", 0, 28, "no figure of evaluation_auto was published of this agent in the 28 days"),
        ("zz", "evaluation_reviewer", 0, 28, "there is no engagement that counts"),
        ("a3", "evaluation_reviewer", 400, 28, "is not scored in"),
        ("a3", "handle_time_geometric_ms", 0, 1, "has no figure of a single day; take a window of 7 days or more"),
        ("a3", "evaluation_reviewer", 0, 14, "a figure stands for 1, 7, 28 or 91 days"),
    ],
)
def test_a_figure_that_is_not_there_is_said(  # noqa: PLR0917 - what is asked for, and what is said
    warehouse: Warehouse, agent: str, measure: str, days_ago: int, window: int, said: str
) -> None:
    with pytest.raises(NotExplicable) as error:
        read_figure(warehouse, agent, measure, END - timedelta(days=days_ago), window, ["empathy"])
    assert said in str(error.value)
