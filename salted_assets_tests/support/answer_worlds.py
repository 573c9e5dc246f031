"""Small worlds of reviewed engagements: what they are scored to by other code than ours, and what happens to them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.row_change import KEPT_ROWS
from salted_assets.schemas.scores import Answer

AGENT, PEER = "ann", "bob"
DAYS = (0, 1)
LATE, EDITED, DELETED, VERIFIED, MOVED = "late", "edited", "deleted or ignored", "verified or disputed", "moved"
ERASED = "customer erased"
CAUSES = (LATE, EDITED, DELETED, VERIFIED, MOVED, ERASED)
SCORES = (0.0, 0.25, 0.5, 0.8, 1.0)


@dataclass(frozen=True)
class Review:
    """An answer as it is delivered."""

    pid: str
    engagement: str
    evaluation: str
    score: float
    weight: float = 1.0
    verified: str | None = None
    status: str = "completed"


@dataclass(frozen=True)
class World:
    """Answers by pid, the agent of each engagement, and by which settings and program they are scored.

    An engagement is of the first of `DAYS` unless `days` has another. `erased` are those that are gone for good.
    """

    reviews: Mapping[str, Review]
    agents: Mapping[str, str]
    settings: frozenset[str] = frozenset()
    program: int = 1
    days: Mapping[str, int] = field(default_factory=dict)
    erased: frozenset[str] = frozenset()

    def score(self, day: int = 0) -> list[dict[str, Any]]:
        """The day's rows of `scores/answer`, written down by hand; the second program counts halves as nothing."""
        return [
            self._score(review)
            for review in self.reviews.values()
            if review.engagement in self.agents and self.days.get(review.engagement, 0) == day
        ]

    def erase(self, engagement: str) -> "World":
        """The world without the engagement."""
        agents = {pid: agent for pid, agent in self.agents.items() if pid != engagement}
        return replace(self, agents=agents, erased=self.erased | {engagement})

    def _score(self, review: Review) -> dict[str, Any]:
        status = "scored"
        if review.status != "completed":
            status = "not completed"
        elif review.verified is not None and f"exclude_{review.verified}" in self.settings:
            status = review.verified
        halved = self.program > 1 and review.score == 0.5
        return {
            "pid": review.pid,
            "engagement_pid": review.engagement,
            "agent_pid": self.agents[review.engagement],
            "source": "reviewer",
            "status": review.status,
            "verified": review.verified,
            "evaluation": review.evaluation,
            "score": 0.0 if halved else review.score,
            "weight": review.weight,
            "scoring_status": status,
            "is_random_or_all": True,
        }

    def units(self, kind: str, days: Sequence[int] = (0,)) -> dict[Any, float]:
        """What the agent's mean of these days is over: answers, or evaluations by their weighted means."""
        found: dict[Any, list[tuple[float, float]]] = {}
        for row in (row for day in days for row in self.score(day)):
            if row["agent_pid"] == AGENT and row["scoring_status"] == "scored":
                unit = row["pid"] if kind == "answer" else (row["engagement_pid"], row["evaluation"])
                found.setdefault(unit, []).append((row["weight"], row["score"]))
        return {
            unit: sum(weight * score for weight, score in parts) / sum(weight for weight, _ in parts)
            for unit, parts in found.items()
        }


@dataclass(frozen=True)
class Event:
    """Something that happens: its cause, to which answer or engagement, and a number to draw from."""

    cause: str
    target: int
    value: int = 0


@dataclass(frozen=True)
class Story:
    """A world, and what happened in each replacement, with the settings and the program after it."""

    start: World
    chapters: Sequence[tuple[Sequence[Event], frozenset[str], int]] = field(default_factory=tuple)

    def worlds(self, without: str = "") -> list[World]:
        """The worlds one after another, left out what has one cause. An erasure makes a world of its own."""
        found = [self.start]
        for events, settings, program in self.chapters:
            for event in events:
                if event.cause == ERASED != without and found[-1].agents:
                    engagements = sorted(found[-1].agents)
                    found.append(found[-1].erase(engagements[event.target % len(engagements)]))
            world = found[-1]
            known = sorted(world.reviews)  # what happens to an answer that was not there yet is part of its coming late
            for event in events:
                world = world if event.cause == without else happen(world, event, known)
            found.append(replace(world, settings=settings, program=program))
        return found


