"""The register of erased customers: keyed hashes of their pids and of their engagements' pids.

Below `erased/` lie `key` (random, made once, readable by the warehouse's owner alone) and `register.json`. Without the
key a hash cannot be made from a pid, nor a pid be tried against a hash; both files together can be asked whether a
given pid was erased, and do not tell which were.
"""

import hmac
import json
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field

from salted_assets.warehouse import Warehouse


class ErasureError(Exception):
    """Base of all; trying again won't help."""


class RegisterDamaged(ErasureError):  # noqa: N818 - named by the state it reports
    """The register of erased customers, or the key of its hashes, is missing or cannot be read."""


FOLDER = "erased"
SCHEMA_VERSION = 1
_KEY, _REGISTER = f"{FOLDER}/key", f"{FOLDER}/register.json"
_KEY_BYTES = 32
_LOCK_SECONDS = 60.0


@dataclass(frozen=True)
class ErasedPids:
    """Hashes of erased customers and engagements, and the key that they were made with."""

    key: bytes = field(repr=False)
    customers: frozenset[str] = frozenset()
    engagements: frozenset[str] = frozenset()

    def hash_pid(self, pid: str) -> str:
        """HMAC-SHA256 of a pid, in hexadecimal."""
        return hmac.digest(self.key, pid.encode(), "sha256").hex()


@dataclass(frozen=True)
class Register:
    """The register of one warehouse. Every write is whole or absent, and made under a lock."""

    warehouse: Warehouse

    def read(self) -> ErasedPids | None:
        """All that was erased; None where nobody ever was. Raises RegisterDamaged."""
        try:
            stored = self.warehouse.read_bytes(_REGISTER)
        except FileNotFoundError:
            return None
        try:
            values = json.loads(stored)
            customers, engagements = frozenset(values["customers"]), frozenset(values["engagements"])
        except (ValueError, KeyError, TypeError) as error:
            raise _damaged(_REGISTER, type(error).__name__) from error
        return ErasedPids(self._read_key(), customers, engagements)

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
                # a key that was kept by a run that was cut off before its register says nothing about anybody
                self.warehouse.write_bytes(_KEY, new.key.hex().encode())
                known = ErasedPids(new.key)
            if known.key != new.key:
                raise _damaged(_KEY, "it changed while it was in use")
            both = ErasedPids(
                known.key, known.customers | frozenset(new.customers), known.engagements | frozenset(new.engagements)
            )
            if both != known or not self.warehouse.exists(_REGISTER):
                self._write(both)
            return both

    def _write(self, erased: ErasedPids) -> None:
        values: dict[str, int | Collection[str]] = {
            "schema_version": SCHEMA_VERSION,
            "customers": sorted(erased.customers),
            "engagements": sorted(erased.engagements),
        }
        self.warehouse.write_bytes(_REGISTER, json.dumps(values, indent=2).encode())

    def _read_key(self) -> bytes:
        try:
            key = bytes.fromhex(self.warehouse.read_bytes(_KEY).decode())
        except (FileNotFoundError, ValueError) as error:
            raise _damaged(_KEY, type(error).__name__) from error
        if len(key) != _KEY_BYTES:
            raise _damaged(_KEY, "wrong length")
        return key


def _damaged(path: str, what: str) -> RegisterDamaged:
    return RegisterDamaged(
        f"{path} cannot be used ({what}), so erased customers cannot be distinguished from others, and nothing is "
        f"loaded. Restore {_KEY} and {_REGISTER} together from a copy. If there is none: remove both, then erase those "
        "customers again."
    )
