"""The register of erased customers and agents: keyed hashes of their pids, of customers' engagements, of agents' names.

Below `erased/` lie `key` (random, made once, readable by the warehouse's owner alone) and `register.json`. Without the
key a hash cannot be made from a pid, nor a pid be tried against a hash; both files together can be asked whether a
given pid was erased, and do not reveal which were.
"""

import hmac
import json
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from salted_assets.privacy.exceptions import RegisterDamaged
from salted_assets.warehouse import Warehouse

FOLDER = "erased"
SCHEMA_VERSION = 3
_KEY, _REGISTER, RECEIPTS = f"{FOLDER}/key", f"{FOLDER}/register.json", f"{FOLDER}/receipts"
_KEY_BYTES = 32
_KEY_CHECK_TEXT = b"salted-assets register of erased customers"
_LOCK_SECONDS = 60.0


@dataclass(frozen=True)
class ErasedPids:
    """Hashes of erased customers and engagements, and the key that they were made with.

    `found_customers` and `found_agents` are those of whom anything was ever found. `agent_names` has for the hash of
    each name that an erased agent had that agent's hash.
    """

    key: bytes = field(repr=False)
    customers: frozenset[str] = frozenset()
    engagements: frozenset[str] = frozenset()
    found_customers: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()
    found_agents: frozenset[str] = frozenset()
    agent_names: Mapping[str, str] = field(default_factory=dict)

    def hash_pid(self, pid: str) -> str:
        """HMAC-SHA256 of a pid, in hexadecimal."""
        return hmac.digest(self.key, pid.encode(), "sha256").hex()

    def hash_name(self, name: str) -> str:
        """The same of a name, whatever its case and the blanks around it; never that of a pid."""
        return hmac.digest(self.key, f"name:{name.strip().casefold()}".encode(), "sha256").hex()

    def joined(self, other: "ErasedPids") -> "ErasedPids":
        """All of both, which have one key."""
        return ErasedPids(
            self.key,
            self.customers | other.customers,
            self.engagements | other.engagements,
            self.found_customers | other.found_customers,
            self.agents | other.agents,
            self.found_agents | other.found_agents,
            {**self.agent_names, **other.agent_names},
        )

    @property
    def key_check(self) -> str:
        """What shows whether a key is the one that these hashes were made with, without revealing it."""
        return hmac.digest(self.key, _KEY_CHECK_TEXT, "sha256").hex()

    def to_json(self) -> bytes:
        """The content of the register: everything but the key."""
        values: dict[str, int | str | Collection[str] | Mapping[str, str]] = {
            "schema_version": SCHEMA_VERSION,
            "key_check": self.key_check,
            "customers": sorted(self.customers),
            "found_customers": sorted(self.found_customers),
            "engagements": sorted(self.engagements),
            "agents": sorted(self.agents),
            "found_agents": sorted(self.found_agents),
            "agent_names": dict(sorted(self.agent_names.items())),
        }
        return json.dumps(values, indent=2).encode()


@dataclass(frozen=True)
class Register:
    """The register of one warehouse. Every write is whole or absent, and made under a lock."""

    warehouse: Warehouse

    def read(self) -> ErasedPids | None:
        """All that was erased; None where nobody ever was.

        Raises RegisterDamaged where the register, its key or both are missing though customers were erased, where one
        cannot be read, and where the key is not the register's.
        """
        stored = self._read_register()
        if stored is None:
            self._refuse_traces()
            return None
        try:
            values = json.loads(stored)
            # registers of the first schema version have no check, and do not say who was found
            key_check = values.get("key_check")
            customers, engagements = _read_hashes(values["customers"]), _read_hashes(values["engagements"])
            found = _read_hashes(values.get("found_customers", []))
            # nor do earlier ones know agents
            agents, found_agents = (_read_hashes(values.get(name, [])) for name in ("agents", "found_agents"))
            agent_names = values.get("agent_names", {})
            _read_hashes([*agent_names, *agent_names.values()])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _damaged(f"{_REGISTER} cannot be read ({type(error).__name__})") from error
        if not (customers or agents) and not self.warehouse.exists(_KEY):
            # the first erasure was cut off between its two files, before it named anybody
            return None
        erased = ErasedPids(self._read_key(), customers, engagements, found, agents, found_agents, agent_names)
        if key_check is not None and key_check != erased.key_check:
            raise _damaged(f"{_KEY} is not the key of {_REGISTER}")
        return erased

    def read_or_create(self) -> ErasedPids:
        """All that was erased, or nothing with a new key, which `add` keeps. Raises RegisterDamaged."""
        return self.read() or ErasedPids(secrets.token_bytes(_KEY_BYTES))

    def add(self, new: ErasedPids) -> ErasedPids:
        """Add to the register; gives all of it. Raises RegisterDamaged, or WarehouseLocked.

        Where two begin at the same time, one's key is kept and the other's hashes are refused.
        """
        with self.warehouse.lock("erased-register", wait_seconds=_LOCK_SECONDS):
            known = self.read()
            if known is None:
                # empty first: a run that is cut off must not leave a key that looks like one whose register
                # was lost
                known = ErasedPids(new.key)
                self.warehouse.write_bytes(_REGISTER, known.to_json())
                self.warehouse.write_bytes(_KEY, new.key.hex().encode())
            if known.key != new.key:
                raise _damaged(f"{_KEY} changed while it was in use")
            both = known.joined(new)
            if both.to_json() != self._read_register():
                self.warehouse.write_bytes(_REGISTER, both.to_json())
            return both

    def _read_register(self) -> bytes | None:
        try:
            return self.warehouse.read_bytes(_REGISTER)
        except FileNotFoundError:
            return None

    def _refuse_traces(self) -> None:
        """Raise RegisterDamaged where a key or a receipt says that there was a register."""
        if self.warehouse.exists(_KEY) and self._read_register() is None:
            raise _damaged(f"{_KEY} is there without {_REGISTER}")
        for path in self.warehouse.list_files(RECEIPTS):
            if self._names_anybody(path):
                raise _damaged(f"{path} is the receipt of an erasure, but {_REGISTER} and {_KEY} are missing")

    def _names_anybody(self, receipt: str) -> bool:
        try:
            named = json.loads(self.warehouse.read_bytes(receipt))
            return bool(named["customers"] or named.get("agents"))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return False

    def _read_key(self) -> bytes:
        try:
            key = bytes.fromhex(self.warehouse.read_bytes(_KEY).decode())
        except (FileNotFoundError, ValueError) as error:
            raise _damaged(f"{_KEY} cannot be read ({type(error).__name__})") from error
        if len(key) != _KEY_BYTES:
            raise _damaged(f"{_KEY} has the wrong length")
        return key


def _read_hashes(values: object) -> frozenset[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError("not a list of hashes")
    return frozenset(values)


def check_register(warehouse: Warehouse) -> str:
    """What the register holds, in words. Raises RegisterDamaged, which says what to do."""
    erased = Register(warehouse).read()
    if erased is None:
        return "nobody was erased"
    agents = f"; {len(erased.agents)} erased agents are loaded under pseudonyms" if erased.agents else ""
    return f"{len(erased.customers)} erased customers are left out of what is landed and loaded{agents}"


def _damaged(what: str) -> RegisterDamaged:
    return RegisterDamaged(
        f"{what}, so those who were erased cannot be distinguished from others: nothing is landed, loaded or erased. "
        f"Restore {_KEY} and {_REGISTER} together from a copy. If there is none: move the whole folder {FOLDER}/ out "
        "of the warehouse, then erase the same people again."
    )
