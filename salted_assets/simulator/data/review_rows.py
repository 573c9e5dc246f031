"""Rows of reviews.csv: the answers of each sitting, and what an export sees of their edits, verdicts and deletions.

Not here: who reviews when (`reviews`), the questions (`forms`).
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from salted_assets.simulator.data.batches import NEVER, Batch
from salted_assets.simulator.data.clock import HOUR_MS, MINUTE_MS
from salted_assets.simulator.data.conversations import AGENT, Engagements
from salted_assets.simulator.data.forms import (
    ANSWERS_OF_QUESTION,
    EASE,
    FORM_QUESTIONS,
    FORMS,
    QUESTIONS,
    QUESTIONS_OF_FORM,
    REASONS,
    REASONS_OF_QUESTION,
)
from salted_assets.simulator.data.phrases import COMMENTS, SURVEY_COMMENTS
from salted_assets.simulator.data.population import World
from salted_assets.simulator.data.randomness import Dice, Flags, Integers, Numbers, child_keys, pid_of
from salted_assets.simulator.data.reviews import (
    BY_AUTO,
    BY_CUSTOMER,
    BY_REVIEWER,
    COMPLETED,
    FATES,
    REVIEW_TYPES,
    SAMPLINGS,
    Sittings,
    sittings_of,
)
from salted_assets.simulator.data.rows import Rows
from salted_assets.simulator.data.texts import chosen, coded, iso_second_texts, plain, uuid_texts
from salted_assets.simulator.data.versions import Window

Columns = dict[str, pa.Array]

_ROWS_OF_SITTING = 16
_FIRST_ROW_CHILD = -1_000
_FIRST_SITTING_CHILD = -100
_STATUSES = (*FATES, "Pending", "Deleted")
_PENDING, _DELETED = len(FATES), len(FATES) + 1
_VERDICTS = ("Correct", "Acknowledged", "Incorrect", "Unclear", "Disputed")
_FIRST_DOUBT = 2
_VERDICTS_OF_SOURCE = np.array(
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
    """Answers with the places of their engagement, sitting and question, and the moments at which their rows change."""

    engagement: Integers
    sitting: Integers
    question: Integers
    child: Integers
    draft_ms: Integers
    verified_ms: Integers
    deleted_ms: Integers
    updated_ms: Integers


def review_rows(world: World, engagements: Engagements, window: Window) -> Rows:
    """The rows of reviews.csv that the window holds as of its as-of time, engagement after engagement.

    A row is there from the opening of its sitting on: as Pending, which a draft does not change, until the sitting is
    closed. A verdict and a deletion come later. `review_time` moves on every edit.
    """
    worked = engagements.take((engagements.type == AGENT) & ~engagements.is_corrupted)
    sittings = sittings_of(world, worked)
    answers = _answers(worked, sittings, window)
    opened_ms, linked_ms = sittings.opened_ms[answers.sitting], worked.start_ms[answers.engagement]
    answers = answers.take(window.selects(opened_ms, answers.updated_ms, linked_ms=linked_ms))
    own, sitting = worked.take(answers.engagement), sittings.take(answers.sitting)
    dice = Dice(child_keys(own.key, answers.child))
    columns = _identity(world, own, sitting, answers) | _states(sitting, answers, dice, window)
    columns |= _given(own, sitting, answers, dice, window) | _verdicts(world, own, sitting, answers, dice, window)
    return Rows(columns, answers.updated_ms)


def _answers(worked: Engagements, sittings: Sittings, window: Window) -> _Answers:
    sitting, place = QUESTIONS_OF_FORM.spread(sittings.form)
    within = place - QUESTIONS_OF_FORM.firsts[sittings.form[sitting]]
    own = sittings.take(sitting)
    child = _FIRST_ROW_CHILD - own.number * _ROWS_OF_SITTING - within
    dice = Dice(child_keys(worked.key[own.engagement], child))
    is_completed = own.fate == COMPLETED
    latest = own.verified_days * 24 * 60
    verified_ms = own.closed_ms + dice.between("verified at", 30, latest) * MINUTE_MS
    verified_ms = np.where(is_completed & dice.happens("verified", own.verified_share), verified_ms, NEVER)
    last_ms = np.where(verified_ms < NEVER, verified_ms, own.closed_ms)
    deleted_ms = np.where(is_completed & own.is_deleted, last_ms + 20 * HOUR_MS, NEVER)
    draft_ms = np.where(dice.happens("in draft", 0.7), own.draft_ms, NEVER)
    moments = [own.opened_ms, draft_ms, own.closed_ms, verified_ms, deleted_ms]
    return _Answers(
        engagement=own.engagement,
        sitting=sitting,
        question=FORM_QUESTIONS[place],
        child=child,
        draft_ms=draft_ms,
        verified_ms=verified_ms,
        deleted_ms=deleted_ms,
        updated_ms=window.newest_of(moments),
    )


def _identity(world: World, own: Engagements, sitting: Sittings, answers: _Answers) -> Columns:
    has_turn = sitting.turn >= 0
    return {
        "pid": uuid_texts(own.key, answers.child),
        "engagement_pid": uuid_texts(own.key, -1),
        "turn_pid": uuid_texts(own.key, sitting.turn, has_turn),
        "kind": coded(has_turn.astype(np.int64), ("Engagement", "Turn")),
        "reviewer_pid": coded(sitting.reviewer, world.reviewer_texts.pids),
        "reviewer_name": coded(sitting.reviewer, world.reviewer_texts.names),
        "question_pid": coded(answers.question, tuple(question.pid for question in QUESTIONS)),
        "question_name": coded(answers.question, tuple(question.name for question in QUESTIONS)),
        "review_session_id": uuid_texts(own.key, _FIRST_SITTING_CHILD - sitting.number),
        "sampling": coded(sitting.sampling, SAMPLINGS),
        "type": coded(sitting.source, REVIEW_TYPES),
        "version": coded(sitting.number * 0, ("1",)),
        "form_id": coded(sitting.form, tuple(form.id for form in FORMS)),
        "answer_type": coded(answers.question, tuple(question.answer_type for question in QUESTIONS)),
        "worst_score": _decimals(_WORST[answers.question]),
        "best_score": _decimals(_BEST[answers.question]),
        "engagement_start_time": iso_second_texts(own.start_ms),
        "agent_pid": coded(own.agent, world.texts.pids),
    }


def _states(sitting: Sittings, answers: _Answers, dice: Dice, window: Window) -> Columns:
    is_closed = sitting.closed_ms <= window.as_of_ms
    is_deleted = answers.deleted_ms <= window.as_of_ms
    confidence = np.rint(550 + 450 * dice.uniform("confidence")) / 1000
    return {
        "status": coded(np.select([is_deleted, is_closed], [_DELETED, sitting.fate], _PENDING), _STATUSES),
        "review_time": iso_second_texts(answers.updated_ms),
        "confidence": plain(confidence, sitting.source == BY_AUTO),
    }


def _given(own: Engagements, sitting: Sittings, answers: _Answers, dice: Dice, window: Window) -> Columns:
    is_completed = (sitting.closed_ms <= window.as_of_ms) & (sitting.fate == COMPLETED)
    is_given = is_completed | (answers.draft_ms <= window.as_of_ms)
    question = answers.question
    place = _chosen_places(own, sitting, question, dice)
    answer = np.where(is_given, ANSWERS_OF_QUESTION.firsts[question] + place, -1)
    has_reason = is_given & (place == 0) & (REASONS_OF_QUESTION.sizes[question] > 0) & dice.happens("reason", 0.7)
    reason = np.where(has_reason, REASONS_OF_QUESTION.pick(question, dice.uniform("which reason")), -1)
    highest = np.maximum(1, ANSWERS_OF_QUESTION.sizes[question] - 1)
    points = np.where(is_given, _POINTS[answer], np.nan)
    return {
        "answer_pid": coded(answer, _ANSWER_PIDS),
        "answer_name": coded(answer, _ANSWER_NAMES),
        "answer_score": _decimals(points),
        "score": plain(np.rint(100 * place / highest).astype(np.int64), is_given & _IS_SCORED[question]),
        "answer_reason_pid": coded(reason, _REASON_PIDS),
        "answer_reason": coded(reason, _REASON_NAMES),
        **_comments(sitting, is_completed, dice),
    }


def _chosen_places(own: Engagements, sitting: Sittings, question: Integers, dice: Dice) -> Integers:
    """Which answer is chosen, counted from the worst: on average, the one that the score deserved lies at.

    Everybody who answers a question on an engagement sees the same case; only the eye is their own.
    """
    case = Dice(child_keys(own.key, question))
    deserved = sitting.merit + EASE[question] + 0.08 * case.normal("case") + 0.08 * dice.normal("eye")
    highest = ANSWERS_OF_QUESTION.sizes[question] - 1
    between_answers = np.clip(deserved, 0, 1) * highest + case.uniform("rounding")
    places: Integers = np.minimum(between_answers, highest).astype(np.int64)
    return places


def _comments(sitting: Sittings, is_completed: Flags, dice: Dice) -> Columns:
    by_reviewer = (sitting.source == BY_REVIEWER) & (sitting.turn < 0) & dice.happens("comments", 0.25)
    by_customer = (sitting.source == BY_CUSTOMER) & dice.happens("comments", 0.3)
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


def _verdicts(  # noqa: PLR0917 - arrays side by side, one for each fact
    world: World, own: Engagements, sitting: Sittings, answers: _Answers, dice: Dice, window: Window
) -> Columns:
    """An agent acknowledges or disputes what reviewers say; reviewers judge the automatic ones and dispute surveys."""
    is_known = answers.verified_ms <= window.as_of_ms
    verdict = _VERDICTS_OF_SOURCE[sitting.source, dice.between("verdict", 0, 6)]
    is_doubted = is_known & (verdict >= _FIRST_DOUBT)
    agent = len(world.reviewers) + 1 + own.agent
    judge = np.where(sitting.source == BY_REVIEWER, agent, dice.between("judge", 0, len(world.reviewers)))
    return {
        "verified": coded(np.where(is_known, verdict, -1), _VERDICTS),
        "verified_by": coded(np.where(is_known, judge, -1), world.reviewer_texts.names),
        "verification_comment": chosen(is_doubted, "I see it differently, let us talk.", None),
    }


def _decimals(values: Numbers) -> pa.Array:
    return plain(values, ~np.isnan(values))
