"""Whose a row is: which rows of a table, and which records that cannot be read, belong to erased customers."""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.privacy.register import ErasedPids

KEY_COLUMNS = {
    "engagement": ("pid", "contact_pid"),
    "customer": ("pid",),
    "turn": ("pid", "engagement_pid"),
    "review": ("pid", "engagement_pid"),
}
"""The columns that say whose a row is, by dataset, in the order in which datasets are rewritten.

Agents' rows belong to no customer.
"""

_WORDS = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.:\-]{0,127}")
_CELLS = re.compile(r'[^,"\r\n]+')


class ErasureFilter:
    """Finds rows of erased customers, and learns their engagements on the way: filter engagements first."""

    def __init__(self, erased: ErasedPids) -> None:
        self.erased = erased
        self._learned: set[str] = set()
        self._found_customers: set[str] = set()
        self._engagements_of: defaultdict[str, set[str]] = defaultdict(set)

    @property
    def learned(self) -> ErasedPids:
        """What was erased, with the engagements learned of and the customers found since."""
        return replace(
            self.erased,
            engagements=self.erased.engagements | self._learned,
            found_customers=self.erased.found_customers | self._found_customers,
        )

    def is_found(self, customer: str) -> bool:
        """Whether a row of the customer with this hash was found."""
        return customer in self._found_customers

    def count_engagements(self, customer: str) -> int:
        """The engagements found that name the customer with this hash as their contact."""
        return len(self._engagements_of[customer])

    def find_rows(self, dataset: str, rows: pa.Table) -> np.ndarray:
        """For each row of a vendor's table, or of its columns in `KEY_COLUMNS`, whether it is to go."""
        if dataset == "customer":
            return self._find(rows["pid"], self._is_customer)
        if dataset != "engagement":
            return self.find_engagements(rows["engagement_pid"])
        by_contact = self._find(rows["contact_pid"], self._is_customer)
        if by_contact.any():
            self._learn(rows.filter(pa.array(by_contact)))
        return np.asarray(by_contact | self.find_engagements(rows["pid"]), bool)

    def find_engagements(self, pids: pa.ChunkedArray) -> np.ndarray:
        """For each pid whether it is that of an engagement of theirs; False for nulls."""
        return self._find(pids, self._is_engagement)

    def find_customers(self, pids: pa.ChunkedArray) -> np.ndarray:
        """For each pid whether it is that of an erased customer; False for nulls."""
        return self._find(pids, self._is_customer)

    def is_named_in(self, text: str) -> bool:
        """Whether a word of the text, or a cell of it, is a pid of an erased customer or engagement."""
        words = {*_WORDS.findall(text), *(cell.strip() for cell in _CELLS.findall(text))}
        return any(self._is_customer(digest) or self._is_engagement(digest) for digest in self._hashes(words))

    def _find(self, pids: pa.ChunkedArray, is_theirs: Callable[[str], bool]) -> np.ndarray:
        """Hashes each different pid once."""
        encoded = pa.chunked_array(pids).combine_chunks().dictionary_encode()
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.combine_chunks()
        theirs = [is_theirs(digest) for digest in self._hashes(encoded.dictionary.to_pylist())]
        if not any(theirs):
            return np.zeros(len(encoded), bool)
        found = pa.array(theirs, pa.bool_()).take(encoded.indices)
        return np.asarray(pc.fill_null(found, fill_value=False).to_numpy(zero_copy_only=False), bool)

    def _learn(self, engagements: pa.Table) -> None:
        pairs = engagements.select(["contact_pid", "pid"]).drop_null().group_by(["contact_pid", "pid"]).aggregate([])
        for contact_pid, pid in zip(pairs["contact_pid"].to_pylist(), pairs["pid"].to_pylist(), strict=True):
            engagement = self.erased.hash_pid(pid)
            self._learned.add(engagement)
            self._engagements_of[self.erased.hash_pid(contact_pid)].add(engagement)

    def _hashes(self, pids: Collection[str]) -> Iterable[str]:
        return map(self.erased.hash_pid, pids)

    def _is_customer(self, digest: str) -> bool:
        if digest not in self.erased.customers:
            return False
        self._found_customers.add(digest)
        return True

    def _is_engagement(self, digest: str) -> bool:
        return digest in self.erased.engagements or digest in self._learned
