"""The traps of the vendor's data, each by its name: what would quietly give an unfair or a wrong score."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from salted_assets.schemas.scores import EngagementScore
from salted_assets.scoring import ScoringChoices, count_unscorable, score_agents_daily
from salted_assets_tests.support.scoring_rows import DAY, Row, agent, at, engagement, review, turn
from salted_assets_tests.support.scoring_runs import as_arrow, score_rows

pytestmark = pytest.mark.slow


def daily(
    engagements: list[Row] | None = None,
    *,
    turns: list[Row] | None = None,
    reviews: list[Row] | None = None,
    agents: list[Row] | None = None,
    **choices: Any,
) -> dict[str, Any]:
    """The first agent's day; usually of one engagement by Ada."""
    rows = ([engagement()] if engagements is None else engagements, turns, reviews, agents)
    scores = score_rows(rows, ScoringChoices(**choices)).engagements
    return {str(name): values[0] for name, values in score_agents_daily(scores).astype(object).items()}


def reviewed(*reviews: Row, **choices: Any) -> dict[str, Any]:
    return daily(reviews=list(reviews), turns=[turn("t1"), turn("t2", participant="CUSTOMER")], **choices)


def is_null(value: Any) -> bool:
    return bool(pd.isna(value))


@pytest.mark.parametrize("status", ["Deleted", "Ignore", "Pending", "Rejected", "Timeout"])
def test_only_completed_reviews_are_reported(status: str) -> None:
    day = reviewed(review(answer_score=10.0), review("r2", status=status, answer_score=0.0))
    assert (day["answer_reviewer_count"], day["answer_reviewer_mean"]) == (1, 1.0)


def test_reviews_of_customer_turns_do_not_score_the_agent() -> None:
    day = reviewed(review(turn_pid="t1", answer_score=10.0), review("r2", turn_pid="t2", answer_score=0.0))
    assert (day["answer_reviewer_mean"], day["answer_reviewer_customer_turn_count"]) == (1.0, 1)


def test_reviews_of_unknown_turns_count_unless_excluded() -> None:
    unknown = review(turn_pid="t99", answer_score=10.0)
    assert reviewed(unknown)["answer_reviewer_count"] == 1
    day = reviewed(unknown, exclude_unknown_turns=True)
    assert (day["answer_reviewer_count"], day["answer_reviewer_unknown_turn_count"]) == (0, 1)


def test_inverted_scale_less_is_better() -> None:
    assert reviewed(review(answer_score=2.0, worst_score=10.0, best_score=0.0))["answer_reviewer_mean"] == 0.8


@pytest.mark.parametrize(
    "points",
    [
        {"worst_score": 5.0, "best_score": 5.0},
        {"answer_score": None},
        {"worst_score": None},
        {"best_score": None},
        {"answer_score": 11.0},
    ],
)
def test_answers_that_give_no_score_are_counted_not_averaged(points: dict[str, float | None]) -> None:
    day = reviewed(review(answer_score=10.0), review("r2", **points))
    assert (day["answer_reviewer_count"], day["answer_reviewer_unscored_count"]) == (1, 1)
    assert day["evaluation_reviewer_count"] == 1


def test_auto_reviews_verified_incorrect_are_dropped_and_counted() -> None:
    day = reviewed(review(type="Auto"), review("r2", type="AUTO", verified="INCORRECT", answer_score=0.0))
    assert (day["answer_auto_count"], day["answer_auto_mean"], day["answer_auto_incorrect_count"]) == (1, 0.5, 1)


def test_incorrect_is_a_verdict_on_auto_reviews_alone() -> None:
    assert reviewed(review(verified="Incorrect"))["answer_reviewer_count"] == 1


