"""Which scores are not made of what is there now."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import blake2b

from salted_assets.history.footers import SCHEMA_VERSION, Key, Partition
from salted_assets.history.restatement.input_index import InputIndex, InputVersions

_EARLIER = "is of an earlier schema version"


@dataclass(frozen=True)
class Layout:
    """The tables and scores of a platform.

    `needed` are the tables without whose own partition a day is not scored for the first time. `daily` scores are made
    of a start day's rows, or of other scores of the day; `windowed` ones of the daily scores of many days.
    """

    needed: tuple[Key, ...]
    daily: tuple[Key, ...]
    windowed: tuple[Key, ...]
    first_day: date


@dataclass(frozen=True)
class StaleDay:
    """A day whose daily scores are not made of what is there.

    `because` names what is new or gone, or lacking. `inputs_fingerprint` is of what the day would be made of now, and
    `scores_fingerprint` of the scores that it has, damaged ones too, empty without any: asking again with the same
    inputs is a repetition.
    """

    day: date
    because: tuple[str, ...]
    inputs_fingerprint: str
    scores_fingerprint: str


@dataclass(frozen=True)
class Staleness:
    """The days to be scored, the days that wait for a table of their own, and those that no partition will ever be for.

    `days_without_tables` are start days that rows affect and for which not all tables are there: days before the first
    partition, or never exported. They are counted and not scored: a day would be made of a few late rows.
    """

    stale: Mapping[date, StaleDay]
    days_without_tables: frozenset[date]


def find_stale_days(index: InputIndex, layout: Layout, among: Collection[date] | None = None) -> Staleness:
    """Examine every day that can be scored, or those `among` the given ones.

    A day is stale when a daily score is missing, when a table partition affects it that its score was not made of, when
    one that it was made of is another one now or gone, when a score that was made of another was made of an older one,
    when a score does not say what it was made of, and when its schema version is an earlier one.
    """
    days = _list_complete_days(index, layout)
    examined = days if among is None else days & set(among)
    now = index.of_table_rows_of(examined)
    stale = {day: found for day in sorted(examined) if (found := _find_stale(index, layout, day, now[day])) is not None}
    affected = index.affected_dates() if among is None else set(among)
    return Staleness(stale, frozenset(affected - days))


def find_outdated_windows(
    index: InputIndex, layout: Layout, since: date = date.min
) -> dict[Key, dict[date, datetime | None]]:
    """For each windowed score its days whose inputs have been restated since, with the time when the newest was.

    The time is None where the inputs do not say. A score that does not say what it was made of is left out.
    """
    return {
        key: {
            day: index.newest_score_behind(recorded)
            for day in index.footers.days(key)
            if day >= since
            and (recorded := _recorded(index, key, day)) is not None
            and recorded.differing_from(index.current_versions_of(recorded))
        }
        for key in layout.windowed
    }


def find_stale_windows(index: InputIndex, layout: Layout, newest: int) -> dict[date, StaleDay]:
    """Of the `newest` days that can be scored, those with a windowed score that is missing or out of date.

    A day whose own scores are not there has no windows either.
    """
    found = {}
    for day in list_complete_days(index, layout, newest):
        if any(index.footers.partition(key, day) is None for key in layout.daily):
            continue
        because, made_of = [], [index.of_day(layout.daily[0], day).to_json()]
        for key in layout.windowed:
            recorded, name = _recorded(index, key, day), "/".join(key)
            made = index.footers.partition(key, day)
            if made is None:
                because.append(_describe_absent(index, key, day))
            elif recorded is not None:
                because += [f"{name} {_EARLIER}"] if made.footer.schema_version < SCHEMA_VERSION else []
                now = index.current_versions_of(recorded)
                because += recorded.differing_from(now)
                made_of.append(now.to_json())
        if because:
            scores = [index.of_day(key, day).to_json() for key in layout.windowed]
            found[day] = StaleDay(day, tuple(dict.fromkeys(because)), shorten(*made_of), shorten(*scores))
    return found


def list_complete_days(index: InputIndex, layout: Layout, newest: int | None = None) -> list[date]:
    """The days that can be scored, or the newest of them, in order: those that have all tables."""
    days = sorted(_list_complete_days(index, layout))
    return days if newest is None else days[max(0, len(days) - newest) :]


def _recorded(index: InputIndex, key: Key, day: date) -> InputVersions | None:
    partition = index.footers.partition(key, day)
    text = None if partition is None else partition.footer.inputs
    return None if text is None else InputVersions.from_json(text)


def _list_complete_days(index: InputIndex, layout: Layout) -> set[date]:
    """The days that can be scored: those that have all tables, and those that were scored when fewer were asked for."""
    tables, scores = ([set(index.footers.days(key)) for key in keys] for keys in (layout.needed, layout.daily))
    complete = set.intersection(*tables) if tables else set()
    return {day for day in complete.union(*scores) if day >= layout.first_day}


def _find_stale(index: InputIndex, layout: Layout, day: date, now: InputVersions) -> StaleDay | None:
    scores = {key: index.footers.partition(key, day) for key in layout.daily}
    text = now.to_json()
    because = [
        reason
        for key, made in scores.items()
        for reason in (
            [_describe_absent(index, key, day)] if made is None else _compare(index, "/".join(key), made, now, text)
        )
    ]
    if not because:
        return None
    made_ids = [
        f"{'/'.join(key)} {'damaged' if made is None else made.file_id}"
        for key, made in scores.items()
        if made is not None or index.footers.find_damage(key, day)
    ]
    return StaleDay(day, tuple(dict.fromkeys(because)), shorten(text), shorten(*made_ids) if made_ids else "")


def _describe_absent(index: InputIndex, key: Key, day: date) -> str:
    return f"{'/'.join(key)} {'is damaged' if index.footers.find_damage(key, day) else 'is missing'}"


def _compare(index: InputIndex, name: str, score: Partition, now: InputVersions, text: str) -> list[str]:
    """What differs from a score made now; `now` are the table partitions that affect its day, `text` their JSON."""
    if score.footer.inputs is None:
        return [f"{name} does not say what it was made of"]
    if score.footer.schema_version < SCHEMA_VERSION:
        return [f"{name} {_EARLIER}"]
    if score.footer.inputs == text:
        return []
    recorded = InputVersions.from_json(score.footer.inputs)
    return sorted(
        {
            *now.narrowed_to(recorded).differing_from(recorded),
            *recorded.differing_from(index.current_versions_of(recorded)),
        }
    )


def shorten(*texts: str) -> str:
    """A fingerprint of any number of texts."""
    return blake2b("\n".join(texts).encode(), digest_size=6).hexdigest()
