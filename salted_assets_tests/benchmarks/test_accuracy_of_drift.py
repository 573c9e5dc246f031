"""The worlds in which drift of the auto reviewer is sought: answers and measures are what they are said to be."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from benchmarks.accuracy.drift import (
    DRIFT_DAY,
    FIRST,
    KINDS,
    LAST,
    World,
    count_false_alarms,
    draw_answers,
    find_days_to_alarm,
    watch_world,
)


@pytest.mark.parametrize("kind", KINDS)
def test_answers_drift_by_as_much_as_is_said_in_one_language(kind: str) -> None:
    answers = draw_answers(np.random.default_rng(1), World(5, kind, 0.1, "de"), 30).to_pandas()
    assert len(answers) / 30 / ((LAST - FIRST).days + 1) == pytest.approx(5, rel=0.05)
    difference = answers["auto_score"] - answers["score"]
    is_later, is_german = answers["start_date"] >= DRIFT_DAY, answers["language"] == "de"
    for is_there, drift in ((is_german, 0.1), (~is_german, 0.0)):
        moved = difference[is_there & is_later].mean() - difference[is_there & ~is_later].mean()
        assert moved == pytest.approx(drift, abs=0.02)
    assert is_german.mean() == pytest.approx(0.4, abs=0.02)


def test_alarms_are_counted_by_year_and_days_from_the_drift() -> None:
    alarms = [("q1", None, 1, DRIFT_DAY + timedelta(days=3)), ("q1", "de", 2, DRIFT_DAY), ("q2", None, 0, None)]
    rows = pd.DataFrame(
        {
            "language": [language for _, language, *_ in alarms],
            "queue": [None] * 3,
            "alarm_count": [count for *_, count, _ in alarms],
            "first_alarm_date": [day for *_, day in alarms],
            "change_direction": ["higher", "higher", None],
        }
    )
    years = 2 * ((LAST - date(2024, 4, 1)).days + 1) / 365
    assert list(count_false_alarms(rows, 2)) == pytest.approx([1 / years, 2 / years])
    assert find_days_to_alarm(rows).dropna().tolist() == [3]
    early = rows.assign(first_alarm_date=DRIFT_DAY - timedelta(days=1))
    assert find_days_to_alarm(early).dropna().tolist() == []


def test_a_large_drift_is_found_and_quiet_questions_have_few_alarms() -> None:
    drifting = watch_world(np.random.default_rng(2), World(3, "scale", 0.3), 10)
    assert find_days_to_alarm(drifting).max() <= 14
    assert count_false_alarms(watch_world(np.random.default_rng(3), World(3, "scale"), 20), 20)[0] < 3
