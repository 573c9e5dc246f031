"""Review sessions: who reviews an engagement when, over which form, and with what final status."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from salted_assets.simulator.data.batches import NEVER, Batch
from salted_assets.simulator.data.contact_centre import QUEUES, ContactCentre
from salted_assets.simulator.data.conversations import Engagements
from salted_assets.simulator.data.forms import (
    AGENT_TURN,
    AUTO_FORM,
    CUSTOMER_TURN,
    FORMS,
    FOUND,
    REVIEWER_FORMS,
    SELF_FORM,
    SURVEY_FORM,
)
from salted_assets.simulator.data.randomness import Dice, Flags, Integers, Numbers
from salted_assets.simulator.data.windows import DAY_MS, MINUTE_MS, SECOND_MS

REVIEW_TYPES = ("Agent", "Auto", "Customer", "Reviewer")
BY_AGENT, BY_AUTO, BY_CUSTOMER, BY_REVIEWER = range(4)
SAMPLINGS = ("Random", "Focused", "Selected", "All")
RANDOM, FOCUSED, SELECTED, ALL = range(4)
FINAL_STATUSES = ("Completed", "Timeout", "Rejected", "Ignore")
COMPLETED, TIMEOUT, REJECTED, IGNORED = range(4)

_NOBODY = _NOWHERE = -1
_MANUAL_DAYS = 5
_LATEST_MINUTES = (_MANUAL_DAYS - 1) * 24 * 60
_SURVEY_DAYS = 10
_FORM_OF_QUEUE = np.array([FORMS.index(REVIEWER_FORMS[queue.form]) for queue in QUEUES])
_SAMPLING_SHARES = np.array([0.6, 0.85])
_FINAL_STATUS_SHARES = np.array([0.86, 0.91, 0.95])


class _Kind(NamedTuple):
    """What all sessions of a kind have in common; `form` and `sampling` unless they differ."""

    number: int
    source: int
    form: int = _NOWHERE
    sampling: int = _NOWHERE
    verified_days: int = 4


_AUTO = _Kind(0, BY_AUTO, FORMS.index(AUTO_FORM), ALL)
_FOUND = _Kind(1, BY_AUTO, FORMS.index(FOUND), ALL)
_MANUAL = _Kind(2, BY_REVIEWER)
_CALIBRATIONS = (_Kind(3, BY_REVIEWER, sampling=SELECTED), _Kind(4, BY_REVIEWER, sampling=SELECTED))
_AGENT_TURN = _Kind(5, BY_REVIEWER, FORMS.index(AGENT_TURN), SELECTED)
_CUSTOMER_TURN = _Kind(6, BY_REVIEWER, FORMS.index(CUSTOMER_TURN), SELECTED)
_SURVEY = _Kind(7, BY_CUSTOMER, FORMS.index(SURVEY_FORM), verified_days=2)
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

    Automatic reviews come within two hours. A person's evaluation takes up to 5 days, a survey up to 10, a
    verification up to 4 more, a deletion another; surveys and evaluations without an answer in time end as Timeout. One
    evaluation in eight is a calibration: two more reviewers answer the same form without knowing of each other.
    """
    sessions = ReviewSessions.joined(list(_SessionBuilder(centre, engagements).build()))
    return sessions.take(np.lexsort((sessions.number, sessions.engagement)))


class _SessionBuilder:
    def __init__(self, centre: ContactCentre, engagements: Engagements) -> None:
        self.centre = centre
        self.engagements = engagements
        self.dice = dice = Dice(engagements.key)
        skill = centre.figures.skill[engagements.agent]
        self.quality = 0.62 + 0.1 * skill - 0.04 * engagements.difficulty + 0.08 * dice.normal("quality")
        self.is_person = ~centre.figures.is_bot[engagements.agent]
        self.leniency = np.array([reviewer.leniency for reviewer in centre.reviewers])

    def build(self) -> Iterator[ReviewSessions]:
        dice, is_late, is_person = self.dice, self.engagements.is_late, self.is_person
        yield from self._auto()
        yield from self._manual(np.flatnonzero(is_late & is_person & dice.happens("manual", 0.4)))
        yield from self._turn_reviews(np.flatnonzero(is_late & dice.happens("turn reviews", 0.12)))
        is_asked = dice.happens("survey", np.where(is_late, 0.5, 0.12)) & ~self.engagements.is_follow_up
        yield self._survey(np.flatnonzero(is_asked))
        yield self._self_review(np.flatnonzero(is_person & dice.happens("self-review", 0.03)))

    def _auto(self) -> Iterator[ReviewSessions]:
        at_ms = self.engagements.end_ms + self.dice.between("auto", 10, 110) * MINUTE_MS
        robot = len(self.leniency)
        yield _sessions(
            _AUTO,
            np.arange(len(self.engagements)),
            reviewer=robot,
            opened_ms=at_ms,
            merit=self.quality + 0.08,
            verified_share=np.where(self.engagements.is_late, 0.15, 0.0),
        )
        found = np.flatnonzero(self.dice.happens("found", 0.06))
        yield _sessions(
            _FOUND,
            found,
            reviewer=robot,
            opened_ms=at_ms[found],
            merit=self.quality[found],
            turn=self._turns(found, by_agent=False),
        )

    def _manual(self, indices: Integers) -> Iterator[ReviewSessions]:
        dice, end_ms = Dice(self.engagements.key[indices]), self.engagements.end_ms[indices]
        reviewer = dice.between("reviewer", 0, len(self.leniency))
        form = _FORM_OF_QUEUE[self.engagements.queue[indices]]
        sampling = np.searchsorted(_SAMPLING_SHARES, dice.uniform("sampling"), "right")
        final_status = np.searchsorted(_FINAL_STATUS_SHARES, dice.uniform("fate"), "right")
        planned_ms = end_ms + dice.between("planned", 20, 240) * MINUTE_MS
        done_ms = planned_ms + dice.between("done", 10, _LATEST_MINUTES) * MINUTE_MS
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
            merit=self.quality[indices] + self.leniency[reviewer] - np.where(sampling == FOCUSED, 0.08, 0.0),
            verified_share=np.where(dice.happens("verified", 0.3), 1.0, 0.0),
            is_deleted=dice.happens("deleted", 0.05),
        )
        calibrated = np.flatnonzero((final_status == COMPLETED) & dice.happens("calibration", 0.12))
        yield from self._calibrations(indices[calibrated], form[calibrated], reviewer[calibrated])

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
                opened_ms=end_ms + dice.between(f"calibration {ahead}", 60, _LATEST_MINUTES) * MINUTE_MS,
                merit=self.quality[indices] + self.leniency[other],
            )

    def _turn_reviews(self, indices: Integers) -> Iterator[ReviewSessions]:
        dice, end_ms = Dice(self.engagements.key[indices]), self.engagements.end_ms[indices]
        reviewer = dice.between("turn reviewer", 0, len(self.leniency))
        done_ms = end_ms + dice.between("turn review", 60, _LATEST_MINUTES) * MINUTE_MS
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
        late_days = np.minimum(-2.5 * np.log1p(-dice.uniform("late")), _SURVEY_DAYS - 0.1)
        days = np.where(is_late, late_days, 0.5 * dice.uniform("soon"))
        answered_ms = sent_ms + (days * DAY_MS).astype(np.int64) // SECOND_MS * SECOND_MS + MINUTE_MS
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
