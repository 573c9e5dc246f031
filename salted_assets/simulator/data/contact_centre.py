"""The simulated contact centre: its channels, queues, teams, agents and reviewers, and the rows of agents.csv."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from salted_assets.simulator.data.batches import NEVER, Batch, Groups, codes_of
from salted_assets.simulator.data.columns import Rows, coded, digit_texts, joined, plain
from salted_assets.simulator.data.options import SimulatorOptions
from salted_assets.simulator.data.randomness import (
    Dice,
    Flags,
    Integers,
    Numbers,
    child_keys,
    clamp,
    keyed_random,
    keys_of,
    number_of,
    pick,
    pid_of,
)
from salted_assets.simulator.data.vocabulary import person_name
from salted_assets.simulator.data.windows import DAY_MS, HOUR_MS, SECOND_MS, Window

OPENED_MS = 16_436 * DAY_MS
"""2015-01-01: before it the account does not exist and every export is empty."""

TEAM_PERIOD_MS = 90 * DAY_MS


@dataclass(frozen=True)
class Channel:
    """A way of reaching the company: its documented upper-case type and what the engagement row says of it."""

    type: str
    name: str
    vendor: str
    company_contact: str


VOICE = Channel("VOICE", "Hotline", "Northwire", "+999 800 100 200")
CHAT = Channel("CHAT", "Web chat", "Parlo", "https://shop.example.com")
EMAIL = Channel("EMAIL", "Support mailbox", "Postbridge", "help@example.com")
SMS = Channel("SMS", "Text messages", "Northwire", "+999 800 100 300")
CHANNELS = (VOICE, CHAT, EMAIL, SMS)
LANGUAGES = ("en", "de", "es", "cs")


@dataclass(frozen=True)
class Queue:
    """Where conversations wait; a channel is as likely as it stands often in `channels`.

    `difficulty` shifts handle time and quality.
    """

    name: str
    channels: tuple[Channel, ...]
    topics: tuple[tuple[str, str], ...]
    difficulty: float
    form: str


@dataclass(frozen=True)
class Team:
    """A team with its department, manager and the queues that it serves."""

    name: str
    department: str
    manager: str
    queues: tuple[Queue, ...]


def _mixed(voice: int, chat: int, email: int, sms: int) -> tuple[Channel, ...]:
    return (VOICE,) * voice + (CHAT,) * chat + (EMAIL,) * email + (SMS,) * sms


_BILLING = Queue("Billing", _mixed(6, 3, 3, 1), (("Billing", "Wrong invoice"), ("Billing", "Refund")), 0.3, "care")
_ORDERS = Queue(
    "Orders and Delivery", _mixed(4, 5, 2, 2), (("Delivery", "Late parcel"), ("Orders", "Change")), -0.2, "care"
)
_RETURNS = Queue("Returns", _mixed(2, 5, 4, 1), (("Returns", "Damaged goods"), ("Returns", "Wrong size")), 0.0, "care")
_TECHNICAL = Queue(
    "Technical Support", _mixed(5, 5, 2, 0), (("Device", "Set-up"), ("Device", "Fault")), 0.8, "technical"
)
_SALES = Queue("Sales", _mixed(5, 4, 1, 1), (("Sales", "Offer"), ("Sales", "Upgrade")), -0.1, "sales")
_RETENTION = Queue("Retention", _mixed(7, 2, 1, 0), (("Contract", "Cancellation"),), 0.6, "sales")
_VIP = Queue("VIP Support", _mixed(6, 3, 3, 0), (("Account", "Personal care"),), 0.1, "care")
_BACK_OFFICE = Queue(
    "Back Office Mail", _mixed(0, 0, 9, 1), (("Account", "Data change"), ("Billing", "Refund")), 0.2, "mail"
)

TEAMS = (
    Team("Customer Care North", "Customer Service", "Helga Thorsen", (_BILLING, _ORDERS)),
    Team("Customer Care South", "Customer Service", "Paolo Conti", (_ORDERS, _RETURNS)),
    Team("Technical Support", "Technical Service", "Ngozi Eze", (_TECHNICAL, _VIP)),
    Team("Sales and Retention", "Sales", "Irena Dvořáková", (_SALES, _RETENTION)),
    Team("Back Office", "Customer Service", "Paolo Conti", (_BACK_OFFICE, _BILLING)),
)


QUEUES = (_BILLING, _ORDERS, _RETURNS, _TECHNICAL, _VIP, _SALES, _RETENTION, _BACK_OFFICE)
QUEUES_OF_TEAM = Groups([len(team.queues) for team in TEAMS])
TEAM_QUEUES = codes_of([queue for team in TEAMS for queue in team.queues], QUEUES)
CHANNELS_OF_QUEUE = Groups([len(queue.channels) for queue in QUEUES])
QUEUE_CHANNELS = codes_of([channel for queue in QUEUES for channel in queue.channels], CHANNELS)
"""Queues of the teams and channels of the queues, as indices of `QUEUES` and `CHANNELS`, group after group."""


@dataclass(frozen=True)
class Ability:
    """What the simulation knows of an agent and scores have to find out; standard units, 0 is the average agent.

    `skill` moves AI scores (9 points a unit), evaluations and surveys (0.1 of 0 to 1), and sentiment; `empathy` the AI
    score of that name (9 points); `pace` is added to the logarithm of handle times (0.1 is about 10 % longer).
    """

    skill: float
    empathy: float
    pace: float


@dataclass(frozen=True)
class Agent:
    """A person or bot who handles conversations, with what never changes about it."""

    seed: int
    index: int
    pid: str
    name: str
    type: str
    ability: Ability
    shift_start_hour: int
    language: str
    location: str
    organization: str
    role: str
    left_ms: int | None

    @property
    def is_bot(self) -> bool:
        """Whether this is an automated agent."""
        return self.type == "Bot"


@dataclass(frozen=True)
class Reviewer:
    """A quality reviewer; `leniency` is added to the score (0 to 1) that an answer deserves, and may be negative."""

    pid: str
    name: str
    leniency: float


@dataclass(frozen=True)
class AgentFigures(Batch):
    """What decides over the work of agents, in the order of the account's agents."""

    is_bot: Flags
    skill: Numbers
    empathy: Numbers
    pace: Numbers
    shift_start_ms: Integers
    language: Integers
    left_ms: Integers


