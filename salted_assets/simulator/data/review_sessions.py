"""Review sessions: who reviews an engagement when, over which form, with what final status, and what they think of it.

People's reviews are few (`Team.monthly_reviews`): most are planned, the rest are of what the automatic reviewer gave
less than `FOCUSED_BELOW`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

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
from salted_assets.simulator.data.forms import (
    AGENT_TURN,
    ANSWERS_OF_QUESTION,
    AUTO_FORM,
    CUSTOMER_TURN,
    EASE,
    FORM_QUESTIONS,
    FORMS,
    FOUND,
    GRADER_CHANGE,
    GRADER_DAYS,
    QUESTIONS_OF_FORM,
    REVIEWER_FORMS,
    SELF_FORM,
    SURVEY_FORM,
)
from salted_assets.simulator.data.randomness import Dice, Flags, Integers, Keys, Numbers, child_keys
from salted_assets.simulator.data.windows import DAY_MS, MINUTE_MS, SECOND_MS, day_of

REVIEW_TYPES = ("Agent", "Auto", "Customer", "Reviewer")
BY_AGENT, BY_AUTO, BY_CUSTOMER, BY_REVIEWER = range(4)
SAMPLINGS = ("Random", "Focused", "Selected", "All")
RANDOM, FOCUSED, SELECTED, ALL = range(4)
FINAL_STATUSES = ("Completed", "Timeout", "Rejected", "Ignore")
COMPLETED, TIMEOUT, REJECTED, IGNORED = range(4)

FOCUSED_BELOW = 0.55
"""A mean score of the automatic review below this makes an engagement one for a focused review."""

_NOBODY = _NOWHERE = -1
_ROWS_OF_SESSION = 16
_FIRST_ROW_CHILD = -1_000
_MANUAL_DAYS = 10
_LONGEST_DELAY_DAYS = np.array([7.5, 4.0])
"""Of reviews of a conversation's first days, and of those of customers who came back."""

_SURVEY_DAYS = 10
_SATURDAY, _SUNDAY = 5, 6
_FORM_OF = np.array([[FORMS.index(REVIEWER_FORMS[queue.form, language]) for language in LANGUAGES] for queue in QUEUES])
_SELECTED_SHARE = 0.15
_LOW_SHARE = 0.12
"""About the share of engagements that the automatic reviewer gives less than `FOCUSED_BELOW`."""

_FINAL_STATUS_SHARES = np.array([COMPLETED_SHARE, 0.91, 0.95])
_QUALITY_DEVIATION, _SITTING_DEVIATION, _CASE_DEVIATION = 0.08, 0.05, 0.08
_AUTO_DEVIATION, _AUTO_LENIENCY, _EYE_DEVIATION = 0.1, 0.04, 0.06


class _Kind(NamedTuple):
    """What all sessions of a kind have in common; `form` and `sampling` unless they differ."""

    number: int
    source: int
    form: int = _NOWHERE
    sampling: int = _NOWHERE
    verified_days: int = 2


_AUTO = _Kind(0, BY_AUTO, FORMS.index(AUTO_FORM), ALL)
_FOUND = _Kind(1, BY_AUTO, FORMS.index(FOUND), ALL)
_MANUAL = _Kind(2, BY_REVIEWER)
_CALIBRATIONS = (_Kind(3, BY_REVIEWER, sampling=SELECTED), _Kind(4, BY_REVIEWER, sampling=SELECTED))
_AGENT_TURN = _Kind(5, BY_REVIEWER, FORMS.index(AGENT_TURN), SELECTED)
_CUSTOMER_TURN = _Kind(6, BY_REVIEWER, FORMS.index(CUSTOMER_TURN), SELECTED)
_SURVEY = _Kind(7, BY_CUSTOMER, FORMS.index(SURVEY_FORM))
_SELF = _Kind(8, BY_AGENT, FORMS.index(SELF_FORM), SELECTED)


@dataclass(frozen=True)
class ReviewSessions(Batch):
    """Review sessions over engagements of a batch, by their indices; `number` distinguishes those of one engagement.

    A session is opened, may be answered in part (`draft_ms`), and is closed with a final status; unplanned ones are
    opened and closed at once. `merit` is the score (0 to 1) that the reviewer would give, `turn` the reviewed turn or
    -1, `reviewer` an index among the centre's reviewers, then the automatic one, then the agents, or -1. Of a completed
    one, answers are verified at `verified_share`, within so many days; `is_deleted` when it is removed after all.
    """

    engagement: Integers
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
    verified_days: Integers
    is_deleted: Flags


