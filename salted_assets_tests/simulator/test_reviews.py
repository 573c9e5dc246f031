"""What simulated reviews give scores to work on: rows that must not count, reviewers and agents of known kind."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import combinations
from statistics import correlation, mean

import pytest

from salted_assets.simulator import SimulatorOptions, truth_of
from salted_assets.simulator.data.forms import (
    CRITICAL_QUESTION,
    FOUND_QUESTION,
    QUESTIONS,
    REVIEWER_FORMS,
    Form,
    Question,
)
from salted_assets_tests.support.simulators import export_rows

pytestmark = pytest.mark.slow

BUILT_IN = SimulatorOptions()
"""The account that the platform runs on without a key."""

FEW_REVIEWERS = SimulatorOptions(agent_count=18)
"""Three reviewers, who meet on many engagements."""

FIRST_DAY = datetime(2024, 1, 10, tzinfo=UTC)

Row = dict[str, str]


def reviews_of(options: SimulatorOptions, days: int) -> dict[str, Row]:
    """The newest version of each review that the exports of these days deliver, each as of two hours after its end."""
    found: dict[str, Row] = {}
    for start in days_from(FIRST_DAY, days):
        found |= {row["pid"]: row for row in export_rows("review", start, start + timedelta(hours=26), options)}
    return found


def days_from(start: datetime, days: int) -> Iterator[datetime]:
    yield from (start + timedelta(days=number) for number in range(days))


@cache
def built_in_reviews() -> list[Row]:
    return list(reviews_of(BUILT_IN, 3).values())


@cache
def calibrating_reviews() -> list[Row]:
    """What came in the end of the reviews of engagements that started within eight weeks."""
    rows = export_rows("review", FIRST_DAY, FIRST_DAY + timedelta(days=80), FEW_REVIEWERS, hours=56 * 24)
    first = FIRST_DAY.isoformat()[:10]
    return [row for row in rows if row["status"] == "Completed" and row["engagement_start_time"] >= first]


@cache
def customers_turns() -> set[str]:
    days = (export_rows("turn", start, start + timedelta(hours=26), BUILT_IN) for start in days_from(FIRST_DAY, 3))
    return {row["pid"] for rows in days for row in rows if row["participant"] == "CUSTOMER"}


def score_of(row: Row) -> float | None:
    answer, worst, best = row["answer_score"], row["worst_score"], row["best_score"]
    if not answer or worst == best:
        return None
    return (float(answer) - float(worst)) / (float(best) - float(worst))


MUST_NOT_COUNT: dict[str, Callable[[Row], bool]] = {
    **{
        status: lambda row, status=status: row["status"] == status  # type: ignore[misc]  # bound at once, by default
        for status in ("Deleted", "Ignore", "Pending", "Rejected", "Timeout")
    },
    "a customer's turn, by a reviewer": lambda row: row["turn_pid"] in customers_turns() and row["type"] == "Reviewer",
    "a customer's turn, automatic": lambda row: row["turn_pid"] in customers_turns() and row["type"] == "Auto",
    "automatic and Incorrect": lambda row: (row["type"], row["verified"]) == ("Auto", "Incorrect"),
}
HAS_TO_BE_TOLD_APART: dict[str, Callable[[Row], bool]] = {
    "automatic and Unclear": lambda row: (row["type"], row["verified"]) == ("Auto", "Unclear"),
    "automatic and Disputed": lambda row: (row["type"], row["verified"]) == ("Auto", "Disputed"),
    "a reviewer's and Disputed": lambda row: (row["type"], row["verified"]) == ("Reviewer", "Disputed"),
    "an agent's turn": lambda row: row["turn_pid"] != "" and row["turn_pid"] not in customers_turns(),
    "a survey's": lambda row: row["type"] == "Customer",
    "an agent's own": lambda row: row["type"] == "Agent",
    **{
        f"sampled {sampling}": lambda row, sampling=sampling: row["sampling"] == sampling  # type: ignore[misc]
        for sampling in ("Random", "Focused", "Selected", "All")
    },
}


@pytest.mark.parametrize("kind", [*MUST_NOT_COUNT, *HAS_TO_BE_TOLD_APART])
def test_three_days_of_the_built_in_account_hold_answers_with_points_that_are(kind: str) -> None:
    """Without points a row could be counted or not, and no figure would show it."""
    is_of_kind = (MUST_NOT_COUNT | HAS_TO_BE_TOLD_APART)[kind]

    found = [row for row in built_in_reviews() if score_of(row) is not None and is_of_kind(row)]

    assert len(found) >= 2


def test_most_answers_do_count() -> None:
    rows = [row for row in built_in_reviews() if score_of(row) is not None]

    kept_out = [row for row in rows if any(is_of_kind(row) for is_of_kind in MUST_NOT_COUNT.values())]

    assert len(kept_out) < 0.1 * len(rows)


def test_an_answer_saved_in_a_pending_review_stays_when_it_is_completed() -> None:
    drafts: dict[str, Row] = {}
    kept = 0
    for start in days_from(FIRST_DAY, 4):
        for row in export_rows("review", start, start + timedelta(hours=26), BUILT_IN):
            if row["status"] == "Pending" and row["answer_pid"]:
                drafts[row["pid"]] = row
            elif row["status"] == "Completed" and row["pid"] in drafts:
                assert row["answer_pid"] == drafts[row["pid"]]["answer_pid"]
                kept += 1
    assert kept > 0


def test_a_few_engagements_are_reviewed_by_three_reviewers_who_do_not_copy() -> None:
    reviewers, samplings = defaultdict(set), defaultdict(set)
    for row in calibrating_reviews():
        if row["type"] == "Reviewer" and not row["turn_pid"]:
            reviewers[row["engagement_pid"]].add(row["reviewer_pid"])
            samplings[row["review_session_id"]].add((row["reviewer_pid"], row["form_id"], row["engagement_pid"]))
    calibrated = sum(len(people) == 3 for people in reviewers.values())

    assert {len(people) for people in reviewers.values()} == {1, 2, 3}  # one of three may be deleted
    assert 0.06 < calibrated / len(reviewers) < 0.2
    assert all(len(session) == 1 for session in samplings.values())


def pairs_of_scores() -> Iterator[tuple[str, str, float, float]]:
    """Two reviewers' scores of the same question about the same engagement, once for each two.

    Without the question that nearly everybody passes: there is little room above for a lenient reviewer.
    """
    scores: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for row in calibrating_reviews():
        score = score_of(row)
        is_of_agent = row["type"] == "Reviewer" and not row["turn_pid"] and row["sampling"] != "Focused"
        if is_of_agent and row["question_pid"] != CRITICAL_QUESTION.pid and score is not None:
            scores[row["engagement_pid"], row["question_pid"]][row["reviewer_pid"]] = score
    for given in scores.values():
        for (one, first), (other, second) in combinations(sorted(given.items()), 2):
            yield one, other, first, second


def test_reviewers_agree_but_not_always() -> None:
    firsts, seconds = zip(*((first, second) for _, _, first, second in pairs_of_scores()), strict=True)

    assert len(firsts) > 300
    assert 0.4 < correlation(firsts, seconds) < 0.9


def test_reviewers_differ_by_their_leniency() -> None:
    truth = truth_of(FEW_REVIEWERS).reviewer_leniency
    shifts = defaultdict(list)
    for one, other, first, second in pairs_of_scores():
        shifts[one, other].append(second - first)

    assert len(shifts) == 3
    for (one, other), differences in shifts.items():
        assert mean(differences) == pytest.approx(truth[other] - truth[one], abs=0.05)


def test_leniency_is_known_of_every_human_reviewer_and_of_nobody_else() -> None:
    found = {row["reviewer_pid"] for row in built_in_reviews() if row["type"] == "Reviewer"}

    assert found == truth_of(BUILT_IN).reviewer_leniency.keys()
    assert len(set(truth_of(BUILT_IN).reviewer_leniency.values())) == len(found)


def test_evaluations_follow_the_known_skill() -> None:
    scores = defaultdict(list)
    for row in calibrating_reviews():
        score = score_of(row)
        if row["type"] == "Auto" and not row["turn_pid"] and score is not None:
            scores[row["agent_pid"]].append(score)
    levels = truth_of(FEW_REVIEWERS).mean_levels(FIRST_DAY.date(), FIRST_DAY.date() + timedelta(days=55))
    pairs = [(levels[pid], mean(given)) for pid, given in scores.items()]

    assert len(pairs) > 12
    assert correlation(*zip(*pairs, strict=True)) > 0.9


def test_the_critical_question_is_failed_rarely() -> None:
    scores = [score_of(row) for row in calibrating_reviews() if row["question_pid"] == CRITICAL_QUESTION.pid]

    assert 0.02 < scores.count(0.0) / len(scores) < 0.2


def test_reasons_stand_beside_worst_answers_alone() -> None:
    answered = [row for row in calibrating_reviews() if score_of(row) is not None]
    with_reason = [row for row in answered if row["answer_reason"]]
    worst = [row for row in answered if score_of(row) == 0.0 and row["type"] == "Reviewer"]

    assert all(score_of(row) == 0.0 and row["answer_reason_pid"] for row in with_reason)
    assert sum(bool(row["answer_reason"]) for row in worst) > 0.6 * len(worst) > 0
    assert max(map(len, reasons_by_question(with_reason).values())) > 1


def reasons_by_question(rows: list[Row]) -> dict[str, set[str]]:
    reasons = defaultdict(set)
    for row in rows:
        reasons[row["question_pid"]].add(row["answer_reason"])
    return reasons


def test_the_automatic_reviewer_answers_two_questions_of_the_reviewers_on_every_engagement() -> None:
    asked = {question.pid for form in REVIEWER_FORMS.values() for question in form.questions}
    shared = defaultdict(set)
    for row in calibrating_reviews():
        if row["type"] == "Auto" and row["question_pid"] in asked:
            shared[row["question_pid"]].add(row["engagement_pid"])
    engagements = {row["engagement_pid"] for row in calibrating_reviews() if row["type"] == "Auto"}

    assert [len(reviewed) for reviewed in shared.values()] == [len(engagements)] * 2


def test_a_found_question_has_no_row_where_nothing_was_found() -> None:
    found = [row for row in calibrating_reviews() if row["question_pid"] == FOUND_QUESTION.pid]
    engagements = {row["engagement_pid"] for row in calibrating_reviews() if row["type"] == "Auto"}

    assert {score_of(row) for row in found} == {None}
    assert 0.03 < len(found) / len(engagements) < 0.1


@pytest.mark.parametrize("form", REVIEWER_FORMS.values(), ids=map("-".join, REVIEWER_FORMS))
def test_a_reviewers_form_has_an_inverted_scale_and_a_tag(form: Form) -> None:
    scored = [(q.worst_score, q.best_score) for q in form.questions if q.is_scored]

    assert 3 <= len(form.questions) <= 7
    assert sum(worst > best for worst, best in scored if worst is not None and best is not None) == 1
    assert len(scored) == len(form.questions) - 1


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_answers_of_a_question_stand_from_worst_to_best(question: Question) -> None:
    points = [points for _, points in question.answers if points is not None]

    assert points in (sorted(points), sorted(points, reverse=True))
    assert points[:1] == [question.worst_score][: len(points)]
