"""The simulated contact centre: its channels, queues, teams, agents and reviewers, and the rows of agents.csv."""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from salted_assets.simulator.data.batches import NEVER, Batch, Groups
from salted_assets.simulator.data.columns import Columns, Rows, coded, digit_texts, joined, picked, pid_of, plain
from salted_assets.simulator.data.options import SimulatorOptions
from salted_assets.simulator.data.randomness import (
    Dice,
    Flags,
    Integers,
    Numbers,
    child_keys,
    keys_of,
)
from salted_assets.simulator.data.vocabulary import person_name
from salted_assets.simulator.data.windows import DAY_MS, HOUR_MS, Window, day_of

OPENED_MS = day_of(date(2015, 1, 1)) * DAY_MS
"""Before it the account does not exist and every export is empty."""


class Channel(NamedTuple):
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


class Queue(NamedTuple):
    """Where conversations wait; `shares` are the parts of the channels, in tenths or so.

    A unit of `difficulty` lowers an evaluation by `POINTS_OF_DIFFICULTY` and makes handle times about a fifth longer.
    """

    name: str
    shares: tuple[int, int, int, int]
    topics: tuple[tuple[str, str], ...]
    difficulty: float
    form: str


class Team(NamedTuple):
    """A team with its department, its manager, the queues that it serves and the reviews of a person in a month."""

    name: str
    department: str
    manager: str
    queues: tuple[Queue, ...]
    monthly_reviews: float = 7.0


_BILLING = Queue("Billing", (6, 3, 3, 1), (("Billing", "Wrong invoice"), ("Billing", "Refund")), 0.3, "care")
_ORDERS = Queue("Orders and Delivery", (4, 5, 2, 2), (("Delivery", "Late parcel"), ("Orders", "Change")), -0.3, "care")
_RETURNS = Queue("Returns", (2, 5, 4, 1), (("Returns", "Damaged goods"), ("Returns", "Wrong size")), 0.0, "care")
_TECHNICAL = Queue("Technical Support", (3, 7, 2, 0), (("Device", "Set-up"), ("Device", "Fault")), 1.2, "technical")
_SALES = Queue("Sales", (5, 4, 1, 1), (("Sales", "Offer"), ("Sales", "Upgrade")), -0.2, "sales")
_RETENTION = Queue("Retention", (7, 2, 1, 0), (("Contract", "Cancellation"),), 0.9, "sales")
_VIP = Queue("VIP Support", (6, 3, 3, 0), (("Account", "Personal care"),), 0.1, "care")
_BACK_OFFICE = Queue("Back Office Mail", (0, 0, 9, 1), (("Account", "Data change"), ("Billing", "Refund")), 0.2, "mail")
QUEUES = (_BILLING, _ORDERS, _RETURNS, _TECHNICAL, _VIP, _SALES, _RETENTION, _BACK_OFFICE)

TEAMS = (
    Team("Customer Care North", "Customer Service", "Helga Thorsen", (_BILLING, _ORDERS), monthly_reviews=40.0),
    Team("Customer Care South", "Customer Service", "Paolo Conti", (_ORDERS, _RETURNS)),
    Team("Technical Support", "Technical Service", "Ngozi Eze", (_TECHNICAL, _VIP)),
    Team("Sales and Retention", "Sales", "Irena Dvořáková", (_SALES, _RETENTION)),
    Team("Back Office", "Customer Service", "Paolo Conti", (_BACK_OFFICE, _BILLING)),
)
QUEUES_OF_TEAM = Groups([team.queues for team in TEAMS], QUEUES)
CHANNELS_OF_QUEUE = Groups(
    [np.repeat(range(len(CHANNELS)), queue.shares).tolist() for queue in QUEUES], range(len(CHANNELS))
)
"""Queues of the teams and channels of the queues, these as often as their share is."""

_NORTH, _SOUTH, _TECHNICIANS, _SELLERS, _OFFICE = range(len(TEAMS))
_SEATS = np.array([_NORTH, _SOUTH, _TECHNICIANS, _SELLERS, _OFFICE] * 6 + [_NORTH, _SOUTH] * 2 + [_SOUTH] * 8)
"""The teams of 42 agents: 8, 14 and three times 6 people, and two bots in the South; with more agents, all again."""

MOVES = ((36, date(2024, 3, 18), _TECHNICIANS), (37, date(2024, 9, 2), _SELLERS))
"""Which agents went to which other team, and on which day."""

LEFT = ((26, date(2025, 3, 31)),)
"""Whose last day is the one before."""

AGENT_TYPES = ("User", "External", "Bot")
USER, EXTERNAL, BOT = range(3)
_SHIFT_HOURS = np.array([6, 7, 8, 8, 9, 10, 13, 15])

