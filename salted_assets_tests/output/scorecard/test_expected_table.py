"""The table of AI scores shows the surest rows and says of how many."""

from salted_assets.output.scorecard.expected_table import ROWS_MAX, tabulate_ai_scores
from salted_assets.output.scorecard.records import Records


def people(*, apart: int, alike: int) -> Records:
    """Agents with one AI score each: those apart are half a point above what is expected, with narrow limits."""
    return [
        {
            "agent_name": f"Agent {number}",
            "agent_pid": f"p{number}",
            "team": "North",
            "channel_type": "Voice",
            "measure": "empathy",
            "mean": 4.0,
            "measure_count": 30.0,
            "expected_mean": 4.0 - side / 2,
            "difference_to_expected": side / 2,
            "difference_to_expected_low": side / 2 - 0.2,
            "difference_to_expected_high": side / 2 + 0.2,
            "side": side,
        }
        for number, side in enumerate([1] * apart + [0] * alike)
    ]


def test_those_who_stand_out_are_all_counted_though_not_all_are_shown() -> None:
    table, apart, looked_at = tabulate_ai_scores(people(apart=ROWS_MAX + 5, alike=7))
    assert (len(table.rows), apart, looked_at) == (ROWS_MAX, ROWS_MAX + 5, ROWS_MAX + 12)


def test_nobody_who_is_alike_is_counted_as_standing_out() -> None:
    table, apart, looked_at = tabulate_ai_scores(people(apart=0, alike=7))
    assert (len(table.rows), apart, looked_at) == (0, 0, 7)
