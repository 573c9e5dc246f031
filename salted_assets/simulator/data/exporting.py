"""Exports: the vendor's filtering rule over everything that the account holds, written as the vendor's files."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import BinaryIO

import numpy as np

from salted_assets.simulator.data.contact_centre import ContactCentre, agent_rows, build_contact_centre
from salted_assets.simulator.data.contacts import contact_rows, contacts_changing
from salted_assets.simulator.data.conversations import (
    AGENT,
    LOOK_BACK_DAYS,
    TECHNICAL,
    Conversations,
    build_engagements,
    conversations_of_days,
)
from salted_assets.simulator.data.csv_files import CsvFile
from salted_assets.simulator.data.engagements import engagement_rows
from salted_assets.simulator.data.options import SimulatorOptions
from salted_assets.simulator.data.randomness import Integers
from salted_assets.simulator.data.reviews import review_rows
from salted_assets.simulator.data.turns import turn_rows
from salted_assets.simulator.data.windows import DAY_MS, Window, to_ms

_DRAWN = 8_192
_BATCH = 8_192
_CONTACTS = 16_384
"""Conversations that are drawn at a time, those that are made at a time, contacts that are written at a time."""


def write_csv(  # noqa: PLR0917 - six plain things, each needed
    dataset: str, start: datetime, end: datetime, as_of: datetime, options: SimulatorOptions, out: BinaryIO
) -> int:
    """Write what an export of `[start, end)`, seen as of `as_of`, holds of one dataset; gives the number of rows.

    Streams: memory does not grow with the window (but for the set of contacts, with customers). An empty result is a
    header alone. Raises KeyError for an unknown dataset, ValueError for times without a zone.
    """
    window = Window(to_ms(start), to_ms(end), to_ms(as_of))
    return write_files({dataset: out}, window, options)[dataset]


def write_files(
    outs: Mapping[str, BinaryIO],
    window: Window,
    options: SimulatorOptions,
    contacts: frozenset[int] | None = None,
    *,
    requested_ms: int | None = None,
) -> dict[str, int]:
    """Write several datasets of one export in one pass, of some `contacts` only if given; gives the rows of each.

    Agents come as they are when the export is requested, by default at the as-of time of the window.
    """
    centre = build_contact_centre(options)
    files = {dataset: CsvFile(dataset, out, options) for dataset, out in outs.items()}
    only = None if contacts is None else np.array(sorted(contacts), np.int64)
    linked_agents, linked_contacts = _write_engagements(centre, window, files, only)
    if "customer" in files:
        wanted = np.union1d(linked_contacts, contacts_changing(centre, window))
        wanted = wanted if only is None else np.intersect1d(wanted, only)
        for first in range(0, len(wanted), _CONTACTS):
            files["customer"].write(contact_rows(centre, wanted[first : first + _CONTACTS], linked_contacts, window))
    if "agent" in files:
        agents = np.arange(len(centre.pids)) if only is None else linked_agents
        as_requested = window._replace(as_of_ms=requested_ms or window.as_of_ms)
        files["agent"].write(agent_rows(centre, agents, linked_agents, as_requested))
    return {dataset: file.row_count for dataset, file in files.items()}


def _write_engagements(
    centre: ContactCentre, window: Window, files: Mapping[str, CsvFile], only: Integers | None
) -> tuple[Integers, Integers]:
    """Write engagements with their turns and reviews; gives the agents and contacts of engagements in the window."""
    has_agent, has_contact = np.zeros(len(centre.pids), np.bool_), np.zeros(centre.contact_count, np.bool_)
    for conversations in _regroup(_conversations(centre, window, only), _BATCH):
        engagements = build_engagements(centre, conversations)
        engagements = engagements.take(engagements.start_ms <= window.as_of_ms)
        if not files.keys().isdisjoint(("engagement", "customer", "agent")):
            # The end of any other engagement is its last change: most of a look-back need not be made.
            changing = engagements.take((engagements.type == AGENT) | (engagements.end_ms >= window.start_ms))
            kept, rows = engagement_rows(centre, changing, window)
            has_agent[kept.agent[kept.agent >= 0]] = True
            has_contact[kept.contact[kept.type != TECHNICAL]] = True
            if "engagement" in files:
                files["engagement"].write(rows)
        if "turn" in files:
            files["turn"].write(turn_rows(centre, engagements, window))
        if "review" in files:
            files["review"].write(review_rows(centre, engagements, window))
    return np.flatnonzero(has_agent), np.flatnonzero(has_contact)


def _conversations(centre: ContactCentre, window: Window, only: Integers | None) -> Iterator[Conversations]:
    """Those that may have anything in the window, of some contacts only if given."""
    first_day, end_day = window.start_ms // DAY_MS - LOOK_BACK_DAYS, (window.end_ms - 1) // DAY_MS + 1
    for drawn in conversations_of_days(centre, first_day, end_day, batch_size=_DRAWN):
        wanted = (drawn.conversation_start_ms < window.end_ms) & (drawn.last_change_ms >= window.start_ms)
        yield drawn.take(wanted if only is None else wanted & np.isin(drawn.contact, only))


def _regroup(batches: Iterable[Conversations], size: int) -> Iterator[Conversations]:
    """All things of the batches in their order, so many at a time; fewer at the end."""
    held: list[Conversations] = []
    for batch in batches:
        held.append(batch)
        if sum(map(len, held)) >= size:
            whole = Conversations.joined(held)
            full = len(whole) // size * size
            yield from (whole.take(np.arange(first, first + size)) for first in range(0, full, size))
            held = [whole.take(np.arange(full, len(whole)))]
    if sum(map(len, held)):
        yield Conversations.joined(held)