def happen(world: World, event: Event, known: Sequence[str]) -> World:
    """The world after an event to one of the known answers, the same where there is nothing for it to happen to."""
    if event.cause == ERASED or not world.agents:
        return world
    if event.cause == LATE:
        engagements = sorted(world.agents)
        engagement = engagements[event.target % len(engagements)]
        pid = f"late {event.target} {event.value}"
        review = Review(pid, engagement, f"session {event.value % 2}", SCORES[event.value % len(SCORES)])
        return world if pid in world.reviews else replace(world, reviews={**world.reviews, pid: review})
    if event.cause == MOVED:
        engagements = sorted(world.agents)
        engagement = engagements[event.target % len(engagements)]
        if event.value % 2:
            return replace(world, days={**world.days, engagement: 1 - world.days.get(engagement, 0)})
        other = PEER if world.agents[engagement] == AGENT else AGENT
        return replace(world, agents={**world.agents, engagement: other})
    if not known:
        return world
    review = world.reviews[known[event.target % len(known)]]
    changed = {
        EDITED: replace(review, score=SCORES[event.value % len(SCORES)]),
        DELETED: replace(review, status="deleted"),
        VERIFIED: replace(review, verified=("disputed", "unclear")[event.value % 2]),
    }[event.cause]
    return replace(world, reviews={**world.reviews, review.pid: changed})


def plant(causes: Collection[str], number: int, *, is_of_day: bool = False) -> list[World]:
    """The worlds before and after these causes, each at an engagement of its own whose answer is far from the mean.

    The program and the two settings, as `rule: exclude_disputed`, are causes as well; an erasure makes a world between.
    `number` moves the scores. What is moved is of a colleague then, or with `is_of_day` of another day.
    """
    low, high = 0.1 + number / 100, 0.9
    reviews = {f"usual {each}": Review(f"usual {each}", "usual", f"session {each}", 0.55) for each in range(6)}
    agents = {"usual": AGENT}
    for status in ("disputed", "unclear"):
        name = f"{status} before"
        reviews[name], agents[name] = Review(name, name, "session", low, verified=status), AGENT
    reviews["halved"], agents["halved"] = Review("halved", "halved", "session", 0.5), AGENT
    for place, cause in enumerate(CAUSES):
        # no two cancel each other
        reviews[cause], agents[f"of {cause}"] = Review(cause, f"of {cause}", "session", high - place / 137), AGENT
    before = dict(reviews)
    after = {**reviews, EDITED: replace(reviews[EDITED], score=low), DELETED: replace(reviews[DELETED], status="x")}
    after[VERIFIED] = replace(reviews[VERIFIED], verified="disputed")
    for cause in CAUSES:
        if cause not in causes:
            after[cause] = before[cause]
    if LATE in causes:
        del before[LATE]
    moved, days = agents, dict[str, int]()
    if MOVED in causes and is_of_day:
        days = {f"of {MOVED}": 1}
    elif MOVED in causes:
        moved = {**agents, f"of {MOVED}": PEER}
    rules = frozenset(cause.removeprefix("rule: ") for cause in causes if cause.startswith("rule: "))
    # a dispute that is no reason to leave an answer out changes nothing
    always = frozenset({"exclude_disputed"} if VERIFIED in causes and "exclude_disputed" not in rules else ())
    old = World(before, agents, always)
    new = World(after, moved, rules | always, 2 if "program" in causes else 1, days)
    return [old, old.erase(f"of {ERASED}"), new.erase(f"of {ERASED}")] if ERASED in causes else [old, new]


def to_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows of answers in the columns that are kept."""
    schema = arrow_schema(Answer)
    fields = [schema.field(name).with_nullable(True) for name in KEPT_ROWS["answer"].columns]
    return pa.Table.from_pylist(list(rows), pa.schema(fields))


_EVENTS = st.builds(Event, st.sampled_from(CAUSES), st.integers(0, 7), st.integers(0, 9))
_SETTINGS = st.frozensets(st.sampled_from(["exclude_disputed", "exclude_unclear"]))


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """A few engagements of two agents and days with evaluations of some answers, replaced once to three times."""
    agents = {f"e{number}": draw(st.sampled_from([AGENT, AGENT, PEER])) for number in range(draw(st.integers(1, 4)))}
    days = {engagement: draw(st.sampled_from([0, 0, 1])) for engagement in agents}
    reviews = {}
    for number in range(draw(st.integers(0, 7))):
        engagement = draw(st.sampled_from(sorted(agents)))
        evaluation, score = f"session {draw(st.integers(0, 1))}", draw(st.sampled_from(SCORES))
        verified = draw(st.sampled_from([None, None, "disputed", "unclear"]))
        pid = f"r{number}"
        reviews[pid] = Review(pid, engagement, evaluation, score, draw(st.sampled_from([1.0, 2.0])), verified)
    chapters = draw(
        st.lists(
            st.tuples(st.lists(_EVENTS, max_size=5), _SETTINGS, st.integers(1, 2)),
            min_size=1,
            max_size=3,
        )
    )
    return Story(World(reviews, agents, draw(_SETTINGS), days=days), chapters)
