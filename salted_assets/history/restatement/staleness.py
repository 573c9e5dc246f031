"""Which scores are not made of what is there now. Not here: when to ask for them (`planning`)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import blake2b

from salted_assets.history.restatement.footer_cache import Key, Note
from salted_assets.history.restatement.input_index import Evidence, Inputs


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

    `because` names what is new or gone, or lacking. `evidence` is a word for what the day would be made of now, and
    `standing` one for the scores that it has, empty without any: asking again for the same evidence is a repetition.
    """

    day: date
    because: tuple[str, ...]
    evidence: str
    standing: str


@dataclass(frozen=True)
class Findings:
    """The days to be scored, the days that wait for a table of their own, and those that no partition will ever be for.

    `untold_days` are start days that rows touch and for which not all tables are there: days before the first
    partition, or never exported. They are counted and not scored: a day would be made of a few late rows.
    """

    stale: Mapping[date, StaleDay]
    untold_days: frozenset[date]


def find_stale_days(evidence: Evidence, layout: Layout, among: Collection[date] | None = None) -> Findings:
    """Judge every day that can be scored, or those `among` the given ones.

    A day is stale when a daily score is missing, when a table partition touches it that its score does not note, when
    one that it notes is another one now or gone, when a score that was made of another was made of an older one, and
    when a score does not tell what it was made of.
    """
    days = _list_complete_days(evidence, layout)
    judged = days if among is None else days & set(among)
    now = evidence.of_table_rows_of(judged)
    stale = {day: found for day in sorted(judged) if (found := _judge(evidence, layout, day, now[day])) is not None}
    touched = evidence.touched_days() if among is None else set(among)
    return Findings(stale, frozenset(touched - days))


def find_outdated_windows(
    evidence: Evidence, layout: Layout, since: date = date.min
) -> dict[Key, dict[date, datetime | None]]:
    """For each windowed score its days whose inputs have been restated since, with the time when the newest was.

    The time is None where the inputs do not tell. A score that does not tell what it was made of is left out.
    """
    return {
        key: {
            day: evidence.newest_score_behind(noted)
            for day in evidence.footers.days(key)
            if day >= since
            and (noted := _noted(evidence, key, day)) is not None
            and noted.unlike(evidence.as_it_is(noted))
        }
        for key in layout.windowed
    }


def find_stale_windows(evidence: Evidence, layout: Layout, newest: int) -> dict[date, StaleDay]:
    """Of the `newest` days that can be scored, those with a windowed score that is missing or out of date.

    A day whose own scores are not there has no windows either.
    """
    found = {}
    for day in list_complete_days(evidence, layout, newest):
        if any(evidence.footers.note(key, day) is None for key in layout.daily):
            continue
        because, words = [], [evidence.of_day(layout.daily[0], day).to_note()]
        for key in layout.windowed:
            noted, name = _noted(evidence, key, day), "/".join(key)
            if evidence.footers.note(key, day) is None:
                because.append(f"{name} is missing")
            elif noted is not None:
                now = evidence.as_it_is(noted)
                because += noted.unlike(now)
                words.append(now.to_note())
        if because:
            standing = [evidence.of_day(key, day).to_note() for key in layout.windowed]
            found[day] = StaleDay(day, tuple(dict.fromkeys(because)), shorten(*words), shorten(*standing))
    return found


def list_complete_days(evidence: Evidence, layout: Layout, newest: int | None = None) -> list[date]:
    """The days that can be scored, or the newest of them, in order: those that have all tables."""
    days = sorted(_list_complete_days(evidence, layout))
    return days if newest is None else days[max(0, len(days) - newest) :]


def _noted(evidence: Evidence, key: Key, day: date) -> Inputs | None:
    note = evidence.footers.note(key, day)
    return None if note is None or note.inputs is None else Inputs.from_note(note.inputs)


def _list_complete_days(evidence: Evidence, layout: Layout) -> set[date]:
    """The days that can be scored: those that have all tables, and those that were scored when fewer were asked for."""
    tables, scores = ([set(evidence.footers.days(key)) for key in keys] for keys in (layout.needed, layout.daily))
    complete = set.intersection(*tables) if tables else set()
    return {day for day in complete.union(*scores) if day >= layout.first_day}


def _judge(evidence: Evidence, layout: Layout, day: date, now: Inputs) -> StaleDay | None:
    notes = {"/".join(key): evidence.footers.note(key, day) for key in layout.daily}
    text = now.to_note()
    because = [reason for name, note in notes.items() for reason in _compare(evidence, name, note, now, text)]
    if not because:
        return None
    standing = [f"{name} {note.file_id}" for name, note in notes.items() if note is not None]
    return StaleDay(day, tuple(dict.fromkeys(because)), shorten(text), shorten(*standing) if standing else "")


def _compare(evidence: Evidence, name: str, note: Note | None, now: Inputs, text: str) -> list[str]:
    """What tells the score from one made now; `now` are the table partitions that touch its day, `text` their note."""
    if note is None:
        return [f"{name} is missing"]
    if note.inputs is None:
        return [f"{name} does not tell what it was made of"]
    if note.inputs == text:
        return []
    noted = Inputs.from_note(note.inputs)
    return sorted({*now.narrowed_to(noted).unlike(noted), *noted.unlike(evidence.as_it_is(noted))})


def shorten(*words: str) -> str:
    """A short word for any number of words: equal words give equal ones."""
    return blake2b("\n".join(words).encode(), digest_size=6).hexdigest()