class AgentTexts(NamedTuple):
    """What rows say of agents, each in the order of the account's agents."""

    pids: tuple[str, ...]
    names: tuple[str, ...]
    locations: tuple[str, ...]
    roles: tuple[str, ...]
    organizations: tuple[str, ...]
    external_names: tuple[str | None, ...]


class ReviewerTexts(NamedTuple):
    """Everybody who reviews: the account's reviewers, then the automatic one, then the agents."""

    pids: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class ContactCentre:
    """The account that belongs to a seed and a size."""

    seed: int
    engagements_per_agent: int
    agents: tuple[Agent, ...]
    reviewers: tuple[Reviewer, ...]
    contact_count: int

    @cached_property
    def figures(self) -> AgentFigures:
        """The agents as arrays."""
        people = self.agents
        return AgentFigures(
            is_bot=np.array([agent.is_bot for agent in people]),
            skill=np.array([agent.ability.skill for agent in people]),
            empathy=np.array([agent.ability.empathy for agent in people]),
            pace=np.array([agent.ability.pace for agent in people]),
            shift_start_ms=np.array([0 if agent.is_bot else agent.shift_start_hour * HOUR_MS for agent in people]),
            language=codes_of([agent.language for agent in people], LANGUAGES),
            left_ms=np.array([NEVER if agent.left_ms is None else agent.left_ms for agent in people]),
        )

    @cached_property
    def texts(self) -> AgentTexts:
        """The agents' texts."""
        people = self.agents
        return AgentTexts(
            pids=tuple(agent.pid for agent in people),
            names=tuple(agent.name for agent in people),
            locations=tuple(agent.location for agent in people),
            roles=tuple(agent.role for agent in people),
            organizations=tuple(agent.organization for agent in people),
            external_names=tuple(agent.name if agent.type == "External" else None for agent in people),
        )

    @cached_property
    def reviewer_texts(self) -> ReviewerTexts:
        """The reviewers' texts."""
        return ReviewerTexts(
            (*(reviewer.pid for reviewer in self.reviewers), pid_of("reviewer", "auto"), *self.texts.pids),
            (*(reviewer.name for reviewer in self.reviewers), "Auto Reviewer", *self.texts.names),
        )


