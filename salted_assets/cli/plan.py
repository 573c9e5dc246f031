"""The command `salted plan`: whom to listen to next, as a plan that is kept, a table, a CSV file or JSON."""

import csv
import io
import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from salted_assets.cli.json_output import echo_json
from salted_assets.cli.options import ensure_agents_shown, open_warehouse, with_optional_days
from salted_assets.cli.private_files import refuse_to_replace, writing_private_file
from salted_assets.explain.review_plan import (
    DrawnPlan,
    Frame,
    NothingToDrawError,
    PlanProgress,
    draw_plan,
    find_last_plan,
    group_by_agent,
)
from salted_assets.history import Footer, Recipe
from salted_assets.history.review_plans import write_plan
from salted_assets.output.scorecard.agent_page import find_newest_day
from salted_assets.output.scorecard.channels import write_channel
from salted_assets.output.scorecard.names import name_apart
from salted_assets.schemas.spreadsheets import quote_cell
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse, WarehouseError

_USUAL_DAYS = 28
_SEEDS = 2**31
_CSV_COLUMNS = (
    *("agent_pid", "agent_name", "team", "channel_type", "engagement_pid", "start_time", "link", "is_done"),
    *("planned_count", "reason", "plan_id"),
)
_DONE = {True: "done", False: ""}


@click.command()
@click.option("--reviews", "review_count", type=click.IntRange(min=1), metavar="N", help="How many reviews to plan.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the engagements to a CSV file, too; a file that is there is not replaced.",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), metavar="N", help="Draw by this number; by chance without it."
)
@click.option("--status", "is_status", is_flag=True, help="Say what of the last plan is done; nothing is drawn.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead (docs/commands.md).")
@with_optional_days
def plan(  # noqa: PLR0917 - one for each option
    settings: Settings,
    first: date | None,
    last: date | None,
    review_count: int | None,
    output: Path | None,
    seed: int | None,
    is_status: bool,
    as_json: bool,
) -> None:
    """Say whom to listen to next: draw engagements for people to evaluate, and keep what was drawn.

    Of whose work how many: that which narrows most what is not known, by numbers of evaluations and not by anybody's
    scores. Which ones: by chance, out of all of the days; without days, of the 28 to the newest scored one. The plan is
    kept in the warehouse, and evaluations of its engagements count as sampled at random from then on.
    """
    if is_status and review_count is not None:
        raise click.UsageError(
            "--reviews draws a new plan, --status is of the one that was drawn last; write one of them"
        )
    if not is_status and review_count is None:
        raise click.UsageError("write --reviews N to draw a plan, or --status to see what of the last one is done")
    if is_status and (first or seed is not None):
        raise click.UsageError("--status is of the plan that was drawn last; days and --seed are for a new one")
    ensure_agents_shown(settings, "no plan is drawn or shown, which says how many reviews for each agent")
    if output is not None:
        refuse_to_replace(output)
    warehouse = open_warehouse(settings)
    try:
        if review_count is None:
            _show_last(warehouse, settings, output, as_json=as_json)
            return
        first, last = _choose_days(warehouse, settings, first, last)
        frame = Frame(first, last, review_count, secrets.randbelow(_SEEDS) if seed is None else seed)
        _draw(warehouse, settings, frame, output, as_json=as_json)
    except (NothingToDrawError, WarehouseError, OSError) as error:
        raise click.ClickException(str(error)) from None


def _choose_days(warehouse: Warehouse, settings: Settings, first: date | None, last: date | None) -> tuple[date, date]:
    if first is not None and last is not None:
        return first, last
    newest = find_newest_day(warehouse)
    if newest is None:
        raise NothingToDrawError(f"no day is scored in {warehouse.uri}; run `salted backfill` first")
    return max(settings.start_date, newest - timedelta(days=_USUAL_DAYS - 1)), newest


