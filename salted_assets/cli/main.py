"""The `salted` command: words in, exit code out. Not here: what its commands do.

Imports are inside the commands, so that `salted --help` does not wait for Dagster.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from salted_assets.landing.windows import Calendar, list_days
from salted_assets.settings import Settings, SettingsError, variable_of

if TYPE_CHECKING:
    import dagster as dg

    from salted_assets.cli.backfill import Outcome
    from salted_assets.warehouse import Warehouse


class _Day(click.ParamType[date]):
    name = "day"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a day such as 2024-01-31", param, ctx)


_DAY = _Day()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="salted_assets")
def main() -> None:
    """Own the data of a contact centre that runs on Salted CX, and score its agents fairly."""


@main.command()
@click.argument("first", type=_DAY, required=False)
@click.argument("last", type=_DAY, required=False)
@click.option(
    "--last", "day_count", type=click.IntRange(min=1), metavar="N", help="The last N days that can be exported."
)
@click.option("--select", default="*", show_default=True, help="Assets, in Dagster's selection syntax.")
@click.option("--refresh", is_flag=True, help="Order new exports of days that are complete, too.")
def backfill(first: date | None, last: date | None, day_count: int | None, select: str, refresh: bool) -> None:
    """Take the days FIRST to LAST from export to scores, through Dagster in this process.

    Days that are complete are not exported again. Exits with 0 only if every day is whole.
    """
    settings = _with_reports_url(_load_settings())
    first, last = _range_of(settings, first, last, day_count)
    outcome = _run_backfill(settings, first, last, select, refresh=refresh)
    _tell(outcome, settings)
    sys.exit(0 if outcome.is_good else 1)


@main.command()
@click.argument("first", type=_DAY, required=False)
@click.argument("last", type=_DAY, required=False)
@click.option(
    "--last", "day_count", type=click.IntRange(min=1), metavar="N", help="The last N days that can be exported."
)
def restate(first: date | None, last: date | None, day_count: int | None) -> None:
    """Score the days FIRST to LAST again from their tables, windows that end on them included.

    Asks the vendor for nothing. Exits with 0 only if every day is scored.
    """
    settings = _with_reports_url(_load_settings())
    first, last = _range_of(settings, first, last, day_count)
    outcome = _run_restate(settings, first, last)
    _tell(outcome, settings)
    sys.exit(0 if outcome.is_good else 1)


@main.command()
@click.argument("first", type=_DAY, required=False)
@click.argument("last", type=_DAY, required=False)
@click.option(
    "--last", "day_count", type=click.IntRange(min=1), metavar="N", help="The last N days that can be exported."
)
def scoreboard(first: date | None, last: date | None, day_count: int | None) -> None:
    """Print what the agents did on the days FIRST to LAST, from the scores in the warehouse."""
    from salted_assets.cli.scoreboard import render, summarize  # noqa: PLC0415
    from salted_assets.defs.io_managers import read_days  # noqa: PLC0415 - see the module's docstring

    settings = _load_settings()
    first, last = _range_of(settings, first, last, day_count)
    days = list_days(first, last)
    warehouse = _open_warehouse(settings)
    try:
        scores = read_days(warehouse, ("scores", "agent_daily"), days, may_be_missing=True)
    except FileNotFoundError:
        raise click.ClickException(f"no day from {first} to {last} is scored; run `salted backfill` first") from None
    click.echo(f"\nAgents, {first} to {last}{' (simulated data)' if settings.simulated else ''}\n")
    click.echo(render(summarize(scores)))
    click.echo(
        "\nEvaluations are means in 0..1 with their number; AI scores are on the vendor's scale. Few evaluations say "
        f"little.\nTables: {warehouse.uri}/tables, scores: {warehouse.uri}/scores (Parquet, one folder a day)"
    )


@main.command()
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where to write it; by default catalog.duckdb in the warehouse, or data/catalog.duckdb for one on S3.",
)
def catalog(output: Path | None) -> None:
    """Write one DuckDB file of views over all tables and scores; it holds no data and shows new days by itself."""
    from salted_assets.output.catalog import write_catalog  # noqa: PLC0415 - see the module's docstring
    from salted_assets.warehouse import WarehouseError  # noqa: PLC0415

    settings = _load_settings()
    try:
        written = write_catalog(_open_warehouse(settings), output)
    except (WarehouseError, OSError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{written.view_count} views{' of simulated data' if settings.simulated else ''} in {written.path}")


@main.command()
@click.option("--database", default="salted", show_default=True, help="Database of Glue that the tables go to.")
@click.option(
    "--location", metavar="S3_ADDRESS", help="Where the warehouse is on S3; by default where the settings say."
)
def athena(database: str, location: str | None) -> None:
    """Print the statements by which Athena reads the tables, rejects and scores on S3; they change no file."""
    from salted_assets.output.catalog import build_athena_statements  # noqa: PLC0415 - see the module's docstring

    if not database.replace("_", "").isalnum():
        raise click.UsageError("--database: write letters, digits and underscores")
    settings = _load_settings()
    try:
        statements = list(build_athena_statements(location or settings.warehouse, database, settings.start_date))
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo("\n\n".join(statements))


@main.command()
@click.option("--contact-pid", "pids", multiple=True, metavar="PID", help="A customer's ID in `tables/customer`.")
@click.option(
    "--pids-from",
    type=click.File("rb"),
    metavar="FILE",
    help="Read such IDs from a file, one a line, `-` for standard input: so that none stands in the shell's history.",
)
@click.option("--again", is_flag=True, help="Erase once more what was erased before, wherever it has come back.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be erased.")
def erase(pids: tuple[str, ...], pids_from: BinaryIO | None, *, again: bool, dry_run: bool) -> None:
    """Erase customers from raw files, tables, rejects, scores, reports and contact exports, for good.

    Run it while no other run writes to the warehouse. Exits with 0 only if every file could be
    rewritten and every customer was found.
    """
    from salted_assets.landing import LandingError  # noqa: PLC0415
    from salted_assets.privacy import Erasure, ErasureError, clean_pids, parse_pids  # noqa: PLC0415 - see the module's docstring
    from salted_assets.warehouse import WarehouseError  # noqa: PLC0415

    try:
        wanted = clean_pids([*pids, *(parse_pids(pids_from.read()) if pids_from else ())])
    except ErasureError as error:
        raise click.ClickException(str(error)) from None
    if not wanted and not again:
        raise click.UsageError("name customers with --contact-pid or --pids-from, or write --again")
    settings = _load_settings()
    erasing = Erasure(_open_warehouse(settings), settings.timezone)
    try:
        receipt = erasing.erase(wanted, is_dry_run=dry_run)
    except (ErasureError, LandingError, WarehouseError) as error:
        raise click.ClickException(str(error)) from None
    for line in receipt.describe():
        click.echo(line)
    for number, (pid, find) in enumerate(zip(wanted, receipt.finds, strict=True), start=1):
        click.echo(f"customer {number} ({pid[:8]}...): {find.describe()}")
    for problem in receipt.problems:
        click.echo(f"left to do: {problem}", err=True)
    if receipt.days_to_restate:
        click.echo(f"scores to be made again: {_list_ranges(list(receipt.days_to_restate))}")
    click.echo("nothing was changed" if dry_run else f"receipt: {settings.warehouse}/{receipt.path}")
    sys.exit(0 if receipt.is_complete else 1)


@main.command()
@click.option("--verify", is_flag=True, help="Instead read every file of the warehouse and say which is not whole.")
def doctor(*, verify: bool) -> None:
    """Check settings, warehouse, key, Dagster's storage and versions; one line each. Exports nothing.

    Exits with 0 only if everything is right.
    """
    settings = _load_settings()
    if verify:
        sys.exit(0 if _verify(settings) else 1)
    from salted_assets.cli.doctor import examine  # noqa: PLC0415 - see the module's docstring

    is_well = True
    for finding in examine(settings):
        is_well = is_well and finding.is_well
        click.echo(str(finding))
    sys.exit(0 if is_well else 1)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; the UI has no login.")
@click.option("--port", default=3000, show_default=True, help="Port to listen at.")
def dev(host: str, port: int) -> None:
    """Serve the Dagster UI with its daemon, on the runs and tables of this folder, and the scorecards that it links."""
    from salted_assets.output.scorecard.server import local_address  # noqa: PLC0415

    settings = _with_reports_url(_load_settings())
    with _open_instance() as instance:
        click.echo(f"The UI of {instance.root_directory} will be at http://{host}:{port} (Ctrl-C ends it)")
    places = (
        ["--workspace", "workspace.yaml"] if Path("workspace.yaml").exists() else ["-m", "salted_assets.definitions"]
    )
    # `dg dev`, which Dagster prefers, takes twice as long to start; its reminder of that is noise on every start.
    os.environ["PYTHONWARNINGS"] = "ignore:Function `dev_command` is superseded"
    command = [sys.executable, "-m", "dagster", "dev", *places, "--host", host, "--port", str(port)]
    # for the code location, which makes the links
    os.environ[variable_of("reports_url")] = settings.reports_url
    if local_address(settings.reports_url):
        _start_reports()
    os.execv(sys.executable, command)  # noqa: S606 - our own interpreter, no shell


@main.command()
@click.option("--port", type=int, help="Port to listen at; by default that of SALTED_REPORTS_URL, or 3010.")
@click.option("--until-input-ends", is_flag=True, hidden=True, help="End with the process that holds our input open.")
def reports(port: int | None, *, until_input_ends: bool) -> None:
    """Serve the scorecards on 127.0.0.1, read-only, to a browser or a proxy with a login; `salted dev` does it too."""
    from salted_assets.output.scorecard.server import LOCAL_URL, listen, local_address, serve  # noqa: PLC0415 - see above

    settings = _load_settings()
    host, usual_port = local_address(settings.reports_url) or local_address(LOCAL_URL) or ("127.0.0.1", 0)
    place = (host, usual_port if port is None else port)
    try:
        listening = listen(place)
    except OSError as error:
        raise click.ClickException(
            f"scorecards cannot be served at port {place[1]} of {host} ({error.strerror}); another port for them: "
            f"{variable_of('reports_url')}=http://127.0.0.1:PORT"
        ) from None
    with listening:
        click.echo(f"The scorecards are at http://{host}:{listening.getsockname()[1]}")
        serve(_open_warehouse(settings), listening, until_end_of=sys.stdin.fileno() if until_input_ends else None)


@main.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def simulate(arguments: tuple[str, ...]) -> None:
    """Serve the vendor's API from made-up data on loopback (see `salted simulate --help`)."""
    from salted_assets.simulator.__main__ import main as serve  # noqa: PLC0415 - see the module's docstring

    serve(list(arguments))


