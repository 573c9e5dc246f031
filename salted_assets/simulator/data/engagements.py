"""Rows of engagements.csv with their AI scores: how an engagement looks in an export, and how it changes later.

AI scores are from 0 to 100; more is better except for `severity` (how bad the case is). Null where not relevant.
"""

from dataclasses import dataclass

import numpy as np

from salted_assets.simulator.data.batches import NEVER, Groups
from salted_assets.simulator.data.columns import (
    Columns,
    Rows,
    chosen,
    coded,
    digit_texts,
    hex_texts,
    iso_second_texts,
    joined,
    picked,
    plain,
    uuid_texts,
)
from salted_assets.simulator.data.contact_centre import (
    CHANNELS,
    EXTERNAL,
    LANGUAGES,
    QUEUES,
    TEAMS,
    ContactCentre,
    agent_facts,
    teams_at,
)
from salted_assets.simulator.data.contacts import contact_keys, contact_names
from salted_assets.simulator.data.conversations import (
    AGENT,
    ENGAGEMENT_TYPES,
    INVITATION,
    MENU,
    ON_MAIL,
    ON_VOICE,
    QUEUE,
    TECHNICAL,
    Engagements,
)
from salted_assets.simulator.data.randomness import Dice, Flags, Integers
from salted_assets.simulator.data.windows import HOUR_MS, MINUTE_MS, SECOND_MS, Window

_FILLED_SHARE = {
    "adaptability": 0.06,
    "adherence": 0.12,
    "clarity": 0.97,
    "completeness": 0.95,
    "customer_satisfaction": 0.92,
    "empathy": 0.85,
    "expressed_satisfaction": 0.3,
    "language_skills": 0.7,
    "persuasion": 0.05,
    "severity": 0.9,
    "understanding": 0.97,
}
_SALES_PERSUASION_SHARE = 0.8
_CORRECTION = 12
_SELLS = np.array([queue.form == "sales" for queue in QUEUES])

_TOPICS = tuple(dict.fromkeys(topic for queue in QUEUES for topic in queue.topics))
_TOPICS_OF_QUEUE = Groups([queue.topics for queue in QUEUES], _TOPICS)
_TOPIC_CATEGORIES, _TOPIC_NAMES = zip(*_TOPICS, strict=True)


@dataclass(frozen=True)
class _Tales(Engagements):
    """Engagements and when what becomes of them; `NEVER` for what does not."""

    scored_ms: Integers
    corrected_ms: Integers
    labelled_ms: Integers
    updated_ms: Integers


def engagement_rows(centre: ContactCentre, engagements: Engagements, window: Window) -> tuple[Engagements, Rows]:
    """The engagements of which the window holds a row, and their rows as of its as-of time.

    A row begins as `In Progress` without an end; at its end it is `Completed` (rarely `Corrupted`, without figures); AI
    scores follow within the hour. For long tales a score or the labels may be corrected in the following days. The
    number of agent engagements grows when the conversation gets another.
    """
    tales = _tales(engagements, window)
    kept = tales.take(window.selects(tales.start_ms, tales.updated_ms, is_linked=window.holds(tales.start_ms)))
    is_over = kept.end_ms <= window.as_of_ms
    columns = _identity(centre, kept, window) | _conversation(centre, kept) | _labels(kept, is_over, window)
    columns |= _figures(centre, kept, is_over) | _scores(centre, kept, window)
    columns["end_time"] = iso_second_texts(kept.end_ms, is_over)
    columns["status"] = coded(np.where(is_over, 1 + kept.is_corrupted, 0), ("In Progress", "Completed", "Corrupted"))
    return kept, Rows(columns, kept.updated_ms)


def _tales(engagements: Engagements, window: Window) -> _Tales:
    dice, may_change = engagements.dice, engagements.is_work & engagements.is_late
    scored_ms = engagements.end_ms + dice.between("scored", 8, 45) * MINUTE_MS
    corrected_ms = scored_ms + dice.between("corrected", 12 * 60, 36 * 60) * MINUTE_MS
    labelled_ms = engagements.end_ms + dice.between("labelled", 2 * 60, 96 * 60) * MINUTE_MS
    changes = {
        "scored_ms": np.where(engagements.is_work, scored_ms, NEVER),
        "corrected_ms": np.where(may_change & dice.happens("is corrected", 0.2), corrected_ms, NEVER),
        "labelled_ms": np.where(may_change & dice.happens("relabelled", 0.2), labelled_ms, NEVER),
    }
    own_ms = (engagements.start_ms, engagements.end_ms, engagements.later_agent_ms, engagements.last_agent_ms)
    return _Tales(**vars(engagements), **changes, updated_ms=window.newest_of([*own_ms, *changes.values()]))


