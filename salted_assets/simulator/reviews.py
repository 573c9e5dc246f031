"""Reviews of an engagement and what becomes of them: automatic, by reviewers, by customers, by the agent.

Here: who reviews when, with which answers, and later edits, verdicts and deletions. Not here: the questions (`forms`).
"""

from collections.abc import Sequence
from typing import Literal

from salted_assets.simulator.clock import DAY_MS, HOUR_MS, MINUTE_MS, iso_seconds
from salted_assets.simulator.conversations import Engagement
from salted_assets.simulator.forms import (
    AUTO_FORM,
    FOUND_QUESTION,
    REVIEWER_FORMS,
    SELF_FORM,
    SURVEY_FORM,
    TURN_QUESTION,
    Form,
    Question,
)
from salted_assets.simulator.phrases import COMMENTS, SURVEY_COMMENTS
from salted_assets.simulator.population import Agent, World
from salted_assets.simulator.randomness import child_pid, clamp, happens, keyed_random, pick, pid_of
from salted_assets.simulator.versions import Cell, Change

ReviewType = Literal["Agent", "Auto", "Customer", "Reviewer"]
Fate = Literal["Completed", "Timeout", "Rejected", "Ignore"]

_AUTO_REVIEWER = (pid_of("reviewer", "auto"), "Auto Reviewer")
_MANUAL_DAYS = 5
_SURVEY_DAYS = 10


def reviews_of(world: World, engagement: Engagement) -> list[list[Change]]:
    """The history of each review row of an engagement; empty unless an agent completed it.

    Automatic reviews come within two hours. A person's evaluation takes up to 5 days, a survey up to 10, a verdict up
    to 4 more, a deletion another; surveys and evaluations without an answer in time end as Timeout.
    """
    if engagement.type != "Agent" or engagement.agent is None or engagement.is_corrupted:
        return []
    teller = _Reviews(world, engagement, engagement.agent)
    teller.tell()
    return teller.histories


