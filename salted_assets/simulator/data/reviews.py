"""Rows of reviews.csv: the answers of each session, and how an export sees their edits, verifications and deletions."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from salted_assets.simulator.data import forms
from salted_assets.simulator.data.batches import NEVER, Groups
from salted_assets.simulator.data.columns import (
    Columns,
    Rows,
    chosen,
    coded,
    iso_second_texts,
    pid_of,
    plain,
    uuid_texts,
)
from salted_assets.simulator.data.contact_centre import ContactCentre
from salted_assets.simulator.data.conversations import Engagements
from salted_assets.simulator.data.randomness import Dice, Flags, Integers, Numbers, child_keys
from salted_assets.simulator.data.review_sessions import (
    BY_AUTO,
    BY_CUSTOMER,
    BY_REVIEWER,
    COMPLETED,
    FINAL_STATUSES,
    REVIEW_TYPES,
    SAMPLINGS,
    ReviewSessions,
    answer_children,
    chosen_answers,
    review_sessions_of,
)
from salted_assets.simulator.data.vocabulary import COMMENTS, SURVEY_COMMENTS
from salted_assets.simulator.data.windows import HOUR_MS, MINUTE_MS, Window

_FIRST_SESSION_CHILD = -100
_STATUSES = (*FINAL_STATUSES, "Pending", "Deleted")
_PENDING, _DELETED = len(FINAL_STATUSES), len(FINAL_STATUSES) + 1
_VERIFICATIONS = ("Correct", "Acknowledged", "Incorrect", "Unclear", "Disputed")
_FIRST_DOUBT = 2
_VERIFICATIONS_OF_SOURCE = np.array(
    [
        [1, 1, 1, 1, 1, 4],  # an agent's own reviews are not verified
        [0, 0, 0, 2, 3, 4],
        [4, 4, 4, 4, 4, 4],
        [1, 1, 1, 1, 4, 4],
    ]
)
_LATEST_VERIFICATION_MINUTES = 2 * 24 * 60
_ANSWER_NAMES = tuple(name for question in forms.QUESTIONS for name, _ in question.answers)
_ANSWER_PIDS = tuple(pid_of("answer", each.name, name) for each in forms.QUESTIONS for name, _ in each.answers)
_REASON_NAMES = tuple(reason for question in forms.QUESTIONS for reason in question.reasons)
_REASON_PIDS = tuple(pid_of("reason", each.name, reason) for each in forms.QUESTIONS for reason in each.reasons)
_COMMENTS = (*COMMENTS, *SURVEY_COMMENTS)
_COMMENTS_OF = Groups([COMMENTS, SURVEY_COMMENTS])

# no points are not a number
_POINTS = np.array([points for question in forms.QUESTIONS for _, points in question.answers], np.float64)
_WORST = np.array([question.worst_score for question in forms.QUESTIONS], np.float64)
_BEST = np.array([question.best_score for question in forms.QUESTIONS], np.float64)
_IS_SCORED = np.array([question.is_scored for question in forms.QUESTIONS])


@dataclass(frozen=True)
class _Answers(ReviewSessions):
    """Answers with their sessions, the question, and the moments at which their rows change; `NEVER` for none."""

    question: Integers
    child: Integers
    verified_ms: Integers
    deleted_ms: Integers
    updated_ms: Integers

    @property
    def dice(self) -> Dice:
        return Dice(child_keys(self.key, self.child))


def review_rows(centre: ContactCentre, engagements: Engagements, window: Window) -> Rows:
    """The rows of reviews.csv that the window holds as of its as-of time, engagement after engagement.

    A row is there from the opening of its session on: as Pending, which a draft does not change, until the session is
    closed. A verification and a deletion come later. `review_time` moves on every edit.
    """
    answers = _answers(review_sessions_of(centre, engagements.take(engagements.is_work)), window)
    is_linked = window.holds(answers.start_ms)
    answers = answers.take(window.selects(answers.opened_ms, answers.updated_ms, is_linked=is_linked))
    columns = _identity(centre, answers) | _given(answers, window) | _verifications(centre, answers, window)
    return Rows(columns, answers.updated_ms)


def _answers(sessions: ReviewSessions, window: Window) -> _Answers:
    session, within, question = forms.QUESTIONS_OF_FORM.spread(sessions.form)
    own = sessions.take(session)
    child = answer_children(own.number, within)
    dice = Dice(child_keys(own.key, child))
    is_completed = own.final_status == COMPLETED
    verified_ms = own.closed_ms + dice.between("verified at", 30, _LATEST_VERIFICATION_MINUTES) * MINUTE_MS
    verified_ms = np.where(is_completed & dice.happens("verified", own.verified_share), verified_ms, NEVER)
    last_ms = np.where(verified_ms < NEVER, verified_ms, own.closed_ms)
    deleted_ms = np.where(is_completed & own.is_deleted, last_ms + 20 * HOUR_MS, NEVER)
    draft_ms = np.where(dice.happens("in draft", 0.7), own.draft_ms, NEVER)
    return _Answers(
        **(vars(own) | {"draft_ms": draft_ms}),
        question=question,
        child=child,
        verified_ms=verified_ms,
        deleted_ms=deleted_ms,
        updated_ms=window.newest_of([own.opened_ms, draft_ms, own.closed_ms, verified_ms, deleted_ms]),
    )


def _identity(centre: ContactCentre, answers: _Answers) -> Columns:
    question, has_turn = answers.question, answers.turn >= 0
    return {
        "pid": uuid_texts(answers.key, answers.child),
        "engagement_pid": uuid_texts(answers.key, -1),
        "turn_pid": uuid_texts(answers.key, answers.turn, has_turn),
        "kind": coded(has_turn, ("Engagement", "Turn")),
        "reviewer_pid": coded(answers.reviewer, centre.reviewer_pids),
        "reviewer_name": coded(answers.reviewer, centre.reviewer_names),
        "question_pid": coded(question, tuple(each.pid for each in forms.QUESTIONS)),
        "question_name": coded(question, tuple(each.name for each in forms.QUESTIONS)),
        "review_session_id": uuid_texts(answers.key, _FIRST_SESSION_CHILD - answers.number),
        "sampling": coded(answers.sampling, SAMPLINGS),
        "type": coded(answers.source, REVIEW_TYPES),
        "version": coded(answers.number * 0, ("1",)),
        "form_id": coded(answers.form, tuple(form.id for form in forms.FORMS)),
        "answer_type": coded(question, tuple(each.answer_type for each in forms.QUESTIONS)),
        "worst_score": _decimals(_WORST[question]),
        "best_score": _decimals(_BEST[question]),
        "engagement_start_time": iso_second_texts(answers.start_ms),
        "agent_pid": coded(answers.agent, centre.pids),
        "review_time": iso_second_texts(answers.updated_ms),
    }


def _given(answers: _Answers, window: Window) -> Columns:
    question, dice = answers.question, answers.dice
    is_closed, is_deleted = answers.closed_ms <= window.as_of_ms, answers.deleted_ms <= window.as_of_ms
    is_completed = is_closed & (answers.final_status == COMPLETED)
    is_given = is_completed | (answers.draft_ms <= window.as_of_ms)
    index = chosen_answers(answers.key, answers.child, question, answers.merit)
    answer = forms.ANSWERS_OF_QUESTION.firsts[question] + index
    may_have_reason = is_given & (index == 0) & (forms.REASONS_OF_QUESTION.sizes[question] > 0)
    reason = forms.REASONS_OF_QUESTION.pick(question, dice.uniform("which reason"))
    has_reason = may_have_reason & dice.happens("reason", 0.7)
    highest = np.maximum(1, forms.ANSWERS_OF_QUESTION.sizes[question] - 1)
    confidence = np.rint(550 + 450 * dice.uniform("confidence")) / 1000
    return {
        "status": coded(np.select([is_deleted, is_closed], [_DELETED, answers.final_status], _PENDING), _STATUSES),
        "confidence": plain(confidence, answers.source == BY_AUTO),
        "answer_pid": coded(answer, _ANSWER_PIDS, is_given),
        "answer_name": coded(answer, _ANSWER_NAMES, is_given),
        "answer_score": _decimals(np.where(is_given, _POINTS[answer], np.nan)),
        "score": plain(np.rint(100 * index / highest).astype(np.int64), is_given & _IS_SCORED[question]),
        "answer_reason_pid": coded(reason, _REASON_PIDS, has_reason),
        "answer_reason": coded(reason, _REASON_NAMES, has_reason),
        **_comments(answers, is_completed, dice),
    }


def _comments(answers: _Answers, is_completed: Flags, dice: Dice) -> Columns:
    by_reviewer = (answers.source == BY_REVIEWER) & (answers.turn < 0) & dice.happens("comments", 0.25)
    by_customer = (answers.source == BY_CUSTOMER) & dice.happens("comments", 0.3)
    has_comment = is_completed & (by_reviewer | by_customer)
    text = coded(_COMMENTS_OF.pick(by_customer.astype(np.int64), dice.uniform("comment")), _COMMENTS, has_comment)
    language = chosen(has_comment, "en", None)
    return {
        "comment": text,
        "comment_language": language,
        "comment_translated": text,
        "comment_translated_language": language,
    }


def _verifications(centre: ContactCentre, answers: _Answers, window: Window) -> Columns:
    """An agent acknowledges or disputes what reviewers say; reviewers verify the automatic ones and dispute surveys."""
    dice, is_known = answers.dice, answers.verified_ms <= window.as_of_ms
    verification = _VERIFICATIONS_OF_SOURCE[answers.source, dice.between("verdict", 0, 6)]
    agent, judge = centre.auto_reviewer + 1 + answers.agent, dice.between("judge", 0, len(centre.leniency))
    verifier = np.where(answers.source == BY_REVIEWER, agent, judge)
    is_doubted = is_known & (verification >= _FIRST_DOUBT)
    return {
        "verified": coded(verification, _VERIFICATIONS, is_known),
        "verified_by": coded(verifier, centre.reviewer_names, is_known),
        "verification_comment": chosen(is_doubted, "I see it differently, let us talk.", None),
    }


def _decimals(values: Numbers) -> pa.Array:
    return plain(values, ~np.isnan(values))