def _identity(centre: ContactCentre, kept: _Tales, window: Window) -> Columns:
    has_agent, is_agent, digits = kept.agent >= 0, kept.type == AGENT, hex_texts(kept.key)
    teams = teams_at(np.where(has_agent, kept.agent, kept.host), kept.start_ms)
    is_external = has_agent & (centre.agents.type[kept.agent] == EXTERNAL)
    later = np.sum([kept.later_agent_ms <= window.as_of_ms, kept.last_agent_ms <= window.as_of_ms], axis=0)
    return {
        "pid": uuid_texts(kept.key, -1),
        "external_id": digits,
        "link": joined("https://desk.example.com/e/", digits),
        "start_time": iso_second_texts(kept.start_ms),
        "type": coded(kept.type, ENGAGEMENT_TYPES),
        "agent_pid": coded(kept.agent, centre.pids),
        "agent_name": coded(kept.agent, centre.names),
        **{f"agent_{name}": column for name, column in agent_facts(centre, kept.agent).items()},
        "external_agent_name": coded(kept.agent, centre.names, is_external),
        "team": coded(teams, tuple(team.name for team in TEAMS)),
        "department": coded(teams, tuple(team.department for team in TEAMS)),
        "order_agent_engagements": plain(kept.agent_position, is_agent),
        "total_conversation_agent_engagements": plain(kept.agent_position + later, is_agent),
    }


def _conversation(centre: ContactCentre, kept: Engagements) -> Columns:
    """What all engagements of the conversation share, but for technical ones, which are with nobody."""
    key, is_technical = kept.conversation_key, kept.type == TECHNICAL
    dice, queue = Dice(key), coded(kept.queue, tuple(queue.name for queue in QUEUES))
    channel = coded(kept.channel, tuple(channel.name for channel in CHANNELS))
    contact = contact_keys(centre.seed, kept.contact)
    everywhere = np.zeros(len(kept), np.int64)
    return {
        "name": chosen(is_technical, "Activity placeholder", joined(channel, ": ", queue)),
        "contact_pid": uuid_texts(contact, 0, ~is_technical),
        "contact_name": chosen(is_technical, None, contact_names(centre.seed, kept.contact)),
        "conversation_start_time": iso_second_texts(kept.conversation_start_ms),
        "conversation_id": uuid_texts(key, -2),
        "conversation_external_id": joined("C", digit_texts(key % np.uint64(10**12), 12)),
        "channel_type": coded(kept.channel, tuple(channel.type for channel in CHANNELS)),
        "channel": channel,
        "queue": queue,
        "menu_path": chosen(kept.type == MENU, joined("Main > ", queue), None),
        "direction": coded(kept.is_outbound, ("Inbound", "Outbound")),
        "initiated_by": coded(kept.is_outbound, ("Customer", "Agent")),
        "campaign": coded(everywhere, ("Spring renewal",), kept.is_outbound),
        "language": coded(kept.language, LANGUAGES),
        "case_name": joined("CASE-", digit_texts(key % np.uint64(10**7), 7, dice.happens("case", 0.2))),
        "platform": coded(everywhere, ("Desk One",)),
        "source": coded(everywhere, ("Desk One EU",)),
        "channel_vendor": coded(kept.channel, tuple(channel.vendor for channel in CHANNELS)),
        "priority": picked(dice, "priority", ("Normal", "Normal", "High", None)),
        "flow": coded(centre.agents.is_bot[kept.host], ("Standard", "Assistant first")),
        "service": picked(dice, "service", ("Shop", "Shop", "Marketplace", None)),
        "company_contact": coded(kept.channel, tuple(channel.company_contact for channel in CHANNELS)),
        "brand": picked(dice, "brand", ("Example", "Example Outlet")),
        "attribute_01": picked(dice, "attribute_01", ("web", "app", None)),
        "attribute_02": digit_texts(key % np.uint64(100_000), 6, dice.happens("attribute_02", 0.3)),
        "attribute_03": picked(dice, "attribute_03", ("A", "B", None, None)),
    }


def _labels(kept: _Tales, is_over: Flags, window: Window) -> Columns:
    dice, is_known = kept.dice, is_over & kept.is_work
    is_relabelled = kept.labelled_ms <= window.as_of_ms
    topic = _TOPICS_OF_QUEUE.pick(kept.queue, dice.uniform("topic"))
    other = _TOPICS_OF_QUEUE.pick(kept.queue, dice.uniform("other topic"))
    reason = np.where(is_relabelled, other, topic)
    is_solved = kept.skill - kept.difficulty + 0.6 + dice.normal("solved") > 0
    resolution = np.where(is_solved, 0, dice.between("unsolved", 1, 4))
    category = np.where(is_relabelled, 4, dice.between("category", 0, 4))
    return {
        "terminated_by": picked(dice, "ended by", ("Customer", "Agent", "Customer", "System", None), is_known),
        "resolution": coded(resolution, ("Resolved", "Unresolved", "Escalated", None), is_known),
        "outcome_type": coded(is_solved, ("Negative", "Positive"), is_known),
        "outcome": coded(is_solved, ("Call back", "Solved"), is_known),
        "outcome_category": coded(is_solved, ("Open", "Closed"), is_known),
        "reason": coded(reason, _TOPIC_NAMES, is_known),
        "reason_category": coded(reason, _TOPIC_CATEGORIES, is_known),
        "category": coded(category, ("Question", "Complaint", "Request", None, "Re-labelled"), is_known),
        "topic": coded(topic, _TOPIC_NAMES, is_known),
        "topic_category": coded(topic, _TOPIC_CATEGORIES, is_known),
    }


