"""Reviewer calibration against a recount in plain Python, on small nasty answers and on reviewers of known leniency."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from statistics import fmean
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import Answer
from salted_assets.schemas.scores.reviewer_calibration import REVIEW_STATUSES, ReviewerCalibration
from salted_assets.scoring.reviewer_calibration import (
    CALIBRATION_COLUMNS,
    calibrate_reviewers,
    calibrate_windows,
)
from salted_assets_tests.support.scoring_runs import assert_same

pytestmark = pytest.mark.slow

END = date(2024, 6, 30)
FIRST = END - timedelta(days=90)
Row = dict[str, Any]


def answer(number: int, **given_values: Any) -> Row:
    return {
        "pid": f"r{number}",
        "start_date": END,
        "engagement_pid": "e1",
        "turn_pid": None,
        "agent_pid": "a1",
        "source": "reviewer",
        "status": "completed",
        "verified": None,
        "reviewer_pid": "v1",
        "reviewer_name": "Vera",
        "question_pid": "q1",
        "question_name": "Was it kind?",
        "review_time": datetime(2024, 6, 30, 12, tzinfo=UTC) + timedelta(seconds=number),
        "days_to_review": 1.0,
        "score": 0.5,
        "is_scored": True,
        "is_worst": False,
        "weight": 1.0,
        "is_random_or_all": True,
    } | given_values


def table_of(rows: list[Row]) -> pa.Table:
    schema = arrow_schema(Answer)
    fields = pa.schema([schema.field(name).with_nullable(True) for name in CALIBRATION_COLUMNS])
    return pa.Table.from_pylist(rows, schema=fields)


def calibrate(rows: list[Row]) -> list[Row]:
    with duckdb.connect() as connection:
        frame = calibrate_reviewers(connection, connection.from_arrow(table_of(rows)), END)
    return listed(frame)


def listed(frame: pd.DataFrame) -> list[Row]:
    ReviewerCalibration.validate(frame)
    rows_of_frame: Any = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return list(rows_of_frame)


def key_of(row: Row) -> tuple[Any, ...]:
    return row["source"], row["reviewer_pid"], row["question_pid"]


def recount_pairs(rows: list[Row], key: tuple[Any, ...], other_source: str) -> list[tuple[float, float]]:
    last_words: dict[tuple[Any, ...], Row] = {}
    for row in sorted(rows, key=lambda row: (row["review_time"], row["pid"])):
        if row["status"] == "completed" and row["score"] is not None and row["start_date"] >= FIRST:
            last_words[*key_of(row), row["engagement_pid"], row["turn_pid"] or ""] = row
    pairs = []
    for mine in last_words.values():
        for other in last_words.values():
            same = all((mine[n] or "") == (other[n] or "") for n in ("engagement_pid", "turn_pid", "question_pid"))
            is_other = other["source"] == "auto" or (other["reviewer_pid"] not in {None, mine["reviewer_pid"]})
            if key_of(mine) == key and None not in key and same and other["source"] == other_source and is_other:
                pairs.append((mine["score"], other["score"]))
    return pairs


def kappa(pairs: list[tuple[float, float]]) -> float | None:
    if len(pairs) < 20 or min(len({pair[side] for pair in pairs}) for side in (0, 1)) == 1:
        return None
    return 1 - fmean((a - b) ** 2 for a, b in pairs) / fmean((a - b) ** 2 for a, _ in pairs for _, b in pairs)


ANSWERS = st.lists(
    st.builds(
        answer,
        st.integers(0, 10**6),
        start_date=st.sampled_from([END, FIRST, FIRST - timedelta(days=1), FIRST - timedelta(days=91)]),
        engagement_pid=st.sampled_from(["e1", "e2"]),
        turn_pid=st.sampled_from([None, "t1"]),
        agent_pid=st.sampled_from(["a1", "a2"]),
        source=st.sampled_from(["reviewer", "reviewer", "auto", "customer"]),
        status=st.sampled_from(["completed", "completed", "pending", "deleted", "odd"]),
        verified=st.sampled_from([None, "correct", "incorrect", "unclear"]),
        reviewer_pid=st.sampled_from([None, "v1", "v2", "v3"]),
        question_pid=st.sampled_from([None, "q1", "q2"]),
        score=st.sampled_from([0.0, 0.25, 0.5, 1.0]),
        is_scored=st.booleans(),
    ),
    max_size=60,
    unique_by=lambda row: row["pid"],
)


ON_TWO_DAYS = [
    answer(
        n, start_date=(FIRST, END)[n // 2 % 2], engagement_pid=f"e{n // 2}", reviewer_pid=f"v{n % 2}", score=n % 3 / 2
    )
    for n in range(60)
]
"""Two reviewers of the same engagements, every second of which is of a later day."""


@given(rows=ANSWERS)
def test_calibration_is_what_a_recount_in_plain_python_gives(rows: list[Row]) -> None:
    result = {key_of(row): row for row in calibrate(rows)}
    leniency = {key[1]: row["leniency"] for key, row in result.items() if key[0] == "reviewer" and key[1]}

    current = [row for row in rows if row["start_date"] >= FIRST and row["source"] in {"reviewer", "auto"}]
    assert result.keys() == {key_of(row) for row in current}
    for key, row in result.items():
        mine = [each for each in current if key_of(each) == key]
        statuses = Counter(each["status"] for each in mine)
        assert {status: row[f"{status}_count"] for status in REVIEW_STATUSES} == {
            s: statuses[s] for s in REVIEW_STATUSES
        }
        assert row["score_count"] == statuses["completed"]
        assert row["leniency"] == leniency.get(key[1] if key[0] == "reviewer" else None)
        for other in ("reviewer", "auto"):
            pairs = recount_pairs(rows, key, other) if key[0] == "reviewer" else []
            assert row[f"agreement_{other}_count"] == len(pairs)
            expected = kappa(pairs)
            assert row[f"agreement_{other}_kappa"] == (None if expected is None else pytest.approx(expected))
            exact = fmean(a == b for a, b in pairs) if len(pairs) >= 20 else None
            assert row[f"agreement_{other}_exact_ratio"] == (None if exact is None else pytest.approx(exact))
        verdicts = Counter(each["verified"] for each in mine if each["status"] == "completed")
        if key[0] == "auto":
            judged = verdicts["correct"] + verdicts["incorrect"]
            assert row["verified_unclear_count"] == verdicts["unclear"]
            assert row["precision_ratio"] == (pytest.approx(verdicts["correct"] / judged) if judged else None)
        else:
            assert row["verified_correct_count"] is None


@given(rows=ANSWERS)
@example(rows=ON_TWO_DAYS)
def test_windows_of_a_range_are_those_of_each_day_alone(rows: list[Row]) -> None:
    ends = [FIRST, FIRST + timedelta(days=1), END]
    with duckdb.connect() as connection:
        frames = list(calibrate_windows(connection, connection.from_arrow(table_of(rows)), ends))
        for end, frame in zip(ends, frames, strict=True):
            own = [row for row in rows if end - timedelta(days=182) < row["start_date"] <= end]
            alone = listed(calibrate_reviewers(connection, connection.from_arrow(table_of(own)), end))
            assert_same(listed(frame), alone)


def test_an_engagement_with_many_pairs_counts_once_and_answers_are_those_of_the_question() -> None:
    """v1 disagrees with v2 in one engagement alone, in all its turns; a third reviewer's answers widen the scale."""
    rows = [
        answer(
            10 * turn + who, engagement_pid=f"e{turn // 10}", turn_pid=f"t{turn}", reviewer_pid=f"v{who}", score=score
        )
        for turn in range(40)
        for who, score in ((1, float(turn < 20)), (2, float(turn < 20 and turn >= 10)))
    ]

    def found(rows: list[Row]) -> Row:
        return next(row for row in calibrate(rows) if row["reviewer_pid"] == "v1")

    row = found(rows)
    assert (row["agreement_reviewer_count"], row["agreement_reviewer_exact_ratio"]) == (40, 0.75)
    assert row["agreement_reviewer_ac2_high"] - row["agreement_reviewer_ac2_low"] > 1
    assert row["agreement_reviewer_exact_low"] < 0.4
    third = answer(999, engagement_pid="e9", reviewer_pid="v3", score=0.25)
    fourth = answer(998, engagement_pid="e9", reviewer_pid="v4", score=0.25)
    assert found([*rows, third, fourth])["agreement_reviewer_ac2"] != pytest.approx(row["agreement_reviewer_ac2"])
    assert found([*rows, third])["agreement_reviewer_kappa"] == row["agreement_reviewer_kappa"]


