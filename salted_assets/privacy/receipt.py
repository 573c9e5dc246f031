"""What an erasure did, without any personal data."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

from salted_assets.privacy.register import FOLDER, SCHEMA_VERSION

RECEIPTS = f"{FOLDER}/receipts"


@dataclass(frozen=True)
class Erased:
    """A file that held rows of erased customers: how many, and whether the whole file was deleted instead."""

    path: str
    row_count: int
    is_deleted: bool = False


@dataclass(frozen=True)
class Receipt:
    """One run: for which customers by their hashes, what was found in which file, what is left to do.

    `days_to_restate` are days whose scores are no longer made of what is there; `problems` name files that could not be
    gone through, each with what to do. `was_dry_run` means that nothing was changed.
    """

    receipt_id: str
    erased_at: str
    simulated: bool
    was_dry_run: bool
    customers: tuple[str, ...]
    engagement_count: int
    files: tuple[Erased, ...]
    days_to_restate: tuple[date, ...]
    problems: tuple[str, ...]

    @property
    def path(self) -> str:
        """Where it is kept."""
        return f"{RECEIPTS}/{self.receipt_id}.json"

    def count_rows(self) -> dict[str, int]:
        """Rows by what they were found in: `tables/turn`, `raw`, `scores/answer`, ..."""
        counts: Counter[str] = Counter()
        for file in self.files:
            counts[_kind_of(file.path)] += file.row_count
        return dict(counts)

    def to_json(self) -> bytes:
        """Render as indented JSON with a schema version."""
        values = {
            "schema_version": SCHEMA_VERSION,
            **asdict(self),
            "days_to_restate": [day.isoformat() for day in self.days_to_restate],
        }
        return json.dumps(values, indent=2).encode()

    def describe(self) -> Sequence[str]:
        """Lines for people."""
        verb = "would be erased" if self.was_dry_run else "erased"
        lines = [f"{count} rows {verb} from {kind}" for kind, count in sorted(self.count_rows().items())]
        if deleted := sum(file.is_deleted for file in self.files):
            lines.append(f"{deleted} of these files {'would be' if self.was_dry_run else 'were'} deleted as a whole")
        if not self.files:
            lines.append("no row of theirs was found; if that is a surprise, look for a slip in the pid")
        return lines


def _kind_of(path: str) -> str:
    """The table or folder that a path lies in.

    >>> _kind_of("tables/turn/date=2024-01-31/part-0.parquet"), _kind_of("raw/export/date=2024-01-31/a/b.zst")
    ('tables/turn', 'raw/export')
    """
    return "/".join(path.split("/")[:2]) if not path.startswith("contact_exports/") else "contact_exports"