@pytest.mark.parametrize("verdict", ["unclear", "disputed"])
def test_unsettled_answers_stay_and_are_counted_unless_excluded(verdict: str) -> None:
    rows = review(answer_score=10.0), review("r2", answer_score=0.0, verified=verdict.capitalize())
    kept, left_out = reviewed(*rows), reviewed(*rows, **{f"exclude_{verdict}": True})
    assert (kept["answer_reviewer_mean"], kept[f"answer_reviewer_{verdict}_count"]) == (0.5, 1)
    assert (left_out["answer_reviewer_mean"], left_out[f"answer_reviewer_{verdict}_count"]) == (1.0, 1)


def test_an_evaluation_is_a_session_and_a_long_form_weighs_no_more_than_a_short_one() -> None:
    long_form = [review(f"r{i}", review_session_id="s1", answer_score=0.0) for i in range(4)]
    day = reviewed(*long_form, review("r9", review_session_id="s2", answer_score=10.0))
    assert (day["answer_reviewer_mean"], day["evaluation_reviewer_mean"]) == (0.2, 0.5)


def test_answers_without_a_session_are_evaluations_of_their_own() -> None:
    blank = [review(f"r{i}", answer_score=10.0, review_session_id="") for i in range(2)]
    day = reviewed(review("r9", answer_score=0.0, review_session_id=None), *blank)
    assert (day["evaluation_reviewer_count"], day["evaluation_reviewer_sum_of_squares"]) == (3, 2.0)


def test_a_session_over_two_engagements_is_two_evaluations() -> None:
    rows = [review(review_session_id="s1"), review("r2", review_session_id="s1", engagement_pid="e2")]
    assert daily([engagement(), engagement("e2")], reviews=rows)["evaluation_reviewer_count"] == 2


def test_sources_are_never_mixed_and_customers_need_no_reviewer() -> None:
    kinds = ("Reviewer", "Auto", "CUSTOMER", "agent")
    rows = [review(f"r{i}", type=kind, answer_score=float(i), review_session_id="s1") for i, kind in enumerate(kinds)]
    day = reviewed(*rows)
    means = [day[f"evaluation_{source}_mean"] for source in ("reviewer", "auto", "customer", "agent")]
    assert means == [0.0, 0.1, 0.2, 0.3]


def test_chosen_samples_are_in_the_plain_mean_and_out_of_the_representative_one() -> None:
    day = reviewed(
        review(sampling="ALL", answer_score=10.0),
        review("r2", sampling="Focused", answer_score=0.0),
        review("r3", sampling="Selected", answer_score=0.0),
        review("r4", sampling=None, answer_score=10.0),
    )
    assert (day["answer_reviewer_mean"], day["answer_reviewer_random_or_all_mean"]) == (0.5, 1.0)
    assert (day["answer_reviewer_focused_count"], day["answer_reviewer_selected_count"]) == (1, 1)
    assert day["evaluation_reviewer_random_or_all_count"] == 1


def test_questions_answered_only_when_something_is_found_give_a_rate() -> None:
    rows = [review(type="Auto", question_pid="found"), review("r2", type="Auto", question_pid="found")]
    day = daily([engagement(), engagement("e2")], reviews=rows, found_only_questions=("found",))
    assert (day["answer_auto_count"], day["answer_auto_found_count"], day["answer_auto_found_ratio"]) == (0, 2, 0.5)
    assert is_null(daily(reviews=rows)["answer_auto_found_ratio"])


def test_weights_and_critical_questions_shape_the_evaluation() -> None:
    rows = [
        review(review_session_id="s1", question_pid="greeting", answer_score=10.0),
        review("r2", review_session_id="s1", question_pid="identity", answer_score=0.0),
    ]
    day = reviewed(*rows, question_weights={"identity": 3.0}, critical_questions=("identity",))
    assert (day["evaluation_reviewer_mean"], day["evaluation_reviewer_failed_critical_count"]) == (0.25, 1)
    assert is_null(reviewed(*rows)["evaluation_reviewer_failed_critical_count"])
    for weight in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="question identity"):
            ScoringChoices(question_weights={"identity": weight})


