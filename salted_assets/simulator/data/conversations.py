"""Conversations of a day and the engagements that they are made of: who meets whom, when and for how long.

A day is made on its own: nothing depends on earlier days, and nothing changes after `LOOK_BACK_DAYS`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from salted_assets.simulator.data.batches import NEVER, Batch, indices_within
from salted_assets.simulator.data.contact_centre import (
    CHANNELS,
    CHANNELS_OF_QUEUE,
    CHAT,
    EMAIL,
    LANGUAGES,
    OPENED_MS,
    QUEUES,
    QUEUES_OF_TEAM,
    TEAMS,
    VOICE,
    ContactCentre,
    teams_at,
)
from salted_assets.simulator.data.randomness import Dice, Flags, Integers, Keys, Numbers, child_keys, keys_of
from salted_assets.simulator.data.windows import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, whole_seconds

LOOK_BACK_DAYS = 14
"""Nothing of a conversation changes later than this many days after its start."""

ENGAGEMENT_TYPES = ("Agent", "Queue", "Invitation", "Menu", "Technical")
AGENT, QUEUE, INVITATION, MENU, TECHNICAL = range(5)

ON_VOICE, ON_CHAT, ON_MAIL = (CHANNELS.index(channel) for channel in (VOICE, CHAT, EMAIL))

COMPLETED_SHARE, FOCUSED_SHARE = 0.86, 0.2
"""Of the evaluations that people begin, those that they complete; of these, those of low automatic scores."""

MONTHLY_REVIEWS = np.array([team.monthly_reviews for team in TEAMS]) / COMPLETED_SHARE
PLANNED_REVIEWS = MONTHLY_REVIEWS * (1 - FOCUSED_SHARE)
"""Evaluations of a person that are begun in a month, by team; those among them that are planned ahead."""

LATE_SHARE = 0.36
"""Conversations of which evaluations, surveys and corrections may follow for days."""

_WEEKDAY_LOAD = np.array([1.15, 1.05, 1.0, 1.0, 0.95, 0.7, 0.55])
_WORKING_SHARE = np.array([0.95, 0.95, 0.95, 0.95, 0.9, 0.4, 0.3])
_SHIFT_SHARE = float(_WORKING_SHARE.mean())
MONTHLY_LOAD = float(_WEEKDAY_LOAD @ _WORKING_SHARE) * 30 / 7
"""The conversations of an agent in 30 days, in those of a full day."""

_HELPING_SHARE = 0.15
"""Conversations of an agent out of any queue of the account, not only the team's own."""

_SHIFT_MS = int(8.5 * HOUR_MS)
_SHORT_COURSE_MS = int(2.5 * DAY_MS)
_TYPICAL_MINUTES = np.array([5.5, 8.0, 7.0, 6.0])
_TYPICAL_TURNS = np.array([14, 12, 3, 6])
_DIFFICULTY = np.array([queue.difficulty for queue in QUEUES])

_STEPS = np.array([MENU, QUEUE, INVITATION, AGENT, QUEUE, AGENT, TECHNICAL, AGENT])
"""The engagements that a conversation can have, in order; each has all or some."""

_INVITED, _FIRST_AGENT, _SECOND_AGENT, _FOLLOW_UP = 2, 3, 5, 7


@dataclass(frozen=True)
class Conversations(Batch):
    """Conversations to come: drawn cheaply, so that most of a long look-back can be skipped unseen.

    Hosts, queues, channels and languages are indices of the centre's; `difficulty` is that of the queue and what is its
    own. `is_planned`: an evaluation is due; `is_late`: evaluations, surveys and corrections may follow for days;
    `is_reopened`: the customer comes back.
    """

    conversation_key: Keys
    conversation_start_ms: Integers
    host: Integers
    queue: Integers
    channel: Integers
    contact: Integers
    language: Integers
    difficulty: Numbers
    is_outbound: Flags
    is_planned: Flags
    is_late: Flags
    is_reopened: Flags

    @property
    def last_change_ms(self) -> Integers:
        """The moments after which no row of the conversation changes."""
        is_long = self.is_late | self.is_reopened
        return self.conversation_start_ms + np.where(is_long, LOOK_BACK_DAYS * DAY_MS - HOUR_MS, _SHORT_COURSE_MS)


