"""By what a file was made, beside its inputs: the version of the formulas, and the settings that they read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Self


@dataclass(frozen=True)
class Recipe:
    """The version of the formulas of a table or score, and its settings by name as JSON: the same values, same text."""

    formula_version: int
    settings_json: str = "{}"

    @classmethod
    def of(cls, formula_version: int, settings: Mapping[str, Any]) -> Self:
        """Build from the settings' values. Sets are put in order.

        >>> Recipe.of(1, {"min_evaluations": 5, "exclude_unclear": False}).settings_json
        '{"exclude_unclear":false,"min_evaluations":5}'
        """
        return cls(formula_version, json.dumps(settings, sort_keys=True, separators=(",", ":"), default=sorted))

    @classmethod
    def from_json(cls, formula_version: str, settings: str) -> Self:
        """Read what a footer says. Raises ValueError for what is no number, or no JSON object."""
        values = json.loads(settings)
        if not isinstance(values, dict):
            raise ValueError("the settings are no JSON object")  # noqa: TRY004 - of a text, not of an argument
        return cls.of(int(formula_version), values)

    @property
    def settings(self) -> dict[str, Any]:
        """The values by the names of their settings, as JSON has them."""
        values: dict[str, Any] = json.loads(self.settings_json)
        return values

    @property
    def settings_fingerprint(self) -> str:
        """A fingerprint of the settings with their values."""
        return blake2b(self.settings_json.encode(), digest_size=6).hexdigest()

    def list_changed_settings(self, other: "Recipe") -> list[str]:
        """The names of settings that have another value than in the other, or are read by one of both alone, in order.

        >>> Recipe.of(2, {"low": 1, "same": 0}).list_changed_settings(Recipe.of(1, {"high": None, "same": 0}))
        ['high', 'low']
        """
        now, before = self.settings, other.settings
        return sorted(
            name for name in now | before if now.get(name) != before.get(name) or (name in now) != (name in before)
        )

    def differing_from(self, other: "Recipe") -> list[str]:
        """What is another way than in the other, each with both values.

        >>> Recipe.of(2, {"exclude_unclear": True}).differing_from(Recipe.of(1, {"exclude_unclear": False}))
        ['formula version 2, was 1', 'setting exclude_unclear is true, was false']
        """
        if self == other:
            return []
        formula = f"formula version {self.formula_version}, was {other.formula_version}"
        now, before = self.settings, other.settings
        return [
            *([formula] if self.formula_version != other.formula_version else []),
            *(
                f"setting {name} is {_show(now, name)}, was {_show(before, name)}"
                for name in self.list_changed_settings(other)
            ),
        ]


def _show(settings: Mapping[str, Any], name: str) -> str:
    return json.dumps(settings[name]) if name in settings else "not read"
