"""The days of a step as Dagster records them: also the whole ones of a step of which another day fails.

Dagster records a ranged step's days when the whole range is done. Where one day fails, the others would count as
failed as well: so those that are whole are recorded here before the failure is raised.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from typing import Any

import dagster as dg

from salted_assets.defs.asset_checks.outcome import CheckOutcome
from salted_assets.defs.asset_checks.reporting import log_outcomes
from salted_assets.defs.partitions import days_of, find_newest
from salted_assets.defs.retries import dagster_errors

DayMetadata = Mapping[str, Any]
"""What the UI shows of a day's materialization."""


_listener: ContextVar[Callable[[dg.AssetKey, date], None] | None] = ContextVar("listener", default=None)


@contextmanager
def listening_to_days(listener: Callable[[dg.AssetKey, date], None]) -> Iterator[None]:
    """Call the listener for each day of an asset that a run of this process makes within the context, at once.

    Dagster's events come when the last day of a step is made.
    """
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def materialize_in_turn(
    context: dg.AssetExecutionContext,
    materialize: Callable[[date], DayMetadata],
    outcomes: Mapping[date, Sequence[CheckOutcome]] | None = None,
) -> dg.MaterializeResult[None]:
    """Materialize the step's days one after another; the first that fails ends the step. Those before it are recorded.

    So are `outcomes`, which are of checks that were made on the way. Permanent errors become a Failure without retries.
    """
    whole: dict[date, DayMetadata] = {}
    try:
        with dagster_errors():
            for day in days_of(context):
                whole[day] = materialize(day)
                _tell(context.asset_key, day)
    except BaseException:
        _record(context, whole, outcomes or {})
        raise
    _describe(context, whole)
    return dg.MaterializeResult()


def materialize_each(
    context: dg.AssetExecutionContext,
    days: Iterable[tuple[date, Callable[[], DayMetadata]]],
    outcomes: Mapping[date, Sequence[CheckOutcome]] | None = None,
) -> None:
    """Materialize every day, whatever becomes of the others. Where some fail, raise it with the others recorded.

    So are `outcomes`, which are of checks that were made on the way, of failed days too. A single error is raised as it
    is, a permanent one as a Failure without retries; several as one such Failure that names the days.
    """
    whole: dict[date, DayMetadata] = {}
    failed: dict[date, Exception] = {}
    try:
        for day, materialize in days:
            try:
                whole[day] = materialize()
                _tell(context.asset_key, day)
            except Exception as error:  # noqa: BLE001 - whatever one day failed of, the others are kept and it is raised below
                failed[day] = error
        _raise(failed)
    except BaseException:
        _record(context, whole, outcomes or {})
        raise
    _describe(context, whole)


def _tell(key: dg.AssetKey, day: date) -> None:
    if listener := _listener.get():
        listener(key, day)


def _describe(context: dg.AssetExecutionContext, whole: Mapping[date, DayMetadata]) -> None:
    for day, metadata in whole.items():
        context.add_asset_metadata(metadata, asset_key=context.asset_key, partition_key=day.isoformat())


def _record(
    context: dg.AssetExecutionContext,
    whole: Mapping[date, DayMetadata],
    outcomes: Mapping[date, Sequence[CheckOutcome]],
) -> None:
    """Record the days as materialized, once per run, be the step tried again or not; then what was checked."""
    key = context.asset_key
    newest = find_newest(context.instance, key, [day.isoformat() for day in whole])
    for day, metadata in whole.items():
        earlier = newest.get(day.isoformat())
        if earlier is None or earlier.run_id != context.run.run_id:
            context.log_event(dg.AssetMaterialization(key, partition=day.isoformat(), metadata=dict(metadata)))
    log_outcomes(context, key, outcomes)


def _raise(failed: Mapping[date, Exception]) -> None:
    if not failed:
        return
    first = next(iter(failed.values()))
    if len(failed) == 1:
        with dagster_errors():
            raise first
    days = "; ".join(f"{day}: {error}" for day, error in failed.items())
    raise dg.Failure(description=f"{len(failed)} days failed. {days}", allow_retries=False) from first
