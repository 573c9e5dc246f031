"""Rows of engagements.csv as they change: begun, completed, scored, and what is corrected days later.

Not here: when engagements happen (`conversations`), how the AI scores (`scores`).
"""

from random import Random

from salted_assets.simulator.clock import HOUR_MS, MINUTE_MS, SECOND_MS, iso_seconds
from salted_assets.simulator.contacts import contact_name, contact_pid
from salted_assets.simulator.conversations import Engagement, Slot
from salted_assets.simulator.population import EMAIL, VOICE, Agent, World
from salted_assets.simulator.randomness import child_pid, clamp, happens, keyed_random, pick
from salted_assets.simulator.scores import ai_scores
from salted_assets.simulator.versions import Cell, Change


def changes_of(world: World, engagement: Engagement) -> list[Change]:
    """The history of an engagement's row, in order of time.

    It begins as `In Progress` without an end; at its end it is `Completed` (rarely `Corrupted`, without figures); AI
    scores follow within the hour. For long tales a score or the labels may be corrected in the following days. The
    number of agent engagements grows when the conversation gets another.
    """
    random = keyed_random("row", engagement.key)
    duration_ms = engagement.end_ms - engagement.start_ms
    done: dict[str, Cell] = {"status": "Completed", "end_time": iso_seconds(engagement.end_ms)}
    done["total_time"] = duration_ms
    changes = [Change(engagement.start_ms, _begun(world, engagement)), Change(engagement.end_ms, done)]
    if engagement.agent is not None and engagement.type == "Agent":
        _end_agent_engagement(engagement, engagement.agent, random, changes)
    elif engagement.type == "Queue":
        typical_ms = HOUR_MS if engagement.slot.channel is EMAIL else 40 * SECOND_MS
        done |= {"wait_time": duration_ms, "service_level": "Met" if duration_ms <= 2 * typical_ms else "Missed"}
    elif engagement.type == "Invitation":
        done["invitation_time"] = duration_ms
    elif engagement.type == "Menu":
        done["menu_time"] = duration_ms
    for total, start_ms in enumerate(engagement.later_agent_starts_ms, start=engagement.agent_place + 1):
        changes.append(Change(start_ms, {"total_conversation_agent_engagements": total}))
    changes.sort(key=lambda change: change.at_ms)
    return changes


def _begun(world: World, engagement: Engagement) -> dict[str, Cell]:
    cells = _conversation_cells(world, engagement.slot)
    cells |= _team_cells(engagement.slot.agent, engagement.start_ms)
    if engagement.agent is not None:
        cells |= _agent_cells(engagement.agent, engagement.start_ms)
    cells |= {
        "pid": engagement.pid,
        "external_id": f"{engagement.key:016x}",
        "link": f"https://desk.example.com/e/{engagement.key:016x}",
        "start_time": iso_seconds(engagement.start_ms),
        "type": engagement.type,
        "status": "In Progress",
        "direction": "Outbound" if engagement.is_outbound else "Inbound",
        "initiated_by": "Agent" if engagement.is_outbound else "Customer",
        "campaign": "Spring renewal" if engagement.is_outbound else None,
        "language": engagement.language,
    }
    if engagement.type == "Technical":
        cells |= {"name": "Activity placeholder", "contact_pid": None, "contact_name": None}
    elif engagement.type == "Menu":
        cells["menu_path"] = f"Main > {engagement.slot.queue.name}"
    elif engagement.type == "Agent":
        place = engagement.agent_place
        cells |= {"order_agent_engagements": place, "total_conversation_agent_engagements": place}
    return cells


def _end_agent_engagement(engagement: Engagement, agent: Agent, random: Random, changes: list[Change]) -> None:
    done = changes[-1].cells
    if engagement.is_corrupted:
        done["status"] = "Corrupted"
        done["total_time"] = None
        return
    done |= _figures(engagement, agent, random)
    done |= _labels(engagement, agent, random)
    scored_ms = engagement.end_ms + random.randrange(8, 45) * MINUTE_MS
    scores = ai_scores(random, agent, engagement.slot.queue, engagement.difficulty)
    changes.append(Change(scored_ms, scores))
    if engagement.slot.is_late:
        _correct(engagement, random, changes, scores)