MEAN_LEVEL, LEVEL_OF_SKILL, POINTS_OF_DIFFICULTY, DAY_DEVIATION = 0.76, 0.08, -0.08, 0.05
"""The level (0 to 1) of evaluations of a usual agent, what a unit of skill adds and one of a queue's difficulty, and
the deviation of an agent's good and bad days."""


class SkillChange(NamedTuple):
    """An agent's level changes for good; it was at a known skill before."""

    agent: int
    day: date
    level: float
    skill_before: float


WORSENING = SkillChange(5, date(2024, 5, 20), -0.15, 0.4)
COACHING = SkillChange(7, date(2024, 6, 3), 0.15, -1.4)
SKILL_CHANGES = (WORSENING, COACHING)

LAPSE_DAYS, LAPSE_LEVEL = 28, -0.2
"""From `LAPSES_FROM` on there is always one of the often reviewed who is worse for so many days, then coached and back
at the own level, while the next one gets worse: so any 28 days show a fall and a rise."""
LAPSES_FROM = date(2024, 7, 1)
_USUAL_SKILL = 1.2
"""Of who is much better or worse, a fall is not seen in full: scores end at 0 and 1."""
_LAPSING = tuple(agent for agent in np.flatnonzero(_SEATS == _NORTH).tolist() if agent != WORSENING.agent)


@dataclass(frozen=True)
class Agents(Batch):
    """The people and bots who handle conversations, in the order of the account.

    Skill is in standard units, 0 the average agent; `skill` is that before any change, `empathy` moves the AI score of
    that name, `pace` is added to the logarithm of handle times. The rest are indices of tuples of this module.
    """

    type: Integers
    skill: Numbers
    empathy: Numbers
    pace: Numbers
    shift_start_ms: Integers
    language: Integers
    left_ms: Integers

    @property
    def is_bot(self) -> Flags:
        """Which of them are automated."""
        return np.equal(self.type, BOT)


@dataclass(frozen=True)
class ContactCentre:
    """The account that belongs to a seed and a size.

    `pids` and `names` are those of the agents. Reviewers are the account's reviewers, then the automatic one, then the
    agents; `leniency` of the former is added to the score (0 to 1) that an answer deserves, and may be negative.
    """

    seed: int
    engagements_per_agent: int
    agents: Agents
    pids: tuple[str, ...]
    names: tuple[str, ...]
    leniency: Numbers
    reviewer_pids: tuple[str, ...]
    reviewer_names: tuple[str, ...]
    contact_count: int

    @property
    def auto_reviewer(self) -> int:
        """The index of the automatic reviewer; those of the agents follow."""
        return len(self.leniency)

    def skills_on(self, agents: Integers, days: Integers) -> Numbers:
        """The true skill of each agent on its day since 1970, before the luck of the day."""
        skills = self.agents.skill[agents]
        for change in SKILL_CHANGES:
            is_after = (agents == change.agent) & (days >= day_of(change.day))
            skills = skills + np.where(is_after, change.level / LEVEL_OF_SKILL, 0.0)
        return skills + np.where(agents == self.lapsing_on(days), LAPSE_LEVEL / LEVEL_OF_SKILL, 0.0)

    def lapsing_on(self, days: Integers) -> Integers:
        """Who of the agents is worse than usual on each day since 1970; -1 where nobody is."""
        usual = [
            agent for agent in _LAPSING if agent < len(self.pids) and abs(self.agents.skill[agent]) <= _USUAL_SKILL
        ]
        there = np.array(usual if len(usual) > 1 else [-1])
        number = (days - day_of(LAPSES_FROM)) // LAPSE_DAYS
        return np.where(number >= 0, there[(number + self.seed) % len(there)], -1)

    def luck_on(self, agents: Integers, days: Integers) -> Numbers:
        """What a good or bad day adds to each agent's skill."""
        dice = Dice(child_keys(keys_of(self.seed, "day", indices=days), agents))
        return DAY_DEVIATION / LEVEL_OF_SKILL * dice.normal("luck")


def build_contact_centre(options: SimulatorOptions) -> ContactCentre:
    """The account that `options` describe."""
    return _contact_centre(options.seed, options.agent_count, options.engagements_per_agent)