def review_sessions_of(centre: ContactCentre, engagements: Engagements) -> ReviewSessions:
    """All sessions over engagements that an agent completed, engagement after engagement.

    Automatic reviews come within two hours. A person's evaluation takes up to 10 days and is hardly ever done at a
    weekend, a survey takes up to 10; a verification up to 2 more, a deletion another. Surveys and evaluations without
    an answer in time end as Timeout. One evaluation in eight is a calibration: two more reviewers answer the same form
    without knowing of each other.
    """
    sessions = ReviewSessions.joined(list(_SessionBuilder(centre, engagements).build()))
    return sessions.take(np.lexsort((sessions.number, sessions.engagement)))


def answer_children(number: Integers | int, within: Integers) -> Integers:
    """What distinguishes the answers to an engagement, by the number of the session and the question's within it."""
    return _FIRST_ROW_CHILD - number * _ROWS_OF_SESSION - within


def chosen_answers(key: Keys, child: Integers, question: Integers, merit: Numbers) -> Integers:
    """Which answer each chooses, counted from the worst: on average, the one that the score deserved lies at.

    Everybody who answers a question on an engagement sees the same case; only the eye is their own.
    """
    case, eye = Dice(child_keys(key, question)), Dice(child_keys(key, child))
    deserved = merit + EASE[question] + _CASE_DEVIATION * case.normal("case") + _EYE_DEVIATION * eye.normal("eye")
    highest = ANSWERS_OF_QUESTION.sizes[question] - 1
    between_answers = np.clip(deserved, 0, 1) * highest + case.uniform("rounding")
    answers: Integers = np.minimum(between_answers, highest).astype(np.int64)
    return answers


def is_grader_changed(days: Integers) -> Flags:
    """Whether the automatic reviewer is more lenient than in the beginning, on each day since 1970."""
    number = (days - day_of(GRADER_CHANGE[0])) // GRADER_DAYS
    changed: Flags = (number >= 0) & (number % 2 == 0)
    return changed


