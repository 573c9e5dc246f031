"""The simulated account: teams, queues, channels, agents of known ability and reviewers.

Here: who and what exists, and how that changes over the years. Not here: customers (`contacts`), what anybody does on
a day (`conversations`).
"""

from dataclasses import dataclass
from functools import lru_cache

from salted_assets.simulator.clock import DAY_MS
from salted_assets.simulator.names import person_name
from salted_assets.simulator.options import SimulatorOptions
from salted_assets.simulator.randomness import clamp, happens, keyed_random, number_of, pick, pid_of
from salted_assets.simulator.versions import Cell, Change

OPENED_MS = 16_436 * DAY_MS
"""2015-01-01: before it the account does not exist and every export is empty."""

_TEAM_PERIOD_MS = 90 * DAY_MS


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


@dataclass(frozen=True)
class Ability:
    """What the simulation knows of an agent and scores have to find out; standard units, 0 is the average agent.

    `skill` moves AI scores (9 points a unit), evaluations, surveys and sentiment; `empathy` the AI score of that name
    (9 points); `pace` is added to the logarithm of handle times (0.1 is about 10 % longer).
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

    def team_at(self, moment_ms: int) -> Team:
        """The team of the agent at a moment; a few agents help out elsewhere for a quarter of a year."""
        return TEAMS[_team_index(self.seed, self.index, max(-1, self._period(moment_ms)))]

    def changes_until(self, as_of_ms: int) -> list[Change]:
        """The history of the agent's row in agents.csv up to `as_of_ms`; empty before the account opened."""
        if as_of_ms < OPENED_MS:
            return []
        changes = [Change(OPENED_MS, self._first_cells())]
        team = self.team_at(OPENED_MS)
        for period in range(self._period(as_of_ms) + 1):
            current = TEAMS[_team_index(self.seed, self.index, period)]
            if current is not team:
                changes.append(Change(self._period_start(period), _team_cells(current)))
            team = current
        if self.left_ms is not None and self.left_ms <= as_of_ms:
            changes.append(Change(self.left_ms, {"status": "Inactive"}))
        return sorted(changes, key=lambda change: change.at_ms)

    def _first_cells(self) -> dict[str, Cell]:
        is_paid = self.type == "User"
        return {
            "pid": self.pid,
            "external_id": f"A-{self.index:05d}",
            "name": self.name,
            "status": "Active",
            "type": self.type,
            "hourly_cost": 14.0 + self.index % 9 * 1.25 if is_paid else None,
            "engagement_cost": None if is_paid else 0.4,
            "location": self.location,
            "organization": self.organization,
            "role": self.role,
            **_team_cells(self.team_at(OPENED_MS)),
        }

    def _period(self, moment_ms: int) -> int:
        return (moment_ms - self._period_start(0)) // _TEAM_PERIOD_MS

    def _period_start(self, period: int) -> int:
        offset = number_of(self.seed, "team-offset", self.index) % _TEAM_PERIOD_MS
        return OPENED_MS + offset // 1000 * 1000 + period * _TEAM_PERIOD_MS


@dataclass(frozen=True)
class Reviewer:
    """A quality reviewer; `leniency` is added to the 0..1 quality that an agent shows."""

    pid: str
    name: str
    leniency: float


@dataclass(frozen=True)
class World:
    """The account that belongs to a seed and a size."""

    seed: int
    engagements_per_agent: int
    agents: tuple[Agent, ...]
    reviewers: tuple[Reviewer, ...]
    contact_count: int


def build_world(options: SimulatorOptions) -> World:
    """The account that `options` describe."""
    return _world(options.seed, options.agent_count, options.engagements_per_agent)


def agent_abilities(options: SimulatorOptions) -> dict[str, Ability]:
    """The true ability of each agent of the account, by `agent_pid`: what fair scores should come near to."""
    return {agent.pid: agent.ability for agent in build_world(options).agents}


@lru_cache(maxsize=8)
def _world(seed: int, agent_count: int, engagements_per_agent: int) -> World:
    return World(
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
            pace=clamp(random.gauss(0, 0.18), -0.45, 0.45),
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


@lru_cache(maxsize=65_536)
def _team_index(seed: int, index: int, period: int) -> int:
    base = index % len(TEAMS)
    chance = keyed_random(seed, "team", index, period)
    if period < 0 or not happens(chance, 0.1):
        return base
    return int(chance.random() * len(TEAMS))


def _team_cells(team: Team) -> dict[str, Cell]:
    return {"team": team.name, "department": team.department, "manager": team.manager}
