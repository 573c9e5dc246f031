"""What a file was made of: the ids of the files that were read for it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Self

PLANNED, _REVIEWED = "plans/review", "tables/review"
"""Review plans, which are read with the reviews of a day: what was made without any plan does not name them."""

RANGE_SIGN = ".."
"""Between the first and the last day of a window of partitions."""


def bounds_of(partition: str) -> tuple[date, date]:
    """The first and the last day of a partition or of a window of them. Raises ValueError for what is neither.

    >>> [day.day for day in bounds_of("2024-01-01..2024-01-31")]
    [1, 31]
    """
    first, _, last = partition.partition(RANGE_SIGN)
    return date.fromisoformat(first), date.fromisoformat(last or first)


@dataclass(frozen=True)
class InputVersions:
    """Ids of files by table and partition: `{"tables/review": {"2024-01-31": "5f1c09ab"}}`.

    A table that was looked at and had nothing has no partition. A whole window of partitions has one entry,
    `"2024-01-01..2024-01-31"`, whose id changes with any of them.
    """

    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote. Raises ValueError for what it did not write."""
        files = json.loads(text)
        if not (isinstance(files, dict) and all(map(_has_ids, files.values()))):
            raise ValueError("these are no ids of files by table and partition")
        return cls(files)

    def to_json(self) -> str:
        """Render for a footer: the same inputs give the same text.

        >>> InputVersions({"tables/turn": {"2024-02-01": "b", "2024-01-31": "a"}}).to_json()
        '{"tables/turn":{"2024-01-31":"a","2024-02-01":"b"}}'
        """
        return json.dumps(self.files, sort_keys=True, separators=(",", ":"))

    def narrowed_to(self, other: "InputVersions") -> "InputVersions":
        """Those of tables that the other was made of, too, and of plans where it was made of reviews."""
        read = {*other.files, *([PLANNED] if _REVIEWED in other.files else [])}
        return InputVersions({key: ids for key, ids in self.files.items() if key in read})

    def differing_from(self, other: "InputVersions") -> list[str]:
        """Partitions of these that the other does not have with the same id, in order.

        >>> InputVersions({"tables/turn": {"2024-01-31": "a", "2024-02-01": "b"}}).differing_from(
        ...     InputVersions({"tables/turn": {"2024-01-31": "a", "2024-02-01": "c"}}))
        ['tables/turn 2024-02-01']
        """
        return sorted(
            f"{key} {partition}"
            for key, ids in self.files.items()
            for partition, file_id in ids.items()
            if other.files.get(key, {}).get(partition) != file_id
        )


def _has_ids(partitions: object) -> bool:
    """Whether these are ids by partition. Raises ValueError for one that is no day and no window."""
    return isinstance(partitions, dict) and all(
        bounds_of(partition) and isinstance(file_id, str) for partition, file_id in partitions.items()
    )
