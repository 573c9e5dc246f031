"""How records become JSON and are read back: keys that stay what they were, and versions that are too new."""

from dataclasses import asdict
from typing import Any

from salted_assets.landing.exceptions import LandingDamaged

_STORED_KEYS = {"requested_at": "ordered_at", "export": "order"}
"""Keys under which records hold fields of another name: what was written under them stays readable."""
_FIELDS = {key: name for name, key in _STORED_KEYS.items()}


def to_stored(record: Any) -> dict[str, Any]:
    """A record (a dataclass) as JSON holds it."""
    return asdict(record, dict_factory=lambda items: {_STORED_KEYS.get(name, name): value for name, value in items})


def from_stored(values: dict[str, Any]) -> dict[str, Any]:
    """What JSON holds of a record, by the names of its fields."""
    return {_FIELDS.get(key, key): value for key, value in values.items()}


def refuse_newer(values: Any, known: int, path: str) -> None:
    """Raise LandingDamaged for a record of a schema version that came after the known one.

    What is no record at all is left to the caller.
    """
    version = values.get("schema_version", 1) if isinstance(values, dict) else 1
    if isinstance(version, int) and version > known:
        raise LandingDamaged(
            f"{path} was written by a newer version of this program (schema version {version}, known up to {known}). "
            "It is whole: leave it, and run the newer version."
        )