@contextmanager
def _open_instance() -> Iterator["dg.DagsterInstance"]:
    from salted_assets.defs.instance.home import HomeUnusable, open_instance  # noqa: PLC0415 - see above

    try:
        with open_instance() as instance:
            yield instance
    except HomeUnusable as error:
        raise click.ClickException(str(error)) from None


def _open_warehouse(settings: Settings) -> "Warehouse":
    from salted_assets.warehouse import ObjectOptions, Warehouse  # noqa: PLC0415 - see the module's docstring

    options = ObjectOptions(settings.s3_encryption, settings.s3_kms_key, settings.s3_storage_class)
    return Warehouse(settings.warehouse, simulated=settings.simulated, options=options)


def _start_reports() -> None:
    """Serve the scorecards beside this process, for as long as it lives, whatever becomes of it and however it ends."""
    ours, its = os.pipe()[::-1]
    os.set_inheritable(ours, True)  # the UI that takes this process's place keeps it open, and its children do not
    command = [sys.executable, "-m", "salted_assets", "reports", "--until-input-ends"]
    subprocess.Popen(command, stdin=its)  # noqa: S603 - our own interpreter, no shell
    os.close(its)


def _with_reports_url(settings: Settings) -> Settings:
    """The settings with the address at which `salted dev` serves scorecards, where they name none."""
    from salted_assets.output.scorecard.server import LOCAL_URL  # noqa: PLC0415 - see the module's docstring

    return settings if settings.reports_url else settings.model_copy(update={"reports_url": LOCAL_URL})


