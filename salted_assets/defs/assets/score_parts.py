"""Daily scores made of tables: what is told of a day beside its rows, and days so large that they are scored in parts.

A part is the day's engagements with one remainder of a hash of their ids (or of their agents'), and what belongs to
them: what is summed up for an engagement, or an agent, is the same whether others are beside it or not.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import pyarrow as pa

from salted_assets.defs.asset_checks.outcome import CheckOutcome
from salted_assets.defs.asset_checks.readable import UnreadableValues, add_unreadable, check_readable
from salted_assets.defs.io_managers import ScoreFrame
from salted_assets.defs.step_days import DayMetadata
from salted_assets.history import WHOLE, HistoryFacts, Part

Origins = Mapping[str, HistoryFacts]
"""Where the rows of each dataset came from."""


@dataclass(frozen=True)
class DayFacts:
    """What is told of a day, or of a part of it: where its rows came from, what was unreadable, counts of its rows."""

    origins: Origins
    unreadable: Sequence[UnreadableValues]
    counts: Mapping[str, int]

    def __add__(self, other: "DayFacts") -> "DayFacts":
        """The facts of two parts of a day together."""
        origins = {dataset: _add_origins(facts, other.origins[dataset]) for dataset, facts in self.origins.items()}
        counts = {name: count + other.counts[name] for name, count in self.counts.items()}
        return DayFacts(origins, add_unreadable([*self.unreadable, *other.unreadable]), counts)

    def describe(self) -> DayMetadata:
        """How many rows came after the day's own export, out of how many exports the newest were found, and counts."""
        late = {f"late_{dataset}_rows": facts.late_row_count for dataset, facts in self.origins.items()}
        days = {day for facts in self.origins.values() for day in facts.days_read}
        own = all(facts.has_own_day for facts in self.origins.values())
        return {**late, "days_read": len(days), "has_own_day": own, **self.counts}

    def check(self) -> list[CheckOutcome]:
        """The outcome of the check `readable`."""
        return [check_readable(self.unreadable)]


@dataclass(frozen=True)
class Scored:
    """Rows of days, or of a part of one, and what is told of each day: nothing where other scores are added up."""

    rows: pa.Table
    facts: Mapping[date, DayFacts] = field(default_factory=dict)


def score_in_parts(
    score: Callable[[Sequence[date], Part], Scored], count_parts: Callable[[date], int], days: Sequence[date]
) -> ScoreFrame:
    """The days at once, or a single one in as many parts as it needs, each computed when it is written."""
    count = count_parts(days[0]) if len(days) == 1 else 1
    if count > 1:
        return _frame_in_parts(score, days[0], count)
    scored = score(days, WHOLE)
    return ScoreFrame(
        scored.rows,
        {day: facts.describe() for day, facts in scored.facts.items()},
        {day: facts.check() for day, facts in scored.facts.items()},
    )


def _frame_in_parts(score: Callable[[Sequence[date], Part], Scored], day: date, count: int) -> ScoreFrame:
    metadata: dict[date, DayMetadata] = {}
    outcomes: dict[date, list[CheckOutcome]] = {}

    def compute() -> Iterator[pa.Table]:
        facts: DayFacts | None = None
        for index in range(count):
            scored = score([day], Part(index, count))
            if day in scored.facts:
                facts = scored.facts[day] if facts is None else facts + scored.facts[day]
                metadata[day], outcomes[day] = facts.describe(), facts.check()
            yield scored.rows
            del scored
            pa.default_memory_pool().release_unused()

    return ScoreFrame(compute(), metadata, outcomes)


def _add_origins(one: HistoryFacts, other: HistoryFacts) -> HistoryFacts:
    if one.dataset == "agent":
        return one  # whose rows are no engagement's: each part reads them all
    return replace(
        one, row_count=one.row_count + other.row_count, late_row_count=one.late_row_count + other.late_row_count
    )
