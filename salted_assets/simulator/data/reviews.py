"""Who reviews an engagement when, and what becomes of it: automatic, by reviewers, by customers, by the agent.

Here: sittings, each of one reviewer over one form. Not here: the questions (`forms`), the answers and the rows that
they become (`review_rows`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from salted_assets.simulator.data.batches import NEVER, Batch
from salted_assets.simulator.data.clock import DAY_MS, MINUTE_MS, SECOND_MS
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
from salted_assets.simulator.data.population import QUEUES, World
from salted_assets.simulator.data.randomness import Dice, Flags, Integers, Numbers

REVIEW_TYPES = ("Agent", "Auto", "Customer", "Reviewer")
BY_AGENT, BY_AUTO, BY_CUSTOMER, BY_REVIEWER = range(4)
SAMPLINGS = ("Random", "Focused", "Selected", "All")
RANDOM, FOCUSED, SELECTED, ALL = range(4)
FATES = ("Completed", "Timeout", "Rejected", "Ignore")
COMPLETED, TIMEOUT, REJECTED, IGNORED = range(4)

_NOBODY = _NOWHERE = -1
_MANUAL_DAYS = 5
_LATEST_MINUTES = (_MANUAL_DAYS - 1) * 24 * 60
_SURVEY_DAYS = 10
_FORM_OF_QUEUE = np.array([FORMS.index(REVIEWER_FORMS[queue.form]) for queue in QUEUES])
_SAMPLING_SHARES = np.array([0.6, 0.85])
_FATE_SHARES = np.array([0.86, 0.91, 0.95])


class _Kind(NamedTuple):
    """What all sittings of a kind have in common; `form` and `sampling` unless they differ."""

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
class Sittings(Batch):
    """Sittings over engagements of a batch, told by their places; `number` tells those of an engagement apart.

    A sitting is opened, may be answered in part (`draft_ms`), and is closed with a fate; opened and closed at once when
    nobody planned it. `merit` is the score (0 to 1) that the reviewer would give, `turn` the reviewed turn or -1,
    `reviewer` a place among the account's reviewers, then the automatic one, then the agents, or -1. Of a completed
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
    fate: Integers
    merit: Numbers
    verified_share: Numbers
    verified_days: Integers
    is_deleted: Flags


def sittings_of(world: World, engagements: Engagements) -> Sittings:
    """All sittings over engagements that an agent completed, engagement after engagement.

    Automatic reviews come within two hours. A person's evaluation takes up to 5 days, a survey up to 10, a verdict up
    to 4 more, a deletion another; surveys and evaluations without an answer in time end as Timeout. One evaluation in
    eight is a calibration: two more reviewers answer the same form without knowing of each other.
    """
    told = Sittings.joined(list(_Teller(world, engagements).tell()))
    return told.take(np.lexsort((told.number, told.engagement)))


