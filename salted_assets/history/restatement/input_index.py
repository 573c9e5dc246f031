"""What a score would be made of if it were made now."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta
from hashlib import blake2b
from itertools import accumulate

from salted_assets.history.affected_dates import START_COLUMNS
from salted_assets.history.footers import FooterCache, Key, Partition
from salted_assets.history.input_versions import PLANNED, RANGE_SIGN, InputVersions, bounds_of
from salted_assets.history.rescheduled import RESCHEDULE_REACH
from salted_assets.history.review_plans import PlanFiles

_ENGAGEMENT: Key = ("tables", "engagement")
_AGENT: Key = ("tables", "agent")
_REVIEW: Key = ("tables", "review")
_ABSENT = "none"
"""What is recorded for the id of a score that was not there."""
_HASHES = 2**64
_LONG_STEP = timedelta(days=366)


class InputIndex:
    """The files behind scores, as they are now.

    A start day is made of the partitions of `datasets` that affect it, as `HistoryReader` reads them: its own, and
    those of later days whose rows belong to it; of turns and reviews also those of days to or from which engagements of
    the day were rescheduled, since they follow their engagement. Agents are read of the day's own partition. With
    reviews are read the plans by which engagements of the day were drawn.
    """

    def __init__(self, footers: FooterCache, datasets: Collection[str]) -> None:
        self._footers = footers
        self._tables: list[Key] = [("tables", dataset) for dataset in START_COLUMNS if dataset in datasets]
        self._of_own_day = [_AGENT] if "agent" in datasets else []
        self._plans = PlanFiles(footers.warehouse, footers.zone)
        self._series: dict[Key, _Series] = {}

    @property
    def footers(self) -> FooterCache:
        """Where the partitions come from."""
        return self._footers

    @property
    def tables(self) -> list[Key]:
        """The tables that days are made of."""
        return [*self._tables, *self._of_own_day]

    def refresh(self) -> None:
        """See what has been written since."""
        self._footers.refresh()
        self._plans.refresh()
        self._series = {}

    def of(self, upstream: Iterable[Key], day: date, window_days: int = 1) -> InputVersions:
        """What a score of the day is made of that reads these tables and scores.

        Of scores it reads the day's partition, or those of the `window_days` days that end on the day.
        """
        return self.of_days(upstream, [day], window_days)[day]

    def of_days(self, upstream: Iterable[Key], days: Iterable[date], window_days: int = 1) -> dict[date, InputVersions]:
        """The same for each of the days, found in one pass over the footers."""
        keys, wanted = set(upstream), list(days)
        rows = self.of_table_rows(wanted) if keys & set(self.tables) else {}
        windows = {
            key: self._build_series(key, min(wanted) - timedelta(days=window_days - 1), max(wanted))
            for key in keys
            if key[0] == "scores" and window_days > 1 and wanted
        }
        found: dict[date, InputVersions] = {}
        for day in wanted:
            tables = rows[day].files if rows else {}
            files = {name: ids for name, ids in tables.items() if tuple(name.split("/")) in keys}
            if _REVIEW in keys and PLANNED in tables:
                files[PLANNED] = tables[PLANNED]
            for key in keys:
                if key[0] == "scores":
                    scores = _name_window(key, windows[key], day, window_days) if windows else self.of_day(key, day)
                    # that there was none is recorded too, so that one that comes later is seen
                    files |= scores.files or {"/".join(key): {day.isoformat(): _ABSENT}}
            found[day] = InputVersions(files)
        return found

    def of_table_rows(self, days: Iterable[date]) -> dict[date, InputVersions]:
        """The table partitions that the score of each day is made of; a table without any has an empty entry.

        Reads once the footers of a fortnight before the first of the days, and all later ones; from a week before an
        earlier day to or from which an engagement of a day was rescheduled.
        """
        wanted = set(days)
        links = self._find_links(min(wanted, default=date.max) - 2 * RESCHEDULE_REACH)
        found: dict[date, dict[str, dict[str, str]]] = {
            day: {"/".join(key): dict(self.of_day(key, day).files.get("/".join(key), {})) for key in self._of_own_day}
            for day in wanted
        }
        for files in found.values():
            files.update({"/".join(key): {} for key in self._tables})
        for day in wanted if _REVIEW in self._tables else ():
            if plans := self._plans.id_of(day):
                found[day][PLANNED] = {day.isoformat(): plans}
        for key in self._tables:
            # an engagement counts by its own start alone; turns and reviews are where it was before, too
            behind = {day: {day} if key == _ENGAGEMENT else {day, *links[day]} for day in wanted}
            readers = _inverted(behind)
            for other in self._days_since(key, min(readers, default=date.max) - RESCHEDULE_REACH):
                partition = self._footers.partition(key, other)
                affected = set() if partition is None else {*self._affected_dates(partition), other}
                for day in {reader for each in affected for reader in readers[each]}:
                    if partition is not None and other >= min(behind[day]) - RESCHEDULE_REACH:
                        found[day]["/".join(key)][other.isoformat()] = partition.file_id
        return {day: InputVersions(files) for day, files in found.items()}

    def affected_dates(self, first: date = date.min, last: date = date.max) -> set[date]:
        """The start days that rows of these days' partitions affect, be there tables for them or not."""
        found: set[date] = set()
        for key in self._tables:
            for day in self._days_since(key, first):
                partition = self._footers.partition(key, day) if day <= last else None
                found.update(() if partition is None else self._affected_dates(partition))
        return found

    def possibly_stale_days(self, first: date, last: date) -> set[date]:
        """The days whose scores rows of these days' partitions may change: affected, or linked to an affected one."""
        affected = self.affected_dates(first, last)
        links = self._find_links(min(affected, default=date.max) - RESCHEDULE_REACH)
        return affected.union(*(links[day] for day in affected))

    def of_day(self, key: Key, day: date) -> InputVersions:
        """The day's own partition of a table; nothing where there is none."""
        partition = self._footers.partition(key, day)
        return (
            InputVersions()
            if partition is None
            else InputVersions({"/".join(key): {day.isoformat(): partition.file_id}})
        )

    def of_window(self, key: Key, last: date, day_count: int) -> InputVersions:
        """All partitions of a table in the `day_count` days that end on `last`, as one entry."""
        return _name_window(key, self._build_series(key, last - timedelta(days=day_count - 1), last), last, day_count)

    def current_versions_of(self, recorded: InputVersions) -> InputVersions:
        """The same partitions with the ids that they have now; those that are gone are left out."""
        found: dict[str, dict[str, str]] = {}
        for name, partition in _partitions(recorded):
            file_id = self._current_id(tuple(name.split("/")), partition)
            if file_id is None and recorded.files[name][partition] == _ABSENT:
                file_id = _ABSENT
            if file_id is not None:
                found.setdefault(name, {})[partition] = file_id
        return InputVersions(found)

    def newest_score_behind(self, recorded: InputVersions) -> datetime | None:
        """When the newest of these partitions was scored; None where none is there, or none says."""
        times = []
        for name, partition in _partitions(recorded):
            first, last = bounds_of(partition)
            times.append(self._series_with(tuple(name.split("/")), first, last).newest_between(first, last))
        return max((at for at in times if at is not None), default=None)

    def _affected_dates(self, partition: Partition) -> frozenset[date]:
        if partition.affected_dates is not None:
            return partition.affected_dates
        return self._footers.find_affected_dates(partition.key, partition.day).union(*partition.reschedules)

    def _find_links(self, since: date) -> dict[date, set[date]]:
        """The days between which engagements were rescheduled, from each to the others."""
        links: dict[date, set[date]] = defaultdict(set)
        for day in self._days_since(_ENGAGEMENT, since) if _ENGAGEMENT in self._tables else ():
            partition = self._footers.partition(_ENGAGEMENT, day)
            for one, other in partition.reschedules if partition else ():
                links[one].add(other)
                links[other].add(one)
        return links

    def _days_since(self, key: Key, first: date) -> list[date]:
        return [day for day in self._footers.days(key) if day >= first]

    def _current_id(self, key: Key, partition: str) -> str | None:
        first, last = bounds_of(partition)
        if "/".join(key) == PLANNED:
            return self._plans.id_of(first)
        if RANGE_SIGN in partition:
            return self._series_with(key, first, last).id_between(first, last)
        found = self._footers.partition(key, first)
        return None if found is None else found.file_id

    def _series_with(self, key: Key, first: date, last: date) -> "_Series":
        """A series that holds these days at least. It grows by long steps, so that it is built a few times only."""
        known = self._series.get(key)
        if known is None or first < known.first or last > known.last:
            start, end = (first, last) if known is None else (min(first, known.first), max(last, known.last))
            known = self._series[key] = self._build_series(key, start - _LONG_STEP, end + _LONG_STEP)
        return known

    def _build_series(self, key: Key, first: date, last: date) -> "_Series":
        days = (day for day in self._footers.days(key) if first <= day <= last)
        partitions = (self._footers.partition(key, day) for day in days)
        return _Series(first, last, [partition for partition in partitions if partition is not None])


