"""Review sessions: who reviews an engagement when, over which form, with what final status, and what they think of it.

People's reviews are few (`Team.monthly_reviews`): most are planned, the rest are of what the automatic reviewer gave
less than `FOCUSED_BELOW`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from salted_assets.simulator.data import forms
from salted_assets.simulator.data.batches import NEVER, Batch
from salted_assets.simulator.data.contact_centre import (
    LANGUAGES,
    LEVEL_OF_SKILL,
    MEAN_LEVEL,
    POINTS_OF_DIFFICULTY,
    QUEUES,
    ContactCentre,
    teams_at,
)
from salted_assets.simulator.data.conversations import (
    COMPLETED_SHARE,
    FOCUSED_SHARE,
    LATE_SHARE,
    MONTHLY_LOAD,
    MONTHLY_REVIEWS,
    Engagements,
)
from salted_assets.simulator.data.randomness import Dice, Flags, Integers, Keys, Numbers, child_keys
from salted_assets.simulator.data.windows import DAY_MS, MINUTE_MS, day_of, whole_seconds

REVIEW_TYPES = ("Agent", "Auto", "Customer", "Reviewer")
BY_AGENT, BY_AUTO, BY_CUSTOMER, BY_REVIEWER = range(4)
SAMPLINGS = ("Random", "Focused", "Selected", "All")
RANDOM, FOCUSED, SELECTED, ALL = range(4)
FINAL_STATUSES = ("Completed", "Timeout", "Rejected", "Ignore")
COMPLETED, TIMEOUT, REJECTED, IGNORED = range(4)

FOCUSED_BELOW = 0.55
"""A mean score of the automatic review below this makes an engagement one for a focused review."""

_ROWS_OF_SESSION = 16
_FIRST_ROW_CHILD = -1_000
_MANUAL_DAYS, _SURVEY_DAYS = 10, 10
_LONGEST_DELAY_DAYS, _LONGEST_FOLLOW_UP_DELAY_DAYS = 7.5, 4.0
"""Of reviews of a conversation's first days, and of those of customers who came back."""

_SATURDAY = 5
_FORM_OF = np.array(
    [[forms.FORMS.index(forms.REVIEWER_FORMS[queue.form, language]) for language in LANGUAGES] for queue in QUEUES]
)
_SELECTED_SHARE = 0.15
_LOW_SHARE = 0.12
"""About the share of engagements that the automatic reviewer gives less than `FOCUSED_BELOW`."""

_FINAL_STATUS_SHARES = np.array([COMPLETED_SHARE, 0.91, 0.95])
_QUALITY_DEVIATION, _SITTING_DEVIATION, _CASE_DEVIATION = 0.08, 0.05, 0.08
_AUTO_DEVIATION, _AUTO_LENIENCY, _EYE_DEVIATION = 0.1, 0.04, 0.06

_AUTO_FORM = forms.FORMS.index(forms.AUTO_FORM)
_AUTO = {"number": 0, "source": BY_AUTO, "form": _AUTO_FORM, "sampling": ALL}
_FOUND = {"number": 1, "source": BY_AUTO, "form": forms.FORMS.index(forms.FOUND), "sampling": ALL}
_MANUAL = {"number": 2, "source": BY_REVIEWER}
_FIRST_CALIBRATION = {"number": 3, "source": BY_REVIEWER, "sampling": SELECTED}
_TURN_REVIEW = {"source": BY_REVIEWER, "sampling": SELECTED}
_AGENT_TURN = _TURN_REVIEW | {"number": 5, "form": forms.FORMS.index(forms.AGENT_TURN)}
_CUSTOMER_TURN = _TURN_REVIEW | {"number": 6, "form": forms.FORMS.index(forms.CUSTOMER_TURN)}
_SURVEY = {"number": 7, "source": BY_CUSTOMER, "form": forms.FORMS.index(forms.SURVEY_FORM)}
_SELF = {"number": 8, "source": BY_AGENT, "form": forms.FORMS.index(forms.SELF_FORM), "sampling": SELECTED}
_USUAL = {
    "reviewer": -1,
    "sampling": -1,
    "turn": -1,
    "draft_ms": NEVER,
    "final_status": COMPLETED,
    "verified_share": 0.0,
    "is_deleted": False,
}
"""What sessions of each kind have in common, and what most of all have."""


