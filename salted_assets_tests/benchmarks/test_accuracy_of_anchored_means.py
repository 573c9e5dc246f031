"""The worlds in which the anchored mean is measured: scores go together as they are said to, choice is what it says."""

import numpy as np
import pytest

from benchmarks.accuracy.anchored import (
    BY_AUTO,
    BY_HEARD,
    CHOICES,
    RANDOM,
    Setting,
    draw,
    estimate,
    measure_incorrect,
    measure_setting,
)


def within(values: np.ndarray) -> np.ndarray:
    return np.asarray(values - values.mean(axis=2, keepdims=True))


def test_scores_go_together_as_the_page_says() -> None:
    for correlation, drawn in draw(Setting(RANDOM, 6, 20, 50), 100).items():
        human, auto = within(drawn.human), within(drawn.auto)
        assert np.corrcoef(human.ravel(), auto.ravel())[0, 1] == pytest.approx(correlation, abs=0.02)
        for each in (human, auto):
            assert np.sqrt((each**2).sum() / (each.size * 19 / 20)) == pytest.approx(0.17, abs=0.004)
        off = drawn.auto_mean - drawn.level
        assert (off.mean(), off.std()) == pytest.approx((0.05, np.hypot(0.05, 0.17 / np.sqrt(50))), abs=0.005)


@pytest.mark.parametrize("choice", CHOICES)
def test_choice_prefers_what_it_is_said_to(choice: str) -> None:
    drawn = draw(Setting(choice, 6, 10, 200), 50)
    seen = (drawn[0.0].auto.mean(axis=2) - drawn[0.0].auto_mean).mean() / 0.17
    heard = (drawn[0.0].human.mean(axis=2) - drawn[0.0].level).mean() / 0.17  # nothing in it is seen
    expected = {RANDOM: (0, 0), BY_AUTO: (-0.66, 0), BY_HEARD: (0, -0.66)}[choice]  # .7, less what few are there
    assert (seen, heard) == pytest.approx(expected, abs=0.05)


def test_every_call_draws_the_same_worlds() -> None:
    setting = Setting(BY_AUTO, 6, 3, 20)
    first, again, other = (draw(each, 5)[0.4] for each in (setting, setting, Setting(RANDOM, 6, 3, 20)))
    assert (first.human == again.human).all()
    assert not (first.level == other.level).any()


def test_choice_by_the_auto_score_is_corrected_and_choice_by_what_was_heard_is_not() -> None:
    by_auto, by_heard = (measure_setting(Setting(each, 40, 10, 50), 20)[0.7] for each in (BY_AUTO, BY_HEARD))
    assert by_auto.anchored.bias == pytest.approx(0, abs=0.01)
    assert by_auto.alone.bias < -0.06
    assert by_heard.anchored.bias == pytest.approx(by_heard.alone.bias, abs=0.01)
    assert by_heard.anchored.bias < -0.06


def test_nothing_is_told_where_others_have_too_few() -> None:
    setting = Setting(RANDOM, 6, 3, 20)
    anchored, alone, extra = estimate(draw(setting, 10)[0.85], setting.engagements)
    assert not setting.has_enough_others
    np.testing.assert_allclose(anchored.value, alone.value)
    assert not extra.any()


def test_reviews_marked_incorrect_bias_the_mean_only_if_they_are_dropped() -> None:
    kept, dropped = measure_incorrect(0.55, 20)
    assert kept == pytest.approx(0, abs=0.004)
    assert dropped > 0.008
