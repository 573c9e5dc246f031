"""`scores/settlement`: how much of a day's evaluations is still to come."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import partial

import dagster as dg

from salted_assets.defs.asset_keys import table_key
from salted_assets.defs.assets.score_building import score_asset
from salted_assets.defs.io_managers import ScoreFrame, ScoreFrames
from salted_assets.defs.partitions import days_of
from salted_assets.defs.resources import WarehouseResource
from salted_assets.explain.settlement import Teaching, find_teaching, read_arrivals, settle_day
from salted_assets.explain.settlement.teaching import LOOKED_BACK, REACH_DAYS, REVIEWS, find_requests
from salted_assets.history import FooterCache
from salted_assets.history.restatement import InputIndex, InputVersions
from salted_assets.landing.windows import Calendar
from salted_assets.schemas.scores import SettlementScore
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse

_PARTITION = """\
The partition is the day from whose export on this is known. It reads the reviews that the exports of its days, and of \
those after them, brought, at most {days} days back, and when these exports were requested. The horizon is {horizon} \
days (`SALTED_SETTLEMENT_HORIZON_DAYS`)."""

_SETTINGS_READ = ("timezone", "settlement_horizon_days", "lookback_days")


def build_settlement(settings: Settings) -> list[dg.AssetsDefinition]:
    """The asset; none where reviews, or the engagements they are about, are not exported."""
    if not {"engagement", "review"} <= set(settings.datasets):
        return []
    horizon = settings.settlement_horizon_days
    days_read = REACH_DAYS + horizon

    @score_asset(
        settings,
        SettlementScore,
        "settlement",
        partition=_PARTITION.format(days=days_read, horizon=horizon),
        deps=[table_key("review")],
        reads=_SETTINGS_READ,
    )
    def settlement(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> ScoreFrames:
        opened, footers = warehouse.open(), warehouse.open_footers()
        return ScoreFrames(
            frames=[days_of(context)],
            day_column="known_date",
            compute=partial(_settle, opened, footers, settings),
            inputs=_build_inputs(footers, days_read),
        )

    return [settlement]


def _build_inputs(footers: FooterCache, days_read: int) -> Callable[[Sequence[date]], Mapping[date, InputVersions]]:
    def inputs(days: Sequence[date]) -> Mapping[date, InputVersions]:
        footers.refresh()
        index = InputIndex(footers, ["review"])
        return {day: index.of_window(REVIEWS, day, days_read) for day in days}

    return inputs


def _settle(
    warehouse: Warehouse, footers: FooterCache, settings: Settings, days: Sequence[date]
) -> Iterator[ScoreFrame]:
    horizon = settings.settlement_horizon_days
    calendar = Calendar(settings.zone, settings.export_lag)
    requests = find_requests(footers, days[0] - timedelta(days=REACH_DAYS + horizon - 1), days[-1])
    teaching = {
        day: Teaching((), LOOKED_BACK) if settings.lookback_days else find_teaching(requests, calendar, day, horizon)
        for day in days
    }
    first = min((each.days[0] for each in teaching.values() if each.days), default=None)
    arrivals = None if first is None else read_arrivals(warehouse, settings.timezone, first, days[-1])
    for day in days:
        rows = settle_day(arrivals, teaching[day], day, horizon)
        yield ScoreFrame(rows, {day: {"learning_day_count": len(teaching[day].days)}})
