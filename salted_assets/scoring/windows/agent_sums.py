"""The sums of `scores/agent_daily` by agent and day bucket: who was there, with which sums of each measure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.schemas.rolling_measures import RollingMeasure
from salted_assets.schemas.scores.daily import AgentDaily
from salted_assets.scoring.day_rows import DayRows, pass_days
from salted_assets.scoring.stats import DaySums, Floats, Indices
from salted_assets.scoring.text_index import Labels, number_texts
from salted_assets.scoring.windows.agent_parts import ENGAGEMENTS, PART_COUNT, PARTS, find_parts
from salted_assets.scoring.windows.day_buckets import BUCKET_COUNT, bucket_of, buckets_of

_NOT_KNOWN = -1


class Sums(NamedTuple):
    """Count, sum and sum of squares of a measure for each agent, or for each of whatever agents were added up to."""

    counts: Floats
    totals: Floats
    squares: Floats

    def at(self, indexes: Indices) -> "Sums":
        """The sums of those at these indexes alone."""
        return Sums(*(part[indexes] for part in self))


class WindowSums(NamedTuple):
    """A measure in a window: its values, and what its interval is made of.

    `units` are independent but for their day: the values themselves, or where an engagement can have several the means
    of the engagements. `days` says how units spread over days, `squared_sizes` is the sum of the squared numbers of
    values that units have.
    """

    values: Sums
    units: Sums
    days: DaySums
    squared_sizes: Floats

    def at(self, indexes: Indices) -> "WindowSums":
        """Those of these indexes alone."""
        return WindowSums(
            self.values.at(indexes),
            self.units.at(indexes),
            DaySums(*(part[indexes] for part in self.days)),
            self.squared_sizes[indexes],
        )


@dataclass(frozen=True)
class AgentSums:
    """What each agent did in each day bucket; `worked` is by bucket and agent, `parts` by part, bucket and agent.

    Names, and whether an agent is a machine, are those of the latest day that tells. `ages` are the days with rows, as
    days before the end date.
    """

    agent_pids: list[str]
    names: list[str | None]
    bots: list[bool | None]
    worked: Floats
    parts: Floats
    ages: frozenset[int]
    _summed: dict[tuple[int, bool], Floats] = field(default_factory=dict, repr=False, compare=False)

    @property
    def engagements(self) -> Floats:
        """The engagements by bucket and agent."""
        engagements: Floats = self.parts[ENGAGEMENTS]
        return engagements

    def sums_of(self, measure: RollingMeasure, days: int, *, is_previous: bool = False) -> Sums:
        """The measure's sums over the window of `days`, or over the one before it; 0 where there is nothing."""
        return Sums(*self._add_up(PARTS[measure].values, days, is_previous))

    def day_sums_of(self, measure: RollingMeasure, days: int, *, is_previous: bool = False) -> DaySums:
        """How the measure's units spread over the days of the window, or of the one before it."""
        return DaySums(*self._add_up(PARTS[measure].days, days, is_previous))

    def window_sums_of(self, measure: RollingMeasure, days: int, *, is_previous: bool = False) -> WindowSums:
        """The measure with its units in the window of `days`, or in the one before it."""
        return WindowSums(
            self.sums_of(measure, days, is_previous=is_previous),
            Sums(*self._add_up(PARTS[measure].units, days, is_previous)),
            self.day_sums_of(measure, days, is_previous=is_previous),
            *self._add_up((PARTS[measure].squared_sizes,), days, is_previous),
        )

    def join_windows_of(
        self,
        measures: Sequence[RollingMeasure],
        windows: Mapping[int, Indices | slice],
        *,
        is_previous: bool = False,
    ) -> WindowSums:
        """The measures, one after the other, of each window in turn, or of those before; `windows` has their agents."""
        summed = [self._sum_up(days, is_previous)[:, agents] for days, agents in windows.items()]

        def join(of_measures: Iterable[tuple[int, ...]]) -> Iterator[Floats]:
            for parts in map(list, zip(*of_measures, strict=True)):
                yield np.concatenate([of_window[parts].ravel() for of_window in summed])

        parts = [PARTS[measure] for measure in measures]
        return WindowSums(
            Sums(*join(each.values for each in parts)),
            Sums(*join(each.units for each in parts)),
            DaySums(*join(each.days for each in parts)),
            *join((each.squared_sizes,) for each in parts),
        )

    def days_present(self, days: int) -> int:
        """The days of the window on which anybody has an engagement."""
        return sum(age < days for age in self.ages)

    def _add_up(self, parts: tuple[int, ...], days: int, is_previous: bool) -> Iterator[Floats]:
        summed = self._sum_up(days, is_previous)
        return (summed[part] for part in parts)

    def _sum_up(self, days: int, is_previous: bool) -> Floats:
        """All parts of the window, by part and agent."""
        if (days, is_previous) not in self._summed:
            buckets = buckets_of(days, is_previous=is_previous)
            self._summed[days, is_previous] = self.parts[:, buckets].sum(axis=1)
        return self._summed[days, is_previous]