def test_reviewers_of_known_leniency_are_found_out() -> None:
    chance = random.Random(7)
    leniency = {"v1": -0.1, "v2": 0.0, "v3": 0.1}
    ability = {f"a{n}": chance.uniform(0.4, 0.6) for n in range(30)}
    rows = [
        answer(
            number,
            agent_pid=agent,
            engagement_pid=f"e{number}",
            reviewer_pid=who,
            score=ability[agent] + shift + chance.gauss(0, 0.05),
        )
        for number, (agent, (who, shift)) in enumerate(
            (agent, each) for agent in ability for each in leniency.items() for _ in range(4)
        )
    ]

    found = {row["reviewer_pid"]: row for row in calibrate(rows)}

    for who, shift in leniency.items():
        assert found[who]["leniency_low"] < shift < found[who]["leniency_high"]
        assert found[who]["leniency_high"] - found[who]["leniency_low"] < 0.04


@pytest.mark.parametrize("reviewers", [2, 3, 8])
def test_leniency_is_not_overstated_however_few_the_reviewers(reviewers: int) -> None:
    shifts = {f"v{n}": 0.2 * n / (reviewers - 1) for n in range(reviewers)}
    rows = [
        answer(
            100 * agent + 10 * index + number,
            agent_pid=f"a{agent}",
            engagement_pid=f"e{agent} {index} {number}",
            reviewer_pid=who,
            score=0.3 + shift + wobble,
        )
        for agent in range(30)
        for index, (who, shift) in enumerate(shifts.items())
        for number, wobble in enumerate((-0.02, 0.02))
    ]

    found = {row["reviewer_pid"]: row["leniency"] for row in calibrate(rows)}

    assert found["v0"] == pytest.approx(-0.1, abs=0.002)
    assert found[f"v{reviewers - 1}"] == pytest.approx(0.1, abs=0.002)


def test_the_order_of_the_answers_changes_nothing() -> None:
    chance = random.Random(3)
    rows = [
        answer(n, reviewer_pid=f"v{n % 3}", engagement_pid=f"e{n % 7}", score=chance.choice([0.0, 0.5, 1.0]))
        for n in range(60)
    ]
    shuffled = chance.sample(rows, len(rows))

    pd.testing.assert_frame_equal(pd.DataFrame(calibrate(rows)), pd.DataFrame(calibrate(shuffled)))


def test_without_reviews_there_is_no_row() -> None:
    assert calibrate([]) == []
    assert calibrate([answer(1, source="customer", reviewer_pid=None)]) == []