def test_queue_menu_invitation_technical_and_unfinished_rows_are_nobodys_work() -> None:
    others = [engagement(kind, type=kind) for kind in ("Queue", "Menu", "Invitation", "Application", "TECHNICAL")]
    others += [engagement("open", status="In Progress", end_time=None), engagement("nobody", agent_pid=None)]
    assert daily([engagement(), *others])["engagement_count"] == 1


def test_type_and_status_are_compared_without_regard_to_case() -> None:
    assert daily([engagement(type="AGENT", status="completed")])["engagement_count"] == 1


def test_handle_time_has_neither_hold_nor_waiting_and_takes_null_parts_as_none() -> None:
    rows = [
        engagement(preparation_time=1, engagement_time=20, wrap_up_time=300, hold_time=4000, wait_time=50_000),
        engagement("e2", engagement_time=79),
        engagement("e3", hold_time=7),
    ]
    day = daily(rows)
    assert (day["handle_time_ms_sum"], day["handle_time_ms_count"], day["handle_time_ms_mean"]) == (400, 2, 200.0)
    assert (day["engagement_count"], day["handle_time_missing_count"]) == (3, 1)


@pytest.mark.parametrize(
    "columns",
    [
        {"engagement_time": None, "refused_columns": ["engagement_time"]},
        {"wrap_up_time": None, "refused_columns": ["agent_name", "wrap_up_time"]},
        {"preparation_time": -600},
        {"engagement_time": -2_147_483_648},
    ],
    ids=["refused", "one of several refused", "negative", "reserved, in a file of an earlier version"],
)
def test_a_part_that_cannot_be_used_leaves_no_handle_time_and_is_counted(columns: Row) -> None:
    usable = engagement("e2", engagement_time=600)
    parts = {"preparation_time": 10, "engagement_time": 600, "wrap_up_time": 5}
    day = daily([engagement("e1", **parts | columns), usable])
    assert (day["handle_time_ms_count"], day["handle_time_ms_sum"], day["handle_time_missing_count"]) == (1, 600, 1)
    assert day["handle_time_log_count"] == 1
    (used,) = (name for name in parts if name in columns or name in columns.get("refused_columns", ()))
    assert day[f"{used}_ms_count"] == (2 if used == "engagement_time" else 1) - 1


def test_another_refused_cell_leaves_the_handle_time_as_it_is() -> None:
    day = daily([engagement(engagement_time=600, refused_columns=["wait_time", "empathy"])])
    assert (day["handle_time_ms_sum"], day["handle_time_missing_count"], day["wait_time_ms_count"]) == (600, 0, 0)


@pytest.mark.parametrize("column", ["answer_score", "worst_score", "best_score"])
def test_an_answer_whose_score_cannot_be_read_is_counted_and_so_is_its_evaluation(column: str) -> None:
    unreadable: Row = {column: None, "refused_columns": [column]}
    day = reviewed(
        review(review_session_id="s1", answer_score=10.0),
        review("r2", review_session_id="s1", **unreadable),
        review("r3", review_session_id="s2", **unreadable),
        review("r4", review_session_id="s3", answer_score=None),
    )
    assert (day["answer_reviewer_count"], day["answer_reviewer_unreadable_count"]) == (1, 2)
    assert day["answer_reviewer_unscored_count"] == 1
    assert (day["evaluation_reviewer_count"], day["evaluation_reviewer_unreadable_count"]) == (1, 2)
    assert day["evaluation_reviewer_mean"] == 1.0


