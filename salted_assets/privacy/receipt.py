"""What an erasure did, without any personal data."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

from salted_assets.privacy.register import RECEIPTS, SCHEMA_VERSION


@dataclass(frozen=True)
class Erased:
    """A file that held rows of erased customers: how many, and whether the whole file was deleted instead."""

    path: str
    row_count: int
    is_deleted: bool = False


@dataclass(frozen=True)
class Find:
    """What was found of one customer: a row or a mention at all, now or by an earlier run, and engagements now."""

    customer: str
    is_found: bool
    was_found_before: bool
    engagement_count: int

    def describe(self) -> str:
        """A line for people, after the customer's name."""
        if self.is_found:
            return f"found, with {self.engagement_count} engagements"
        if self.was_found_before:
            return "nothing left: an earlier run erased what there was"
        return "found nowhere: look for a slip in the pid"


@dataclass(frozen=True)
class AgentFind:
    """Whether anything was found of an agent: a row or a mention now, or by an earlier run."""

    agent: str
    pseudonym: str
    is_found: bool
    was_found_before: bool

    def describe(self) -> str:
        """A line for people, after the agent's name."""
        if self.is_found:
            return f"is {self.pseudonym} from now on"
        if self.was_found_before:
            return f"nothing left: an earlier run made {self.pseudonym} of them"
        return "found nowhere: look for a slip in the pid"


@dataclass(frozen=True)
class Receipt:
    """One run: for which customers by their hashes, what was found in which file, what is left to do.

    `finds` has one for each customer that this run was asked for, in that order; `customers` are the same in the order
    of their hashes, or all that were ever erased where the run was asked for none. `agents` and `agent_finds` are the
    same of agents, in a run that was asked for them; the rows of its files are those that were changed.

    `days_to_restate` are days whose scores are no longer made of what is there; `problems` name files that could not be
    rewritten, each with what to do. `was_dry_run` means that nothing was changed.
    """

    receipt_id: str
    erased_at: str
    simulated: bool
    was_dry_run: bool
    customers: tuple[str, ...]
    finds: tuple[Find, ...]
    engagement_count: int
    files: tuple[Erased, ...]
    days_to_restate: tuple[date, ...]
    problems: tuple[str, ...]
    agents: tuple[str, ...] = ()
    agent_finds: tuple["AgentFind", ...] = ()

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
        done = "changed in" if self.agents else "erased from"
        verb = f"would be {done}" if self.was_dry_run else done
        lines = [f"{count} rows {verb} {kind}" for kind, count in sorted(self.count_rows().items())]
        if deleted := sum(file.is_deleted for file in self.files):
            lines.append(f"{deleted} of these files {'would be' if self.was_dry_run else 'were'} deleted as a whole")
        if not self.files:
            lines.append("no row of theirs was found")
        return lines

    def describe_finds(self) -> Sequence[str]:
        """A line for each customer or agent that the run was asked for, in that order."""
        return [*(find.describe() for find in self.finds), *(find.describe() for find in self.agent_finds)]

    @property
    def is_complete(self) -> bool:
        """Whether every customer was found, now or before, and no problem is left."""
        was_found = [find.is_found or find.was_found_before for find in self.finds]
        was_found += [find.is_found or find.was_found_before for find in self.agent_finds]
        return not self.problems and all(was_found)


def _kind_of(path: str) -> str:
    """The table or folder that a path lies in.

    >>> _kind_of("tables/turn/date=2024-01-31/part-0.parquet"), _kind_of("raw/export/date=2024-01-31/a/b.zst")
    ('tables/turn', 'raw/export')
    """
    return "/".join(path.split("/")[:2]) if not path.startswith("contact_exports/") else "contact_exports"