def sum_agents(daily: DayRows, end_dates: Sequence[date], *, bucket_count: int = BUCKET_COUNT) -> Iterator[AgentSums]:
    """For each end date, in order, the sums of rows of `scores/agent_daily` with at least `ROLLING_DAILY_COLUMNS`.

    An agent has one row a day. Days of later buckets, or of no window, are left out. Sums that are null (what they need
    was not exported) are 0, as are those of days without a row. Each bucket is added up from its oldest day on, so that
    an end date has the same sums alone as among others.
    """
    windows = [_Window(end, bucket_count) for end in end_dates]
    agents, facts = Labels(str), _Facts()

    def add(day: date, rows: pa.Table) -> None:
        agent = agents.index(rows["agent_pid"])
        facts.note(day, rows, agent, len(agents))
        own = np.zeros((len(agents), PART_COUNT + 1))
        own[agent, :-1], own[agent, -1] = find_parts(rows), 1.0
        for window in windows:
            window.add(day, own)

    for _ in pass_days(daily, AgentDaily, end_dates, add):
        yield windows.pop(0).take(agents, facts)


class _Facts:
    """What days to come may say otherwise: names, and whether agents are machines, with the day that says it."""

    def __init__(self) -> None:
        self.names: npt.NDArray[np.object_] = np.empty(0, object)
        self.is_bot = np.empty(0, np.int64)
        self.name_days, self.is_bot_days = (np.empty(0, np.int64) for _ in range(2))

    def note(self, day: date, rows: pa.Table, agent: Indices, agents: int) -> None:
        """Note what the day's rows say of these agents."""
        more = agents - self.names.size
        self.names = np.append(self.names, np.full(more, None, object))
        self.is_bot, self.name_days, self.is_bot_days = (
            np.append(each, np.full(more, _NOT_KNOWN)) for each in (self.is_bot, self.name_days, self.is_bot_days)
        )
        texts, numbers = number_texts(rows["agent_name"], lambda texts: pa.array(np.arange(len(texts)), pa.int32()))
        names = [name if name and name.strip() else None for name in texts.to_pylist()]
        number = pc.fill_null(numbers, -1).to_numpy()
        is_named = np.array([*(name is not None for name in names), False], bool)[number]
        self.names[agent[is_named]] = np.array([*names, None], object)[number[is_named]]
        self.name_days[agent[is_named]] = day.toordinal()
        is_bot = pc.fill_null(rows["is_bot"].cast(pa.int8()), _NOT_KNOWN).to_numpy()
        is_known = is_bot != _NOT_KNOWN
        self.is_bot[agent[is_known]] = is_bot[is_known]
        self.is_bot_days[agent[is_known]] = day.toordinal()

    def since(self, oldest: int, agents: Indices) -> tuple[list[str | None], list[bool | None]]:
        """Names of these agents, and whether they are machines; None where no day since the oldest one tells."""
        names = self.names[agents]
        names[self.name_days[agents] < oldest] = None
        is_bot = np.where(self.is_bot_days[agents] >= oldest, self.is_bot[agents], _NOT_KNOWN).tolist()
        return names.tolist(), [None if each == _NOT_KNOWN else bool(each) for each in is_bot]


class _Window:
    """What is added up for one end date, by bucket in rows by agent; the last column counts days."""

    def __init__(self, end: date, bucket_count: int) -> None:
        self.end = end
        self._buckets = [np.zeros((0, PART_COUNT + 1)) for _ in range(bucket_count)]
        self._ages: list[int] = []

    def add(self, day: date, own: Floats) -> None:
        """Add a day's parts; without effect where no bucket takes the day."""
        age = (self.end - day).days
        bucket = bucket_of(age)
        if 0 <= bucket < len(self._buckets):
            self._ages.append(age)
            self._buckets[bucket] = _with_rows(self._buckets[bucket], len(own))
            self._buckets[bucket][: len(own)] += own

    def take(self, agents: Labels, facts: _Facts) -> AgentSums:
        """What was added, of the agents who have a row, in the order of their ids."""
        texts = agents.texts
        sums = np.stack([_with_rows(bucket, len(texts))[: len(texts)] for bucket in self._buckets])
        present = np.flatnonzero(sums[:, :, -1].any(axis=0)).tolist()
        order = np.array(sorted(present, key=texts.__getitem__), np.int64)
        sums = np.ascontiguousarray(sums[:, order].transpose(2, 0, 1))
        oldest = self.end.toordinal() - max(self._ages, default=0)
        names, bots = facts.since(oldest, order)
        return AgentSums(
            agent_pids=[texts[agent] for agent in order],
            names=names,
            bots=bots,
            worked=sums[-1],
            parts=sums[:-1],
            ages=frozenset(self._ages),
        )


def _with_rows(table: Floats, rows: int) -> Floats:
    """The table with so many rows at least, and some for more to come."""
    if len(table) >= rows:
        return table
    grown = np.zeros((rows + rows // 8, table.shape[1]))
    grown[: len(table)] = table
    return grown
