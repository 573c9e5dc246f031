"""Turns of an engagement. Not here: the engagement itself, phrases, and reviews of turns.

Turns never change. The generator is the hot path of large simulated days, hence its plain shape.
"""

from collections.abc import Iterator
from random import Random

from salted_assets.simulator.clock import iso_ms
from salted_assets.simulator.conversations import Engagement
from salted_assets.simulator.phrases import AGENT_PHRASES, CUSTOMER_PHRASES, ODD_TEXTS
from salted_assets.simulator.population import EMAIL, VOICE
from salted_assets.simulator.randomness import happens, keyed_random, pick
from salted_assets.simulator.versions import Cell

_RESPONDING_SHARE = 0.85
_ODD_SHARE = 0.02
_FILE_SHARE = 0.985
_SENTIMENT_SHARE = 0.8
_SUGGESTED_SHARE = 0.12
_RATED_SHARE = 0.4


def turns_of(engagement: Engagement) -> Iterator[tuple[int, dict[str, Cell]]]:
    """Each turn's time and row, in order of time; nothing for an engagement in which nobody speaks.

    All turns lie between the start and the end of the engagement; agent and customer take turns in turn.
    """
    if not engagement.turn_count:
        return
    random = keyed_random("turns", engagement.key)
    start_ms = engagement.start_ms
    moments = _moments(engagement, random)
    shared: dict[str, Cell] = {
        "engagement_pid": engagement.pid,
        "language_agent": engagement.agent.language if engagement.agent else None,
        "language_customer": engagement.language,
        "language_content": engagement.language,
    }
    describe = _describe_step if engagement.type == "Menu" else _describe_talk
    previous: str | None = None
    for index, moment in enumerate(moments):
        pid = engagement.turn_pid(index)
        following = moments[index + 1] if index + 1 < len(moments) else engagement.talk_end_ms
        row: dict[str, Cell] = {
            **shared,
            "pid": pid,
            "turn_time": iso_ms(moment),
            "turn_time_relative_ms": moment - start_ms,
            "response_to": previous if random.random() < _RESPONDING_SHARE else None,
            "external_id": f"{engagement.key:x}:{index}",
        }
        describe(row, engagement, random, index, following - moment)
        yield moment, row
        previous = pid


def _moments(engagement: Engagement, random: Random) -> list[int]:
    span = engagement.talk_end_ms - engagement.talk_start_ms
    places = sorted([random.random() for _ in range(engagement.turn_count)])
    return [engagement.talk_start_ms + int(span * place) for place in places]


def _describe_step(row: dict[str, Cell], engagement: Engagement, random: Random, index: int, gap_ms: int) -> None:
    row["participant"] = "CUSTOMER"
    row["type"] = "Menu Step"
    row["content"] = engagement.slot.queue.name if index else pick(random, ("Main menu", "Language"))
    row["duration"] = gap_ms


def _describe_talk(row: dict[str, Cell], engagement: Engagement, random: Random, index: int, gap_ms: int) -> None:
    by_agent = engagement.is_agent_turn(index)
    text = _text(engagement, random, by_agent=by_agent)
    row["participant"] = "AGENT" if by_agent else "CUSTOMER"
    row["content"] = row["content_agent"] = row["content_customer"] = text
    if engagement.slot.channel is VOICE:
        row["type"] = "Talk"
        row["duration"] = int(gap_ms * 0.85)
    elif random.random() < _FILE_SHARE:
        row["type"] = "Message"
        row["length"] = len(text)
    else:
        row["type"] = pick(random, ("Image", "File"))
        row["content"] = row["content_agent"] = row["content_customer"] = None
    _rate(row, engagement, random, by_agent=by_agent)


def _rate(row: dict[str, Cell], engagement: Engagement, random: Random, *, by_agent: bool) -> None:
    agent = engagement.agent
    skill = agent.ability.skill if agent else 0.0
    if random.random() < _SENTIMENT_SHARE:
        mean = 0.25 + 0.06 * skill if by_agent else 0.05 + 0.08 * skill - 0.2 * engagement.difficulty
        row["sentiment"] = round(max(-1.0, min(1.0, mean + (random.random() - 0.5))), 2)
    if not by_agent:
        return
    if agent and agent.is_bot:
        row["confidence"] = round(0.5 + 0.5 * random.random(), 3)
    else:
        row["origin"] = "Suggested" if random.random() < _SUGGESTED_SHARE else "Custom"
    if random.random() < _RATED_SHARE:
        row["quality"] = int(50 + 40 * random.random() + 4 * skill)
        row["category"] = pick(random, ("Greeting", "Question", "Answer", "Closing"))


def _text(engagement: Engagement, random: Random, *, by_agent: bool) -> str:
    if random.random() < _ODD_SHARE:
        return pick(random, ODD_TEXTS)
    phrases = AGENT_PHRASES if by_agent else CUSTOMER_PHRASES
    first = pick(random, phrases)
    if engagement.slot.channel is EMAIL:
        return f"Hello,\n\n{first}\n{pick(random, phrases)}\n\nBest regards\n-- \nRef. {random.getrandbits(32):08x}"
    return f"{first} {random.getrandbits(20)}" if happens(random, 0.5) else first
