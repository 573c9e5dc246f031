"""Rows of reviews.csv: the answers of each session, and how an export sees their edits, verifications and deletions."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from salted_assets.simulator.data.batches import NEVER, Batch
from salted_assets.simulator.data.columns import Rows, chosen, coded, iso_second_texts, plain, uuid_texts
from salted_assets.simulator.data.contact_centre import ContactCentre
from salted_assets.simulator.data.conversations import AGENT, Engagements
from salted_assets.simulator.data.forms import (
    ANSWERS_OF_QUESTION,
    FORM_QUESTIONS,
    FORMS,
    QUESTIONS,
    QUESTIONS_OF_FORM,
    REASONS,
    REASONS_OF_QUESTION,
)
from salted_assets.simulator.data.randomness import Dice, Flags, Integers, Numbers, child_keys, pid_of
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

Columns = dict[str, pa.Array]

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
_ANSWERS = tuple((question, name, points) for question in QUESTIONS for name, points in question.answers)
_ANSWER_NAMES = tuple(name for _, name, _ in _ANSWERS)
_ANSWER_PIDS = tuple(pid_of("answer", question.name, name) for question, name, _ in _ANSWERS)
_REASON_NAMES = tuple(reason for _, reason in REASONS)
_REASON_PIDS = tuple(pid_of("reason", question.name, reason) for question, reason in REASONS)
_COMMENTS = (*COMMENTS, *SURVEY_COMMENTS)


def _points(values: list[float | None]) -> Numbers:
    return np.array([np.nan if value is None else value for value in values])


_POINTS = _points([points for _, _, points in _ANSWERS])
_WORST = _points([question.worst_score for question in QUESTIONS])
_BEST = _points([question.best_score for question in QUESTIONS])
_IS_SCORED = np.array([question.is_scored for question in QUESTIONS])


@dataclass(frozen=True)
class _Answers(Batch):
    """Answers with the indices of engagement, session and question, and the moments at which their rows change."""

    engagement: Integers
    session: Integers
    question: Integers
    child: Integers
    draft_ms: Integers
    verified_ms: Integers
    deleted_ms: Integers
    updated_ms: Integers


def review_rows(centre: ContactCentre, engagements: Engagements, window: Window) -> Rows:
    """The rows of reviews.csv that the window holds as of its as-of time, engagement after engagement.

    A row is there from the opening of its session on: as Pending, which a draft does not change, until the session is
    closed. A verification and a deletion come later. `review_time` moves on every edit.
    """
    worked = engagements.take((engagements.type == AGENT) & ~engagements.is_corrupted)
    sessions = review_sessions_of(centre, worked)
    answers = _answers(worked, sessions, window)
    opened_ms, linked_ms = sessions.opened_ms[answers.session], worked.start_ms[answers.engagement]
    answers = answers.take(window.selects(opened_ms, answers.updated_ms, linked_ms=linked_ms))
    own, session = worked.take(answers.engagement), sessions.take(answers.session)
    dice = Dice(child_keys(own.key, answers.child))
    columns = _identity(centre, own, session, answers) | _states(session, answers, dice, window)
    columns |= _given(own, session, answers, dice, window) | _verifications(centre, own, session, answers, dice, window)
    return Rows(columns, answers.updated_ms)


def _answers(worked: Engagements, sessions: ReviewSessions, window: Window) -> _Answers:
    session, index = QUESTIONS_OF_FORM.spread(sessions.form)
    within = index - QUESTIONS_OF_FORM.firsts[sessions.form[session]]
    own = sessions.take(session)
    child = answer_children(own.number, within)
    dice = Dice(child_keys(worked.key[own.engagement], child))
    is_completed = own.final_status == COMPLETED
    latest = own.verified_days * 24 * 60
    verified_ms = own.closed_ms + dice.between("verified at", 30, latest) * MINUTE_MS
    verified_ms = np.where(is_completed & dice.happens("verified", own.verified_share), verified_ms, NEVER)
    last_ms = np.where(verified_ms < NEVER, verified_ms, own.closed_ms)
    deleted_ms = np.where(is_completed & own.is_deleted, last_ms + 20 * HOUR_MS, NEVER)
    draft_ms = np.where(dice.happens("in draft", 0.7), own.draft_ms, NEVER)
    moments = [own.opened_ms, draft_ms, own.closed_ms, verified_ms, deleted_ms]
    return _Answers(
        engagement=own.engagement,
        session=session,
        question=FORM_QUESTIONS[index],
        child=child,
        draft_ms=draft_ms,
        verified_ms=verified_ms,
        deleted_ms=deleted_ms,
        updated_ms=window.newest_of(moments),
    )


def _identity(centre: ContactCentre, own: Engagements, session: ReviewSessions, answers: _Answers) -> Columns:
    has_turn = session.turn >= 0
    return {
        "pid": uuid_texts(own.key, answers.child),
        "engagement_pid": uuid_texts(own.key, -1),
        "turn_pid": uuid_texts(own.key, session.turn, has_turn),
        "kind": coded(has_turn.astype(np.int64), ("Engagement", "Turn")),
        "reviewer_pid": coded(session.reviewer, centre.reviewer_pids),
        "reviewer_name": coded(session.reviewer, centre.reviewer_names),
        "question_pid": coded(answers.question, tuple(question.pid for question in QUESTIONS)),
        "question_name": coded(answers.question, tuple(question.name for question in QUESTIONS)),
        "review_session_id": uuid_texts(own.key, _FIRST_SESSION_CHILD - session.number),
        "sampling": coded(session.sampling, SAMPLINGS),
        "type": coded(session.source, REVIEW_TYPES),
        "version": coded(session.number * 0, ("1",)),
        "form_id": coded(session.form, tuple(form.id for form in FORMS)),
        "answer_type": coded(answers.question, tuple(question.answer_type for question in QUESTIONS)),
        "worst_score": _decimals(_WORST[answers.question]),
        "best_score": _decimals(_BEST[answers.question]),
        "engagement_start_time": iso_second_texts(own.start_ms),
        "agent_pid": coded(own.agent, centre.pids),
    }


def _states(session: ReviewSessions, answers: _Answers, dice: Dice, window: Window) -> Columns:
    is_closed = session.closed_ms <= window.as_of_ms
    is_deleted = answers.deleted_ms <= window.as_of_ms
    confidence = np.rint(550 + 450 * dice.uniform("confidence")) / 1000
    return {
        "status": coded(np.select([is_deleted, is_closed], [_DELETED, session.final_status], _PENDING), _STATUSES),
        "review_time": iso_second_texts(answers.updated_ms),
        "confidence": plain(confidence, session.source == BY_AUTO),
    }


def _given(own: Engagements, session: ReviewSessions, answers: _Answers, dice: Dice, window: Window) -> Columns:
    is_completed = (session.closed_ms <= window.as_of_ms) & (session.final_status == COMPLETED)
    is_given = is_completed | (answers.draft_ms <= window.as_of_ms)
    question = answers.question
    index = chosen_answers(own.key, answers.child, question, session.merit)
    answer = np.where(is_given, ANSWERS_OF_QUESTION.firsts[question] + index, -1)
    has_reason = is_given & (index == 0) & (REASONS_OF_QUESTION.sizes[question] > 0) & dice.happens("reason", 0.7)
    reason = np.where(has_reason, REASONS_OF_QUESTION.pick(question, dice.uniform("which reason")), -1)
    highest = np.maximum(1, ANSWERS_OF_QUESTION.sizes[question] - 1)
    points = np.where(is_given, _POINTS[answer], np.nan)
    return {
        "answer_pid": coded(answer, _ANSWER_PIDS),
        "answer_name": coded(answer, _ANSWER_NAMES),
        "answer_score": _decimals(points),
        "score": plain(np.rint(100 * index / highest).astype(np.int64), is_given & _IS_SCORED[question]),
        "answer_reason_pid": coded(reason, _REASON_PIDS),
        "answer_reason": coded(reason, _REASON_NAMES),
        **_comments(session, is_completed, dice),
    }


def _comments(session: ReviewSessions, is_completed: Flags, dice: Dice) -> Columns:
    by_reviewer = (session.source == BY_REVIEWER) & (session.turn < 0) & dice.happens("comments", 0.25)
    by_customer = (session.source == BY_CUSTOMER) & dice.happens("comments", 0.3)
    comment = np.where(
        by_customer, dice.between("comment", len(COMMENTS), len(_COMMENTS)), dice.between("comment", 0, len(COMMENTS))
    )
    comment = np.where(is_completed & (by_reviewer | by_customer), comment, -1)
    text, language = coded(comment, _COMMENTS), coded(np.minimum(comment, 0), ("en",))
    return {
        "comment": text,
        "comment_language": language,
        "comment_translated": text,
        "comment_translated_language": language,
    }


def _verifications(  # noqa: PLR0917 - arrays side by side, one for each fact
    centre: ContactCentre, own: Engagements, session: ReviewSessions, answers: _Answers, dice: Dice, window: Window
) -> Columns:
    """An agent acknowledges or disputes what reviewers say; reviewers verify the automatic ones and dispute surveys."""
    is_known = answers.verified_ms <= window.as_of_ms
    verification = _VERIFICATIONS_OF_SOURCE[session.source, dice.between("verdict", 0, 6)]
    is_doubted = is_known & (verification >= _FIRST_DOUBT)
    agent = len(centre.leniency) + 1 + own.agent
    verifier = np.where(session.source == BY_REVIEWER, agent, dice.between("judge", 0, len(centre.leniency)))
    return {
        "verified": coded(np.where(is_known, verification, -1), _VERIFICATIONS),
        "verified_by": coded(np.where(is_known, verifier, -1), centre.reviewer_names),
        "verification_comment": chosen(is_doubted, "I see it differently, let us talk.", None),
    }


def _decimals(values: Numbers) -> pa.Array:
    return plain(values, ~np.isnan(values))