class _Series:
    """The files of a table in order of days. A window's id is a difference of running sums, whatever its length."""

    def __init__(self, first: date, last: date, partitions: list[Partition]) -> None:
        self.first, self.last = first, last
        self._days = [partition.day for partition in partitions]
        self._scored_at = [partition.footer.scored_at for partition in partitions]
        self._sums = list(accumulate((_hash(partition.day, partition.file_id) for partition in partitions), initial=0))

    def id_between(self, first: date, last: date) -> str:
        start, end = self._range(first, last)
        return f"{(self._sums[end] - self._sums[start]) % _HASHES:016x}"

    def newest_between(self, first: date, last: date) -> datetime | None:
        start, end = self._range(first, last)
        return max((at for at in self._scored_at[start:end] if at is not None), default=None)

    def _range(self, first: date, last: date) -> tuple[int, int]:
        return bisect_left(self._days, first), bisect_right(self._days, last)


def _name_window(key: Key, series: _Series, last: date, day_count: int) -> InputVersions:
    first = last - timedelta(days=day_count - 1)
    return InputVersions({"/".join(key): {f"{first}{RANGE_SIGN}{last}": series.id_between(first, last)}})


def _inverted(behind: Mapping[date, set[date]]) -> dict[date, set[date]]:
    readers: dict[date, set[date]] = defaultdict(set)
    for day, others in behind.items():
        for other in others:
            readers[other].add(day)
    return readers


def _hash(day: date, file_id: str) -> int:
    return int.from_bytes(blake2b(f"{day} {file_id}".encode(), digest_size=8).digest())


def _partitions(inputs: InputVersions) -> Iterable[tuple[str, str]]:
    return ((name, partition) for name, ids in inputs.files.items() for partition in ids)