def _load_settings() -> Settings:
    try:
        return Settings.load()
    except SettingsError as error:
        raise click.ClickException(str(error)) from None


def _range_of(settings: Settings, first: date | None, last: date | None, day_count: int | None) -> tuple[date, date]:
    if day_count is not None:
        if first is not None:
            raise click.UsageError("write either FIRST LAST or --last N")
        last = Calendar(settings.zone, settings.export_lag).last_exportable_day(datetime.now(UTC))
        first = max(settings.start_date, last - timedelta(days=day_count - 1))
    if first is None:
        raise click.UsageError("write FIRST LAST, such as 2024-01-01 2024-01-31, or --last N")
    last = last or first
    if last < first:
        raise click.UsageError(f"{last} lies before {first}")
    if first < settings.start_date:
        raise click.UsageError(f"{first} lies before the first partition, {settings.start_date} (SALTED_START_DATE)")
    return first, last


def _tell(outcome: "Outcome", settings: Settings) -> None:
    """Say what became of the days."""
    for problem in outcome.problems:
        click.echo(f"failed: {problem}", err=True)
    if outcome.was_stopped:
        click.echo("stopped: the other days would have ended the same way", err=True)
    if outcome.restated:
        click.echo(f"scored again, since newer rows concern them: {_list_ranges(outcome.restated)}")
    if outcome.not_restated:
        click.echo(f"could not be scored again: {_list_ranges(outcome.not_restated)}", err=True)
    if outcome.outdated:
        first, last = outcome.outdated[0], outcome.outdated[-1]
        click.echo(
            f"windows out of date: {_list_ranges(outcome.outdated)}; `salted restate {first} {last}` makes them again"
        )
    click.echo(
        f"{len(outcome.whole)} of {len(outcome.whole) + len(outcome.failed)} days are whole in {settings.warehouse}"
    )


