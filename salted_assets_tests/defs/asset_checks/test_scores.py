"""Whether a score's file is plausible, and adds up with what it was made of: each way of failing is seen."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from salted_assets.defs.asset_checks.outcome import CheckOutcome
from salted_assets.defs.asset_checks.scores import (
    ENGAGEMENTS_IN_TABLES,
    OF_WINDOWS,
    REVIEWS_IN_TABLES,
    SCORE_CHECKS,
    ScoreChecks,
    count_in_tables,
)
from salted_assets.defs.asset_keys import score_key
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.platform import KNOWN_WARNINGS, Platform, running_platform
from salted_assets_tests.support.scoring_rows import DAY

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

WINDOWED = ("agent_rolling", "team_rolling", "fair", "agent_question")
FIRST, LAST = "2024-01-09", "2024-01-10"
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("reconciled")) as platform:
        everything = 'key:"raw/export" or group:tables or group:scores'
        assert platform.materialize_range(FIRST, LAST, everything).success
        yield platform


def test_every_score_of_every_day_is_plausible_and_reconciles(platform: Platform) -> None:
    for name in SCORE_MODELS:
        for day in (FIRST, LAST):
            for check in SCORE_CHECKS:
                evaluation = platform.evaluation_of(score_key(name), check, day)
                assert evaluation.passed, (name, day, check, evaluation.metadata)
            assert evaluation.metadata["sums_compared"].value not in ((0, 1, 2) if name in WINDOWED else (0,)), name


def look_at(
    folder: Path, name: str, metadata: Mapping[str, Any], files: Mapping[str, Rows], *, is_current: bool = True
) -> CheckOutcome:
    """The first outcome that is not passed, or the last, on a day of a score; `files` are the rows of scores."""
    for score, rows in files.items():
        schema = pa.schema([field.with_nullable(True) for field in arrow_schema(SCORE_MODELS[score])])
        path = folder / f"scores/{score}/date={DAY}/part-0.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist([dict.fromkeys(schema.names) | row for row in rows], schema=schema), path)
    warehouse = Warehouse(str(folder))
    with warehouse.open_parquet(warehouse.table_path(("scores", name), DAY)) as file:
        outcomes = ScoreChecks(warehouse, name).check(file, DAY, metadata, is_current=lambda: is_current)
    assert [outcome.check for outcome in outcomes] == list(SCORE_CHECKS)
    return next((outcome for outcome in outcomes if not outcome.passed), outcomes[-1])


ENGAGEMENT: dict[str, Any] = {"handle_time_ms": 500, "evaluation_reviewer_count": 2}
SUMS = {"engagement_count": 2, "handle_time_ms_sum": 1000, "evaluation_reviewer_count": 4}
WINDOW = {"window_days": 7, "measure": "handle_time_ms", "measure_count": 3}
OF_91_DAYS = {"window_days": 91, "measure": "handle_time_ms", "measure_count": 9}

REVIEW: dict[str, Any] = {"source": "reviewer", "reviewer_pid": "v1", "status": "completed", "score": 0.5}
REVIEWS: Rows = [
    REVIEW,
    REVIEW | {"score": None},
    REVIEW | {"status": "pending"},
    REVIEW | {"source": "customer"},
    REVIEW | {"source": "auto", "reviewer_pid": None},
]
CALIBRATED: Rows = [
    {"source": "reviewer", "reviewer_pid": "v1", "question_pid": "q1", "completed_count": 1, "score_count": 1},
    {"source": "reviewer", "reviewer_pid": "v1", "question_pid": "q2", "completed_count": 1, "score_count": 0},
    {"source": "auto", "question_pid": "q1", "completed_count": 1, "score_count": 1},
]


@pytest.mark.parametrize(
    ("name", "metadata", "files", "summary"),
    [
        ("agent_daily", {}, {"engagement": [ENGAGEMENT] * 2, "agent_daily": [SUMS]}, None),
        (
            "agent_daily",
            {},
            {"engagement": [ENGAGEMENT] * 3, "agent_daily": [SUMS]},
            "engagement_count: 2 here, 3 in what it is made of",
        ),
        ("queue_daily", {}, {"engagement": [ENGAGEMENT], "queue_daily": []}, "no row, where there were engagements"),
        (
            "agent_daily",
            {},
            {"engagement": [ENGAGEMENT] * 2, "agent_daily": [SUMS | {"evaluation_reviewer_mean": 1.2}]},
            "1 column with values out of bounds",
        ),
        ("engagement", {ENGAGEMENTS_IN_TABLES: 1}, {"engagement": [ENGAGEMENT]}, None),
        (
            "engagement",
            {ENGAGEMENTS_IN_TABLES: 2},
            {"engagement": [ENGAGEMENT]},
            "engagements that count: 1 here, 2 in",
        ),
        ("answer", {REVIEWS_IN_TABLES: 0}, {"answer": [{}]}, "reviews of engagements that count: 1 here, 0 in"),
        (
            "agent_rolling",
            {},
            {"agent_daily": [{"handle_time_ms_count": 3}], "agent_rolling": [WINDOW, OF_91_DAYS]},
            None,
        ),
        (
            "agent_rolling",
            {},
            {"agent_daily": [{"handle_time_ms_count": 4}], "agent_rolling": [WINDOW, OF_91_DAYS]},
            "handle_time_ms_count of 7 days: 3 here, 4 in",
        ),
        (
            "agent_rolling",
            {OF_WINDOWS: {"7": 3, "28": 0, "91": 10}},
            {"agent_daily": [{"handle_time_ms_count": 3}], "agent_rolling": [WINDOW, OF_91_DAYS]},
            "handle_time_ms_count of 91 days: 9 here, 10 in",
        ),
        (
            "agent_question",
            {},
            {
                "answer": [{"is_scored": True}, {"is_scored": False}],
                "agent_question": [{"worst_count": 1, "scored_count": 1, "answer_count": 2}],
            },
            None,
        ),
        (
            "agent_question",
            {},
            {
                "answer": [{"is_scored": True}] * 2,
                "agent_question": [{"worst_count": 1, "scored_count": 1, "answer_count": 2}],
            },
            "scored answers: 1 here, 2 in",
        ),
        ("reviewer_calibration", {}, {"answer": REVIEWS, "reviewer_calibration": CALIBRATED}, None),
        (
            "reviewer_calibration",
            {},
            {"answer": [*REVIEWS, REVIEWS[0]], "reviewer_calibration": CALIBRATED},
            "completed reviews: 3 here, 4 in what it is made of, completed reviews with a score: 2 here, 3 in",
        ),
        (
            "reviewer_calibration",
            {},
            {"answer": [REVIEWS[0] | {"reviewer_pid": "v2"}, *REVIEWS[1:]], "reviewer_calibration": CALIBRATED},
            "reviewers with as many as in their answers: 1 here, 3 in",
        ),
        (
            "agent_question",
            {},
            {"agent_question": [{"worst_count": 2, "scored_count": 1, "answer_count": 2}]},
            "worst_count within scored_count: 2 here, 1 in",
        ),
    ],
)
def test_what_does_not_add_up_or_cannot_be_is_said_with_its_numbers(
    tmp_path: Path, name: str, metadata: dict[str, int], files: dict[str, Rows], summary: str | None
) -> None:
    outcome = look_at(tmp_path, name, metadata, files)
    assert outcome.passed is (summary is None)
    assert summary is None or summary in outcome.metadata["summary"]


def test_what_was_replaced_meanwhile_is_not_compared(tmp_path: Path) -> None:
    files: dict[str, Rows] = {"engagement": [ENGAGEMENT] * 3, "agent_daily": [SUMS]}
    outcome = look_at(tmp_path, "agent_daily", {}, files, is_current=False)
    assert (outcome.passed, outcome.metadata["sums_compared"]) == (True, 0)


def test_rows_that_count_are_counted_whatever_their_case() -> None:
    rows: Rows = [
        {"pid": "1", "type": " agent ", "status": "COMPLETED", "agent_pid": "a"},
        {"pid": "2", "type": "Agent", "status": "Completed", "agent_pid": " "},
        {"pid": "3", "type": "Queue", "status": "Completed", "agent_pid": "a"},
        {"pid": "4", "type": "Agent", "status": None, "agent_pid": "a"},
        {"pid": "5", "type": "Agent", "status": "Completed", "agent_pid": None},
    ]
    engagements = pa.Table.from_pylist([{**row, "start_date": DAY} for row in rows])
    reviews = pa.Table.from_pylist([{"engagement_pid": pid, "start_date": DAY} for pid in ("1", "1", "3", None)])
    assert count_in_tables(engagements, reviews, [DAY]) == {DAY: {ENGAGEMENTS_IN_TABLES: 1, REVIEWS_IN_TABLES: 2}}