@dataclass(frozen=True)
class ReviewSessions(Batch):
    """Review sessions over engagements of a batch, by their indices; `number` distinguishes those of one engagement.

    Key, agent and `start_ms` are the engagement's. A session is opened, may be answered in part (`draft_ms`), and is
    closed with a final status; unplanned ones are opened and closed at once. `merit` is the score (0 to 1) that the
    reviewer would give, `turn` the reviewed turn or -1, `reviewer` an index among the centre's reviewers or -1. Of a
    completed one, answers are verified at `verified_share`, within two days; `is_deleted` when it is removed after all.
    """

    engagement: Integers
    key: Keys
    agent: Integers
    start_ms: Integers
    number: Integers
    source: Integers
    form: Integers
    reviewer: Integers
    sampling: Integers
    turn: Integers
    opened_ms: Integers
    draft_ms: Integers
    closed_ms: Integers
    final_status: Integers
    merit: Numbers
    verified_share: Numbers
    is_deleted: Flags


@dataclass(frozen=True)
class _Work(Engagements):
    """Engagements by their indices, what they are worth, and when and how the automatic reviewer sees them."""

    engagement: Integers
    quality: Numbers
    auto_ms: Integers
    auto_merit: Numbers


def review_sessions_of(centre: ContactCentre, engagements: Engagements) -> ReviewSessions:
    """All sessions over engagements that an agent completed, engagement after engagement.

    Automatic reviews come within two hours. A person's evaluation takes up to 10 days and is hardly ever done at a
    weekend, a survey takes up to 10; a verification up to 2 more, a deletion another. Surveys and evaluations without
    an answer in time end as Timeout. One evaluation in eight is a calibration: two more reviewers answer the same form
    without knowing of each other.
    """
    work = _work(engagements)
    dice, is_late, is_person = work.dice, work.is_late, ~centre.agents.is_bot[work.agent]
    is_asked = dice.happens("survey", np.where(is_late, 0.5, 0.12)) & ~work.is_follow_up
    sessions = ReviewSessions.joined(
        [
            *_automatic(centre, work),
            *_manual(centre, work.take(is_late & is_person)),
            *_turn_reviews(centre, work.take(is_late & dice.happens("turn reviews", 0.06))),
            _survey(work.take(is_asked)),
            _self_review(centre, work.take(is_person & dice.happens("self-review", 0.03))),
        ]
    )
    return sessions.take(np.lexsort((sessions.number, sessions.engagement)))


def answer_children(number: Integers | int, within: Integers) -> Integers:
    """What distinguishes the answers to an engagement, by the number of the session and the question's within it."""
    return _FIRST_ROW_CHILD - number * _ROWS_OF_SESSION - within


def chosen_answers(key: Keys, child: Integers, question: Integers, merit: Numbers) -> Integers:
    """Which answer each chooses, counted from the worst: on average, the one that the score deserved lies at.

    Everybody who answers a question on an engagement sees the same case; only the eye is their own.
    """
    case, eye = Dice(child_keys(key, question)), Dice(child_keys(key, child))
    deserved = merit + forms.EASE[question] + _CASE_DEVIATION * case.normal("case") + _EYE_DEVIATION * eye.normal("eye")
    highest = forms.ANSWERS_OF_QUESTION.sizes[question] - 1
    between_answers = np.clip(deserved, 0, 1) * highest + case.uniform("rounding")
    answers: Integers = np.minimum(between_answers, highest).astype(np.int64)
    return answers


def is_grader_changed(days: Integers) -> Flags:
    """Whether the automatic reviewer is more lenient than in the beginning, on each day since 1970."""
    number = (days - day_of(forms.GRADER_CHANGE[0])) // forms.GRADER_DAYS
    changed: Flags = (number >= 0) & (number % 2 == 0)
    return changed


