"""Erased agents under a pseudonym: in the rows of tables and scores, in rejects, and in what is loaded from now on.

An agent keeps one pseudonym everywhere, so that sums, comparisons and histories stay right. It is made of the keyed
hash of the pid, so that nobody can make it without the register's key.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.ingest import Batch
from salted_assets.privacy.register import ErasedPids, Register
from salted_assets.warehouse import Warehouse

_PEOPLE = (("agent_pid", "agent_name"), ("reviewer_pid", "reviewer_name"))
_NAMED = ("verified_by", "manager")
"""Columns that name somebody, by whatever the vendor writes there: a name, or an id."""

_OWN_CONTACTS = ("external_id", "hourly_cost", "engagement_cost", "manager")
"""Columns of an agent's own row that lead to the person, or say what the person costs."""

_ABOUT_THEM = ("comment", "comment_translated", "verification_comment")
"""Free texts of a review, which are about the agent of the engagement."""

NAMING_COLUMNS = ("agent_pid", "reviewer_pid", *_NAMED)
"""The columns by which a row is known to name an agent, beside `pid` of an agent's own."""

_WORDS = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.:\-]{0,127}")
_CELLS = (re.compile(r'[^,"\r\n]+'), re.compile(r'[^<>"\r\n]+'))
"""Of CSV, and of HTML with the JSON in it."""

_PID_LENGTH, _NAME_LENGTH = 16, 8


def pseudonym_of(agent: str) -> tuple[str, str]:
    """The pid and the name that the agent with this hash goes by.

    >>> pseudonym_of("0123456789abcdef0123")
    ('former-0123456789abcdef', 'Former agent 01234567')
    """
    return f"former-{agent[:_PID_LENGTH]}", f"Former agent {agent[:_NAME_LENGTH]}"


class Pseudonyms:
    """Replaces erased agents, and learns their names on the way: learn from all rows first."""

    def __init__(self, erased: ErasedPids) -> None:
        self.erased = erased
        self._names = dict(erased.agent_names)
        self._found: set[str] = set()

    @property
    def learned(self) -> ErasedPids:
        """What was erased, with the agents found and the names learned since."""
        found = self.erased.found_agents | self._found
        return replace(self.erased, found_agents=found, agent_names=dict(self._names))

    def is_found(self, agent: str) -> bool:
        """Whether a row of the agent with this hash, or one that names them, was found."""
        return agent in self._found

    def learn(self, dataset: str, rows: pa.Table) -> None:
        """Learn the names that rows of a vendor's table give to erased agents."""
        for pid_column, name_column in _pairs_of(dataset, rows):
            if name_column not in rows.column_names:
                continue
            pairs = rows.select([pid_column, name_column]).drop_null().group_by([pid_column, name_column]).aggregate([])
            for pid, name in zip(pairs[pid_column].to_pylist(), pairs[name_column].to_pylist(), strict=True):
                agent = self._agent_of_pid(pid)
                if agent is not None and name.strip():
                    self._names[self.erased.hash_name(name)] = agent

    def pseudonymise(self, dataset: str, rows: pa.Table) -> tuple[pa.Table, int]:
        """The rows with pseudonyms, and how many were changed; `dataset` is empty for those of a score."""
        changed = np.zeros(rows.num_rows, bool)
        for pid_column, name_column in _pairs_of(dataset, rows):
            agents, theirs = self._find(rows[pid_column], self._agent_of_pid)
            if not theirs.any():
                continue
            changed |= theirs
            rows = put_where(rows, pid_column, theirs, [agent and pseudonym_of(agent)[0] for agent in agents])
            rows = put_where(rows, name_column, theirs, [agent and pseudonym_of(agent)[1] for agent in agents])
            own = _OWN_CONTACTS if dataset == "agent" else _ABOUT_THEM if pid_column == "agent_pid" else ()
            for column in own:
                rows = put_where(rows, column, theirs, None)
        for column in (name for name in _NAMED if name in rows.column_names):
            agents, theirs = self._find(rows[column], self._agent_named)
            if theirs.any():
                changed |= theirs
                rows = put_where(rows, column, theirs, [agent and pseudonym_of(agent)[1] for agent in agents])
        return rows, int(changed.sum())

    def pseudonymise_rejects(self, dataset: str, rejects: pa.Table) -> tuple[pa.Table, int]:
        """Rejects of a vendor's table without the raw text of what is theirs, under the pseudonym, and how many."""
        agents, theirs = self._find(rejects["pid"], self._agent_of_pid)
        if dataset != "agent":
            theirs = np.zeros(rejects.num_rows, bool)
        rejects = put_where(rejects, "pid", theirs, [agent and pseudonym_of(agent)[0] for agent in agents])
        texts = rejects["raw_value"].to_pylist()
        named = np.array([bool(text) and self.is_named_in(text) for text in texts], bool)
        return put_where(rejects, "raw_value", theirs | named, None), int((theirs | named).sum())

    def is_named_in(self, text: str) -> bool:
        """Whether a word of the text is the pid of an erased agent, or a cell of it their name."""
        cells = {cell.strip() for pattern in _CELLS for cell in pattern.findall(text)}
        is_there = [self._agent_of_pid(word) for word in {*_WORDS.findall(text), *cells}]
        return any(is_there) or any(self._agent_named(cell) for cell in cells)

    def _find(
        self, values: pa.ChunkedArray, agent_of: Callable[[str], str | None]
    ) -> tuple[list[str | None], np.ndarray]:
        """For each value the agent that it stands for, or None, and whether there is one; hashes each value once."""
        distinct = {value: agent_of(value) for value in pc.unique(values).to_pylist() if value is not None}
        if not any(distinct.values()):
            return [None] * len(values), np.zeros(len(values), bool)
        agents = [distinct.get(value) for value in values.to_pylist()]
        return agents, np.array([agent is not None for agent in agents], bool)

    def _agent_of_pid(self, pid: str) -> str | None:
        digest = self.erased.hash_pid(pid)
        return self._note(digest if digest in self.erased.agents else None)

    def _agent_named(self, text: str) -> str | None:
        by_name = self._names.get(self.erased.hash_name(text))
        return self._note(by_name) if by_name is not None else self._agent_of_pid(text.strip())

    def _note(self, agent: str | None) -> str | None:
        if agent is not None:
            self._found.add(agent)
        return agent