def _figures(engagement: Engagement, agent: Agent, random: Random) -> dict[str, Cell]:
    preparation_ms = engagement.talk_start_ms - engagement.start_ms
    talk_ms = engagement.talk_end_ms - engagement.talk_start_ms
    wrap_up_ms = engagement.end_ms - engagement.talk_end_ms
    is_voice = engagement.slot.channel is VOICE
    wait_ms = int(random.lognormvariate(0, 0.9) * 40) * SECOND_MS
    level = "Ignore" if happens(random, 0.03) else "Met" if wait_ms <= MINUTE_MS else "Missed"
    is_timed = not happens(random, 0.004)
    return {
        "preparation_time": preparation_ms or None if is_timed else None,
        "engagement_time": talk_ms if is_timed else None,
        "wrap_up_time": wrap_up_ms or None if is_timed else None,
        "focus_time": int(talk_ms * (0.6 + 0.4 * random.random())),
        "hold_time": (int(talk_ms * 0.3 * random.random()) if happens(random, 0.4) else 0) if is_voice else None,
        "invitation_time": None if agent.is_bot else random.randrange(1, 20) * SECOND_MS,
        "wait_time": None if engagement.is_outbound else wait_ms,
        "wait_for_customer_time": None if is_voice else int(talk_ms * 0.3 * random.random()),
        "service_level": None if engagement.is_outbound else level,
        "cost": round((engagement.end_ms - engagement.start_ms) / HOUR_MS * (14 + agent.index % 9), 2),
        "engagement_fact_01": round(random.expovariate(1 / 60), 2) if happens(random, 0.4) else None,
        "engagement_fact_02": random.randrange(6) if happens(random, 0.3) else None,
    }


def _labels(engagement: Engagement, agent: Agent, random: Random) -> dict[str, Cell]:
    topic_category, topic = pick(random, engagement.slot.queue.topics)
    is_solved = agent.ability.skill - engagement.difficulty + random.gauss(0.6, 1) > 0
    return {
        "terminated_by": pick(random, ("Customer", "Agent", "Customer", "System", None)),
        "resolution": "Resolved" if is_solved else pick(random, ("Unresolved", "Escalated", None)),
        "outcome_type": "Positive" if is_solved else "Negative",
        "outcome": "Solved" if is_solved else "Call back",
        "outcome_category": "Closed" if is_solved else "Open",
        "reason": topic,
        "reason_category": topic_category,
        "category": pick(random, ("Question", "Complaint", "Request", None)),
        "topic": topic,
        "topic_category": topic_category,
    }


def _correct(engagement: Engagement, random: Random, changes: list[Change], scores: dict[str, Cell]) -> None:
    if happens(random, 0.1):
        name, value = pick(random, [(name, value) for name, value in scores.items() if isinstance(value, int)])
        at_ms = changes[-1].at_ms + random.randrange(12 * 60, 36 * 60) * MINUTE_MS
        changes.append(Change(at_ms, {name: int(clamp(value - 12, 0, 100))}))
    if happens(random, 0.1):
        at_ms = engagement.end_ms + random.randrange(2 * 60, 96 * 60) * MINUTE_MS
        topic_category, topic = pick(random, engagement.slot.queue.topics)
        changes.append(Change(at_ms, {"category": "Re-labelled", "reason": topic, "reason_category": topic_category}))


def _agent_cells(agent: Agent, moment_ms: int) -> dict[str, Cell]:
    return {
        "agent_pid": agent.pid,
        "agent_name": agent.name,
        "agent_location": agent.location,
        "agent_role": agent.role,
        "agent_organization": agent.organization,
        "external_agent_name": agent.name if agent.type == "External" else None,
        **_team_cells(agent, moment_ms),
    }


def _team_cells(agent: Agent, moment_ms: int) -> dict[str, Cell]:
    team = agent.team_at(moment_ms)
    return {"team": team.name, "department": team.department}


def _conversation_cells(world: World, slot: Slot) -> dict[str, Cell]:
    """What all engagements of the conversation share."""
    random = keyed_random("conversation-row", slot.key)
    return {
        "name": f"{slot.channel.name}: {slot.queue.name}",
        "contact_pid": contact_pid(world.seed, slot.contact_index),
        "contact_name": contact_name(world.seed, slot.contact_index),
        "conversation_start_time": iso_seconds(slot.start_ms),
        "conversation_id": child_pid(slot.key, -2),
        "conversation_external_id": f"C{slot.key % 10**12:012d}",
        "channel_type": slot.channel.type,
        "channel": slot.channel.name,
        "queue": slot.queue.name,
        "case_name": f"CASE-{slot.key % 10**7:07d}" if happens(random, 0.2) else None,
        "platform": "Desk One",
        "source": "Desk One EU",
        "channel_vendor": slot.channel.vendor,
        "priority": pick(random, ("Normal", "Normal", "High", None)),
        "flow": "Assistant first" if slot.agent.is_bot else "Standard",
        "service": pick(random, ("Shop", "Shop", "Marketplace", None)),
        "company_contact": slot.channel.company_contact,
        "brand": pick(random, ("Example", "Example Outlet")),
        "attribute_01": pick(random, ("web", "app", None)),
        "attribute_02": f"{slot.key % 100_000:06d}" if happens(random, 0.3) else None,
        "attribute_03": pick(random, ("A", "B", None, None)),
    }
