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
    Engagements,
    build_engagements,
    conversations_of_days,
)
from salted_assets.simulator.data.csv_files import CsvFile
from salted_assets.simulator.data.engagements import engagement_rows
from salted_assets.simulator.data.options import SimulatorOptions
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
    files = {dataset: CsvFile(dataset, out, options) for dataset, out in outs.items()}
    _Export(build_contact_centre(options), window, files, contacts, requested_ms or window.as_of_ms).write()
    return {dataset: file.row_count for dataset, file in files.items()}


class _Export:
    """One pass over the conversations that the window can hold anything of."""

    def __init__(
        self,
        centre: ContactCentre,
        window: Window,
        files: Mapping[str, CsvFile],
        contacts: frozenset[int] | None,
        requested_ms: int,
    ) -> None:
        self.centre = centre
        self.window = window
        self.files = files
        self.requested_ms = requested_ms
        self.contacts = None if contacts is None else np.array(sorted(contacts), np.int64)
        self.agents_seen = np.zeros(len(centre.pids), np.bool_)
        self.contacts_seen = np.zeros(centre.contact_count, np.bool_)

    def write(self) -> None:
        wants_rows = not self.files.keys().isdisjoint(("engagement", "customer", "agent"))
        for engagements in self._engagements():
            if wants_rows:
                self._write_engagements(engagements)
            if "turn" in self.files:
                self.files["turn"].write(turn_rows(self.centre, engagements, self.window))
            if "review" in self.files:
                self.files["review"].write(review_rows(self.centre, engagements, self.window))
        if "customer" in self.files:
            self._write_customers()
        if "agent" in self.files:
            self._write_agents()

    def _engagements(self) -> Iterator[Engagements]:
        """What was begun by the as-of time, out of conversations that may have anything in the window."""
        for conversations in _regroup(self._conversations(), _BATCH):
            engagements = build_engagements(self.centre, conversations)
            yield engagements.take(engagements.start_ms <= self.window.as_of_ms)

    def _conversations(self) -> Iterator[Conversations]:
        start_ms, end_ms, _ = self.window
        first_day = start_ms // DAY_MS - LOOK_BACK_DAYS
        for conversations in conversations_of_days(
            self.centre, first_day, (end_ms - 1) // DAY_MS + 1, batch_size=_DRAWN
        ):
            wanted = (conversations.conversation_start_ms < end_ms) & (conversations.last_change_ms >= start_ms)
            if self.contacts is not None:
                wanted &= np.isin(conversations.contact, self.contacts)
            yield conversations.take(wanted)

    def _write_engagements(self, engagements: Engagements) -> None:
        # The end of any other engagement is its last change: most of a look-back need not be made.
        changing = engagements.take((engagements.type == AGENT) | (engagements.end_ms >= self.window.start_ms))
        kept, rows = engagement_rows(self.centre, changing, self.window)
        self.agents_seen[kept.agent[kept.agent >= 0]] = True
        self.contacts_seen[kept.contact[kept.type != TECHNICAL]] = True
        if "engagement" in self.files:
            self.files["engagement"].write(rows)

    def _write_customers(self) -> None:
        linked = np.flatnonzero(self.contacts_seen)
        wanted = np.union1d(linked, contacts_changing(self.centre, self.window))
        if self.contacts is not None:
            wanted = np.intersect1d(wanted, self.contacts)
        for first in range(0, len(wanted), _CONTACTS):
            some = wanted[first : first + _CONTACTS]
            self.files["customer"].write(contact_rows(self.centre, some, np.intersect1d(some, linked), self.window))

    def _write_agents(self) -> None:
        linked = np.flatnonzero(self.agents_seen)
        wanted = np.arange(len(self.centre.pids)) if self.contacts is None else linked
        self.files["agent"].write(
            agent_rows(self.centre, wanted, linked, self.window._replace(as_of_ms=self.requested_ms))
        )


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
