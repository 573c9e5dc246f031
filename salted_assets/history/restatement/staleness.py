"""Which scores are not made of what is there now, or not as they would be made now."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import blake2b

from salted_assets.history.footers import SCHEMA_VERSION, Key, Partition
from salted_assets.history.input_versions import InputVersions
from salted_assets.history.recipes import Recipe
from salted_assets.history.restatement.input_index import InputIndex

_SILENT = "does not say what it was made of"
_EARLIER = "is of an earlier schema version"


@dataclass(frozen=True)
class Layout:
    """The tables and scores of a platform.

    `needed` are the tables without whose own partition a day is not scored for the first time. `daily` scores are made
    of a start day's rows, or of other scores of the day; `windowed` ones of the daily scores of many days. `recipes`
    say how each score would be made now; one without is compared by its inputs alone.
    """

    needed: tuple[Key, ...]
    daily: tuple[Key, ...]
    windowed: tuple[Key, ...]
    first_day: date
    recipes: Mapping[Key, Recipe] = field(default_factory=dict)

    def recipes_of(self, keys: Iterable[Key]) -> list[str]:
        """How these scores would be made now, as texts."""
        recipes = (self.recipes.get(key) for key in keys)
        return [f"{recipe.formula_version} {recipe.settings_json}" for recipe in recipes if recipe is not None]


@dataclass(frozen=True)
class StaleDay:
    """A day whose daily scores are not made of what is there, or not as they would be made now.

    `because` names what is new or gone, or lacking. `inputs_fingerprint` is of what the day would be made of and by
    now, and `scores_fingerprint` of the scores that it has, damaged ones too, empty without any: asking again with the
    same inputs is a repetition.
    """

    day: date
    because: tuple[str, ...]
    inputs_fingerprint: str
    scores_fingerprint: str


@dataclass(frozen=True)
class OutdatedWindow:
    """Why a window is out of date, and when the newest score behind it was restated.

    The time is None where that was not why, or where the scores do not say.
    """

    because: tuple[str, ...]
    restated_at: datetime | None = None


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
    when its formula or a setting that it read is another one, when a score does not say what it was made of and by, and
    when its schema version is an earlier one.
    """
    days = _list_complete_days(index, layout)
    examined = days if among is None else days & set(among)
    now = index.of_table_rows(examined)
    stale = {day: found for day in sorted(examined) if (found := _find_stale(index, layout, day, now[day])) is not None}
    affected = index.affected_dates() if among is None else set(among)
    return Staleness(stale, frozenset(affected - days))


def find_outdated_windows(
    index: InputIndex, layout: Layout, since: date = date.min
) -> dict[Key, dict[date, OutdatedWindow]]:
    """For each windowed score its days that would be made of something else now, or another way.

    A score that does not say what it was made of is left out.
    """
    found: dict[Key, dict[date, OutdatedWindow]] = {key: {} for key in layout.windowed}
    for key, days in found.items():
        for day in index.footers.days(key):
            made = index.footers.partition(key, day) if day >= since else None
            if made is None or (recorded := _recorded(made)) is None:
                continue
            changed = recorded.differing_from(index.current_versions_of(recorded))
            if because := [*_compare_recipes(layout, made), *changed]:
                days[day] = OutdatedWindow(tuple(because), index.newest_score_behind(recorded) if changed else None)
    return found


def find_stale_windows(index: InputIndex, layout: Layout, among: Iterable[date]) -> dict[date, StaleDay]:
    """Of these days those with a windowed score that is missing or out of date.

    A day whose own scores are not there has no windows either.
    """
    found = {}
    for day in among:
        if any(index.footers.partition(key, day) is None for key in layout.daily):
            continue
        because, made_of = [], [index.of_day(key, day).to_json() for key in layout.daily[:1]]
        made_of += layout.recipes_of(layout.windowed)
        for key in layout.windowed:
            made = index.footers.partition(key, day)
            recorded = None if made is None else _recorded(made)
            if made is None:
                because.append(_describe_absent(index, key, day))
            elif recorded is None:
                because.append(f"{'/'.join(key)} {_SILENT}")
            else:
                now = index.current_versions_of(recorded)
                because += [*_compare_recipes(layout, made), *recorded.differing_from(now)]
                made_of.append(now.to_json())
        if because:
            scores = [index.of_day(key, day).to_json() for key in layout.windowed]
            found[day] = StaleDay(day, tuple(dict.fromkeys(because)), shorten(*made_of), shorten(*scores))
    return found


def list_complete_days(index: InputIndex, layout: Layout, newest: int | None = None) -> list[date]:
    """The days that can be scored, or the newest of them, in order: those that have all tables."""
    days = sorted(_list_complete_days(index, layout))
    return days if newest is None else days[max(0, len(days) - newest) :]


def _recorded(score: Partition) -> InputVersions | None:
    return None if score.footer.inputs is None else InputVersions.from_json(score.footer.inputs)


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
            [_describe_absent(index, key, day)] if made is None else _compare(index, layout, made, now, text)
        )
    ]
    if not because:
        return None
    made_ids = [
        f"{'/'.join(key)} {'damaged' if made is None else made.file_id}"
        for key, made in scores.items()
        if made is not None or index.footers.find_damage(key, day)
    ]
    made_of = shorten(text, *layout.recipes_of(layout.daily))
    return StaleDay(day, tuple(dict.fromkeys(because)), made_of, shorten(*made_ids) if made_ids else "")


def _describe_absent(index: InputIndex, key: Key, day: date) -> str:
    return f"{'/'.join(key)} {'is damaged' if index.footers.find_damage(key, day) else 'is missing'}"


def _compare(index: InputIndex, layout: Layout, score: Partition, now: InputVersions, text: str) -> list[str]:
    """What differs from a score made now; `now` are the table partitions that affect its day, `text` their JSON."""
    recorded = _recorded(score)
    if recorded is None:
        return [f"{'/'.join(score.key)} {_SILENT}"]
    changed = _compare_recipes(layout, score)
    if score.footer.inputs == text:
        return changed
    found = {
        *now.narrowed_to(recorded).differing_from(recorded),
        *recorded.differing_from(index.current_versions_of(recorded)),
    }
    return [*changed, *sorted(found)]


def _compare_recipes(layout: Layout, score: Partition) -> list[str]:
    """What differs in how the score was made from how it would be made now."""
    name, recipe, made_by = "/".join(score.key), layout.recipes.get(score.key), score.footer.recipe
    if score.footer.schema_version < SCHEMA_VERSION:
        return [f"{name} {_EARLIER}"]
    if recipe is None:
        return []
    if made_by is None:
        return [f"{name} does not say by which formula and settings it was made"]
    return [f"{name}: {change}" for change in recipe.differing_from(made_by)]


def shorten(*texts: str) -> str:
    """A fingerprint of any number of texts."""
    return blake2b("\n".join(texts).encode(), digest_size=6).hexdigest()
