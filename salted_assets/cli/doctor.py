"""The command `salted doctor`: whether this deployment can work, one finding for each thing that has to be right.

Nothing is exported: the vendor is asked for its history only, which costs one request.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version

import click

from salted_assets.cli.json_output import echo_json
from salted_assets.cli.options import load_settings, open_warehouse
from salted_assets.cli.verify import Verification, list_dayless, list_renamed
from salted_assets.defs.instance.home import HomeUnusable
from salted_assets.defs.instance.own_records import open_own_instance
from salted_assets.defs.resources import build_export, build_warehouse
from salted_assets.defs.retries import KNOWN_ERRORS
from salted_assets.explain.settlement import read_settlement
from salted_assets.explain.settlement.teaching import LOOKED_BACK
from salted_assets.history import SCHEMA_VERSION, TABLES_VERSION, Footer
from salted_assets.history.affected_dates import parse_affected_dates
from salted_assets.privacy.register import check_register
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.scores import RENAMED_SCORES
from salted_assets.settings import Settings, variable_of
from salted_assets.warehouse import Warehouse, WarehouseDamaged, WarehouseError, WarehouseUnusable

_PROBE = "doctor/probe"
_VENDOR_SECONDS = 5.0
_TELLING_DAYS = 7
"""Exports after which the absence of older rows says something: edits of a week's rows can't all be missing."""


@click.command()
@click.option("--verify", is_flag=True, help="Instead read every file of the warehouse and say which is not whole.")
@click.option("--remove-renamed", is_flag=True, help="With --verify: remove scores under names that they once had.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead (docs/commands.md).")
def doctor(*, verify: bool, remove_renamed: bool, as_json: bool) -> None:
    """Check settings, warehouse, key, Dagster's storage and versions; one line each. Exports nothing.

    What cannot be looked at, since something before it failed, is a line as well. Exits with 0 only if everything is
    right.
    """
    if remove_renamed and not verify:
        raise click.UsageError("--remove-renamed goes with --verify")
    settings = load_settings()
    if verify:
        sys.exit(0 if _verify(settings, remove_renamed=remove_renamed, as_json=as_json) else 1)
    findings = []
    for finding in examine(settings):
        findings.append(finding)
        if not as_json:
            click.echo(str(finding))
    is_well = all(finding.is_well for finding in findings)
    if as_json:
        echo_json({"is_well": is_well, "findings": [finding.to_document() for finding in findings]})
    sys.exit(0 if is_well else 1)


def _verify(settings: Settings, *, remove_renamed: bool, as_json: bool) -> bool:
    verification = Verification(open_warehouse(settings))
    problems = []
    try:
        removed_count = verification.remove_renamed() if remove_renamed else 0
        if remove_renamed and not as_json:
            click.echo(f"{removed_count} files of renamed scores removed")
        for problem in verification.find_problems():
            problems.append(str(problem))
            if not as_json:
                click.echo(f"FAIL  {problem}")
    except WarehouseError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        read = {"warehouse": settings.warehouse, "read": verification.describe(), "removed_count": removed_count}
        echo_json({"is_well": not problems, **read, "problems": problems})
    else:
        click.echo(f"{verification.describe()}, {len(problems)} problems in {settings.warehouse}")
    return not problems


@dataclass(frozen=True)
class Finding:
    """What was looked at, whether it is right, and what was seen; or why it could not be looked at."""

    subject: str
    is_well: bool
    message: str
    was_looked_at: bool = True

    @property
    def result(self) -> str:
        """In a word: ok, FAIL or skip."""
        return ("ok" if self.is_well else "FAIL") if self.was_looked_at else "skip"

    def __str__(self) -> str:
        return f"{self.result:<4}  {self.subject:<9}  {self.message}"

    def to_document(self) -> dict[str, str]:
        """The finding for `--json`."""
        return {"subject": self.subject, "result": self.result.lower(), "message": self.message}


def examine(settings: Settings) -> Iterator[Finding]:
    """One finding after the other, each as soon as it is known; never raises for what it finds."""
    warehouse = open_warehouse(settings)
    yield Finding("settings", is_well=True, message=_describe(settings))
    usable = _look("warehouse", lambda: _write_and_read(warehouse))
    yield usable
    yield _look_behind(usable, "lock", lambda: _take_lock(warehouse))
    yield _look_behind(usable, "register", lambda: check_register(warehouse))
    if settings.simulated:
        yield _look_behind(usable, "vendor", lambda: _ask_history(settings))
    else:
        yield _look("vendor", lambda: _ask_history(settings))
    folders = _look_behind(usable, "folders", lambda: check_folders(warehouse))
    yield folders
    yield _look_behind(folders, "updates", lambda: check_updates(warehouse, settings.timezone))
    yield _look_behind(folders, "lookback", lambda: propose_lookback(warehouse, settings.settlement_horizon_days))
    yield _look_behind(folders, "schema", lambda: check_schema(warehouse))
    yield _look("dagster", lambda: _open_storage(settings))
    names = ("salted_assets", "dagster", "pandas", "pyarrow", "duckdb")
    yield Finding("versions", is_well=True, message=", ".join(f"{name} {version(name)}" for name in names))


def check_folders(warehouse: Warehouse) -> str:
    """Whether each folder is one that this version reads, and which ones an earlier version wrote.

    Raises WarehouseDamaged for folders that name no day.
    """
    paths = warehouse.list_files("")
    if wrong := list_dayless(paths):
        raise WarehouseDamaged(
            f"{len(wrong)} folders name no day as YYYY-MM-DD, such as {wrong[0]}: nothing here writes such a folder. "
            "Move them out of the warehouse"
        )
    if renamed := list_renamed(warehouse):
        names = ", ".join(f"scores/{name} (now scores/{RENAMED_SCORES[name]})" for name in renamed)
        return f"{names}: nobody reads these any more; `salted doctor --verify --remove-renamed` removes them"
    return f"{len(paths)} files"


def check_updates(warehouse: Warehouse, zone: str) -> str:
    """Whether exports have ever carried engagements that started before their window, and what follows if not.

    The vendor's newer page says that they do, the older one is silent; an account whose exports select by start time
    alone never delivers later edits, unless days are exported again.
    """
    key = ("tables", "engagement")
    days = warehouse.list_days(key)
    if not days:
        return "nothing is exported yet"
    carrying = [day for day in days if _carries_older_rows(warehouse, day, zone)]
    if carrying or len(days) < _TELLING_DAYS:
        return f"{len(carrying)} of {len(days)} exports carried engagements from before their day"
    return (
        f"none of {len(days)} exports carried engagements from before their day: exports seem to select by start time "
        f"alone. Set {variable_of('lookback_days')} so that the schedule exports the last days again"
    )


def propose_lookback(warehouse: Warehouse, horizon: int) -> str:
    """How many days back exports would have to be repeated to bring late reviews, where they select by start alone.

    It is at least what settlement has learned within the horizon's days: who gives a review later is not in it.
    """
    settlement = read_settlement(warehouse, horizon)
    late = settlement.find_lookback()
    if not late:
        statement = settlement.state("reviewer", {settlement.newest_day: 0} if settlement.newest_day else {})
        how = "cannot be known" if statement.reason == LOOKED_BACK else "is not known yet"
        return f"how late reviews come {how}: {statement.reason}"
    ages = [f"{source} {'later than the horizon' if age is None else f'after {age}'}" for source, age in late.items()]
    known = max((age for age in late.values() if age is not None), default=0)
    beyond = " and more" if None in late.values() else ""
    return (
        f"99 % of a day's evaluations are in, in days after it: {', '.join(ages)}. Where exports select by start time "
        f"alone, {variable_of('lookback_days')} should be at least {known}{beyond}; while it is set, nobody can "
        "say how many reviews are still to come"
    )


def check_schema(warehouse: Warehouse) -> str:
    """Which table partitions were written by another version of the schema, and what follows; reads all footers.

    Those of an older version are read as they are: what they lack is null. Raises WarehouseUnusable for newer ones,
    WarehouseDamaged for one that cannot be read.
    """
    versions = {
        (dataset, day): _read_version(warehouse, dataset, day)
        for dataset in DATASET_MODELS
        for day in warehouse.list_days(("tables", dataset))
    }
    if not versions:
        return "no tables are made yet"
    if newer := sorted({version for version in versions.values() if version > SCHEMA_VERSION}):
        raise WarehouseUnusable(
            f"there are tables of schema version {newer[-1]}, and this version of the program knows up to "
            f"{SCHEMA_VERSION}. Run the newer version"
        )
    older = sorted(day for (_, day), version in versions.items() if version < TABLES_VERSION)
    if not older:
        return f"{len(versions)} table partitions, all of schema version {TABLES_VERSION} or later, which lack nothing"
    return (
        f"{len(older)} of {len(versions)} table partitions are of an older schema version than {TABLES_VERSION}: what "
        f"they lack is null. Launch the job reparse for {older[0]} to {older[-1]}, which needs no vendor"
    )


def _read_version(warehouse: Warehouse, dataset: str, day: date) -> int:
    with warehouse.open_parquet(warehouse.table_path(("tables", dataset), day)) as file:
        return Footer.of(file).schema_version


def _carries_older_rows(warehouse: Warehouse, day: date, zone: str) -> bool:
    path = warehouse.table_path(("tables", "engagement"), day)
    try:
        with warehouse.open_parquet(path) as file:
            affected = parse_affected_dates(Footer.of(file).affected_dates, zone)
    except WarehouseDamaged:
        return False  # it is a finding of its own, of `check_schema`
    return affected is not None and any(start < day for start in affected)


def _look(subject: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, is_well=True, message=look())
    except (*KNOWN_ERRORS, HomeUnusable, OSError) as error:
        return Finding(subject, is_well=False, message=str(error))
    except Exception as error:  # noqa: BLE001 - whatever is wrong, the other findings are needed all the more
        return Finding(subject, is_well=False, message=f"{type(error).__name__}: {error}")


def _look_behind(needed: Finding, subject: str, look: Callable[[], str]) -> Finding:
    """Look only where what it takes was found well: of what cannot be read, an empty answer says nothing."""
    if needed.is_well and needed.was_looked_at:
        return _look(subject, look)
    reason = needed.message if not needed.was_looked_at else f"not looked at, since {needed.subject} failed"
    return Finding(subject, is_well=False, message=reason, was_looked_at=False)


def _describe(settings: Settings) -> str:
    vendor = "the built-in simulator" if settings.simulated else settings.api_url
    return f"{vendor}, days of {settings.timezone} from {settings.start_date}, {', '.join(settings.datasets)}"


def _write_and_read(warehouse: Warehouse) -> str:
    warehouse.write_bytes(_PROBE, b"probe")
    try:
        warehouse.read_bytes(_PROBE)
    finally:
        warehouse.delete(_PROBE)
    return f"{warehouse.uri} can be written and read"


def _take_lock(warehouse: Warehouse) -> str:
    with warehouse.lock("doctor") as ensure_held:
        ensure_held()
    return "a lock can be taken"


def _ask_history(settings: Settings) -> str:
    with build_export(settings, build_warehouse(settings)).process_config_and_initialize_cm() as export:
        try:
            listed = export.try_history(_VENDOR_SECONDS)
        except WarehouseError:
            return "the key is accepted"  # the vendor has answered by then, and the warehouse is a finding of its own
    return f"the key is accepted; {len(listed)} exports in the vendor's history"


def _open_storage(settings: Settings) -> str:
    with open_own_instance(simulated=settings.simulated, account=settings.account) as instance:
        return f"{instance.root_directory}, {instance.get_runs_count()} runs"
