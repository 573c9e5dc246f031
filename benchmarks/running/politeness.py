"""What a backfill asks of the vendor: requests per export, seconds per export, and what follows for a year.

Run by hand: `python -m benchmarks.running.politeness` (about 80 s; longer with longer exports). It lands days one
after the other with the settings' defaults, from a simulated vendor whose exports take as long as asked.
"""

import time
from contextlib import nullcontext
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from salted_assets.landing import Landing
from salted_assets.landing.windows import Calendar
from salted_assets.salted_cx import ClientConfig, ExportClient
from salted_assets.schemas import FILE_NAMES
from salted_assets.settings import DATASETS, Settings
from salted_assets.simulator import RunningSimulator, SimulatorOptions, running_simulator
from salted_assets.warehouse import Warehouse

FIRST_DAY = date(2024, 1, 8)
_SECONDS_PER_HOUR = 3600
_DAYS_PER_YEAR = 365


@click.command()
@click.option("--days", "day_count", default=5, show_default=True, help="Days to land.")
@click.option("--export-seconds", default=10.0, show_default=True, help="How long the vendor takes for an export.")
def main(day_count: int, export_seconds: float) -> None:
    """Land some days and print what the vendor saw."""
    options = SimulatorOptions(agent_count=3, engagements_per_agent=3, export_seconds=export_seconds)
    with TemporaryDirectory() as folder, running_simulator(Path(folder, "vendor", "exports.sqlite"), options) as vendor:
        seconds = time_days(vendor, Path(folder, "warehouse"), day_count) / day_count
        log = vendor.log()
    requests = {kind: log[kind] / log["exports"] for kind in ("history", "post", "status", "download")}
    per_hour = _SECONDS_PER_HOUR / seconds
    click.echo(f"measured over {day_count} days, one after the other, exports of {export_seconds:g} s:")
    click.echo(f"  requests per export  {sum(requests.values()):.1f} ({_tell(requests)})")
    click.echo(f"  seconds per export   {seconds:.1f}")
    click.echo("arithmetic from that, if nothing but exports took time:")
    click.echo(f"  exports per hour     {per_hour:.0f}")
    click.echo(f"  requests per minute  {sum(requests.values()) * per_hour / 60:.0f}")
    click.echo(f"  {_DAYS_PER_YEAR} days             {_DAYS_PER_YEAR / per_hour:.1f} hours")


def time_days(vendor: RunningSimulator, folder: Path, day_count: int) -> float:
    """Land the days as a run of `raw/export` does, by one client with the default pauses; gives the seconds it took.

    One more day is landed before the clock starts, so that each day has its pause after the order before it.
    """
    settings = Settings(api_url=vendor.url)
    config = ClientConfig(
        wait_seconds=settings.max_wait_minutes * 60, min_export_interval_seconds=settings.min_export_interval_seconds
    )
    with ExportClient(vendor.url, lambda: vendor.key, config=config) as client:
        landing = Landing(
            warehouse=Warehouse(str(folder), simulated=True),
            calendar=Calendar(settings.zone, settings.export_lag),
            connect=lambda: nullcontext(client),
            file_names=FILE_NAMES,
        )
        landing.land(FIRST_DAY, DATASETS)
        started = time.monotonic()
        for ahead in range(1, day_count + 1):
            landing.land(FIRST_DAY + timedelta(days=ahead), DATASETS)
        return time.monotonic() - started


def _tell(requests: dict[str, float]) -> str:
    return ", ".join(f"{kind} {count:g}" for kind, count in requests.items())


if __name__ == "__main__":
    main()