def build_contact_centre(options: SimulatorOptions) -> ContactCentre:
    """The account that `options` describe."""
    return _contact_centre(options.seed, options.agent_count, options.engagements_per_agent)


def agent_abilities(options: SimulatorOptions) -> dict[str, Ability]:
    """The true ability of each agent of the account, by `agent_pid`: what fair scores should come near to."""
    return {agent.pid: agent.ability for agent in build_contact_centre(options).agents}


def reviewer_leniency(options: SimulatorOptions) -> dict[str, float]:
    """The true leniency of each human reviewer of the account, by `reviewer_pid`.

    It is what the reviewer adds to the score (0 to 1) that an answer deserves. Scores end at 0 and 1, so the mean of
    what a lenient reviewer gives lies above the others' by a little less than that.
    """
    return {reviewer.pid: reviewer.leniency for reviewer in build_contact_centre(options).reviewers}


def teams_at(seed: int, agents: Integers, moments_ms: Integers) -> Integers:
    """The index in `TEAMS` of each agent at its moment; a few agents help out elsewhere for a quarter of a year."""
    periods = np.maximum(-1, (moments_ms - first_period_ms(seed, agents)) // TEAM_PERIOD_MS)
    dice = Dice(child_keys(keys_of(seed, "team", indices=agents), periods))
    helps_out = (periods >= 0) & dice.happens("help out", 0.1)
    return np.where(helps_out, dice.between("where", 0, len(TEAMS)), agents % len(TEAMS))


def first_period_ms(seed: int, agents: Integers) -> Integers:
    """When each agent's team can change for the first time; from then on it can after every `TEAM_PERIOD_MS`."""
    dice = Dice(keys_of(seed, "team-offset", indices=agents))
    return OPENED_MS + dice.between("seconds", 0, TEAM_PERIOD_MS // SECOND_MS) * SECOND_MS


@lru_cache(maxsize=8)
def _contact_centre(seed: int, agent_count: int, engagements_per_agent: int) -> ContactCentre:
    return ContactCentre(
        seed=seed,
        engagements_per_agent=engagements_per_agent,
        agents=tuple(_agent(seed, index) for index in range(agent_count)),
        reviewers=tuple(_reviewer(seed, index) for index in range(max(3, agent_count // 6))),
        contact_count=max(50, agent_count * engagements_per_agent * 6),
    )


def _agent(seed: int, index: int) -> Agent:
    random = keyed_random(seed, "agent", index)
    skill = random.gauss(0, 1)
    kind = "Bot" if index % 12 == 11 else "External" if index % 17 == 16 else "User"  # noqa: PLR2004 - one in 12, one in 17
    return Agent(
        seed=seed,
        index=index,
        pid=pid_of(seed, "agent", index),
        name=f"Nova {index // 12 + 1}" if kind == "Bot" else person_name(seed, "agent", index),
        type=kind,
        ability=Ability(
            skill=clamp(skill, -2.5, 2.5),
            empathy=clamp(0.4 * skill + 0.9 * random.gauss(0, 1), -2.5, 2.5),
            pace=0.0 if kind == "Bot" else clamp(random.gauss(0, 0.18), -0.45, 0.45),
        ),
        shift_start_hour=pick(random, (6, 7, 8, 8, 9, 10, 13, 15)),
        language=pick(random, ("en", "en", "en", "de", "es", "cs")),
        location=pick(random, ("Prague", "Lisbon", "Leeds", "Remote")),
        organization="Partner Desk Ltd." if kind == "External" else "Example Shop",
        role="Automation" if kind == "Bot" else pick(random, ("Agent", "Agent", "Senior", "Onboarding")),
        left_ms=_leaving_ms(seed, index),
    )


def _leaving_ms(seed: int, index: int) -> int | None:
    if index % 23 != 22:  # noqa: PLR2004 - one agent in 23 leaves, never the first
        return None
    return (20_089 + number_of(seed, "left", index) % 200) * DAY_MS + 61_200_000


def _reviewer(seed: int, index: int) -> Reviewer:
    random = keyed_random(seed, "reviewer", index)
    return Reviewer(
        pid_of(seed, "reviewer", index), person_name(seed, "reviewer", index), clamp(random.gauss(0, 0.08), -0.2, 0.2)
    )


_TYPES = ("User", "External", "Bot")


def agent_rows(centre: ContactCentre, agents: Integers, linked: Integers, window: Window) -> Rows:
    """The rows of those agents that the window holds, as of its as-of time.

    An agent's row is there from the opening of the account on, changes with the team, and when the agent leaves.
    `linked` are the agents of engagements in the window.
    """
    updated_ms, left_ms = _updated_ms(centre, agents, window), centre.figures.left_ms[agents]
    linked_ms = np.where(np.isin(agents, linked), window.start_ms, window.end_ms)
    held = window.selects(np.full(len(agents), OPENED_MS), updated_ms, linked_ms=linked_ms)
    agents, updated_ms, left_ms = agents[held], updated_ms[held], left_ms[held]
    kind = codes_of([centre.agents[agent].type for agent in agents], _TYPES)
    team = teams_at(centre.seed, agents, np.full(len(agents), window.as_of_ms))
    texts = centre.texts
    columns = {
        "pid": coded(agents, texts.pids),
        "external_id": joined("A-", digit_texts(agents, 5)),
        "name": coded(agents, texts.names),
        "status": coded((left_ms <= window.as_of_ms).astype(np.int64), ("Active", "Inactive")),
        "type": coded(kind, _TYPES),
        "hourly_cost": plain(14.0 + agents % 9 * 1.25, kind == 0),
        "engagement_cost": plain(np.full(len(agents), 0.4), kind != 0),
        "team": coded(team, tuple(each.name for each in TEAMS)),
        "department": coded(team, tuple(each.department for each in TEAMS)),
        "location": coded(agents, texts.locations),
        "organization": coded(agents, texts.organizations),
        "role": coded(agents, texts.roles),
        "manager": coded(team, tuple(each.manager for each in TEAMS)),
    }
    return Rows(columns, updated_ms)


def _updated_ms(centre: ContactCentre, agents: Integers, window: Window) -> Integers:
    """When each agent's row last changed before the as-of time."""
    periods = np.arange(max(0, window.as_of_ms - OPENED_MS) // TEAM_PERIOD_MS + 1)
    moments_ms = first_period_ms(centre.seed, agents) + periods[:, None] * TEAM_PERIOD_MS
    moments_ms = np.vstack([np.full(len(agents), OPENED_MS), moments_ms])
    teams = teams_at(centre.seed, np.tile(agents, len(moments_ms)), moments_ms.ravel()).reshape(moments_ms.shape)
    moves = np.where(teams[1:] != teams[:-1], moments_ms[1:], OPENED_MS)
    return window.newest_of([moments_ms[0], centre.figures.left_ms[agents], *moves])