def _draw(warehouse: Warehouse, settings: Settings, frame: Frame, output: Path | None, *, as_json: bool) -> None:
    now = datetime.now(UTC)
    drawn = draw_plan(warehouse, settings.timezone, frame, min_evaluations=settings.min_evaluations, now=now)
    if drawn.unscored_day_count:
        click.echo(f"{drawn.unscored_day_count} of these days are not scored: none of theirs can be drawn", err=True)
    used = {"reviews": frame.review_count, "min_evaluations": settings.min_evaluations, "timezone": settings.timezone}
    footer = Footer(simulated=warehouse.simulated, written_at=now, recipe=Recipe.of(1, used))
    rows = [row | {"is_done": row["was_evaluated"]} for row in drawn.rows.to_pylist()]
    if output is None:
        path = write_plan(warehouse, drawn.stored, footer, settings.timezone)
    else:
        with writing_private_file(output) as file:
            file.write(_write_csv(rows))
            # last: a list of engagements that no plan has would make their evaluations chosen ones
            path = write_plan(warehouse, drawn.stored, footer, settings.timezone)
    if as_json:
        echo_json(_to_document(drawn.plan_id, frame.first, frame.last, frame.seed, rows) | {"path": path})
        return
    for line in _describe(drawn, rows, frame, settings):
        click.echo(line)
    click.echo(f"kept: {warehouse.uri}/{path}")
    _say_written(output)


def _show_last(warehouse: Warehouse, settings: Settings, output: Path | None, *, as_json: bool) -> None:
    found = find_last_plan(warehouse, settings.timezone)
    if found is None:
        raise click.ClickException(f"no plan has been drawn in {warehouse.uri}; `salted plan --reviews N` draws one")
    if output is not None:
        with writing_private_file(output) as file:
            file.write(_write_csv(found.rows))
    if as_json:
        echo_json(_to_document(found.plan_id, found.first, found.last, found.seed, found.rows))
        return
    click.echo(_describe_head(found))
    if found.caution:
        click.echo(found.caution)
    names = _name_agents(found.rows)
    for pid, own in group_by_agent(found.rows).items():
        left = [row for row in own if not row["is_done"]]
        click.echo(f"{names[pid]}: {len(own) - len(left)} of {len(own)} done")
        for row in left:
            click.echo(f"  {row['engagement_pid']}  {row['link'] or ''}".rstrip())
    _say_written(output)


def _describe_head(found: PlanProgress) -> str:
    return (
        f"plan {found.plan_id}, of {found.first} to {found.last}: {found.done_count} of {len(found.rows)} engagements "
        f"done, {len(found.rows) - found.done_count} to be listened to"
    )


def _describe(drawn: DrawnPlan, rows: Sequence[dict[str, Any]], frame: Frame, settings: Settings) -> Iterator[str]:
    simulated = " (simulated data)" if settings.simulated else ""
    yield f"plan {drawn.plan_id}{simulated}, of {frame.first} to {frame.last}, seed {frame.seed}"
    if drawn.unknown_channels:
        channels = ", ".join(write_channel(channel) or "channel not known" for channel in drawn.unknown_channels)
        yield f"how much agents differ is not known ({channels}): there those with fewest evaluations come first"
    names = _name_agents(rows)
    of_agent = group_by_agent(rows)
    for own in sorted(of_agent.values(), key=lambda own: (-len(own), own[0]["agent_name"] or "")):
        yield f"{len(own):>4}  {names[own[0]['agent_pid']]}  ({own[0]['reason']})"
    done = sum(row["is_done"] for row in rows)
    yield f"{len(rows)} engagements of {len(of_agent)} agents, {done} of them evaluated already, which count as done"


def _name_agents(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """By pid the name, with the team: a namesake may be somebody of whom nothing was drawn."""
    names = {row["agent_pid"]: row["agent_name"] or row["agent_pid"] for row in rows}
    apart = name_apart(names)
    return {row["agent_pid"]: ", ".join(filter(None, (apart[row["agent_pid"]], row["team"]))) for row in rows}


def _say_written(output: Path | None) -> None:
    if output is not None:
        click.echo(f"{output}: personal data, for those who evaluate")


def _write_csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The engagements for a spreadsheet: what is to be listened to, and where it opens."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(_CSV_COLUMNS)
    writer.writerows([_write_cell(row[name]) for name in _CSV_COLUMNS] for row in rows)
    # spreadsheets take a file without the mark for one in another encoding
    return f"\ufeff{text.getvalue()}".encode()


def _write_cell(value: Any) -> Any:
    if isinstance(value, bool):
        return _DONE[value]
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return quote_cell(value) if isinstance(value, str) else value


def _to_document(plan_id: str, first: date, last: date, seed: int, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "plan_id": plan_id,
        "first_date": first,
        "last_date": last,
        "seed": seed,
        "engagement_count": len(rows),
        "done_count": sum(row["is_done"] for row in rows),
        "engagements": [{name: row[name] for name in (*_CSV_COLUMNS, "probability", "eligible_count")} for row in rows],
    }