class _Reviews:
    def __init__(self, world: World, engagement: Engagement, agent: Agent) -> None:
        self.world = world
        self.engagement = engagement
        self.agent = agent
        self.random = keyed_random("reviews", engagement.key)
        skill = 0.0 if agent.is_bot else agent.ability.skill
        self.quality = clamp(0.68 + 0.12 * skill - 0.05 * engagement.difficulty + self.random.gauss(0, 0.1), 0.02, 0.98)
        self.histories: list[list[Change]] = []
        self.session_count = 0

    def tell(self) -> None:
        random, is_late = self.random, self.engagement.slot.is_late
        self._auto(is_late=is_late)
        if is_late and not self.agent.is_bot and happens(random, 0.4):
            self._manual()
        if is_late and happens(random, 0.12):
            self._turn_reviews()
        if not self.engagement.is_follow_up and happens(random, 0.5 if is_late else 0.12):
            self._survey(is_late=is_late)
        if not self.agent.is_bot and happens(random, 0.03):
            self._self_review()

    def _auto(self, *, is_late: bool) -> None:
        random = self.random
        at_ms = self.engagement.end_ms + random.randrange(10, 110) * MINUTE_MS
        session = self._session("Auto", AUTO_FORM, "All", _AUTO_REVIEWER)
        for question in AUTO_FORM.questions:
            history = self._row(session, question, at_ms)
            history[0].cells["confidence"] = round(0.55 + 0.45 * random.random(), 3)
            self._answer(history, question, at_ms, self.quality + 0.08)
            if is_late and happens(random, 0.1):
                self._verify(history, ("Correct", "Correct", "Correct", "Incorrect", "Unclear"))
        if happens(random, 0.06):
            session = self._session("Auto", None, "All", _AUTO_REVIEWER)
            history = self._row(session, FOUND_QUESTION, at_ms, turn_pid=self._turn_pid(by_agent=False))
            history[0].cells["confidence"] = round(0.6 + 0.4 * random.random(), 3)
            self._answer(history, FOUND_QUESTION, at_ms, 1.0)

    def _manual(self) -> None:
        random, reviewer = self.random, pick(self.random, self.world.reviewers)
        form = REVIEWER_FORMS[self.engagement.slot.queue.form]
        sampling = random.choices(("Random", "Focused", "Selected"), (60, 25, 15))[0]
        session = self._session("Reviewer", form, sampling, (reviewer.pid, reviewer.name))
        planned_ms = self.engagement.end_ms + random.randrange(20, 240) * MINUTE_MS
        done_ms = planned_ms + random.randrange(10, (_MANUAL_DAYS - 1) * 24 * 60) * MINUTE_MS
        fate: Fate = random.choices(("Completed", "Timeout", "Rejected", "Ignore"), (88, 5, 4, 3))[0]
        if fate == "Timeout":
            done_ms = planned_ms + _MANUAL_DAYS * DAY_MS
        quality = self.quality + reviewer.leniency - (0.08 if sampling == "Focused" else 0.0)
        planned_before = happens(random, 0.5)
        is_deleted, verdict = happens(random, 0.03), happens(random, 0.3)
        for question in form.questions:
            history = self._row(session, question, planned_ms if planned_before else done_ms)
            if planned_before:
                history[0].cells["status"] = "Pending"
            self._close(history, question, done_ms, fate, quality)
            if fate == "Completed" and happens(random, 0.25):
                self._comment(history, pick(random, COMMENTS))
            if fate == "Completed" and verdict:
                self._verify(history, ("Acknowledged", "Acknowledged", "Acknowledged", "Disputed"))
            if fate == "Completed" and is_deleted:
                self._change(history, history[-1].at_ms + 20 * HOUR_MS, {"status": "Deleted"})

    def _turn_reviews(self) -> None:
        random, reviewer = self.random, pick(self.random, self.world.reviewers)
        at_ms = self.engagement.end_ms + random.randrange(60, _MANUAL_DAYS * 24 * 60) * MINUTE_MS
        for by_agent in (True, False):
            session = self._session("Reviewer", None, "Selected", (reviewer.pid, reviewer.name))
            question = TURN_QUESTION if by_agent else FOUND_QUESTION
            history = self._row(session, question, at_ms, turn_pid=self._turn_pid(by_agent=by_agent))
            self._answer(history, question, at_ms, self.quality)

    def _survey(self, *, is_late: bool) -> None:
        random = self.random
        session = self._session("Customer", SURVEY_FORM, None, None)
        sent_ms = self.engagement.end_ms + 5 * MINUTE_MS
        is_answered = not is_late or happens(random, 0.55)
        days = min(random.expovariate(1 / 2.5), _SURVEY_DAYS - 0.1) if is_late else 0.5 * random.random()
        done_ms = sent_ms + (int(days * DAY_MS) // 1000 * 1000 + MINUTE_MS if is_answered else _SURVEY_DAYS * DAY_MS)
        mood = self.quality + random.gauss(0.05, 0.15)
        is_disputed = is_late and is_answered and happens(random, 0.05)
        for question in SURVEY_FORM.questions:
            history = self._row(session, question, sent_ms)
            history[0].cells["status"] = "Pending"
            self._close(history, question, done_ms, "Completed" if is_answered else "Timeout", mood)
            if is_answered and happens(random, 0.3):
                self._comment(history, pick(random, SURVEY_COMMENTS))
            if is_disputed:
                self._verify(history, ("Disputed",), longest_days=2)

    def _self_review(self) -> None:
        session = self._session("Agent", SELF_FORM, "Selected", (self.agent.pid, self.agent.name))
        at_ms = self.engagement.end_ms + self.random.randrange(5, 20 * 60) * MINUTE_MS
        for question in SELF_FORM.questions:
            self._answer(self._row(session, question, at_ms), question, at_ms, self.quality + 0.12)

    def _session(
        self, kind: ReviewType, form: Form | None, sampling: str | None, reviewer: tuple[str, str] | None
    ) -> dict[str, Cell]:
        """The cells that all answers of one sitting share."""
        self.session_count += 1
        return {
            "engagement_pid": self.engagement.pid,
            "reviewer_pid": reviewer[0] if reviewer else None,
            "reviewer_name": reviewer[1] if reviewer else None,
            "review_session_id": child_pid(self.engagement.key, -100 - self.session_count),
            "sampling": sampling,
            "type": kind,
            "version": "1",
            "form_id": form.id if form else None,
            "engagement_start_time": iso_seconds(self.engagement.start_ms),
            "agent_pid": self.agent.pid,
        }

    def _row(
        self, session: dict[str, Cell], question: Question, at_ms: int, *, turn_pid: str | None = None
    ) -> list[Change]:
        cells: dict[str, Cell] = {
            **session,
            "pid": child_pid(self.engagement.key, -1_000 - len(self.histories)),
            "turn_pid": turn_pid,
            "question_pid": question.pid,
            "question_name": question.name,
            "review_time": iso_seconds(at_ms),
            "status": "Completed",
            "kind": "Turn" if turn_pid else "Engagement",
            "worst_score": question.worst_score,
            "best_score": question.best_score,
            "answer_type": question.answer_type,
        }
        history = [Change(at_ms, cells)]
        self.histories.append(history)
        return history

    def _close(self, history: list[Change], question: Question, at_ms: int, fate: Fate, quality: float) -> None:
        if fate == "Completed":
            self._answer(history, question, at_ms, quality)
        else:
            self._change(history, at_ms, {"status": fate})

    def _answer(self, history: list[Change], question: Question, at_ms: int, quality: float) -> None:
        place = int(clamp(self.random.gauss(quality, 0.18), 0, 0.999) * len(question.answers))
        name, points = question.answers[place]
        cells: dict[str, Cell] = {
            "status": "Completed",
            "answer_pid": pid_of("answer", question.name, name),
            "answer_name": name,
            "answer_score": points,
            "score": round(100 * place / (len(question.answers) - 1)) if question.is_scored else None,
        }
        if place == 0 and question.reasons and happens(self.random, 0.7):
            reason = pick(self.random, question.reasons)
            cells |= {"answer_reason_pid": pid_of("reason", question.name, reason), "answer_reason": reason}
        self._change(history, at_ms, cells)

    def _comment(self, history: list[Change], comment: str) -> None:
        history[-1].cells.update(
            comment=comment, comment_language="en", comment_translated=comment, comment_translated_language="en"
        )

    def _verify(self, history: list[Change], verdicts: Sequence[str], longest_days: int = 4) -> None:
        at_ms = history[-1].at_ms + self.random.randrange(30, longest_days * 24 * 60) * MINUTE_MS
        verdict = pick(self.random, verdicts)
        is_doubted = verdict not in ("Acknowledged", "Correct")
        by_agent = history[0].cells["type"] == "Reviewer"
        name = self.agent.name if by_agent else pick(self.random, self.world.reviewers).name
        comment = "I see it differently, let us talk." if is_doubted else None
        self._change(history, at_ms, {"verified": verdict, "verified_by": name, "verification_comment": comment})

    def _change(self, history: list[Change], at_ms: int, cells: dict[str, Cell]) -> None:
        """Add an edit, which moves `review_time`; one at the very time of the last change belongs to it."""
        if history[-1].at_ms == at_ms:
            history[-1].cells.update(cells)
        else:
            history.append(Change(at_ms, cells | {"review_time": iso_seconds(at_ms)}))

    def _turn_pid(self, *, by_agent: bool) -> str:
        index = 0 if self.engagement.is_agent_turn(0) is by_agent else 1
        return self.engagement.turn_pid(index)
