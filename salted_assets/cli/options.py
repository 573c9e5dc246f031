"""What several commands share: the settings, the days that they are about, the warehouse, and how days are shown."""

import warnings
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from typing import Any

import click

from salted_assets.history.restatement import split_into_ranges
from salted_assets.landing import DayNotExportable
from salted_assets.landing.windows import Calendar, refuse_early
from salted_assets.settings import Settings, SettingsError, UnknownSetting, variable_of
from salted_assets.warehouse import ObjectOptions, Warehouse

LOCAL_URL = "http://127.0.0.1:3010"
"""Where `salted dev` and `salted reports` serve, if nothing else is said: the same every day, for links are kept."""


class Day(click.ParamType[date]):
    """A day such as 2024-01-31, on the command line."""

    name = "day"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day. Fails as click does for what is none."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a day such as 2024-01-31", param, ctx)


def with_days(command: Callable[..., None]) -> Callable[..., None]:
    """Options for a range of days: FIRST LAST or --last N. The command is given settings, first and last day."""
    return _add_days(command, _range_of)


def with_optional_days(command: Callable[..., None]) -> Callable[..., None]:
    """The same, and where no day is named the command is given None for both."""
    return _add_days(command, _range_if_named)


def _add_days(command: Callable[..., None], find_range: Callable[..., tuple[Any, Any]]) -> Callable[..., None]:
    @click.argument("first", type=Day(), required=False)
    @click.argument("last", type=Day(), required=False)
    @click.option(
        "--last", "day_count", type=click.IntRange(min=1), metavar="N", help="The last N days that can be exported."
    )
    @wraps(command)
    def over_days(first: date | None, last: date | None, day_count: int | None, **others: Any) -> None:
        settings = load_settings()
        command(settings, *find_range(settings, first, last, day_count), **others)

    return over_days


def ensure_agents_shown(settings: Settings, instead: str) -> None:
    """Raise click.ClickException where the settings show no single people; `instead` says what there is not."""
    if not settings.shows_agents:
        raise click.ClickException(
            f"this deployment shows no single people ({variable_of('agent_level')}=team), so {instead}. "
            "Figures of teams are on the scorecard; docs/people.md says more"
        )


def load_settings() -> Settings:
    """The settings; names variables that are none. Raises click.ClickException for what cannot be used."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UnknownSetting)
        try:
            settings = Settings.load()
        except SettingsError as error:
            raise click.ClickException(str(error)) from None
        finally:
            for warning in caught:
                click.echo(f"warning: {warning.message}", err=True)
    warnings.simplefilter("ignore", UnknownSetting)  # the definitions load the settings, too
    return settings if settings.reports_url else settings.model_copy(update={"reports_url": LOCAL_URL})


def open_warehouse(settings: Settings) -> Warehouse:
    """The warehouse that the settings name."""
    options = ObjectOptions(settings.s3_encryption, settings.s3_kms_key, settings.s3_storage_class)
    return Warehouse(settings.warehouse, simulated=settings.simulated, options=options)


def refuse_early_days(settings: Settings, last: date) -> None:
    """Raise click.UsageError where the last of the days cannot be exported yet."""
    calendar, now = Calendar(settings.zone, settings.export_lag), datetime.now(UTC)
    try:
        refuse_early(calendar, last, now)
    except DayNotExportable as error:
        raise click.UsageError(f"{error} Write days up to {calendar.last_exportable_day(now)}.") from None


def show_days(days: Sequence[date]) -> str:
    """The days for people.

    >>> show_days([date(2024, 1, 9), date(2024, 1, 10), date(2024, 1, 31)])
    '2024-01-09 to 2024-01-10, 2024-01-31'
    """
    ranges = split_into_ranges(sorted(set(days)), len(days))
    return ", ".join(f"{each[0]}" if len(each) == 1 else f"{each[0]} to {each[-1]}" for each in ranges)


def _range_of(settings: Settings, first: date | None, last: date | None, day_count: int | None) -> tuple[date, date]:
    if day_count is not None:
        if first is not None:
            raise click.UsageError("write either FIRST LAST or --last N")
        last = Calendar(settings.zone, settings.export_lag).last_exportable_day(datetime.now(UTC))
        first = last - timedelta(days=min(day_count - 1, max(0, (last - settings.start_date).days)))
    if first is None:
        raise click.UsageError("write FIRST LAST, such as 2024-01-01 2024-01-31, or --last N")
    last = last or first
    if last < first:
        raise click.UsageError(f"{last} lies before {first}")
    if first < settings.start_date:
        raise click.UsageError(f"{first} lies before the first partition, {settings.start_date} (SALTED_START_DATE)")
    return first, last


def _range_if_named(
    settings: Settings, first: date | None, last: date | None, day_count: int | None
) -> tuple[date, date] | tuple[None, None]:
    return (None, None) if first is None and day_count is None else _range_of(settings, first, last, day_count)
