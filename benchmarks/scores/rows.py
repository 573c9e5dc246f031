"""The rows of the input for scores: a contact centre's engagements, turns, reviews and agents as typed tables.

Every row hangs on its engagement's key alone, so that a later day can deliver a newer version of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from benchmarks.sizes import ENGAGEMENTS_PER_AGENT, TURNS_PER_ENGAGEMENT
from salted_assets.schemas.agent import Agent
from salted_assets.schemas.base import DatasetTable, arrow_schema
from salted_assets.schemas.engagement import AI_SCORES, Engagement
from salted_assets.schemas.review import Review
from salted_assets.schemas.turn import Turn
from salted_assets.simulator.data.columns import coded, pid_of, plain, uuid_texts
from salted_assets.simulator.data.randomness import Dice, Integers, Keys, child_keys, keys_of
from salted_assets.simulator.data.windows import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

REVIEWER_COUNT = 40
ANSWERS_PER_EVALUATION = 5

_EPOCH = date(1970, 1, 1)
_TEAMS = tuple(f"Team {number}" for number in range(100))
_QUEUES = tuple(f"Queue {number}" for number in range(12))
_CHANNELS = ("VOICE", "CHAT", "EMAIL", "SMS")
_LANGUAGES = ("en", "de", "es", "cs")
_BOT_EVERY = 20
_QUESTIONS = tuple(pid_of("bench question", number) for number in range(8))
_REVIEWERS = tuple(pid_of("bench reviewer", number) for number in range(REVIEWER_COUNT))
_REVIEWER_NAMES = tuple(f"Reviewer {number}" for number in range(REVIEWER_COUNT))
_QUESTION_NAMES = tuple(f"Question {number}?" for number in range(len(_QUESTIONS)))
_VERIFICATIONS = ("Correct", "Correct", "Incorrect", "Unclear", "Disputed")
_PHRASES = tuple(f"Sentence number {number} of what people say to each other." for number in range(200))


class Sort(NamedTuple):
    """A sort of evaluations: who gives them, where their rows and questions begin, how many answers each has."""

    source: str
    first_child: int
    first_question: int
    answer_count: int
    samplings: tuple[str | None, ...]
    is_of_turn: bool = False


AUTO = Sort("Auto", 1_000, 0, ANSWERS_PER_EVALUATION, ("All",))
HUMAN = Sort("Reviewer", 2_000, 0, ANSWERS_PER_EVALUATION, ("Random", "Random", "Focused", "Selected"))
SURVEY = Sort("Customer", 3_000, ANSWERS_PER_EVALUATION, 2, (None,))
OF_CUSTOMER = Sort("Auto", 4_000, ANSWERS_PER_EVALUATION + 2, 1, ("All",), is_of_turn=True)
"""The last is about the customer's first turn, so that it must not count."""


@dataclass(frozen=True)
class AgentEngagements:
    """Agent engagements of a start day, one an index, with what turns and reviews need of them."""

    day: date
    agent_pids: tuple[str, ...]
    key: Keys
    agent: Integers
    start_ms: Integers
    end_ms: Integers

    def take(self, places: Integers) -> "AgentEngagements":
        """Those at these places."""
        return replace(
            self,
            key=self.key[places],
            agent=self.agent[places],
            start_ms=self.start_ms[places],
            end_ms=self.end_ms[places],
        )

    def places_where(self, draw: str, probability: float) -> Integers:
        """The places for which the draw says yes."""
        return np.flatnonzero(Dice(self.key).happens(draw, probability))