def _verify(settings: Settings) -> bool:
    from salted_assets.cli.verify import Verification  # noqa: PLC0415 - see the module's docstring
    from salted_assets.warehouse import WarehouseError  # noqa: PLC0415

    verification = Verification(_open_warehouse(settings))
    problem_count = 0
    try:
        for problem in verification.find_problems():
            problem_count += 1
            click.echo(f"FAIL  {problem}")
    except WarehouseError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{verification.describe()}, {problem_count} problems in {settings.warehouse}")
    return problem_count == 0


def _list_ranges(days: list[date]) -> str:
    from salted_assets.history.restatement import split_into_ranges  # noqa: PLC0415 - see the module's docstring

    ranges = split_into_ranges(sorted(set(days)), len(days))
    return ", ".join(f"{each[0]}" if len(each) == 1 else f"{each[0]} to {each[-1]}" for each in ranges)


def _run_restate(settings: Settings, first: date, last: date) -> "Outcome":
    simulated = " (simulated data)" if settings.simulated else ""
    click.echo(f"scores of {first} to {last} in {settings.warehouse}{simulated}")
    from salted_assets.cli.backfill import restate_range  # noqa: PLC0415 - see the module's docstring
    from salted_assets.definitions import build_defs  # noqa: PLC0415

    with _open_instance() as instance:
        return restate_range(
            build_defs(settings),
            instance,
            first,
            last,
            days_per_run=settings.partitions_per_run,
            newest_windows=settings.restate_windowed_days,
        )


def _run_backfill(settings: Settings, first: date, last: date, select: str, *, refresh: bool) -> "Outcome":
    click.echo(f"{first} to {last} into {settings.warehouse}{' (simulated data)' if settings.simulated else ''}")
    from salted_assets.cli.backfill import Backfill  # noqa: PLC0415 - see the module's docstring
    from salted_assets.definitions import build_defs  # noqa: PLC0415

    with _open_instance() as instance:
        runs = Backfill(
            build_defs(settings),
            instance,
            select,
            refresh,
            settings.partitions_per_run,
            settings.restate_windowed_days,
        )
        try:
            steps = len(runs.list_assets()) * ((last - first).days + 1)
        except Exception as error:  # noqa: BLE001 - Dagster raises many kinds for a selection that it cannot read
            raise click.ClickException(f"--select: {error}") from None
        with click.progressbar(length=steps, show_pos=False, item_show_func=lambda step: step) as bar:
            shown = replace(
                runs, on_step=lambda start, end, step: bar.update((end - start).days + 1, f"{start}..{end} {step}")
            )
            return shown.run(first, last)
