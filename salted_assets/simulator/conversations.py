"""Conversations of a day and the engagements that they are made of: who meets whom, when and for how long.

Here: when agents work, which conversations come, the course of each. Not here: the rows that engagements become, and
what changes in them later (`engagements`), turns (`turns`), reviews (`reviews`), what an export sees (`csvfiles`).
A day is made on its own: nothing depends on earlier days, and nothing changes later than `Slot.last_change_ms`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Literal, NamedTuple

from salted_assets.simulator.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, weekday_of
from salted_assets.simulator.population import CHAT, EMAIL, OPENED_MS, VOICE, Agent, Channel, Queue, World
from salted_assets.simulator.randomness import child_pid, clamp, happens, keyed_random, pick

LOOK_BACK_DAYS = 14
"""Nothing of a conversation changes later than this many days after its start."""

TURN_LOOK_BACK_DAYS = 5
"""No turn of a conversation is taken later than this many days after its start."""

EngagementType = Literal["Agent", "Queue", "Invitation", "Menu", "Technical"]

_WEEKDAY_LOAD = (1.15, 1.05, 1.0, 1.0, 0.95, 0.7, 0.55)
_WORKING_SHARE = (0.95, 0.95, 0.95, 0.95, 0.9, 0.4, 0.3)
_SHIFT_MS = int(8.5 * HOUR_MS)
_SHORT_TALE_MS = int(2.5 * DAY_MS)
_LIVE_TURNS_END_MS = 6 * HOUR_MS
_MAIL_TURNS_END_MS = 26 * HOUR_MS
_REOPENED_TURNS_END_MS = TURN_LOOK_BACK_DAYS * DAY_MS - HOUR_MS
_TYPICAL_MINUTES = {"VOICE": 5.5, "CHAT": 8.0, "EMAIL": 7.0, "SMS": 6.0}
_TYPICAL_TURNS = {"VOICE": 14, "CHAT": 12, "EMAIL": 3, "SMS": 6}


class Slot(NamedTuple):
    """One conversation to come: drawn cheaply, so that most of a long look-back can be skipped unseen.

    `is_late`: evaluations, surveys and corrections may follow for days; `is_reopened`: the customer comes back.
    """

    key: int
    agent: Agent
    queue: Queue
    channel: Channel
    start_ms: int
    contact_index: int
    is_late: bool
    is_reopened: bool

    @property
    def last_change_ms(self) -> int:
        """The moment after which no row of the conversation changes."""
        is_long = self.is_late or self.is_reopened
        return self.start_ms + (LOOK_BACK_DAYS * DAY_MS - HOUR_MS if is_long else _SHORT_TALE_MS)

    @property
    def last_turn_ms(self) -> int:
        """The moment after which no turn of the conversation is taken."""
        if self.is_reopened:
            return self.start_ms + _REOPENED_TURNS_END_MS
        return self.start_ms + (_MAIL_TURNS_END_MS if self.channel is EMAIL else _LIVE_TURNS_END_MS)


@dataclass(slots=True)
class Engagement:
    """The course of one engagement: all that its row, turns and reviews are made from.

    `agent_place` counts agent engagements within the conversation from 1, 0 for the others; `later_agent_starts_ms`
    are the starts of those that follow.
    """

    key: int
    slot: Slot
    type: EngagementType
    agent: Agent | None
    language: str
    is_outbound: bool
    start_ms: int
    end_ms: int
    talk_start_ms: int
    talk_end_ms: int
    turn_count: int
    difficulty: float
    is_follow_up: bool = False
    is_corrupted: bool = False
    agent_place: int = 0
    later_agent_starts_ms: tuple[int, ...] = ()
    pid: str = field(init=False)

    def __post_init__(self) -> None:
        self.pid = child_pid(self.key, -1)

    def turn_pid(self, index: int) -> str:
        """The ID of the `index`-th turn."""
        return child_pid(self.key, index)

    def is_agent_turn(self, index: int) -> bool:
        """Whether the agent takes the `index`-th turn; the participants alternate."""
        agent_begins = self.is_outbound or self.slot.channel is VOICE or self.is_follow_up
        return (index % 2 == 0) is agent_begins


def slots_of_day(world: World, day: int) -> Iterator[Slot]:
    """The conversations that begin with an agent's work on the `day`-th day since 1970, agent by agent."""
    if day * DAY_MS < OPENED_MS:
        return
    weekday = weekday_of(day)
    for agent in world.agents:
        random = keyed_random(world.seed, "shift", day, agent.index)
        works = agent.is_bot or agent.index == 0 or happens(random, _WORKING_SHARE[weekday])
        if works and (agent.left_ms is None or day * DAY_MS < agent.left_ms):
            yield from _shift(world, day, agent, random)


def build_conversation(world: World, slot: Slot) -> list[Engagement]:
    """The engagements of one conversation, in order of their start."""
    builder = _Conversation(world, slot)
    builder.tell()
    return builder.engagements


def _shift(world: World, day: int, agent: Agent, random: Random) -> Iterator[Slot]:
    load = world.engagements_per_agent * _WEEKDAY_LOAD[weekday_of(day)] * (0.85 + 0.3 * random.random())
    count = max(1, round(load))
    first_ms = day * DAY_MS + (0 if agent.is_bot else agent.shift_start_hour * HOUR_MS)
    length_ms = DAY_MS - HOUR_MS if agent.is_bot else _SHIFT_MS
    team = agent.team_at(first_ms)
    for index in range(count):
        place = (index + random.random()) / count
        queue = pick(random, team.queues)
        yield Slot(
            key=random.getrandbits(64),
            agent=agent,
            queue=queue,
            channel=CHAT if agent.is_bot else pick(random, queue.channels),
            start_ms=first_ms + int(length_ms * place) // SECOND_MS * SECOND_MS,
            contact_index=int(world.contact_count * random.random() ** 1.6),
            is_late=random.random() < 0.36,  # noqa: PLR2004 - share of conversations with a long tale
            is_reopened=random.random() < 0.03,  # noqa: PLR2004 - share of customers who come back
        )