def test_what_could_not_be_scored_is_counted_over_the_day() -> None:
    unusable = [engagement("e1", engagement_time=-1), engagement("e2"), engagement("e3", engagement_time=1)]
    unreadable: Row = {"answer_score": None, "refused_columns": ["answer_score"]}
    reviews = [review(**unreadable), review("r2", type="Auto", **unreadable), review("r3")]
    scored = score_rows((unusable, None, reviews, None), ScoringChoices()).engagements
    other = DAY + timedelta(days=1)
    counts = count_unscorable(as_arrow(scored, EngagementScore), [DAY, other])
    assert counts[DAY] == {"handle_time_missing_count": 2, "answer_unreadable_count": 2}
    assert counts[other] == {"handle_time_missing_count": 0, "answer_unreadable_count": 0}
    without_reviews = score_rows((unusable, None, None, None), ScoringChoices()).engagements
    of_day = count_unscorable(as_arrow(without_reviews, EngagementScore), [DAY])[DAY]
    assert of_day["answer_unreadable_count"] == 0


@pytest.mark.parametrize("column", ["turn_time", "participant"])
def test_a_turn_of_which_it_is_not_known_when_or_by_whom_leaves_no_first_response_time(column: str) -> None:
    turns = [
        turn("t1", participant="CUSTOMER", turn_time=at(9, 1)),
        turn("t2", participant="AGENT", turn_time=at(9, 3)),
    ]
    earlier = turn("t0", participant="CUSTOMER", turn_time=at(9)) | {column: None, "refused_columns": [column]}
    assert daily(turns=turns)["first_response_time_ms_mean"] == 120_000.0
    day = daily(turns=[earlier, *turns])
    assert (day["first_response_time_ms_count"], day["turn_count"]) == (0, 3)


@pytest.mark.parametrize("time", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)])
def test_times_at_the_ends_of_the_calendar_are_no_crash(time: datetime) -> None:
    turns = [turn("t1", participant="CUSTOMER", turn_time=time), turn("t2", turn_time=time)]
    rows = [engagement(end_time=time, conversation_start_time=time)]
    day = daily(rows, turns=turns, reviews=[review(review_time=time)])
    assert (day["engagement_count"], day["turn_count"], day["answer_reviewer_count"]) == (1, 2, 1)


def test_an_absurd_duration_is_not_a_crash() -> None:
    rows = [engagement(engagement_time=2**63 - 1, wrap_up_time=1), engagement("e2", engagement_time=5)]
    assert daily(rows)["handle_time_ms_sum"] == 5


def test_not_a_number_is_no_score() -> None:
    day = daily([engagement(empathy=float("nan"), cost=float("inf")), engagement("e2", empathy=4.0, cost=1.0)])
    assert (day["empathy_count"], day["empathy_mean"], day["cost_sum"]) == (1, 4.0, 1.0)


def test_sentiment_is_a_mean_over_turns_by_participant() -> None:
    turns = [
        turn("t1", sentiment=1.0),
        turn("t2", sentiment=0.0, engagement_pid="e2"),
        turn("t3", sentiment=0.5, engagement_pid="e2", participant="agent"),
        turn("t4", sentiment=-1.0, participant="Customer"),
        turn("t5", sentiment=9.0, participant="SYSTEM"),
        turn("t6", sentiment=9.0, engagement_pid="queue"),
    ]
    day = daily([engagement(), engagement("e2"), engagement("queue", type="Queue")], turns=turns)
    assert (day["sentiment_agent_mean"], day["sentiment_agent_count"], day["sentiment_customer_mean"]) == (0.5, 3, -1.0)
    assert day["turn_count"] == 5


def test_a_talkative_engagement_weighs_no_more_than_a_short_one_in_the_mean_over_engagements() -> None:
    turns = [turn(f"t{i}", sentiment=1.0) for i in range(3)] + [turn("t9", sentiment=0.0, engagement_pid="e2")]
    day = daily([engagement(), engagement("e2"), engagement("e3")], turns=turns)
    assert (day["sentiment_agent_mean"], day["engagement_sentiment_agent_mean"]) == (0.75, 0.5)
    assert (day["engagement_sentiment_agent_count"], day["engagement_sentiment_customer_count"]) == (2, 0)