@dataclass(frozen=True)
class Engagements(Conversations):
    """The course of engagements, each with its conversation: all that their rows, turns and reviews are made from.

    `agent` is -1 where there is none; `agent_position` counts agent engagements within the conversation from 1, 0 for
    the others; `later_agent_ms` and `last_agent_ms` are the starts of those that follow. `skill` is the agent's on
    that day, with its luck.
    """

    key: Keys
    type: Integers
    agent: Integers
    start_ms: Integers
    end_ms: Integers
    talk_start_ms: Integers
    talk_end_ms: Integers
    turn_count: Integers
    is_follow_up: Flags
    is_corrupted: Flags
    agent_position: Integers
    later_agent_ms: Integers
    last_agent_ms: Integers
    skill: Numbers

    @property
    def dice(self) -> Dice:
        """Draws of each engagement's own."""
        return Dice(self.key)

    @property
    def is_work(self) -> Flags:
        """Whether an agent does it and leaves figures."""
        is_work: Flags = (self.type == AGENT) & ~self.is_corrupted
        return is_work

    @property
    def begins_with_agent(self) -> Flags:
        """Whether the agent takes the first turn; the participants alternate."""
        begins: Flags = self.is_outbound | (self.channel == ON_VOICE) | self.is_follow_up
        return begins