@lru_cache(maxsize=8)
def _contact_centre(seed: int, agent_count: int, engagements_per_agent: int) -> ContactCentre:
    agents = _agents(seed, agent_count)
    pids = tuple(pid_of(seed, "agent", index) for index in range(agent_count))
    names = tuple(
        f"Nova {index // 20 + 1}" if is_bot else person_name(seed, "agent", index)
        for index, is_bot in enumerate(agents.is_bot)
    )
    reviewers = range(max(3, agent_count // 6))
    leniency = np.clip(
        0.06 * Dice(keys_of(seed, "reviewer", indices=np.array(reviewers))).normal("leniency"), -0.2, 0.2
    )
    return ContactCentre(
        seed=seed,
        engagements_per_agent=engagements_per_agent,
        agents=agents,
        pids=pids,
        names=names,
        leniency=leniency,
        reviewer_pids=(*(pid_of(seed, "reviewer", each) for each in reviewers), pid_of("reviewer", "auto"), *pids),
        reviewer_names=(*(person_name(seed, "reviewer", each) for each in reviewers), "Auto Reviewer", *names),
        contact_count=max(50, agent_count * engagements_per_agent * 6),
    )


def _agents(seed: int, count: int) -> Agents:
    indices = np.arange(count)
    dice = Dice(keys_of(seed, "agent", indices=indices))
    is_bot = indices % 20 == 11  # noqa: PLR2004 - one in 20
    skill = np.clip(dice.normal("skill"), -2.3, 2.3)
    left_ms = np.full(count, NEVER)
    for change in SKILL_CHANGES:
        skill[indices == change.agent] = change.skill_before
    for agent, day in LEFT:
        left_ms[indices == agent] = day_of(day) * DAY_MS
    return Agents(
        type=np.select([is_bot, indices % 17 == 16], [BOT, EXTERNAL], USER),  # noqa: PLR2004 - one in 17
        skill=skill,
        empathy=np.clip(0.4 * skill + 0.9 * dice.normal("empathy"), -2.3, 2.3),
        pace=np.where(is_bot, 0.0, np.clip(0.18 * dice.normal("pace"), -0.45, 0.45)),
        shift_start_ms=np.where(is_bot, 0, _SHIFT_HOURS[dice.between("shift", 0, len(_SHIFT_HOURS))] * HOUR_MS),
        language=np.maximum(0, dice.between("language", -2, len(LANGUAGES))),
        left_ms=left_ms,
    )


def teams_at(agents: Integers, moments_ms: Integers) -> Integers:
    """The index in `TEAMS` of each agent at its moment."""
    teams = _SEATS[agents % len(_SEATS)]
    for agent, day, team in MOVES:
        teams = np.where((agents == agent) & (moments_ms >= day_of(day) * DAY_MS), team, teams)
    return teams


def agent_facts(centre: ContactCentre, agents: Integers) -> Columns:
    """What rows say of agents, coded; nothing where the index is negative."""
    dice, has_agent = Dice(keys_of(centre.seed, "agent", indices=agents)), agents >= 0
    is_external = centre.agents.type[agents] == EXTERNAL
    role = np.where(centre.agents.is_bot[agents], 3, np.maximum(0, dice.between("role", -1, 3)))
    return {
        "location": picked(dice, "location", ("Prague", "Lisbon", "Leeds", "Remote"), has_agent),
        "organization": coded(is_external, ("Example Shop", "Partner Desk Ltd."), has_agent),
        "role": coded(role, ("Agent", "Senior", "Onboarding", "Automation"), has_agent),
    }


def agent_rows(centre: ContactCentre, agents: Integers, linked: Integers, window: Window) -> Rows:
    """The rows of those agents that the window holds, as of its as-of time.

    An agent's row is there from the opening of the account on, changes with the team, and when the agent leaves.
    `linked` are the agents of engagements in the window.
    """
    moves = [np.where(agents == agent, day_of(day) * DAY_MS, NEVER) for agent, day, _ in MOVES]
    updated_ms = window.newest_of([np.full(len(agents), OPENED_MS), centre.agents.left_ms[agents], *moves])
    held = window.selects(OPENED_MS, updated_ms, is_linked=np.isin(agents, linked))
    agents, updated_ms = agents[held], updated_ms[held]
    kind = centre.agents.type[agents]
    team = teams_at(agents, np.full(len(agents), window.as_of_ms))
    columns = {
        "pid": coded(agents, centre.pids),
        "external_id": joined("A-", digit_texts(agents, 5)),
        "name": coded(agents, centre.names),
        "status": coded(centre.agents.left_ms[agents] <= window.as_of_ms, ("Active", "Inactive")),
        "type": coded(kind, AGENT_TYPES),
        "hourly_cost": plain(14.0 + agents % 9 * 1.25, kind == USER),
        "engagement_cost": plain(np.full(len(agents), 0.4), kind != USER),
        "team": coded(team, tuple(each.name for each in TEAMS)),
        "department": coded(team, tuple(each.department for each in TEAMS)),
        "manager": coded(team, tuple(each.manager for each in TEAMS)),
        **agent_facts(centre, agents),
    }
    return Rows(columns, updated_ms)