def test_the_logarithm_is_of_handle_times_above_zero() -> None:
    rows = [engagement(engagement_time=1000), engagement("e2", wrap_up_time=0), engagement("e3")]
    day = daily(rows)
    assert (day["handle_time_ms_count"], day["handle_time_log_count"]) == (2, 1)
    assert day["handle_time_log_mean"] == pytest.approx(math.log(1000))


def test_first_response_answers_the_customer_not_the_greeting() -> None:
    turns = [
        turn("t1", turn_time=at(9)),
        turn("t2", turn_time=at(9, 1), participant="CUSTOMER"),
        turn("t3", turn_time=at(9, 3)),
    ]
    assert daily(turns=turns)["first_response_time_ms_mean"] == 120_000.0


@pytest.mark.parametrize(
    ("kind", "is_bot"), [("User", False), ("External", False), ("BOT", True), ("Voicemail", True), (None, None)]
)
def test_bots_are_told_by_agent_type(kind: str | None, is_bot: bool | None) -> None:
    result = daily(agents=[agent(type=kind)])["is_bot"]
    assert is_null(result) if is_bot is None else result is is_bot


def test_the_name_is_the_latest_label_of_the_day() -> None:
    rows = [
        engagement("e1", start_time=at(11), agent_name="Ada Newname"),
        engagement("e2", start_time=at(12), agent_name=None),
        engagement("e3", start_time=at(9), agent_name="Zoe Oldname"),
    ]
    assert daily(rows)["agent_name"] == "Ada Newname"


def test_service_levels_are_counted_always_and_rated_by_setting_alone() -> None:
    levels = ["Met", "MET", "Missed", "Ignore", None]
    rows = [engagement(f"e{i}", service_level=level) for i, level in enumerate(levels)]
    unset, rated = daily(rows), daily(rows, service_level_met_values=("met",))
    assert unset["service_level_counts"] == '{"ignore": 1, "met": 2, "missed": 1}'
    assert is_null(unset["service_level_met_ratio"])
    assert (rated["service_level_judged_count"], rated["service_level_met_ratio"]) == (3, pytest.approx(2 / 3))


def test_resolutions_are_counted_always_and_called_resolved_by_setting_alone() -> None:
    values = ["Resolved", " RESOLVED", "Escalated", " ", None]
    rows = [engagement(f"e{i}", resolution=value) for i, value in enumerate(values)]
    unset, judged = daily(rows), daily(rows, resolved_values=("resolved",))
    assert unset["resolution_counts"] == judged["resolution_counts"] == '{"escalated": 1, "resolved": 2}'
    assert (unset["resolution_judged_count"], unset["resolved_count"]) == (0, 0)
    assert is_null(unset["resolved_ratio"])
    assert (judged["resolution_judged_count"], judged["resolved_count"]) == (3, 2)
    assert judged["resolved_ratio"] == pytest.approx(2 / 3)


def test_a_dataset_that_is_not_exported_is_null_and_one_that_is_silent_is_zero() -> None:
    absent, silent = daily(), daily(turns=[], reviews=[], agents=[])
    for name in ("answer_reviewer_count", "evaluation_auto_sum", "sentiment_agent_count", "turn_count"):
        assert is_null(absent[name])
        assert silent[name] == 0
    for name in ("evaluation_auto_coverage_ratio", "first_response_time_ms_count"):
        assert is_null(absent[name])
        assert silent[name] == 0
    assert is_null(silent["answer_reviewer_mean"])


def test_the_choices_describe_themselves() -> None:
    text = ScoringChoices(found_only_questions=("q7", "q8")).describe()
    assert "`found_only_questions` = `q7, q8`: Question ids" in text
    assert "`exclude_unclear` = `no`: Whether" in text
    assert "`critical_questions` = `none`: Question ids" in text
    assert text.count("\n- ") == 9