def conversations_of_days(
    centre: ContactCentre, first_day: int, end_day: int, *, batch_size: int
) -> Iterator[Conversations]:
    """The conversations that begin with an agent's work on these days since 1970, by day and agent.

    A batch holds about `batch_size` of a working day's, or the day of one agent.
    """
    first_day = max(first_day, -(-OPENED_MS // DAY_MS))
    agent_count = len(centre.pids)
    shift_count = max(0, end_day - first_day) * agent_count
    step = max(1, batch_size // centre.engagements_per_agent)
    for first in range(0, shift_count, step):
        shifts = np.arange(first, min(first + step, shift_count))
        conversations = _conversations_of_shifts(centre, first_day + shifts // agent_count, shifts % agent_count)
        if len(conversations):
            yield conversations


def build_engagements(centre: ContactCentre, conversations: Conversations) -> Engagements:
    """The engagements of the conversations, each conversation's in order of their start."""
    conversation, step = np.nonzero(_steps_taken(centre, conversations))
    own, kind, is_follow_up = conversations.take(conversation), _STEPS[step], step == _FOLLOW_UP
    key = child_keys(own.conversation_key, step)
    agent = _agents_of_steps(centre, own, step)
    before_ms, talk_ms, after_ms, turn_count = _course(centre, Dice(key), kind, agent, own)
    durations_ms = before_ms + talk_ms + after_ms
    elapsed_ms = np.cumsum(durations_ms) - durations_ms
    waits_ms = elapsed_ms - elapsed_ms[np.diff(conversation, prepend=-1) > 0][conversation]
    returns_ms = whole_seconds((1 + 2 * Dice(own.conversation_key).uniform("returns")) * DAY_MS)
    start_ms = own.conversation_start_ms + np.where(is_follow_up, returns_ms, waits_ms)
    days = start_ms // DAY_MS
    agent_position, later_agent_ms, last_agent_ms = _order_of_agents(conversation, kind == AGENT, start_ms)
    return Engagements(
        **(vars(own) | {"is_planned": own.is_planned & (step == _FIRST_AGENT)}),
        key=key,
        type=kind,
        agent=agent,
        start_ms=start_ms,
        end_ms=start_ms + durations_ms,
        talk_start_ms=start_ms + before_ms,
        talk_end_ms=start_ms + before_ms + talk_ms,
        turn_count=turn_count,
        is_follow_up=is_follow_up,
        is_corrupted=(kind == AGENT) & Dice(key).happens("corrupted", 0.005),
        agent_position=agent_position,
        later_agent_ms=later_agent_ms,
        last_agent_ms=last_agent_ms,
        skill=np.where(agent < 0, 0.0, centre.skills_on(agent, days) + centre.luck_on(agent, days)),
    )


def _conversations_of_shifts(centre: ContactCentre, days: Integers, agents: Integers) -> Conversations:
    """The conversations of agents' working days, shift after shift."""
    people = centre.agents.take(agents)
    shift_keys = child_keys(keys_of(centre.seed, "shift", indices=days), agents)
    shift_dice, weekdays = Dice(shift_keys), (days + 3) % 7
    works = people.is_bot | (agents == 0) | shift_dice.happens("on duty", _WORKING_SHARE[weekdays])
    works &= days * DAY_MS < people.left_ms
    loads = centre.engagements_per_agent * _WEEKDAY_LOAD[weekdays] * (0.85 + 0.3 * shift_dice.uniform("load"))
    counts = np.where(works, np.maximum(1, np.rint(loads).astype(np.int64)), 0)
    first_ms = days * DAY_MS + people.shift_start_ms
    lengths_ms = np.where(people.is_bot, DAY_MS - HOUR_MS, _SHIFT_MS)
    teams = teams_at(agents, first_ms)
    shift, index = np.repeat(np.arange(len(days)), counts), indices_within(counts)
    keys, is_bot = child_keys(shift_keys[shift], index), people.is_bot[shift]
    dice = Dice(keys)
    own_queues = QUEUES_OF_TEAM.pick(teams[shift], dice.uniform("queue"))
    queues = np.where(dice.happens("helps out", _HELPING_SHARE), dice.between("where", 0, len(QUEUES)), own_queues)
    channels = CHANNELS_OF_QUEUE.pick(queues, dice.uniform("channel"))
    languages = dice.between("language", 0, len(LANGUAGES))
    dues = np.where(people.is_bot, 0, _evaluations_due(days, teams, agents))
    is_planned = _planned(shift, index, counts, dues, shift_dice)
    waits_ms = whole_seconds(lengths_ms[shift] * (index + dice.uniform("start")) / counts[shift])
    return Conversations(
        conversation_key=keys,
        conversation_start_ms=first_ms[shift] + waits_ms,
        host=agents[shift],
        queue=queues,
        channel=np.where(is_bot, ON_CHAT, channels),
        contact=(centre.contact_count * dice.uniform("contact index") ** 1.6).astype(np.int64),
        language=np.where(dice.happens("own language", 0.85), people.language[shift], languages),
        difficulty=_DIFFICULTY[queues] + 0.7 * dice.normal("difficulty"),
        is_outbound=~is_bot & dice.happens("outbound", 0.1),
        is_planned=is_planned,
        is_late=is_planned | dice.happens("late", LATE_SHARE),
        is_reopened=dice.happens("reopened", 0.03),
    )


def _planned(shift: Integers, index: Integers, counts: Integers, dues: Integers, dice: Dice) -> Flags:
    """Which conversations of shifts are the first of those due, from a random one on in even steps."""
    counts, dues = counts[shift], dues[shift]
    place = (index - dice.between("first", 0, 1 << 20)[shift]) % counts
    step = np.maximum(1, counts // np.maximum(1, dues))
    planned: Flags = (place % step == 0) & (place // step < dues)
    return planned


def _evaluations_due(days: Integers, teams: Integers, agents: Integers) -> Integers:
    """How many evaluations of an agent's work on a day are planned: as evenly as can be, each agent at own days."""
    daily = PLANNED_REVIEWS[teams] / (30 * _SHIFT_SHARE)
    before = days * daily + agents * 0.618
    due: Integers = np.floor(before + daily).astype(np.int64) - np.floor(before).astype(np.int64)
    return due


def _steps_taken(centre: ContactCentre, conversations: Conversations) -> Flags:
    """Which of `_STEPS` each conversation has."""
    dice, is_outbound = Dice(conversations.conversation_key), conversations.is_outbound
    is_bot = centre.agents.is_bot[conversations.host]
    waits = ~is_outbound & ~is_bot
    transfers = dice.happens("transfer", np.where(is_bot, 0.3, 0.07)) & (conversations.channel != ON_MAIL)
    taken: Flags = np.column_stack(
        [
            ~is_outbound & (conversations.channel == ON_VOICE) & dice.happens("menu", 0.6),
            waits,
            waits & dice.happens("invitation", 0.05),
            np.ones(len(conversations), np.bool_),
            transfers,
            transfers,
            dice.happens("technical", 0.02),
            conversations.is_reopened,
        ]
    )
    return taken


def _agents_of_steps(centre: ContactCentre, own: Conversations, step: Integers) -> Integers:
    """Who engages: the host, a colleague where it was passed on or the invited one did not answer, or none."""
    people = len(centre.pids)
    steps_away = Dice(child_keys(own.conversation_key, step)).between("colleague", 0, people - 1)
    others = (own.host + 1 + steps_away) % people
    is_there = ~centre.agents.is_bot[others] & (own.conversation_start_ms < centre.agents.left_ms[others])
    is_own, is_passed_on = np.isin(step, (_FIRST_AGENT, _FOLLOW_UP)), np.isin(step, (_INVITED, _SECOND_AGENT))
    return np.select([is_own, is_passed_on & is_there, is_passed_on], [own.host, others, 0], -1)


def _course(
    centre: ContactCentre, dice: Dice, kind: Integers, agent: Integers, own: Conversations
) -> tuple[Integers, Integers, Integers, Integers]:
    """How long preparation, talk and wrap-up take, and the number of turns.

    With an agent by pace, difficulty and channel, else a wait that knows no agent.
    """
    is_mail, is_agent = own.channel == ON_MAIL, kind == AGENT
    is_bot, pace = centre.agents.is_bot[agent], centre.agents.pace[agent]
    duration_factor = dice.lognormal("stretch", pace + 0.18 * own.difficulty, 0.45)
    minutes = _TYPICAL_MINUTES[own.channel] * np.where(is_bot, 0.4, 1.0)
    talk_ms = whole_seconds(np.clip(minutes * duration_factor * MINUTE_MS, 20_000, 2 * HOUR_MS))
    rests = is_mail & dice.happens("rests", 0.12)
    talk_ms += np.where(rests, dice.between("rest", 2, 11), 0) * HOUR_MS
    wrap_up = np.clip(35 * dice.lognormal("wrap-up", pace, 0.6), 2, 900).astype(np.int64)
    wait = dice.lognormal("wait", 0.0, 0.9) * np.where(is_mail, 3_600, 40)
    simple_seconds = np.select(
        [kind == QUEUE, kind == MENU, kind == INVITATION],
        [
            np.clip(wait, 1, np.where(is_mail, 36_000, 1_800)).astype(np.int64),
            dice.between("menu", 12, 70),
            dice.between("ringing", 15, 31),
        ],
        1,
    )
    prepares = is_agent & ~is_bot & (own.is_outbound | is_mail)
    turns = (_TYPICAL_TURNS[own.channel] * duration_factor * (0.7 + 0.6 * dice.uniform("turns"))).astype(np.int64)
    return (
        np.where(prepares, dice.between("preparation", 20, 240), 0) * SECOND_MS,
        np.where(is_agent, talk_ms, simple_seconds * SECOND_MS),
        np.where(is_agent & ~is_bot, wrap_up, 0) * SECOND_MS,
        np.select([is_agent, kind == MENU], [np.maximum(2, turns), 2], 0),
    )


def _order_of_agents(conversation: Integers, is_agent: Flags, start_ms: Integers) -> Iterator[Integers]:
    """The position of each agent engagement in its conversation, and when the next two of them begin."""
    own, starts = conversation[is_agent], start_ms[is_agent]
    counts = np.bincount(own)
    position = indices_within(counts) + 1
    nexts = [np.where(position + ahead <= counts[own], np.roll(starts, -ahead), NEVER) for ahead in (1, 2)]
    agent_index = np.cumsum(is_agent) - 1
    for values, of_others in ((position, 0), (nexts[0], NEVER), (nexts[1], NEVER)):
        yield np.where(is_agent, values[agent_index], of_others)
