"""The command `salted what-if`: who would change, and by how much, if settings of scores were others."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from difflib import get_close_matches
from functools import partial

import click
import pyarrow as pa

from salted_assets.cli.explained_text import align
from salted_assets.cli.json_output import echo_json
from salted_assets.cli.options import open_warehouse, with_days
from salted_assets.cli.scratch_scores import ScratchScores, open_scratch
from salted_assets.explain.agent_figure import QA_SCORE, NotExplicable, ValueWords, name_in_trade
from salted_assets.explain.agent_figure.measures import find_measure
from salted_assets.explain.shapley import list_subsets
from salted_assets.output.what_if import Change, Standing, compare_scores
from salted_assets.schemas.rolling_measures import RollingMeasure
from salted_assets.schemas.scores import WINDOWS
from salted_assets.schemas.scores.fair import CHANGE_DIRECTIONS
from salted_assets.settings import Settings, SettingsError, variable_of
from salted_assets.settings.groups import ScoreSettings
from salted_assets.warehouse import WarehouseError

_SETTINGS = {variable_of(name): name for name in (*ScoreSettings.model_fields, "not_for_persons")}
_SHOWN = 20


@click.command()
@click.option(
    "--set", "given", multiple=True, required=True, metavar="NAME=VALUE", help="A setting; several are tried together."
)
@click.option(
    "--measure", default=QA_SCORE, metavar="NAME", show_default=True, help="Of which measure, as in scores/fair."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, with everybody.")
@with_days
def what_if(settings: Settings, first: date, last: date, given: Sequence[str], measure: str, *, as_json: bool) -> None:
    """Try other settings of scores on the days FIRST to LAST: who would change, and by how much.

    The days are scored again in a scratch folder; nothing in the warehouse changes. Days before FIRST keep the scores
    that they have, so give as many days as the window that you ask about.
    """
    chosen = _parse(given)
    try:
        asked = find_measure(measure, settings.not_for_persons)
        with open_scratch(settings, open_warehouse(settings), first, last) as scratch:
            _refuse_idle(scratch, settings, chosen)
            days = scratch.list_days()
            tables = _score_each(scratch, settings, chosen, days)
    except (WarehouseError, NotExplicable, OSError) as error:
        raise click.ClickException(str(error)) from None
    window, by_team = _choose_window(first, last), not settings.shows_agents
    found = compare_scores(tables, asked, window, by_team=by_team)
    if as_json:
        echo_json(_to_document(chosen, asked, days, window, found))
        return
    click.echo(f"\nWith {', '.join(given)}{' (simulated data)' if settings.simulated else ''}:")
    for line in describe(found, asked, window, last, pass_score=settings.pass_score, by_team=by_team):
        click.echo(line)
    if len(days) <= (last - first).days:
        click.echo(f"{len(days)} of the {(last - first).days + 1} days have all tables; the others are left out.")
    click.echo(f"Scored again: {days[0]} to {last}, in a folder that is gone. Nothing in the warehouse has changed.")


def describe(
    found: Sequence[Change], measure: RollingMeasure, window_days: int, last: date, *, pass_score: float, by_team: bool
) -> Iterator[str]:
    """The comparison for people: in a sentence, then those who change most, then who would stand elsewhere."""
    words = ValueWords.of(measure)
    moved = [(change, *pair) for change in found if (pair := change.figures) and words.subtract(*pair)]
    name = name_in_trade(measure)
    unit, figure = ("teams", "plain") if by_team else ("agents", "fair")
    yield f"{figure} {name}, {window_days} days to {last}: {len(moved)} of {len(found)} {unit} would change" + (
        f", by {words.write_difference(words.subtract(*moved[0][1:]))} {words.points} at most" if moved else ""
    )
    yield ""
    if moved:
        yield from align(list(_tabulate(moved[:_SHOWN], words)), numbers=3)
        if len(moved) > _SHOWN:
            yield f"  and {len(moved) - _SHOWN} more, who change less; --json has everybody"
        yield ""
    for said, names in _list_news(found, pass_score if measure.name == QA_SCORE else None):
        yield f"{said}: {', '.join(names)}"


def _tabulate(moved: Sequence[tuple[Change, float, float]], words: ValueWords) -> Iterator[tuple[str, ...]]:
    yield ("", "", "", "now", "then", words.points)
    for change, new, old in moved:
        points = words.round_steps(old, list(change.shares.values()), new) if change.shares else ()
        shares = zip(map(variable_of, change.shares), map(words.write_difference, points), strict=True)
        team = f"({change.team})" if change.team and change.team != change.pid else ""
        difference = words.write_difference(words.subtract(new, old))
        beside = ", ".join(f"{name} {part}" for name, part in shares)
        yield (change.name or change.pid, team, beside, words.write(old), words.write(new), difference)


def _list_news(found: Sequence[Change], pass_score: float | None) -> Iterator[tuple[str, list[str]]]:
    """Who would be compared, stand out, have an alarm or pass that does not now, and the other way round."""
    yield from _list_who(found, "newly compared with colleagues", lambda standing: standing.is_compared, is_new=True)
    yield from _list_who(found, "no longer compared", lambda standing: standing.is_compared, is_new=False)
    for state in ("below", "above"):
        said = f"{state} the colleagues beyond chance"
        yield from _list_who(found, f"newly {said}", partial(_is_in_state, state), is_new=True)
        yield from _list_who(found, f"no longer {said}", partial(_is_in_state, state), is_new=False)
    for alarm in CHANGE_DIRECTIONS:
        said = f"alarm of change, {alarm}"
        yield from _list_who(found, f"new {said}", partial(_has_alarm, alarm), is_new=True)
        yield from _list_who(found, f"gone {said}", partial(_has_alarm, alarm), is_new=False)
    if pass_score is not None:
        level = f"{pass_score:.0%} ({variable_of('pass_score')})"
        yield from _list_who(found, f"fair score newly at least {level}", partial(_passes, pass_score), is_new=True)
        yield from _list_who(found, f"fair score newly under {level}", partial(_passes, pass_score), is_new=False)


def _list_who(
    found: Sequence[Change], said: str, holds: Callable[[Standing], bool], *, is_new: bool
) -> Iterator[tuple[str, list[str]]]:
    """The sentence with the names of those of whom it holds newly, or no longer; nothing where it is of nobody."""
    of_whom = [
        change.name or change.pid
        for change in found
        if holds(change.then) is is_new and holds(change.now) is not is_new
        if change.now.count and change.then.count
    ]
    if of_whom:
        yield said, of_whom


def _is_in_state(state: str, standing: Standing) -> bool:
    return standing.state == state


def _has_alarm(alarm: str, standing: Standing) -> bool:
    return standing.alarm == alarm


def _passes(pass_score: float, standing: Standing) -> bool:
    return standing.fair is not None and standing.fair >= pass_score


def _parse(given: Sequence[str]) -> dict[str, str]:
    """The texts of the settings by field. Raises click.ClickException for a name that is no setting of scores."""
    chosen = {}
    for text in given:
        variable, sign, value = text.partition("=")
        name = _SETTINGS.get(variable.strip().upper())
        if name is None or not sign:
            # the value is not shown: what stands there may be a key
            near = get_close_matches(variable.strip().upper(), _SETTINGS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(_SETTINGS)}"
            raise click.UsageError(f"--set takes NAME=VALUE, and {variable!r} is no setting of scores: {hint}")
        chosen[name] = value
    return chosen


def _change(settings: Settings, chosen: Mapping[str, str]) -> Settings:
    """The settings with these in place of theirs. Raises click.ClickException for a value that cannot be used."""
    environment = {**os.environ, **{variable_of(name): text for name, text in chosen.items()}}
    try:
        read = Settings.load(environment)
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    return settings.model_copy(update={name: getattr(read, name) for name in chosen})


def _refuse_idle(scratch: ScratchScores, settings: Settings, chosen: Mapping[str, str]) -> None:
    """Raise click.ClickException for a setting that has the value already, or that no figure depends on."""
    for name, text in chosen.items():
        changed = _change(settings, {name: text})
        if getattr(changed, name) == getattr(settings, name):
            raise click.ClickException(f"{variable_of(name)} is {text!r} already, so nothing would change")
        if not scratch.reaches_scores(changed):
            raise click.ClickException(f"{variable_of(name)} changes no score, only what pages say of them")


def _score_each(
    scratch: ScratchScores, settings: Settings, chosen: Mapping[str, str], days: Sequence[date]
) -> dict[frozenset[str], dict[str, pa.Table]]:
    """The present scores, those of each combination of the settings, and last those of all together."""
    return {
        frozenset(names): scratch.score(_change(settings, {name: chosen[name] for name in names}), days)
        for names in list_subsets(list(chosen))
    }


def _choose_window(first: date, last: date) -> int:
    """The longest window that the days fill, or the shortest there is."""
    return max((days for days in WINDOWS if days <= (last - first).days + 1), default=WINDOWS[0])


def _to_document(
    chosen: Mapping[str, str], measure: RollingMeasure, days: Sequence[date], window_days: int, found: Sequence[Change]
) -> dict[str, object]:
    return {
        "settings": {variable_of(name): text for name, text in chosen.items()},
        "measure": measure.name,
        "unit": measure.unit,
        "days": list(days),
        "window_days": window_days,
        "changes": [
            asdict(change)
            | {
                "difference": change.difference,
                "shares": {variable_of(name): part for name, part in change.shares.items()},
            }
            for change in found
        ],
    }
