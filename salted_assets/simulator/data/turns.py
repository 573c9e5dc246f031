"""Rows of turns.csv. Turns never change; they are most of a large day's rows, so they share no draws."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.simulator.data.batches import Batch, Groups, indices_within
from salted_assets.simulator.data.columns import (
    Columns,
    Rows,
    chosen,
    coded,
    hex_texts,
    iso_ms_texts,
    joined,
    picked,
    plain,
    uuid_texts,
)
from salted_assets.simulator.data.contact_centre import LANGUAGES, QUEUES, ContactCentre
from salted_assets.simulator.data.conversations import MENU, ON_MAIL, ON_VOICE, Engagements
from salted_assets.simulator.data.randomness import Dice, Flags, Integers, Keys, child_keys
from salted_assets.simulator.data.vocabulary import AGENT_PHRASES, CUSTOMER_PHRASES, ODD_TEXTS
from salted_assets.simulator.data.windows import Window

_PHRASES = (*CUSTOMER_PHRASES, *AGENT_PHRASES, *ODD_TEXTS)
_PHRASES_OF = Groups([CUSTOMER_PHRASES, AGENT_PHRASES, ODD_TEXTS])
_ODD = 2
_MENU_TEXTS = ("Main menu", "Language", *(queue.name for queue in QUEUES))
_TYPES = ("Menu Step", "Talk", "Message", "Image", "File")
_STEP, _TALK, _MESSAGE, _IMAGE = range(4)


@dataclass(frozen=True)
class _Turns(Batch):
    """Turns, each with the index of its engagement in the batch and its own within the engagement."""

    key: Keys
    engagement: Integers
    index: Integers
    moment_ms: Integers
    gap_ms: Integers


def turn_rows(centre: ContactCentre, engagements: Engagements, window: Window) -> Rows:
    """The rows of turns.csv that the window holds, engagement after engagement and each in order of time.

    All turns lie between the start and the end of the engagement; agent and customer take turns in turn.
    """
    reaches_into = (engagements.end_ms >= window.start_ms) & (engagements.start_ms < window.end_ms)
    speaking = engagements.take((engagements.turn_count > 0) & (window.holds(engagements.start_ms) | reaches_into))
    turns = _turns(speaking)
    is_linked = window.holds(speaking.start_ms)[turns.engagement]
    turns = turns.take(window.selects(turns.moment_ms, turns.moment_ms, is_linked=is_linked))
    own, dice = speaking.take(turns.engagement), Dice(turns.key)
    is_step = own.type == MENU
    by_agent = ((turns.index % 2 == 0) == own.begins_with_agent) & ~is_step
    columns = {
        "pid": uuid_texts(own.key, turns.index),
        "engagement_pid": uuid_texts(own.key, -1),
        "response_to": uuid_texts(own.key, turns.index - 1, (turns.index > 0) & dice.happens("responds", 0.85)),
        "turn_time": iso_ms_texts(turns.moment_ms),
        "turn_time_relative_ms": plain(turns.moment_ms - own.start_ms),
        "participant": coded(by_agent, ("CUSTOMER", "AGENT")),
        "external_id": joined(hex_texts(own.key), ":", plain(turns.index)),
        "language_agent": coded(centre.agents.language[own.agent], LANGUAGES, own.agent >= 0),
        "language_customer": coded(own.language, LANGUAGES),
        "language_content": coded(own.language, LANGUAGES),
    }
    columns |= _contents(own, turns, dice, by_agent, is_step) | _ratings(centre, own, dice, by_agent, is_step)
    return Rows(columns, turns.moment_ms)


def _turns(engagements: Engagements) -> _Turns:
    counts = engagements.turn_count
    engagement, index = np.repeat(np.arange(len(engagements)), counts), indices_within(counts)
    key = child_keys(engagements.key[engagement], index)
    share = np.sort(engagement + Dice(key).uniform("moment")) - engagement
    talk_start_ms, talk_end_ms = engagements.talk_start_ms[engagement], engagements.talk_end_ms[engagement]
    moment_ms = talk_start_ms + ((talk_end_ms - talk_start_ms) * share).astype(np.int64)
    is_last = index == counts[engagement] - 1
    gap_ms = np.where(is_last, talk_end_ms, np.roll(moment_ms, -1)) - moment_ms
    return _Turns(key, engagement, index, moment_ms, gap_ms)


def _contents(own: Engagements, turns: _Turns, dice: Dice, by_agent: Flags, is_step: Flags) -> Columns:
    is_voice = own.channel == ON_VOICE
    is_file = ~is_step & ~is_voice & dice.happens("file", 0.015)
    kind = np.select([is_step, is_voice, is_file], [_STEP, _TALK, _IMAGE + dice.between("file kind", 0, 2)], _MESSAGE)
    text = _texts(own, turns, dice, by_agent, is_step)
    content = chosen(is_file, None, text)
    shown = chosen(is_step, None, content)
    duration = np.where(is_step, turns.gap_ms, (turns.gap_ms * 0.85).astype(np.int64))
    return {
        "type": coded(kind, _TYPES),
        "duration": plain(duration, is_step | is_voice),
        "length": plain(pc.utf8_length(text).to_numpy().astype(np.int64), kind == _MESSAGE),
        "content": content,
        "content_agent": shown,
        "content_customer": shown,
    }


def _ratings(centre: ContactCentre, own: Engagements, dice: Dice, by_agent: Flags, is_step: Flags) -> Columns:
    """What the vendor's AI finds in single turns."""
    skill = own.skill
    of_customer = 0.05 + 0.08 * skill - 0.2 * own.difficulty
    mood = np.where(by_agent, 0.25 + 0.06 * skill, of_customer) + dice.uniform("mood") - 0.5
    is_bot = (own.agent >= 0) & centre.agents.is_bot[own.agent]
    is_rated = by_agent & dice.happens("rated", 0.4)
    quality = (50 + 40 * dice.uniform("quality") + 4 * skill).astype(np.int64)
    return {
        "sentiment": plain(np.rint(100 * np.clip(mood, -1, 1)) / 100, ~is_step & dice.happens("felt", 0.8)),
        "confidence": plain(np.rint(500 + 500 * dice.uniform("confidence")) / 1000, by_agent & is_bot),
        "origin": coded(dice.happens("suggested", 0.12), ("Custom", "Suggested"), by_agent & ~is_bot),
        "quality": plain(quality, is_rated),
        "category": picked(dice, "category", ("Greeting", "Question", "Answer", "Closing"), is_rated),
    }


