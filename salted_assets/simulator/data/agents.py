"""Rows of agents.csv: who agents are, and how that changes over the years. Not here: what they can (`population`)."""

import numpy as np

from salted_assets.simulator.data.batches import codes_of
from salted_assets.simulator.data.population import OPENED_MS, TEAM_PERIOD_MS, TEAMS, World, first_period_ms, teams_at
from salted_assets.simulator.data.randomness import Integers
from salted_assets.simulator.data.rows import Rows
from salted_assets.simulator.data.texts import coded, digit_texts, joined, plain
from salted_assets.simulator.data.versions import Window

_TYPES = ("User", "External", "Bot")


def agent_rows(world: World, agents: Integers, linked: Integers, window: Window) -> Rows:
    """The rows of those agents that the window holds, as of its as-of time.

    An agent's row is there from the opening of the account on, changes with the team, and when the agent leaves.
    `linked` are the agents of engagements in the window.
    """
    updated_ms, left_ms = _updated_ms(world, agents, window), world.figures.left_ms[agents]
    linked_ms = np.where(np.isin(agents, linked), window.start_ms, window.end_ms)
    held = window.selects(np.full(len(agents), OPENED_MS), updated_ms, linked_ms=linked_ms)
    agents, updated_ms, left_ms = agents[held], updated_ms[held], left_ms[held]
    kind = codes_of([world.agents[agent].type for agent in agents], _TYPES)
    team = teams_at(world.seed, agents, np.full(len(agents), window.as_of_ms))
    texts = world.texts
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


def _updated_ms(world: World, agents: Integers, window: Window) -> Integers:
    """When each agent's row last changed before the as-of time."""
    periods = np.arange(max(0, window.as_of_ms - OPENED_MS) // TEAM_PERIOD_MS + 1)
    moments_ms = first_period_ms(world.seed, agents) + periods[:, None] * TEAM_PERIOD_MS
    moments_ms = np.vstack([np.full(len(agents), OPENED_MS), moments_ms])
    teams = teams_at(world.seed, np.tile(agents, len(moments_ms)), moments_ms.ravel()).reshape(moments_ms.shape)
    moves = np.where(teams[1:] != teams[:-1], moments_ms[1:], OPENED_MS)
    return window.newest_of([moments_ms[0], world.figures.left_ms[agents], *moves])
