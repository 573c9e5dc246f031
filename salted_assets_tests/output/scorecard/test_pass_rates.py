"""Pass and auto-fail rates: their intervals, targets, small teams, and why nothing is known."""

from typing import Any

import pytest

from salted_assets.output.scorecard.pass_rates import PassRates, build_pass_rates
from salted_assets.output.scorecard.records import list_records
from salted_assets.output.scorecard.targets import Targets
from salted_assets.scoring.stats import wilson_interval
from salted_assets_tests.support.scorecard_rows import build_inputs, outcome


def rates(*outcomes: dict[str, Any], teams: dict[str, str] | None = None, targets: Targets | None = None) -> PassRates:
    frame = build_inputs([], outcomes=list(outcomes)).outcomes
    return build_pass_rates(list_records(frame), teams or {}, targets or Targets())


def written(rates: PassRates) -> list[list[tuple[str, str]]]:
    return [[(cell.text, cell.note) for cell in row.cells] for row in rates.table.rows]


def test_rates_of_all_people_have_intervals_and_say_what_was_left_out() -> None:
    found = rates(outcome(critical_count=10.0, failed_count=1.0), outcome("p2", critical_count=10.0, passed_count=10.0))

    _, low, high = (float(part) for part in wilson_interval(17, 20))
    assert (f"{low:.0%}", f"{high:.0%}") == ("64%", "95%")
    assert written(found) == [
        [
            *[("All people", ""), ("85%", "64 to 95%\nn = 20"), ("-", ""), ("5%", "1 to 24%\nn = 20"), ("-", "")],
            ("4", "of 24"),
        ]
    ]
    assert found.note == "No target is set (SALTED_PASS_RATE_TARGET, SALTED_AUTO_FAIL_RATE_TARGET)."


@pytest.mark.parametrize(
    ("pass_rate", "auto_fail_rate", "said"),
    [(0.6, 0.3, ("reached", "reached")), (0.9, 0.1, ("not sure", "not sure")), (0.99, 0.001, ("missed", "missed"))],
)
def test_a_target_is_reached_or_missed_only_by_the_whole_interval(
    pass_rate: float, auto_fail_rate: float, said: tuple[str, str]
) -> None:
    found = rates(
        outcome(random_count=20.0, passed_count=17.0, critical_count=20.0, failed_count=1.0),
        targets=Targets(pass_rate=pass_rate, auto_fail_rate=auto_fail_rate),
    )

    cells = found.table.rows[0].cells
    assert (cells[2].text, cells[4].text) == said
    assert cells[4].note == f"at most {auto_fail_rate:.0%}"
    assert not found.note


def test_teams_of_five_have_a_row_and_smaller_ones_are_named() -> None:
    teams = {f"p{n}": "North" for n in range(5)} | {"p8": "South", "p9": "South"}
    found = rates(outcome("p0"), outcome("p8"), outcome("left"), teams=teams)

    assert [(row.team, row.cells[1].note.split()[-1]) for row in found.table.rows] == [(None, "30"), ("North", "10")]
    assert found.teams_hidden == ("South",)


def test_columns_of_targets_that_are_not_set_are_not_shown() -> None:
    unset = rates(outcome(critical_count=0.0, failed_count=0.0)).table
    assert [heading.label for heading in unset.without_empty().headings] == ["Whose", "Pass rate", "Left out"]
    assert [len(row.cells) for row in unset.without_empty().rows] == [3]
    assert rates().table.without_empty() == rates().table, "without rows every column stays"
    target = rates(outcome(critical_count=0.0, failed_count=0.0), targets=Targets(pass_rate=0.5)).table
    assert target.without_empty().has("Pass target")


def test_where_nothing_is_known_it_says_why() -> None:
    assert rates().absent == "No reviewer has evaluated anybody with a form in these days."
    on_purpose = rates(outcome(random_count=0.0, passed_count=0.0))
    assert on_purpose.absent.startswith("All forms of these days are about engagements that were chosen on purpose")
    assert "so nothing auto-fails" in rates(outcome()).note
