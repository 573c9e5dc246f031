"""The worlds in which change is looked for: evaluations come as they are said to, and large falls are found."""

import numpy as np
import pytest

from benchmarks.accuracy.change import SD, alarms_a_year, draw_evaluations, share_found


def test_evaluations_come_at_the_rate_and_vary_as_said() -> None:
    counts, totals = draw_evaluations(np.random.default_rng(1), 0.4, 2_000, 100)
    single = totals[counts == 1]
    assert counts.mean() == pytest.approx(0.4, rel=0.02)
    assert single.mean() == pytest.approx(0.75, abs=0.005)
    assert single.std() == pytest.approx(SD, rel=0.02)
    assert (totals[counts == 0] == 0).all()


def test_a_large_fall_is_found_and_none_is_not() -> None:
    def found(fall: float) -> float:
        return share_found(np.random.default_rng(2), 1.0, fall, agents=300, days=28)

    assert found(0.5) == 1
    assert found(0.0) < 0.15
    assert found(0.0) < found(0.08) < found(0.15)


def test_false_alarms_are_counted_by_year() -> None:
    assert 0.5 < alarms_a_year(np.random.default_rng(3), 1.0, 600) < 2