def _work(engagements: Engagements) -> _Work:
    dice = engagements.dice
    quality = (
        MEAN_LEVEL
        + LEVEL_OF_SKILL * engagements.skill
        + POINTS_OF_DIFFICULTY * engagements.difficulty
        + _QUALITY_DEVIATION * dice.normal("quality")
    )
    auto_ms = engagements.end_ms + dice.between("auto", 10, 110) * MINUTE_MS
    changed = np.where(is_grader_changed(auto_ms // DAY_MS), forms.GRADER_CHANGE[1], 0.0)
    return _Work(
        **vars(engagements),
        engagement=np.arange(len(engagements)),
        quality=quality,
        auto_ms=auto_ms,
        auto_merit=quality + _AUTO_LENIENCY + changed + _AUTO_DEVIATION * dice.normal("auto eye"),
    )


def _sessions(kind: dict[str, int], work: _Work, opened_ms: Integers, merit: Numbers, **others: Any) -> ReviewSessions:
    """A session of a kind over each engagement; what is one for all of them is repeated."""
    own = {name: getattr(work, name) for name in ("engagement", "key", "agent", "start_ms")}
    values = _USUAL | kind | own | {"opened_ms": opened_ms, "closed_ms": opened_ms, "merit": merit} | others
    return ReviewSessions(**{name: np.broadcast_to(value, len(work)) for name, value in values.items()})


def _automatic(centre: ContactCentre, work: _Work) -> Iterator[ReviewSessions]:
    robot, verified_share = centre.auto_reviewer, np.where(work.is_late, 0.15, 0.0)
    yield _sessions(_AUTO, work, work.auto_ms, work.auto_merit, reviewer=robot, verified_share=verified_share)
    found = work.take(work.dice.happens("found", 0.06))
    turn = _first_turns(found, by_agent=False)
    yield _sessions(_FOUND, found, found.auto_ms, found.auto_merit, reviewer=robot, turn=turn)


def _manual(centre: ContactCentre, candidates: _Work) -> Iterator[ReviewSessions]:
    work, is_focused = _chosen(centre, candidates)
    dice = work.dice
    reviewer = dice.between("reviewer", 0, len(centre.leniency))
    reviewer = np.where(is_focused & dice.happens("of half", 0.8), reviewer // 2, reviewer)
    form = _FORM_OF[work.queue, work.language]
    sampling = np.where(is_focused, FOCUSED, np.where(dice.happens("selected", _SELECTED_SHARE), SELECTED, RANDOM))
    final_status = np.searchsorted(_FINAL_STATUS_SHARES, dice.uniform("fate"), "right")
    planned_ms = work.end_ms + dice.between("planned at", 110, 240) * MINUTE_MS
    done_ms = _reviewed_ms(work, planned_ms, "done", 2.0)
    done_ms = np.where(final_status == TIMEOUT, planned_ms + _MANUAL_DAYS * DAY_MS, done_ms)
    opened_ms = np.where(dice.happens("planned before", 0.5), planned_ms, done_ms)
    yield _sessions(
        _MANUAL,
        work,
        opened_ms,
        _merit(centre, work, reviewer, "sitting"),
        form=form,
        reviewer=reviewer,
        sampling=sampling,
        draft_ms=_draft_ms(dice, opened_ms, done_ms, 0.4),
        closed_ms=done_ms,
        final_status=final_status,
        verified_share=np.where(dice.happens("verified", 0.3), 1.0, 0.0),
        is_deleted=dice.happens("deleted", 0.06),
    )
    is_calibrated = (final_status == COMPLETED) & dice.happens("calibration", 0.12)
    yield from _calibrations(centre, work.take(is_calibrated), form[is_calibrated], reviewer[is_calibrated])


def _chosen(centre: ContactCentre, candidates: _Work) -> tuple[_Work, Flags]:
    """The engagements that people evaluate, and whether they were chosen for their low automatic score."""
    load = MONTHLY_LOAD * LATE_SHARE * _LOW_SHARE * centre.engagements_per_agent
    reviews = FOCUSED_SHARE * MONTHLY_REVIEWS[teams_at(candidates.agent, candidates.start_ms)]
    is_focused = ~candidates.is_planned & candidates.dice.happens("focused", np.minimum(0.9, reviews / load))
    is_focused[is_focused] = _auto_scores(candidates.take(is_focused)) < FOCUSED_BELOW
    is_chosen = candidates.is_planned | is_focused
    return candidates.take(is_chosen), is_focused[is_chosen]


def _auto_scores(work: _Work) -> Numbers:
    """The mean score that the automatic review of each engagement gives."""
    owner, within, question = forms.QUESTIONS_OF_FORM.spread(np.full(len(work), _AUTO_FORM))
    child = answer_children(_AUTO["number"], within)
    answer = chosen_answers(work.key[owner], child, question, work.auto_merit[owner])
    shares = answer / (forms.ANSWERS_OF_QUESTION.sizes[question] - 1)
    scores: Numbers = shares.reshape(len(work), len(forms.AUTO_FORM.questions)).mean(axis=1)
    return scores


def _calibrations(centre: ContactCentre, work: _Work, form: Integers, reviewer: Integers) -> Iterator[ReviewSessions]:
    """Two other reviewers over the same form."""
    for ahead in (1, 2):
        other = (reviewer + ahead) % len(centre.leniency)
        kind = _FIRST_CALIBRATION | {"number": _FIRST_CALIBRATION["number"] + ahead - 1}
        done_ms = _reviewed_ms(work, work.end_ms, f"calibration {ahead}", 3.0)
        yield _sessions(kind, work, done_ms, _merit(centre, work, other, f"sitting {ahead}"), form=form, reviewer=other)


def _turn_reviews(centre: ContactCentre, work: _Work) -> Iterator[ReviewSessions]:
    reviewer = work.dice.between("turn reviewer", 0, len(centre.leniency))
    done_ms = _reviewed_ms(work, work.end_ms, "turn review", 2.0)
    for kind, by_agent in ((_AGENT_TURN, True), (_CUSTOMER_TURN, False)):
        merit = work.quality + (centre.leniency[reviewer] if by_agent else -0.3)
        yield _sessions(kind, work, done_ms, merit, reviewer=reviewer, turn=_first_turns(work, by_agent=by_agent))


def _survey(work: _Work) -> ReviewSessions:
    dice, sent_ms = work.dice, work.end_ms + 5 * MINUTE_MS
    is_answered = ~work.is_late | dice.happens("answered", 0.55)
    late_ms = _delays_ms(dice, "late", 2.5, _SURVEY_DAYS - 0.1)
    soon_ms = whole_seconds(0.5 * DAY_MS * dice.uniform("soon"))
    answered_ms = sent_ms + MINUTE_MS + np.where(work.is_late, late_ms, soon_ms)
    done_ms = np.where(is_answered, answered_ms, sent_ms + _SURVEY_DAYS * DAY_MS)
    return _sessions(
        _SURVEY,
        work,
        sent_ms,
        work.quality + 0.05 + 0.15 * dice.normal("mood"),
        draft_ms=_draft_ms(dice, sent_ms, done_ms, 0.2),
        closed_ms=done_ms,
        final_status=np.where(is_answered, COMPLETED, TIMEOUT),
        verified_share=np.where(work.is_late & dice.happens("disputed", 0.05), 1.0, 0.0),
    )


def _self_review(centre: ContactCentre, work: _Work) -> ReviewSessions:
    done_ms = work.end_ms + work.dice.between("self-review at", 5, 20 * 60) * MINUTE_MS
    return _sessions(_SELF, work, done_ms, work.quality + 0.12, reviewer=centre.auto_reviewer + 1 + work.agent)


def _merit(centre: ContactCentre, work: _Work, reviewer: Integers, sitting: str) -> Numbers:
    """What the engagements are worth to these reviewers in one sitting."""
    return work.quality + centre.leniency[reviewer] + _SITTING_DEVIATION * work.dice.normal(sitting)


def _first_turns(work: _Work, *, by_agent: bool) -> Integers:
    """The first turn that the participant takes."""
    return np.where(work.begins_with_agent == by_agent, 0, 1)


def _draft_ms(dice: Dice, opened_ms: Integers, closed_ms: Integers, share: float) -> Integers:
    """When a first part of the answers is saved, for a share of the sessions."""
    after_ms = whole_seconds((closed_ms - opened_ms) * dice.uniform("draft at"))
    return np.where(dice.happens("draft", share), opened_ms + after_ms, NEVER)


def _reviewed_ms(work: _Work, begun_ms: Integers, name: str, mean_days: float) -> Integers:
    """When people get to it: at weekends two days later, on Monday or Tuesday, but for one in ten."""
    longest_days = np.where(work.is_follow_up, _LONGEST_FOLLOW_UP_DELAY_DAYS, _LONGEST_DELAY_DAYS)
    done_ms = begun_ms + _delays_ms(work.dice, name, mean_days, longest_days)
    waits = ((done_ms // DAY_MS + 3) % 7 >= _SATURDAY) & ~work.dice.happens("at a weekend", 0.1)
    return done_ms + np.where(waits, 2 * DAY_MS, 0)


def _delays_ms(dice: Dice, name: str, mean_days: float, longest_days: Numbers | float) -> Integers:
    """Exponential delays, cut at the longest."""
    return whole_seconds(np.minimum(-mean_days * np.log1p(-dice.uniform(name)), longest_days) * DAY_MS)
