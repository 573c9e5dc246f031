"""The files that a score was made of, as it notes them. Not here: which these are (`evidence`), footers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True)
class Inputs:
    """Ids of files by table and partition: `{"tables/review": {"2024-01-31": "5f1c09ab"}}`.

    A table that was looked at and had nothing has no partition. A whole window of partitions has one entry,
    `"2024-01-01..2024-01-31"`, whose id changes with any of them.
    """

    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def from_note(cls, text: str) -> Self:
        """Read what `to_note` wrote."""
        return cls(json.loads(text))

    def to_note(self) -> str:
        """Render for a footer: the same inputs give the same text.

        >>> Inputs({"tables/turn": {"2024-02-01": "b", "2024-01-31": "a"}}).to_note()
        '{"tables/turn":{"2024-01-31":"a","2024-02-01":"b"}}'
        """
        return json.dumps(self.files, sort_keys=True, separators=(",", ":"))

    def narrowed_to(self, other: "Inputs") -> "Inputs":
        """Those of tables that the other was made of, too."""
        return Inputs({key: ids for key, ids in self.files.items() if key in other.files})

    def unlike(self, other: "Inputs") -> list[str]:
        """Partitions of these that the other does not have with the same id, in order.

        >>> Inputs({"tables/turn": {"2024-01-31": "a", "2024-02-01": "b"}}).unlike(
        ...     Inputs({"tables/turn": {"2024-01-31": "a", "2024-02-01": "c"}}))
        ['tables/turn 2024-02-01']
        """
        return sorted(
            f"{key} {partition}"
            for key, ids in self.files.items()
            for partition, file_id in ids.items()
            if other.files.get(key, {}).get(partition) != file_id
        )
