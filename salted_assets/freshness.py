"""By when each day's assets should be there, said once for all of them. Not here: what runs them (`automation`).

Dagster judges freshness by an asset's newest materialization, whichever day it was of: a backfill of old days makes
an asset look fresh. A day that failed is found by `failed_days`.
"""

from collections.abc import Iterable
from datetime import timedelta

import dagster as dg

from salted_assets.settings import Settings

_HOURS_FOR_A_DAY = 4
"""Two for the slowest export that is waited for by default, two for all that follows."""


def hour_when_due(settings: Settings) -> int:
    """The hour, in the time zone of the partitions, by which the daily run should be through."""
    return (settings.schedule_hour + _HOURS_FOR_A_DAY) % 24


def with_freshness(assets: Iterable[dg.AssetsDefinition], settings: Settings) -> list[dg.AssetsDefinition]:
    """The assets, each daily one with a policy: stale when it is due and was not materialized since the schedule ran.

    With the simulator they are left as they are, for nothing runs there by itself.
    """
    if settings.simulated:
        return list(assets)
    policy = dg.FreshnessPolicy.cron(
        deadline_cron=f"0 {hour_when_due(settings)} * * *",
        lower_bound_delta=timedelta(hours=_HOURS_FOR_A_DAY),
        timezone=settings.timezone,
    )

    def add(spec: dg.AssetSpec) -> dg.AssetSpec:
        return spec if spec.partitions_def is None else spec.replace_attributes(freshness_policy=policy)

    return [asset.map_asset_specs(add) for asset in assets]