def _figures(centre: ContactCentre, kept: Engagements, is_over: Flags) -> Columns:
    dice, is_work = kept.dice, is_over & kept.is_work
    is_timed = is_work & ~dice.happens("not timed", 0.004)
    is_voice, is_rung = kept.channel == ON_VOICE, is_work & ~centre.agents.is_bot[kept.agent]
    duration_ms, talk_ms = kept.end_ms - kept.start_ms, kept.talk_end_ms - kept.talk_start_ms
    preparation_ms, wrap_up_ms = kept.talk_start_ms - kept.start_ms, kept.end_ms - kept.talk_end_ms
    wait_ms = (40 * dice.lognormal("wait before", 0.0, 0.9)).astype(np.int64) * SECOND_MS
    is_queue, is_inbound = is_over & (kept.type == QUEUE), is_work & ~kept.is_outbound
    is_invitation = is_over & (kept.type == INVITATION)
    typical_ms = np.where(kept.channel == ON_MAIL, HOUR_MS, 40 * SECOND_MS)
    is_late = np.where(is_queue, duration_ms > 2 * typical_ms, wait_ms > MINUTE_MS)
    level = np.where(is_inbound & dice.happens("ignored", 0.03), 2, is_late)
    held_ms = (talk_ms * 0.3 * dice.uniform("hold")).astype(np.int64)
    ringing_ms = dice.between("ringing", 1, 20) * SECOND_MS
    cents = np.rint(100 * duration_ms / HOUR_MS * (14 + kept.agent % 9))
    return {
        "preparation_time": plain(preparation_ms, is_timed & (preparation_ms > 0)),
        "engagement_time": plain(talk_ms, is_timed),
        "wrap_up_time": plain(wrap_up_ms, is_timed & (wrap_up_ms > 0)),
        "focus_time": plain((talk_ms * (0.6 + 0.4 * dice.uniform("focus"))).astype(np.int64), is_work),
        "hold_time": plain(np.where(dice.happens("holds", 0.4), held_ms, 0), is_work & is_voice),
        "invitation_time": plain(np.where(is_invitation, duration_ms, ringing_ms), is_invitation | is_rung),
        "menu_time": plain(duration_ms, is_over & (kept.type == MENU)),
        "wait_time": plain(np.where(is_queue, duration_ms, wait_ms), is_queue | is_inbound),
        "wait_for_customer_time": plain(
            (talk_ms * 0.3 * dice.uniform("customer")).astype(np.int64), is_work & ~is_voice
        ),
        "total_time": plain(duration_ms, is_over & ~kept.is_corrupted),
        "service_level": coded(level, ("Met", "Missed", "Ignore"), is_queue | is_inbound),
        "cost": plain(cents / 100, is_work),
        "engagement_fact_01": plain(
            np.rint(-6_000 * np.log1p(-dice.uniform("fact_01"))) / 100, is_work & dice.happens("has fact_01", 0.4)
        ),
        "engagement_fact_02": plain(dice.between("fact_02", 0, 6), is_work & dice.happens("has fact_02", 0.3)),
    }


def _scores(centre: ContactCentre, kept: _Tales, window: Window) -> Columns:
    """The eleven AI scores of agent engagements; of corrected ones one is lower than the AI had it.

    74 + 9 per unit of ability - 3 per unit of difficulty, with noise of 8 points. The two satisfactions feel skill less
    (5 points) and difficulty more (8); severity is 35 + 18 per unit of difficulty and knows no agent. At least one
    score is filled.
    """
    dice, difficulty = kept.dice, kept.difficulty
    shared = 5 * dice.normal("shared")
    ability = 74 + 9 * kept.skill - 3 * difficulty + shared
    satisfaction = 70 + 5 * kept.skill - 8 * difficulty + shared
    means = {
        "customer_satisfaction": satisfaction,
        "expressed_satisfaction": satisfaction,
        "empathy": 74 + 9 * centre.agents.empathy[kept.agent] - 3 * difficulty + shared,
        "severity": 35 + 18 * difficulty,
    }
    sales_share = {"persuasion": np.where(_SELLS[kept.queue], _SALES_PERSUASION_SHARE, _FILLED_SHARE["persuasion"])}
    shares = _FILLED_SHARE | sales_share
    points = np.array([means.get(name, ability) + 8 * dice.normal(name) for name in shares])
    points = np.rint(np.clip(points, 0, 100)).astype(np.int64)
    is_filled = np.array([dice.happens(f"has {name}", share) for name, share in shares.items()])
    is_filled[list(shares).index("clarity")] |= ~is_filled.any(axis=0)
    rank = np.cumsum(is_filled, axis=0) - 1
    is_lowered = is_filled & (rank == dice.between("corrected score", 0, is_filled.sum(axis=0)))
    is_lowered &= kept.corrected_ms <= window.as_of_ms
    points = np.where(is_lowered, np.maximum(0, points - _CORRECTION), points)
    is_known = is_filled & (kept.scored_ms <= window.as_of_ms)
    return {name: plain(*column) for name, *column in zip(shares, points, is_known, strict=True)}
