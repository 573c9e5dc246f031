"""What the scorecard says of reviewers: whom they agree with, what is confirmed of Auto, and when nothing is told."""

import re
from typing import Any

import pytest

from salted_assets.output.scorecard import build_scorecard, render_page
from salted_assets.output.scorecard.inputs import CALIBRATION_COLUMNS
from salted_assets.output.scorecard.records import Records
from salted_assets.output.scorecard.reviewer_tables import ROWS_MAX, tabulate_agreement, tabulate_precision
from salted_assets.output.scorecard.scorecard import PageOptions
from salted_assets_tests.support.scorecard_rows import agent_rows, build_inputs, calibrated, verified

pytestmark = pytest.mark.slow


def agreeing(whom: str, ac2: float, pairs: int = 140, half: float = 0.1) -> dict[str, Any]:
    values: dict[str, Any] = {"count": pairs, "kappa": ac2 - 0.2, "low": ac2 - 0.3, "high": ac2 - 0.1}
    values |= {"ac2": ac2, "ac2_low": ac2 - half, "ac2_high": ac2 + half}
    values |= {"exact_ratio": 0.8, "exact_low": 0.73, "exact_high": 0.87}
    return {f"agreement_{whom}_{name}": value for name, value in values.items()}


def listed(*rows: dict[str, Any]) -> Records:
    return [dict.fromkeys(CALIBRATION_COLUMNS) | row for row in rows]


def written(rows: Any) -> list[list[tuple[str, str]]]:
    return [[(cell.text, cell.note) for cell in row.cells] for row in rows]


def page_of(*rows: dict[str, Any]) -> str:
    inputs = build_inputs(agent_rows(1), calibration=list(rows))
    page = render_page(build_scorecard(inputs, PageOptions(0.5), is_simulated=False))
    return re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", page))


def test_agreement_has_its_interval_and_pairs_and_what_is_not_told_says_so() -> None:
    leniency = {"leniency": -0.04, "leniency_low": -0.06, "leniency_high": -0.02}
    both = calibrated("v1", "q1", **agreeing("reviewer", 0.5), **agreeing("auto", 0.25, 1_234), **leniency)
    few = calibrated("v2", "q1", **agreeing("reviewer", 0.6), **agreeing("auto", -0.9, 99))
    constant = calibrated("v3", "q1", **agreeing("auto", 0.7), **agreeing("reviewer", 0.1))
    constant |= dict.fromkeys(("agreement_reviewer_kappa", "agreement_reviewer_low", "agreement_reviewer_high"))

    table, unknown = tabulate_agreement(listed(both, few, constant))

    assert unknown == 0
    assert written(table.rows) == [
        [
            ("Reviewer v1", ""),
            ("Question q1", ""),
            ("80%", "73% to 87%\nAC2 0.50 (0.40 to 0.60)\nkappa 0.30 (0.20 to 0.40)\n140 pairs"),
            ("80%", "73% to 87%\nAC2 0.25 (0.15 to 0.35)\nkappa 0.05 (-0.05 to 0.15)\n1,234 pairs"),
            ("-4", "-6 to -2"),
        ],
        [
            ("Reviewer v2", ""),
            ("Question q1", ""),
            ("80%", "73% to 87%\nAC2 0.60 (0.50 to 0.70)\nkappa 0.40 (0.30 to 0.50)\n140 pairs"),
            ("too few", "99 of 100 pairs"),
            ("-", ""),
        ],
        [
            ("Reviewer v3", ""),
            ("Question q1", ""),
            ("never varies", "140 pairs"),
            ("80%", "73% to 87%\nAC2 0.70 (0.60 to 0.80)\nkappa 0.50 (0.40 to 0.60)\n140 pairs"),
            ("-", ""),
        ],
    ]


def test_nobody_is_listed_on_few_pairs_or_where_scores_never_vary() -> None:
    few = calibrated("few", "q1", **agreeing("reviewer", -0.9, 99))
    constant = calibrated("constant", "q1", **agreeing("reviewer", 0.1))
    constant |= dict.fromkeys(("agreement_reviewer_kappa", "agreement_reviewer_low", "agreement_reviewer_high"))

    table, unknown = tabulate_agreement(listed(few, constant))

    assert (table.rows, unknown) == ((), 2)
    assert "Reviewer few" not in page_of(few, constant)


def test_who_surely_agrees_least_comes_first() -> None:
    unsure = calibrated("unsure", "q1", **agreeing("reviewer", 0.1, half=0.8))
    sure = calibrated("sure", "q1", **agreeing("reviewer", 0.3, half=0.05))
    good = calibrated("good", "q1", **agreeing("reviewer", 0.95, half=0.02))
    with_auto = calibrated("with auto", "q1", **agreeing("auto", -0.5))

    table, _ = tabulate_agreement(listed(good, with_auto, unsure, sure))

    assert [row.cells[0].text for row in table.rows] == [
        "Reviewer sure",
        "Reviewer unsure",
        "Reviewer good",
        "Reviewer with auto",
    ]


def test_pairings_of_too_few_pairs_are_counted_in_words() -> None:
    known = calibrated("v1", "q1", **agreeing("reviewer", 0.5))
    page = page_of(known, calibrated("v1", "q2"), calibrated("v2", "q1", agreement_reviewer_count=99))

    assert "2 more pairings of a reviewer and a question with fewer than 100 pairs" in page
    assert "Question q2" not in page


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([calibrated("v1", "q1", agreement_reviewer_count=99)], "Nothing can be said yet"),
        ([], "There is no review by a person"),
        ([verified("q1", 3, 1)], "There is no review by a person"),
        ([calibrated("v1", "q1")], "Nobody has verified an auto review"),
    ],
)
def test_nothing_to_tell_is_said(rows: list[dict[str, Any]], said: str) -> None:
    assert said in page_of(*rows)


def test_precision_is_over_the_verified_only_and_says_so() -> None:
    rows = [
        verified("q1", 9, 1),
        verified("q2", 30, 30, reviewer_name=None, reviewer_pid=None),
        calibrated("auto", "q3", source="auto"),
    ]
    table = tabulate_precision(listed(*rows))

    assert written(table.rows) == [
        [("Question q2", ""), ("-", ""), ("50%", "40% to 60%"), ("60", "of 100"), ("1", "")],
        [("Question q1", ""), ("Reviewer auto", ""), ("90%", "80% to 100%"), ("10", "of 100"), ("1", "")],
    ]
    assert "over the verified only, a selected sample" in page_of(*rows)


def test_of_many_pairings_the_worst_are_shown() -> None:
    rows = [calibrated(f"v{n:03}", "q1", **agreeing("reviewer", 0.5 + n / 1_000)) for n in range(ROWS_MAX + 5)]
    page = page_of(*reversed(rows))

    assert f"Reviewer v{ROWS_MAX - 1:03}" in page
    assert f"Reviewer v{ROWS_MAX:03}" not in page
    assert f"These are the first {ROWS_MAX}" in page
