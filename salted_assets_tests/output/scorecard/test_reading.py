"""What sections of the scorecard read of files: reviews of any status, pairs of reviewers, versions of disputes."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pandas.testing import assert_frame_equal

from salted_assets.output.scorecard import ScorecardInputs, open_reader, read_inputs, reading
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.review import Review
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.rolling_rows import END as ROLLING_END
from salted_assets_tests.support.rolling_rows import Engagements, build_daily, build_segments
from salted_assets_tests.support.scorecard_rows import END, write_days

pytestmark = pytest.mark.slow


def answer(pid: str, engagement: str, days_ago: int = 0, **values: Any) -> dict[str, Any]:
    """A reviewer's scored answer to one question; its sitting is the reviewer's own of the engagement."""
    day = END - timedelta(days=days_ago)
    reviewer = values.get("reviewer_pid", "v1")
    return {
        "start_date": day,
        "pid": pid,
        "engagement_pid": engagement,
        "agent_pid": "p1",
        "is_bot": False,
        "source": "reviewer",
        "status": "completed",
        "reviewer_pid": reviewer,
        "reviewer_name": f"Reviewer {reviewer}",
        "question_pid": "q1",
        "question_name": "Greeted?",
        "evaluation": f"session {reviewer}",
        "review_time": datetime(day.year, day.month, day.day, 9, tzinfo=UTC),
        "score": 1.0,
        "weight": 1.0,
        "scoring_status": "scored",
        "is_scored": True,
        "is_worst": False,
        "is_random_or_all": True,
        "is_found_only": False,
    } | values


def form(engagement: str, scores: tuple[float, ...], days_ago: int = 0, **values: Any) -> list[dict[str, Any]]:
    """A form of so many questions."""
    who = values.get("reviewer_pid", "v1")
    return [
        answer(f"{engagement} {who} {n}", engagement, days_ago, **{"question_pid": f"q{n}", "score": score} | values)
        for n, score in enumerate(scores)
    ]


def read(
    folder: Path, answers: list[dict[str, Any]], versions: dict[int, list[dict[str, Any]]] | None = None
) -> ScorecardInputs:
    """What the card reads of these answers, and of versions of reviews by how many days ago they were exported."""
    warehouse = Warehouse(str(folder))
    write_days(warehouse, "answer", pa.Table.from_pylist(answers, schema=arrow_schema(SCORE_MODELS["answer"])))
    engagements = {row["engagement_pid"]: row["start_date"] for row in answers}
    rows = [
        {"start_date": day, "engagement_pid": pid, "agent_pid": "p1", "link": f"https://platform.example/{pid}"}
        | {"start_time": pd.Timestamp(day, tz="UTC"), "agent_name": "Ada", "is_bot": False}
        for pid, day in engagements.items()
    ]
    write_days(warehouse, "engagement", pa.Table.from_pylist(rows, schema=arrow_schema(SCORE_MODELS["engagement"])))
    for days_ago, reviews in (versions or {}).items():
        with warehouse.create(warehouse.table_path(("tables", "review"), END - timedelta(days=days_ago))) as path:
            pq.write_table(pa.Table.from_pylist(reviews, schema=arrow_schema(Review)), path)
    return read_inputs(warehouse, END, low_threshold=0.5, pass_score=0.8)


def test_work_counts_sittings_on_the_day_of_their_last_update(tmp_path: Path) -> None:
    late = {"review_time": datetime(END.year, END.month, END.day, 8, tzinfo=UTC)}
    pending = {"status": "pending", "is_scored": False, "scoring_status": "not completed", "score": None}
    work = read(
        tmp_path,
        [
            *form("e1", (1.0, 0.5)),
            *form("e2", (1.0, 0.5), 8),
            *form("e3", (1.0, 0.5), 40),
            *form("e4", (1.0, 0.5), 60, **late),
            answer("s1", "e5", 3),
            *form("e6", (0.0, 0.0), 50, **pending),
            answer("t1", "e7", 2, **pending | {"status": "timeout"}),
            answer("t2", "e7", 2, **pending | {"status": "rejected", "evaluation": "session other"}),
            answer("a1", "e8", source="auto", reviewer_pid="robot"),
        ],
    ).work

    assert work.drop(columns="pending_since").to_dict("records") == [
        {
            "reviewer_pid": "v1",
            "reviewer_name": "Reviewer v1",
            "week_form_count": 2,
            "form_count": 3,
            "single_count": 1,
            "pending_count": 1,
            "rejected_count": 1,
            "timeout_count": 1,
        }
    ]
    assert work["pending_since"].tolist() == [END - timedelta(days=50)]


def test_the_reviewers_forms_and_single_answers_add_up_to_those_of_the_tiles(tmp_path: Path) -> None:
    unscored = {"is_scored": False, "scoring_status": "not scored", "score": None}
    write_days(
        Warehouse(str(tmp_path)),
        "agent_daily",
        build_daily([Engagements((ROLLING_END - END).days + days_ago, "p1") for days_ago in range(5)]),
    )
    inputs = read(
        tmp_path,
        [
            *form("e1", (1.0, 0.5)),
            *form("e2", (1.0, 0.5, 0.0), 3, reviewer_pid="v2"),
            answer("t1", "e3", 2, evaluation="turn 1"),
            answer("t2", "e3", 2, evaluation="turn 1", question_pid="q2", **unscored),
            answer("c1", "e3", 2, evaluation="turn 2", reviewer_pid="v3", **unscored),
            answer("c2", "e3", 2, evaluation="turn 3", reviewer_pid="v2"),
        ],
    )

    work, tiles = inputs.work.set_index("reviewer_pid"), inputs.by_agent.sum(numeric_only=True)
    assert work[["form_count", "single_count"]].T.to_dict("list") == {"v1": [1, 1], "v2": [1, 1], "v3": [0, 0]}
    assert work["form_count"].sum() == tiles["form_evaluation_count"] == 2
    assert work["single_count"].sum() == tiles["single_answer_count"] == 2


def test_two_reviewers_are_paired_on_the_questions_that_both_answered(tmp_path: Path) -> None:
    other: dict[str, Any] = {"reviewer_pid": "v2"}
    revised = answer("later", "e1", question_pid="q0", score=0.5, review_time=datetime(2024, 4, 2, tzinfo=UTC), **other)
    pairs = read(
        tmp_path,
        [
            *form("e1", (1.0, 1.0, 1.0)),
            *form("e1", (0.0, 0.0), **other),
            revised,
            *form("e2", (1.0,)),
            *form("e2", (0.0,), 40, **other),
        ],
    ).far_apart

    (pair,) = pairs.to_dict("records")
    assert (pair["engagement_pid"], pair["question_count"], pair["distance"]) == ("e1", 2, 0.75)
    assert (pair["one_name"], pair["one_mean"], pair["other_name"], pair["other_mean"]) == (
        *("Reviewer v1", 1.0),
        *("Reviewer v2", 0.25),
    )
    assert (pair["link"], pair["agent_name"]) == ("https://platform.example/e1", "Ada")


def test_outcomes_are_those_of_forms_not_chosen_on_purpose(tmp_path: Path) -> None:
    failed = {"is_critical_failure": True}
    outcomes = read(
        tmp_path,
        [
            *form("e1", (1.0, 0.6), is_critical_failure=False),
            *form("e2", (1.0, 0.5), is_critical_failure=False),
            *form("e3", (1.0, 1.0), **failed),
            *form("e4", (1.0, 1.0), is_random_or_all=False),
            *form("e5", (1.0, 1.0), 40),
            answer("s1", "e6"),
        ],
    ).outcomes

    assert outcomes.to_dict("records") == [
        {
            "agent_pid": "p1",
            "form_count": 4,
            "random_count": 3,
            "passed_count": 1,
            "critical_count": 3,
            "failed_count": 1,
        }
    ]


def test_a_low_form_has_its_lowest_answer_and_how_many_are_worst(tmp_path: Path) -> None:
    rows = form("e1", (0.5, 0.0, 0.0))
    for row, reason in zip(rows, ("fine", None, "haste"), strict=True):
        row |= {"answer_reason": reason, "is_worst": row["score"] == 0, "answer_name": f"{row['score']:g}"}
    (low,) = read(tmp_path, rows).low_forms.to_dict("records")

    assert (low["answer_name"], low["answer_reason"], low["worst_count"]) == ("0", "haste", 2)
    assert (low["reviewer_name"], low["score"]) == ("Reviewer v1", pytest.approx(1 / 6))


def test_answers_by_question_are_recent_or_of_the_days_before(tmp_path: Path) -> None:
    worst = {"score": 0.0, "is_worst": True, "answer_reason": "haste"}
    rows = read(
        tmp_path,
        [
            answer("r1", "e1", 27, **worst),
            answer("r2", "e2", 28, **worst),
            answer("r3", "e3", 90),
            answer("r4", "e4", 91),
        ],
    ).question_answers

    assert rows["answer_reason"].fillna("none").tolist() == ["haste", "haste", "none"]
    assert rows[["is_recent", "scored_count", "worst_count"]].to_numpy().tolist() == [
        [False, 1, 1],
        [True, 1, 1],
        [False, 1, 0],
    ]


def test_disputes_are_those_that_are_open_and_those_an_export_brought(tmp_path: Path) -> None:
    def version(pid: str, verified: str | None, points: float) -> dict[str, Any]:
        scores = {"answer_score": points, "worst_score": 0.0, "best_score": 10.0}
        return {"pid": pid, "engagement_pid": "e", "verified": verified} | scores

    disputes = read(
        tmp_path,
        [
            answer("open", "e1", 80, verified="disputed"),
            answer("ended", "e2", 20, verified="correct", score=1.0),
            answer("never", "e3", 20, verified="correct"),
            answer("unseen", "e4", 2, verified="disputed"),
        ],
        {
            20: [version("ended", "Disputed", 5.0), version("open", None, 1.0)],
            19: [
                version("open", " disputed", 1.0),
                version("ended", "Disputed", 4.0),
                version("never", "Correct", 0.0),
            ],
            18: [version("open", "Disputed", 1.0), version("ended", "Correct", 10.0)],
        },
    ).disputes

    assert disputes is not None
    assert disputes[["pid", "is_disputed", "disputed_since"]].to_numpy().tolist() == [
        ["ended", False, END - timedelta(days=20)],
        ["open", True, END - timedelta(days=19)],
        ["unseen", True, END - timedelta(days=2)],
    ]
    assert disputes["disputed_score"].tolist() == pytest.approx([0.4, 0.1, float("nan")], nan_ok=True)


def test_where_a_table_of_reviews_is_damaged_the_card_is_made_without_disputes(tmp_path: Path) -> None:
    path = tmp_path / "tables" / "review" / f"date={END}" / "part-0.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PAR1 and no more")

    assert read(tmp_path, [answer("r1", "e1")]).disputes is None


def test_sums_do_not_depend_on_the_order_of_rows(tmp_path: Path) -> None:
    schema = arrow_schema(SCORE_MODELS["agent_daily"])
    usual = {field.name: 0 for field in schema if not field.nullable} | dict.fromkeys(
        ("service_level_counts", "resolution_counts"), "{}"
    )
    sums = ("handle_time_log_sum", "evaluation_customer_sum", "engagement_sentiment_agent_sum")
    days = [
        usual
        | {"start_date": END - timedelta(days=n % 3), "agent_pid": f"p{n // 3}", "is_bot": False}
        | dict.fromkeys(sums, n % 7 / 3 * 1000 ** (n % 5))
        for n in range(300)
    ]
    answers = [row for n in range(60) for row in form(f"e{n}", tuple((n + of) % 4 / 3 for of in range(12)))]
    read_of = []
    for name, step in (("as they are", 1), ("from the last", -1)):
        warehouse = Warehouse(str(tmp_path / name))
        write_days(warehouse, "agent_daily", pa.Table.from_pylist(days[::step], schema=schema))
        read_of.append(read(tmp_path / name, answers[::step]))
    one, other = read_of

    for frame in ("centre", "weeks", "by_agent", "low_forms"):
        assert_frame_equal(getattr(one, frame), getattr(other, frame), check_exact=True)
    assert one.weeks["form_evaluation_agent_count"].tolist() == [1]


def test_resolutions_are_those_of_people_and_a_file_of_before_they_were_counted_has_none(tmp_path: Path) -> None:
    counts = {"p1": '{"escalated": 2, "resolved": 3}', "p2": '{"resolved": 1}', "bot": '{"menu": 9}'}
    warehouse, schema = Warehouse(str(tmp_path)), arrow_schema(SCORE_MODELS["agent_daily"])
    usual = {field.name: 0 for field in schema if not field.nullable} | {"service_level_counts": "{}"}
    rows = [
        usual
        | {"start_date": END - timedelta(days=ago), "agent_pid": agent, "is_bot": agent == "bot"}
        | {"resolution_counts": values, "resolution_judged_count": 5, "resolved_count": 3}
        for ago in (0, 7)
        for agent, values in counts.items()
    ]
    write_days(warehouse, "agent_daily", pa.Table.from_pylist(rows, schema=schema))
    day = END - timedelta(days=14)
    earlier = pa.Table.from_pylist([rows[0] | {"start_date": day}], schema=schema)
    lacking = [name for name in schema.names if name.startswith("resol")]
    with warehouse.create(warehouse.table_path(("scores", "agent_daily"), day)) as path:
        pq.write_table(earlier.drop_columns(lacking), path)

    inputs = read_inputs(warehouse, END, low_threshold=0.5)

    assert len(lacking) == 4
    assert inputs.resolutions.to_dict("records") == [
        {"resolution": "resolved", "engagement_count": 8.0},
        {"resolution": "escalated", "engagement_count": 4.0},
    ]
    assert inputs.weeks[["resolution_judged_count", "resolved_count"]].to_numpy().tolist() == [[0, 0], [10, 6], [10, 6]]


@pytest.mark.parametrize("rows_at_once", [1, 1_000_000])
def test_cards_of_a_range_are_those_of_each_day_however_many_are_read_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    monkeypatch.setattr(reading, "_ROWS_AT_ONCE", rows_at_once)
    warehouse = Warehouse(str(tmp_path))
    answers = [
        row
        for ago in range(0, 100, 3)
        for who in ("v1", f"v{2 + ago % 2}")
        for row in form(f"e{ago}", (ago % 4 / 3, len(who) / 5), ago, reviewer_pid=who, verified="disputed")
    ]
    read(tmp_path, answers)
    shift = (ROLLING_END - END).days
    groups = [
        Engagements(ago + shift, f"p{who}", team=("North", "South")[ago // 5 % 2], handle_time=1_000 * (ago + who + 1))
        for ago in range(0, 100, 2)
        for who in range(3)
    ]
    write_days(warehouse, "agent_daily", build_daily(groups))
    write_days(warehouse, "agent_segment_daily", build_segments(groups))
    days = [END - timedelta(days=ago) for ago in (9, 8, 2, 1, 0)]
    whole = {"low_threshold": 0.5, "pass_score": 0.8}

    with open_reader(warehouse, days, **whole) as read_day:
        together = {day: read_day(day) for day in days}

    assert (len(together[END].work), set(together[END].team_weeks["team"])) == (3, {"North", "South"})
    for day in days:
        alone = read_inputs(warehouse, day, **whole)
        for field in fields(ScorecardInputs):
            one, other = getattr(together[day], field.name), getattr(alone, field.name)
            if isinstance(other, pd.DataFrame):
                assert_frame_equal(one, other, check_exact=True)
            else:
                assert one == other