def _texts(own: Engagements, turns: _Turns, dice: Dice, by_agent: Flags, is_step: Flags) -> pa.Array:
    """What is said or written; a file has a text too, that nobody sees."""
    is_odd = dice.happens("odd", 0.02)
    phrases = _phrases(dice, "phrase", np.where(is_odd, _ODD, by_agent))
    has_number = ~is_odd & dice.happens("numbered", 0.5)
    numbered = chosen(has_number, joined(phrases, " ", plain(dice.between("number", 0, 1 << 20))), phrases)
    menu = np.where(turns.index == 0, dice.between("menu", 0, 2), 2 + own.queue)
    texts = chosen(is_step, coded(menu, _MENU_TEXTS), numbered)
    is_mail = (own.channel == ON_MAIL) & ~is_step & ~is_odd
    return pc.replace_with_mask(texts, pa.array(is_mail), _mails(Dice(turns.key[is_mail]), by_agent[is_mail]))


def _mails(dice: Dice, by_agent: Flags) -> pa.Array:
    first, second = (_phrases(dice, name, by_agent.astype(np.int64)) for name in ("phrase", "second"))
    reference = hex_texts(dice.number("reference"))
    return joined("Hello,\n\n", first, "\n", second, "\n\nBest regards\n-- \nRef. ", reference)


def _phrases(dice: Dice, name: str, kind: Integers) -> pa.Array:
    return coded(_PHRASES_OF.pick(kind, dice.uniform(name)), _PHRASES)
