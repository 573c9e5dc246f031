"""The command `salted explain`: how a published figure of one agent came about, as text or JSON."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date, datetime, time
from typing import Any

import click

from salted_assets.cli.agents import find_agent
from salted_assets.cli.explained_text import write_explanation
from salted_assets.cli.json_output import echo_json
from salted_assets.cli.options import Day, ensure_agents_shown, load_settings, open_warehouse
from salted_assets.explain.agent_figure import (
    PERIODS,
    QA_SCORE,
    FigureChange,
    FigureExplanation,
    NotExplicable,
    SharedPart,
    ValueWords,
    WeekChange,
    describe_anchored,
    describe_comparison,
    describe_figure,
    explain_figure,
    share_points,
)
from salted_assets.output.scorecard.agent_page import find_newest_day, has_agent_scores, list_people
from salted_assets.warehouse import Warehouse, WarehouseError


@click.command()
@click.argument("agent")
@click.option(
    "--measure", default=QA_SCORE, metavar="NAME", show_default=True, help="Of which measure, as in scores/fair."
)
@click.option("--day", type=Day(), metavar="DAY", help="The last day of the figure; the newest scored one by default.")
@click.option(
    "--window",
    "window_days",
    type=click.Choice([str(days) for days in PERIODS]),
    default="28",
    show_default=True,
    help="The days that the figure stands for; 1 is the day itself.",
)
@click.option("--since", type=Day(), metavar="DAY", help="Changes since this day began; else since it was published.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, with every evaluation.")
def explain(agent: str, measure: str, day: date | None, window_days: str, since: date | None, *, as_json: bool) -> None:
    """Say how a figure of an agent came about: evaluations, corrections, changes since it was published.

    AGENT is a name or an ID. Named are the evaluations that the figure rests on, and every correction from the plain
    mean to the figure that is compared, in points that add up. Nothing is written. docs/explaining.md reads an example.
    """
    settings = load_settings()
    ensure_agents_shown(settings, "no figure of an agent is explained")
    warehouse = open_warehouse(settings)
    try:
        chosen = _choose_day(warehouse, day)
        person = find_agent(list_people(warehouse, chosen), agent, chosen)
        found = explain_figure(
            warehouse,
            settings.timezone,
            person.agent_pid,
            measure,
            chosen,
            int(window_days),
            settings.not_for_persons,
            name_reviewers=settings.name_reviewers,
            since=None if since is None else datetime.combine(since, time(), settings.zone),
        )
    except (WarehouseError, NotExplicable, OSError) as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        echo_json(_to_document(found))
        return
    for line in write_explanation(found, is_simulated=warehouse.simulated):
        click.echo(line)


def _choose_day(warehouse: Warehouse, day: date | None) -> date:
    chosen = day or find_newest_day(warehouse)
    if chosen is None:
        raise click.ClickException(f"no day is scored in {warehouse.uri}; run `salted backfill` first")
    if not has_agent_scores(warehouse, chosen):
        raise click.ClickException(f"{chosen} is not scored; `salted backfill {chosen} {chosen}` does it")
    return chosen


def _to_document(found: FigureExplanation) -> dict[str, Any]:
    figure, derivation = found.figure, found.derivation
    words, week = ValueWords.of(figure.measure), found.week_change
    points = derivation.round_steps(words)
    return {
        "agent": {"pid": figure.agent_pid, "name": figure.agent_name},
        "measure": figure.measure.name,
        "unit": figure.measure.unit,
        "window_days": figure.window_days,
        "end_date": figure.end_date,
        "published_at_utc": figure.published_at_utc,
        "sentences": list(
            filter(None, (describe_figure(figure), describe_comparison(figure), describe_anchored(figure)))
        ),
        "count": figure.count,
        "plain": figure.plain,
        "fair": figure.fair,
        "best_guess": figure.best_guess,
        "comparison": figure.comparison,
        "anchored": figure.anchored,
        "steps": [
            {"name": step.name, "words": step.describe(rounded), "value": step.value, "points": rounded}
            for step, rounded in zip(derivation.steps, points, strict=True)
        ],
        "steps_note": derivation.note,
        "since": found.since,
        "changes": [_describe(change, words) for change in found.changes],
        "week_before": None if week is None else _describe_week(week, words),
        "evaluations": list(_list_evaluations(found)),
        "values": found.values,
    }


def _describe(change: FigureChange, words: ValueWords) -> dict[str, Any]:
    said = change.explanation
    return {
        "figure": change.name,
        "old": said.old,
        "new": said.new,
        "published_at_utc": said.published_at,
        "replaced_at_utc": said.replaced_at,
        "causes": _list_causes(share_points(change, words)),
        "notes": said.notes,
    }


def _describe_week(week: WeekChange, words: ValueWords) -> dict[str, Any]:
    parts = week.share_points(words)
    return {"end_date": week.day, "reported": week.reported, "now": week.now, "causes": _list_causes(parts)}


def _list_causes(parts: Sequence[SharedPart]) -> list[dict[str, Any]]:
    return [
        {
            "cause": part.cause.cause,
            "value": part.cause.points,
            "points": part.points,
            "row_count": part.cause.row_count,
            "engagement_pids": part.cause.engagement_pids,
        }
        for part in parts
    ]


def _list_evaluations(found: FigureExplanation) -> Iterator[dict[str, Any]]:
    for each in found.evaluations:
        share = found.derivation.shares.get((each.engagement_pid, each.evaluation))
        yield asdict(each) | {"share_of_fair": share}