class _Teller:
    def __init__(self, world: World, engagements: Engagements) -> None:
        self.world = world
        self.engagements = engagements
        self.dice = dice = Dice(engagements.key)
        skill = world.figures.skill[engagements.agent]
        self.quality = 0.62 + 0.1 * skill - 0.04 * engagements.difficulty + 0.08 * dice.normal("quality")
        self.is_person = ~world.figures.is_bot[engagements.agent]
        self.leniency = np.array([reviewer.leniency for reviewer in world.reviewers])

    def tell(self) -> Iterator[Sittings]:
        dice, is_late, is_person = self.dice, self.engagements.is_late, self.is_person
        yield from self._auto()
        yield from self._manual(np.flatnonzero(is_late & is_person & dice.happens("manual", 0.4)))
        yield from self._turn_reviews(np.flatnonzero(is_late & dice.happens("turn reviews", 0.12)))
        is_asked = dice.happens("survey", np.where(is_late, 0.5, 0.12)) & ~self.engagements.is_follow_up
        yield self._survey(np.flatnonzero(is_asked))
        yield self._self_review(np.flatnonzero(is_person & dice.happens("self-review", 0.03)))

    def _auto(self) -> Iterator[Sittings]:
        at_ms = self.engagements.end_ms + self.dice.between("auto", 10, 110) * MINUTE_MS
        robot = len(self.leniency)
        yield _sittings(
            _AUTO,
            np.arange(len(self.engagements)),
            reviewer=robot,
            opened_ms=at_ms,
            merit=self.quality + 0.08,
            verified_share=np.where(self.engagements.is_late, 0.15, 0.0),
        )
        found = np.flatnonzero(self.dice.happens("found", 0.06))
        yield _sittings(
            _FOUND,
            found,
            reviewer=robot,
            opened_ms=at_ms[found],
            merit=self.quality[found],
            turn=self._turns(found, by_agent=False),
        )

    def _manual(self, places: Integers) -> Iterator[Sittings]:
        dice, end_ms = Dice(self.engagements.key[places]), self.engagements.end_ms[places]
        reviewer = dice.between("reviewer", 0, len(self.leniency))
        form = _FORM_OF_QUEUE[self.engagements.queue[places]]
        sampling = np.searchsorted(_SAMPLING_SHARES, dice.uniform("sampling"), "right")
        fate = np.searchsorted(_FATE_SHARES, dice.uniform("fate"), "right")
        planned_ms = end_ms + dice.between("planned", 20, 240) * MINUTE_MS
        done_ms = planned_ms + dice.between("done", 10, _LATEST_MINUTES) * MINUTE_MS
        done_ms = np.where(fate == TIMEOUT, planned_ms + _MANUAL_DAYS * DAY_MS, done_ms)
        opened_ms = np.where(dice.happens("planned before", 0.5), planned_ms, done_ms)
        yield _sittings(
            _MANUAL,
            places,
            form=form,
            reviewer=reviewer,
            sampling=sampling,
            opened_ms=opened_ms,
            draft_ms=_drafts(dice, opened_ms, done_ms, 0.4),
            closed_ms=done_ms,
            fate=fate,
            merit=self.quality[places] + self.leniency[reviewer] - np.where(sampling == FOCUSED, 0.08, 0.0),
            verified_share=np.where(dice.happens("verified", 0.3), 1.0, 0.0),
            is_deleted=dice.happens("deleted", 0.05),
        )
        calibrated = np.flatnonzero((fate == COMPLETED) & dice.happens("calibration", 0.12))
        yield from self._calibrations(places[calibrated], form[calibrated], reviewer[calibrated])

    def _calibrations(self, places: Integers, form: Integers, reviewer: Integers) -> Iterator[Sittings]:
        """Other reviewers over the same form."""
        dice, end_ms = Dice(self.engagements.key[places]), self.engagements.end_ms[places]
        for ahead, kind in enumerate(_CALIBRATIONS, start=1):
            other = (reviewer + ahead) % len(self.leniency)
            yield _sittings(
                kind,
                places,
                form=form,
                reviewer=other,
                opened_ms=end_ms + dice.between(f"calibration {ahead}", 60, _LATEST_MINUTES) * MINUTE_MS,
                merit=self.quality[places] + self.leniency[other],
            )

    def _turn_reviews(self, places: Integers) -> Iterator[Sittings]:
        dice, end_ms = Dice(self.engagements.key[places]), self.engagements.end_ms[places]
        reviewer = dice.between("turn reviewer", 0, len(self.leniency))
        done_ms = end_ms + dice.between("turn review", 60, _LATEST_MINUTES) * MINUTE_MS
        for kind, by_agent in ((_AGENT_TURN, True), (_CUSTOMER_TURN, False)):
            yield _sittings(
                kind,
                places,
                reviewer=reviewer,
                opened_ms=done_ms,
                merit=self.quality[places] + (self.leniency[reviewer] if by_agent else -0.3),
                turn=self._turns(places, by_agent=by_agent),
            )

    def _survey(self, places: Integers) -> Sittings:
        dice, is_late = Dice(self.engagements.key[places]), self.engagements.is_late[places]
        sent_ms = self.engagements.end_ms[places] + 5 * MINUTE_MS
        is_answered = ~is_late | dice.happens("answered", 0.55)
        late_days = np.minimum(-2.5 * np.log1p(-dice.uniform("late")), _SURVEY_DAYS - 0.1)
        days = np.where(is_late, late_days, 0.5 * dice.uniform("soon"))
        answered_ms = sent_ms + (days * DAY_MS).astype(np.int64) // SECOND_MS * SECOND_MS + MINUTE_MS
        done_ms = np.where(is_answered, answered_ms, sent_ms + _SURVEY_DAYS * DAY_MS)
        return _sittings(
            _SURVEY,
            places,
            opened_ms=sent_ms,
            draft_ms=_drafts(dice, sent_ms, done_ms, 0.2),
            closed_ms=done_ms,
            fate=np.where(is_answered, COMPLETED, TIMEOUT),
            merit=self.quality[places] + 0.05 + 0.15 * dice.normal("mood"),
            verified_share=np.where(is_late & dice.happens("disputed", 0.05), 1.0, 0.0),
        )

    def _self_review(self, places: Integers) -> Sittings:
        dice, end_ms = Dice(self.engagements.key[places]), self.engagements.end_ms[places]
        return _sittings(
            _SELF,
            places,
            reviewer=len(self.leniency) + 1 + self.engagements.agent[places],
            opened_ms=end_ms + dice.between("self-review at", 5, 20 * 60) * MINUTE_MS,
            merit=self.quality[places] + 0.12,
        )

    def _turns(self, places: Integers, *, by_agent: bool) -> Integers:
        """The first turn that the participant takes."""
        return np.where(self.engagements.begins_with_agent[places] == by_agent, 0, 1)


def _sittings(
    kind: _Kind,
    places: Integers,
    *,
    opened_ms: Integers,
    merit: Numbers,
    form: Integers | None = None,
    reviewer: Integers | int = _NOBODY,
    sampling: Integers | None = None,
    turn: Integers | int = _NOWHERE,
    draft_ms: Integers | int = NEVER,
    closed_ms: Integers | None = None,
    fate: Integers | int = COMPLETED,
    verified_share: Numbers | float = 0.0,
    is_deleted: Flags | bool = False,
) -> Sittings:
    """Sittings of a kind over the engagements at these places; what is one for all of them is repeated."""
    count = len(places)
    return Sittings(
        engagement=places,
        number=np.full(count, kind.number),
        source=np.full(count, kind.source),
        form=np.full(count, kind.form) if form is None else form,
        reviewer=np.broadcast_to(reviewer, count),
        sampling=np.full(count, kind.sampling) if sampling is None else sampling,
        turn=np.broadcast_to(turn, count),
        opened_ms=opened_ms,
        draft_ms=np.broadcast_to(draft_ms, count),
        closed_ms=opened_ms if closed_ms is None else closed_ms,
        fate=np.broadcast_to(fate, count),
        merit=merit,
        verified_share=np.broadcast_to(verified_share, count),
        verified_days=np.full(count, kind.verified_days),
        is_deleted=np.broadcast_to(is_deleted, count),
    )


def _drafts(dice: Dice, opened_ms: Integers, closed_ms: Integers, share: float) -> Integers:
    """When a first part of the answers is saved, for a share of the sittings."""
    after_ms = ((closed_ms - opened_ms) * dice.uniform("draft at")).astype(np.int64) // SECOND_MS * SECOND_MS
    return np.where(dice.happens("draft", share), opened_ms + after_ms, NEVER)