class _SessionBuilder:
    def __init__(self, centre: ContactCentre, engagements: Engagements) -> None:
        self.centre = centre
        self.engagements = engagements
        self.dice = dice = Dice(engagements.key)
        self.quality = (
            MEAN_LEVEL
            + LEVEL_OF_SKILL * engagements.skill
            + POINTS_OF_DIFFICULTY * engagements.difficulty
            + _QUALITY_DEVIATION * dice.normal("quality")
        )
        self.auto_ms = engagements.end_ms + dice.between("auto", 10, 110) * MINUTE_MS
        changed = np.where(is_grader_changed(self.auto_ms // DAY_MS), GRADER_CHANGE[1], 0.0)
        self.auto_merit = self.quality + _AUTO_LENIENCY + changed + _AUTO_DEVIATION * dice.normal("auto eye")
        self.is_person = ~centre.agents.is_bot[engagements.agent]
        self.leniency = centre.leniency

    def build(self) -> Iterator[ReviewSessions]:
        dice, is_late, is_person = self.dice, self.engagements.is_late, self.is_person
        yield from self._auto()
        yield from self._manual(np.flatnonzero(is_late & is_person))
        yield from self._turn_reviews(np.flatnonzero(is_late & dice.happens("turn reviews", 0.06)))
        is_asked = dice.happens("survey", np.where(is_late, 0.5, 0.12)) & ~self.engagements.is_follow_up
        yield self._survey(np.flatnonzero(is_asked))
        yield self._self_review(np.flatnonzero(is_person & dice.happens("self-review", 0.03)))

    def _auto(self) -> Iterator[ReviewSessions]:
        robot = len(self.leniency)
        yield _sessions(
            _AUTO,
            np.arange(len(self.engagements)),
            reviewer=robot,
            opened_ms=self.auto_ms,
            merit=self.auto_merit,
            verified_share=np.where(self.engagements.is_late, 0.15, 0.0),
        )
        found = np.flatnonzero(self.dice.happens("found", 0.06))
        yield _sessions(
            _FOUND,
            found,
            reviewer=robot,
            opened_ms=self.auto_ms[found],
            merit=self.auto_merit[found],
            turn=self._turns(found, by_agent=False),
        )

    def _auto_scores(self, indices: Integers) -> Numbers:
        """The mean score that the automatic review of each engagement gives."""
        owner, index = QUESTIONS_OF_FORM.spread(np.full(len(indices), _AUTO.form))
        question, within = FORM_QUESTIONS[index], index - QUESTIONS_OF_FORM.firsts[_AUTO.form]
        own = indices[owner]
        answer = chosen_answers(
            self.engagements.key[own], answer_children(_AUTO.number, within), question, self.auto_merit[own]
        )
        shares = answer / (ANSWERS_OF_QUESTION.sizes[question] - 1)
        scores: Numbers = shares.reshape(len(indices), QUESTIONS_OF_FORM.sizes[_AUTO.form]).mean(axis=1)
        return scores

    def _chosen(self, indices: Integers) -> tuple[Integers, Flags]:
        """Which of the engagements people evaluate, and whether they were chosen for their low automatic score."""
        engagements, dice = self.engagements.take(indices), Dice(self.engagements.key[indices])
        is_planned = engagements.is_planned
        load = MONTHLY_LOAD * LATE_SHARE * _LOW_SHARE * self.centre.engagements_per_agent
        reviews = FOCUSED_SHARE * MONTHLY_REVIEWS[teams_at(engagements.agent, engagements.start_ms)]
        is_focused = ~is_planned & dice.happens("focused", np.minimum(0.9, reviews / load))
        is_focused[is_focused] = self._auto_scores(indices[is_focused]) < FOCUSED_BELOW
        is_chosen = is_planned | is_focused
        return indices[is_chosen], is_focused[is_chosen]

    def _manual(self, candidates: Integers) -> Iterator[ReviewSessions]:
        indices, is_focused = self._chosen(candidates)
        dice, end_ms = Dice(self.engagements.key[indices]), self.engagements.end_ms[indices]
        reviewer = dice.between("reviewer", 0, len(self.leniency))
        is_of_half = is_focused & dice.happens("of half", 0.8)
        reviewer = np.where(is_of_half, reviewer // 2, reviewer)
        form = _FORM_OF[self.engagements.queue[indices], self.engagements.language[indices]]
        sampling = np.where(is_focused, FOCUSED, np.where(dice.happens("selected", _SELECTED_SHARE), SELECTED, RANDOM))
        final_status = np.searchsorted(_FINAL_STATUS_SHARES, dice.uniform("fate"), "right")
        planned_ms = end_ms + dice.between("planned at", 110, 240) * MINUTE_MS
        done_ms = _on_working_days(planned_ms + self._delays_ms(indices, "done", 2.0), dice)
        done_ms = np.where(final_status == TIMEOUT, planned_ms + _MANUAL_DAYS * DAY_MS, done_ms)
        opened_ms = np.where(dice.happens("planned before", 0.5), planned_ms, done_ms)
        yield _sessions(
            _MANUAL,
            indices,
            form=form,
            reviewer=reviewer,
            sampling=sampling,
            opened_ms=opened_ms,
            draft_ms=_drafts(dice, opened_ms, done_ms, 0.4),
            closed_ms=done_ms,
            final_status=final_status,
            merit=self._merits(indices, reviewer, "sitting"),
            verified_share=np.where(dice.happens("verified", 0.3), 1.0, 0.0),
            is_deleted=dice.happens("deleted", 0.06),
        )
        calibrated = np.flatnonzero((final_status == COMPLETED) & dice.happens("calibration", 0.12))
        yield from self._calibrations(indices[calibrated], form[calibrated], reviewer[calibrated])

    def _merits(self, indices: Integers, reviewer: Integers, sitting: str) -> Numbers:
        """What the engagements are worth to these reviewers in one sitting."""
        luck = _SITTING_DEVIATION * Dice(self.engagements.key[indices]).normal(sitting)
        merits: Numbers = self.quality[indices] + self.leniency[reviewer] + luck
        return merits

    def _calibrations(self, indices: Integers, form: Integers, reviewer: Integers) -> Iterator[ReviewSessions]:
        """Other reviewers over the same form."""
        dice, end_ms = Dice(self.engagements.key[indices]), self.engagements.end_ms[indices]
        for ahead, kind in enumerate(_CALIBRATIONS, start=1):
            other = (reviewer + ahead) % len(self.leniency)
            yield _sessions(
                kind,
                indices,
                form=form,
                reviewer=other,
                opened_ms=_on_working_days(end_ms + self._delays_ms(indices, f"calibration {ahead}", 3.0), dice),
                merit=self._merits(indices, other, f"sitting {ahead}"),
            )

    def _turn_reviews(self, indices: Integers) -> Iterator[ReviewSessions]:
        dice, end_ms = Dice(self.engagements.key[indices]), self.engagements.end_ms[indices]
        reviewer = dice.between("turn reviewer", 0, len(self.leniency))
        done_ms = _on_working_days(end_ms + self._delays_ms(indices, "turn review", 2.0), dice)
        for kind, by_agent in ((_AGENT_TURN, True), (_CUSTOMER_TURN, False)):
            yield _sessions(
                kind,
                indices,
                reviewer=reviewer,
                opened_ms=done_ms,
                merit=self.quality[indices] + (self.leniency[reviewer] if by_agent else -0.3),
                turn=self._turns(indices, by_agent=by_agent),
            )

    def _survey(self, indices: Integers) -> ReviewSessions:
        dice, is_late = Dice(self.engagements.key[indices]), self.engagements.is_late[indices]
        sent_ms = self.engagements.end_ms[indices] + 5 * MINUTE_MS
        is_answered = ~is_late | dice.happens("answered", 0.55)
        soon_ms = (0.5 * DAY_MS * dice.uniform("soon")).astype(np.int64) // SECOND_MS * SECOND_MS
        answered_ms = (
            sent_ms + MINUTE_MS + np.where(is_late, _delays_ms(dice, "late", 2.5, _SURVEY_DAYS - 0.1), soon_ms)
        )
        done_ms = np.where(is_answered, answered_ms, sent_ms + _SURVEY_DAYS * DAY_MS)
        return _sessions(
            _SURVEY,
            indices,
            opened_ms=sent_ms,
            draft_ms=_drafts(dice, sent_ms, done_ms, 0.2),
            closed_ms=done_ms,
            final_status=np.where(is_answered, COMPLETED, TIMEOUT),
            merit=self.quality[indices] + 0.05 + 0.15 * dice.normal("mood"),
            verified_share=np.where(is_late & dice.happens("disputed", 0.05), 1.0, 0.0),
        )

    def _self_review(self, indices: Integers) -> ReviewSessions:
        dice, end_ms = Dice(self.engagements.key[indices]), self.engagements.end_ms[indices]
        return _sessions(
            _SELF,
            indices,
            reviewer=len(self.leniency) + 1 + self.engagements.agent[indices],
            opened_ms=end_ms + dice.between("self-review at", 5, 20 * 60) * MINUTE_MS,
            merit=self.quality[indices] + 0.12,
        )

    def _delays_ms(self, indices: Integers, name: str, mean_days: float) -> Integers:
        """How long people take to review."""
        longest_days = _LONGEST_DELAY_DAYS[self.engagements.is_follow_up[indices].astype(np.int64)]
        return _delays_ms(Dice(self.engagements.key[indices]), name, mean_days, longest_days)

    def _turns(self, indices: Integers, *, by_agent: bool) -> Integers:
        """The first turn that the participant takes."""
        return np.where(self.engagements.begins_with_agent[indices] == by_agent, 0, 1)


def _sessions(
    kind: _Kind,
    indices: Integers,
    *,
    opened_ms: Integers,
    merit: Numbers,
    form: Integers | None = None,
    reviewer: Integers | int = _NOBODY,
    sampling: Integers | None = None,
    turn: Integers | int = _NOWHERE,
    draft_ms: Integers | int = NEVER,
    closed_ms: Integers | None = None,
    final_status: Integers | int = COMPLETED,
    verified_share: Numbers | float = 0.0,
    is_deleted: Flags | bool = False,
) -> ReviewSessions:
    """Review sessions of a kind over the engagements at these indices; what is one for all of them is repeated."""
    count = len(indices)
    return ReviewSessions(
        engagement=indices,
        number=np.full(count, kind.number),
        source=np.full(count, kind.source),
        form=np.full(count, kind.form) if form is None else form,
        reviewer=np.broadcast_to(reviewer, count),
        sampling=np.full(count, kind.sampling) if sampling is None else sampling,
        turn=np.broadcast_to(turn, count),
        opened_ms=opened_ms,
        draft_ms=np.broadcast_to(draft_ms, count),
        closed_ms=opened_ms if closed_ms is None else closed_ms,
        final_status=np.broadcast_to(final_status, count),
        merit=merit,
        verified_share=np.broadcast_to(verified_share, count),
        verified_days=np.full(count, kind.verified_days),
        is_deleted=np.broadcast_to(is_deleted, count),
    )


def _drafts(dice: Dice, opened_ms: Integers, closed_ms: Integers, share: float) -> Integers:
    """When a first part of the answers is saved, for a share of the sessions."""
    after_ms = ((closed_ms - opened_ms) * dice.uniform("draft at")).astype(np.int64) // SECOND_MS * SECOND_MS
    return np.where(dice.happens("draft", share), opened_ms + after_ms, NEVER)


def _delays_ms(dice: Dice, name: str, mean_days: float, longest_days: Numbers | float) -> Integers:
    """Exponential delays, cut at the longest."""
    days = np.minimum(-mean_days * np.log1p(-dice.uniform(name)), longest_days)
    delays: Integers = (days * DAY_MS).astype(np.int64) // SECOND_MS * SECOND_MS
    return delays


def _on_working_days(moments_ms: Integers, dice: Dice) -> Integers:
    """Moments of weekends two days later, on Monday or Tuesday, but for one in ten."""
    weekday = (moments_ms // DAY_MS + 3) % 7
    waits = ((weekday == _SATURDAY) | (weekday == _SUNDAY)) & ~dice.happens("at a weekend", 0.1)
    return moments_ms + np.where(waits, 2 * DAY_MS, 0)