def engagements_of(day: date, agent_count: int) -> AgentEngagements:
    """All agent engagements that start on the day."""
    places = np.arange(agent_count * ENGAGEMENTS_PER_AGENT)
    key = keys_of("bench engagement", day.toordinal(), indices=places)
    dice = Dice(key)
    start_ms = (day - _EPOCH).days * DAY_MS + dice.between("start", 6 * HOUR_MS, 20 * HOUR_MS)
    end_ms = start_ms + (dice.lognormal("length", 0.0, 0.5) * 6 * MINUTE_MS).astype(np.int64)
    return AgentEngagements(day, agent_pids(agent_count), key, places // ENGAGEMENTS_PER_AGENT, start_ms, end_ms)


def agent_pids(agent_count: int) -> tuple[str, ...]:
    """The agents' ids."""
    return tuple(pid_of("bench agent", number) for number in range(agent_count))


def engagement_rows(engagements: AgentEngagements, updated_ms: Integers, correction: int = 0) -> pa.Table:
    """Completed agent engagements; their AI scores are lower by `correction` points."""
    dice, count = Dice(engagements.key), len(engagements.key)
    length_ms = engagements.end_ms - engagements.start_ms
    wrap_up_ms = (length_ms * 0.2 * dice.uniform("wrap-up")).astype(np.int64)
    skill = Dice(keys_of("bench skill", indices=engagements.agent)).normal("skill")
    times = {
        "engagement_time": plain(length_ms - wrap_up_ms, ~dice.happens("untimed", 0.01)),
        "wrap_up_time": plain(wrap_up_ms),
        "focus_time": plain(length_ms // 2),
        "wait_time": plain(dice.between("wait", 0, 600) * SECOND_MS),
        "total_time": plain(length_ms),
        "cost": plain(np.rint(length_ms / 600) / 100),
    }
    scores = {
        name: plain(
            np.clip(np.rint(70 + 8 * skill + 9 * dice.normal(name)) - correction, 0, 100),
            dice.happens(f"has {name}", 0.85),
        )
        for name in AI_SCORES
    }
    return _table(
        Engagement,
        {
            "pid": uuid_texts(engagements.key, -1),
            "agent_pid": coded(engagements.agent, engagements.agent_pids),
            "agent_name": coded(engagements.agent, _agent_names(len(engagements.agent_pids))),
            "contact_pid": uuid_texts(engagements.key, -3),
            "conversation_id": uuid_texts(engagements.key, -2),
            "conversation_start_time": _instants(engagements.start_ms),
            "start_time": _instants(engagements.start_ms),
            "end_time": _instants(engagements.end_ms),
            "type": _constant(count, "Agent"),
            "status": coded((~dice.happens("corrupted", 0.01)).astype(np.int64), ("Corrupted", "Completed")),
            "service_level": coded(dice.between("level", 0, 3), ("Met", "Missed", "Ignore")),
            "resolution": coded(dice.between("resolution", 0, 3), ("Resolved", "Unresolved", "Escalated")),
            "channel_type": coded(dice.between("channel", 0, 4), _CHANNELS),
            "channel": coded(dice.between("channel", 0, 4), _CHANNELS),
            "direction": _constant(count, "Inbound"),
            "queue": coded(dice.between("queue", 0, len(_QUEUES)), _QUEUES),
            "team": coded(engagements.agent % len(_TEAMS), _TEAMS),
            "department": _constant(count, "Customer Service"),
            "language": coded(dice.between("language", 0, 4), _LANGUAGES),
            "updated_at": _instants(updated_ms),
            **times,
            **scores,
        },
    )


def waiting_rows(engagements: AgentEngagements) -> pa.Table:
    """A queue's row before every fifth engagement, which is nobody's work."""
    waits = engagements.take(np.arange(0, len(engagements.key), 5))
    wait_ms = Dice(waits.key).between("queued", 1, 300) * SECOND_MS
    return _table(
        Engagement,
        {
            "pid": uuid_texts(waits.key, -4),
            "conversation_id": uuid_texts(waits.key, -2),
            "start_time": _instants(waits.start_ms - wait_ms),
            "end_time": _instants(waits.start_ms),
            "type": _constant(len(wait_ms), "Queue"),
            "status": _constant(len(wait_ms), "Completed"),
            "wait_time": plain(wait_ms),
            "total_time": plain(wait_ms),
            "updated_at": _instants(waits.start_ms),
        },
    )


def turn_rows(engagements: AgentEngagements, turn_count: int = TURNS_PER_ENGAGEMENT) -> pa.Table:
    """So many turns of each engagement, agent and customer by turns."""
    engagement, index = _spread(len(engagements.key), turn_count)
    own = engagements.take(engagement)
    key = child_keys(own.key, index)
    dice = Dice(key)
    after_ms = (own.end_ms - own.start_ms) * index // turn_count
    content = coded(dice.between("phrase", 0, len(_PHRASES)), _PHRASES)
    mood = np.rint(100 * np.clip(0.1 + 0.3 * dice.normal("mood"), -1, 1)) / 100
    return _table(
        Turn,
        {
            "pid": uuid_texts(own.key, index),
            "engagement_pid": uuid_texts(own.key, -1),
            "turn_time": _instants(own.start_ms + after_ms),
            "turn_time_relative_ms": plain(after_ms),
            "response_to": uuid_texts(own.key, index - 1, index > 0),
            "participant": coded(index % 2, ("CUSTOMER", "AGENT")),
            "type": _constant(len(key), "Message"),
            "length": plain(dice.between("length", 20, 60)),
            "sentiment": plain(mood, dice.happens("felt", 0.8)),
            "content": content,
            "updated_at": _instants(own.start_ms + after_ms),
        },
    )


def review_rows(
    engagements: AgentEngagements,
    sort: Sort,
    updated_ms: Integers,
    *,
    status: str = "Completed",
    is_verified: bool = False,
) -> pa.Table:
    """The answers of one evaluation of each engagement: on five steps, the last question's with less being better."""
    engagement, index = _spread(len(engagements.key), sort.answer_count)
    own, child = engagements.take(engagement), sort.first_child + index
    dice, sitting = Dice(child_keys(own.key, child)), Dice(child_keys(own.key, sort.first_child))
    skill = Dice(keys_of("bench skill", indices=own.agent)).normal("skill")
    steps = np.clip(np.rint(2.7 + 0.4 * skill + dice.normal("answer")), 0, 4)
    is_inverted = index == ANSWERS_PER_EVALUATION - 1
    reviewer = sitting.between("reviewer", 0, REVIEWER_COUNT)
    verification = dice.between("verdict", 0, len(_VERIFICATIONS))
    nothing = np.full(len(index), -1)
    return _table(
        Review,
        {
            "pid": uuid_texts(own.key, child),
            "engagement_pid": uuid_texts(own.key, -1),
            "turn_pid": uuid_texts(own.key, 0, np.full(len(index), sort.is_of_turn)),
            "kind": _constant(len(index), "Turn" if sort.is_of_turn else "Engagement"),
            "reviewer_pid": coded(reviewer if sort.source == "Reviewer" else nothing, _REVIEWERS),
            "reviewer_name": coded(reviewer if sort.source == "Reviewer" else nothing, _REVIEWER_NAMES),
            "question_pid": coded(index + sort.first_question, _QUESTIONS),
            "question_name": coded(index + sort.first_question, _QUESTION_NAMES),
            "review_time": _instants(updated_ms[engagement]),
            "review_session_id": uuid_texts(own.key, sort.first_child),
            "status": _constant(len(index), status),
            "sampling": coded(sitting.between("sampling", 0, len(sort.samplings)), sort.samplings),
            "type": _constant(len(index), sort.source),
            "answer_score": plain(np.where(is_inverted, 4 - steps, steps)),
            "worst_score": plain(np.where(is_inverted, 4.0, 0.0)),
            "best_score": plain(np.where(is_inverted, 0.0, 4.0)),
            "verified": coded(verification if is_verified else nothing, _VERIFICATIONS),
            "engagement_start_time": _instants(own.start_ms),
            "agent_pid": coded(own.agent, engagements.agent_pids),
            "updated_at": _instants(updated_ms[engagement]),
        },
    )


def agent_rows(agent_count: int) -> pa.Table:
    """The agents, one in twenty a bot."""
    places = np.arange(agent_count)
    return _table(
        Agent,
        {
            "pid": coded(places, agent_pids(agent_count)),
            "name": coded(places, _agent_names(agent_count)),
            "status": _constant(agent_count, "Active"),
            "type": coded((places % _BOT_EVERY == 0).astype(np.int64), ("User", "Bot")),
            "team": coded(places % len(_TEAMS), _TEAMS),
        },
    )


def _agent_names(agent_count: int) -> tuple[str, ...]:
    return tuple(f"Agent {number}" for number in range(agent_count))


def _spread(count: int, each: int) -> tuple[Integers, Integers]:
    """Which of `count` things each part belongs to, and its index among them."""
    return np.repeat(np.arange(count), each), np.tile(np.arange(each), count)


def _instants(moments_ms: Integers) -> pa.Array:
    return pa.array(moments_ms * 1_000).cast(pa.timestamp("us", tz="UTC"))


def _constant(count: int, text: str) -> pa.Array:
    return coded(np.zeros(count, np.int64), (text,))


def _table(model: type[DatasetTable], columns: Mapping[str, pa.Array]) -> pa.Table:
    """The columns in the schema of the model; those that are not given are null."""
    schema = arrow_schema(model)
    count = len(columns["pid"])
    arrays = [
        columns[field.name].cast(field.type) if field.name in columns else pa.nulls(count, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
