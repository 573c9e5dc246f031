"""The command `salted scorecard`: a day's scorecard, or the page of one agent, as a file that needs no server."""

from datetime import date
from pathlib import Path

import click

from salted_assets.cli.agents import find_agent
from salted_assets.cli.options import Day, ensure_agents_shown, load_settings, open_warehouse
from salted_assets.cli.private_files import writing_private_file
from salted_assets.defs.page_options import build_page_options
from salted_assets.output.scorecard import has_scores
from salted_assets.output.scorecard.agent_page import (
    find_newest_day,
    has_agent_scores,
    list_people,
    make_agent_page,
)
from salted_assets.output.scorecard.csv_tables import list_tables, write_csv_table
from salted_assets.output.scorecard.scorecard import PageOptions, make_card, make_page
from salted_assets.warehouse import Warehouse, WarehouseError


@click.command()
@click.argument("day", type=Day(), required=False)
@click.option("--day", "named_day", type=Day(), metavar="DAY", help="The same as DAY.")
@click.option("--agent", metavar="NAME", help="Write the page of this agent instead: by name or ID.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where to write it; a file that is there is replaced.",
)
@click.option(
    "--csv",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Write each table of the scorecard as a CSV file into this folder, for spreadsheets.",
)
def scorecard(
    day: date | None, named_day: date | None, agent: str | None, output: Path | None, folder: Path | None
) -> None:
    """Write the scorecard of a day, or with --agent the page of one agent, as one HTML file.

    DAY is the newest scored one unless it is given. The page is made of the scores as they are now, and nothing is kept
    in the warehouse. It names people, unless SALTED_AGENT_LEVEL=team: send it only to those who may see that.
    """
    if day and named_day and day != named_day:
        raise click.UsageError("write either DAY or --day DAY")
    if output is None and folder is None:
        raise click.UsageError("write --output FILE for the page, --csv FOLDER for its tables, or both")
    if agent is not None and output is None:
        raise click.UsageError("--csv writes the tables of the scorecard; the page of an agent goes to --output FILE")
    settings = load_settings()
    if agent is not None:
        ensure_agents_shown(settings, "there is no page of an agent")
    warehouse = open_warehouse(settings)
    try:
        chosen = _choose_day(warehouse, day or named_day)
        options = build_page_options(settings)
        if output is not None:
            _write(output, _make(warehouse, chosen, options, agent))
        names = _write_tables(folder, warehouse, chosen, options) if folder else []
    except (WarehouseError, OSError) as error:
        raise click.ClickException(str(error)) from None
    what = "the scorecard" if agent is None else "the page of one agent"
    whose = "personal data" if settings.shows_agents else "without single people"
    if output is not None:
        click.echo(f"{output}: {what} of {chosen}, {whose}")
    if folder is not None:
        click.echo(f"{folder}: {len(names)} tables of the scorecard of {chosen}, {whose}: {', '.join(names)}")


def _choose_day(warehouse: Warehouse, day: date | None) -> date:
    chosen = day or find_newest_day(warehouse)
    if chosen is None:
        raise click.ClickException(f"no day is scored in {warehouse.uri}; run `salted backfill` first")
    return chosen


def _make(warehouse: Warehouse, day: date, options: PageOptions, agent: str | None) -> str:
    is_there = has_scores if agent is None else has_agent_scores
    if not is_there(warehouse, day):
        raise click.ClickException(f"{day} is not scored; `salted backfill {day} {day}` does it")
    if agent is None:
        return make_page(warehouse, day, options)
    return make_agent_page(warehouse, find_agent(list_people(warehouse, day), agent, day), day, options)


def _write_tables(folder: Path, warehouse: Warehouse, day: date, options: PageOptions) -> list[str]:
    """Write each table of the day's scorecard, for nobody but their owner to read; gives the names of the files."""
    if not has_scores(warehouse, day):
        raise click.ClickException(f"{day} is not scored; `salted backfill {day} {day}` does it")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    names = []
    for name, table in list_tables(make_card(warehouse, day, options)).items():
        # spreadsheets take a file without the mark for one in another encoding
        _write(folder / f"{name}.csv", f"\ufeff{write_csv_table(table)}")
        names.append(f"{name}.csv")
    return names


def _write(output: Path, page: str) -> None:
    with writing_private_file(output) as file:
        file.write(page.encode())