def open_pseudonyms(warehouse: Warehouse) -> Callable[[str], Callable[[Batch], Batch] | None]:
    """For a dataset what its batches are loaded through; None where no agent was erased. Raises RegisterDamaged.

    Names that erased agents come with for the first time are registered at once, since other rows may name them alone.
    """
    register = Register(warehouse)
    erased = register.read()

    def of_dataset(dataset: str) -> Callable[[Batch], Batch] | None:
        if erased is None or not erased.agents:
            return None
        pseudonyms, known = Pseudonyms(erased), erased.agent_names

        def load(batch: Batch) -> Batch:
            nonlocal known
            pseudonyms.learn(dataset, batch.table)
            if (learned := pseudonyms.learned).agent_names != known:
                known = register.add(learned).agent_names
            rows, _ = pseudonyms.pseudonymise(dataset, batch.table)
            rejects, _ = pseudonyms.pseudonymise_rejects(dataset, batch.rejects)
            return Batch(rows, rejects)

        return load

    return of_dataset


def _pairs_of(dataset: str, rows: pa.Table) -> Iterable[tuple[str, str]]:
    """The columns of ids of agents, each with that of the name."""
    pairs = (("pid", "name"),) if dataset == "agent" else _PEOPLE
    return [pair for pair in pairs if pair[0] in rows.column_names]


def put_where(rows: pa.Table, column: str, where: np.ndarray, values: Sequence[str | None] | None) -> pa.Table:
    """The rows with these values, or null, in a column where it is said. Without effect where they have no such one."""
    number = rows.schema.get_field_index(column)
    if number < 0 or not where.any():
        return rows
    field = rows.schema.field(number)
    is_encoded = pa.types.is_dictionary(field.type)
    kind = field.type.value_type if is_encoded else field.type
    new = pa.nulls(rows.num_rows, kind) if values is None else pa.array(values, kind)
    put = pc.if_else(pa.array(where), new, rows[column].cast(kind))
    return rows.set_column(number, field, put.dictionary_encode().cast(field.type) if is_encoded else put)