class _Conversation:
    """Tells one conversation, engagement by engagement, with the stream of chance that belongs to its slot."""

    def __init__(self, world: World, slot: Slot) -> None:
        self.world = world
        self.slot = slot
        self.random = random = keyed_random("conversation", slot.key)
        self.is_mail = slot.channel is EMAIL
        self.language = slot.agent.language if happens(random, 0.85) else pick(random, ("en", "de", "es", "cs"))
        self.is_outbound = not slot.agent.is_bot and happens(random, 0.1)
        self.difficulty = slot.queue.difficulty + random.gauss(0, 0.7)
        self.clock_ms = slot.start_ms
        self.engagements: list[Engagement] = []

    def tell(self) -> None:
        random, slot = self.random, self.slot
        agent = slot.agent
        if not self.is_outbound:
            if slot.channel is VOICE and happens(random, 0.6):
                self._add("Menu", None, random.randrange(12, 70) * SECOND_MS, turn_count=2)
            if not agent.is_bot:
                self._add_queue()
                if happens(random, 0.05):
                    self._add("Invitation", self._colleague(agent), random.randrange(15, 31) * SECOND_MS)
        self._add_agent(agent)
        if happens(random, 0.3 if agent.is_bot else 0.07) and not self.is_mail:
            self._add_queue()
            self._add_agent(self._colleague(agent))
        if happens(random, 0.02):
            self._add("Technical", None, SECOND_MS)
        if slot.is_reopened:
            self.clock_ms = slot.start_ms + int((1 + 2 * random.random()) * DAY_MS) // SECOND_MS * SECOND_MS
            self._add_agent(agent, is_follow_up=True)
        self._count_agent_engagements()

    def _add_queue(self) -> None:
        typical_seconds, longest_seconds = (3_600, 36_000) if self.is_mail else (40, 1_800)
        wait_seconds = int(clamp(self.random.lognormvariate(0, 0.9) * typical_seconds, 1, longest_seconds))
        self._add("Queue", None, wait_seconds * SECOND_MS)

    def _add_agent(self, agent: Agent, *, is_follow_up: bool = False) -> None:
        random, channel = self.random, self.slot.channel
        pace = 0.0 if agent.is_bot else agent.ability.pace
        minutes = _TYPICAL_MINUTES[channel.type] * (0.4 if agent.is_bot else 1.0)
        stretch = random.lognormvariate(pace + 0.18 * self.difficulty, 0.45)
        preparation_ms = self._preparation_ms(agent)
        talk_ms = int(clamp(minutes * stretch * MINUTE_MS, 20_000, 2 * HOUR_MS)) // SECOND_MS * SECOND_MS
        if self.is_mail and happens(random, 0.12):
            talk_ms += random.randrange(2, 11) * HOUR_MS
        wrap_up_ms = 0 if agent.is_bot else int(clamp(random.lognormvariate(pace, 0.6) * 35, 2, 900)) * SECOND_MS
        engagement = self._add(
            "Agent",
            agent,
            preparation_ms + talk_ms + wrap_up_ms,
            turn_count=max(2, int(_TYPICAL_TURNS[channel.type] * stretch * (0.7 + 0.6 * random.random()))),
            talk=(preparation_ms, talk_ms),
            is_follow_up=is_follow_up,
        )
        engagement.is_corrupted = happens(random, 0.005)

    def _preparation_ms(self, agent: Agent) -> int:
        if agent.is_bot or not (self.is_outbound or self.is_mail):
            return 0
        return self.random.randrange(20, 240) * SECOND_MS

    def _add(
        self,
        kind: EngagementType,
        agent: Agent | None,
        duration_ms: int,
        *,
        turn_count: int = 0,
        talk: tuple[int, int] | None = None,
        is_follow_up: bool = False,
    ) -> Engagement:
        """An engagement from now on for `duration_ms`; the conversation goes on at its end."""
        start_ms = self.clock_ms
        self.clock_ms += duration_ms
        before_ms, talk_ms = talk or (0, duration_ms)
        engagement = Engagement(
            key=self.random.getrandbits(64),
            slot=self.slot,
            type=kind,
            agent=agent,
            language=self.language,
            is_outbound=self.is_outbound,
            start_ms=start_ms,
            end_ms=self.clock_ms,
            talk_start_ms=start_ms + before_ms,
            talk_end_ms=start_ms + before_ms + talk_ms,
            turn_count=turn_count,
            difficulty=self.difficulty,
            is_follow_up=is_follow_up,
        )
        self.engagements.append(engagement)
        return engagement

    def _count_agent_engagements(self) -> None:
        own = [engagement for engagement in self.engagements if engagement.type == "Agent"]
        for place, engagement in enumerate(own, start=1):
            engagement.agent_place = place
            engagement.later_agent_starts_ms = tuple(later.start_ms for later in own[place:])

    def _colleague(self, agent: Agent) -> Agent:
        people = self.world.agents
        other = people[(agent.index + 1 + int(self.random.random() * (len(people) - 1))) % len(people)]
        is_there = not other.is_bot and (other.left_ms is None or self.slot.start_ms < other.left_ms)
        return other if is_there else people[0]
