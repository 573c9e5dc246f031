"""The job `failed_days`: which days are still failed, looked up once a day. Not here: trying them again.

A day that failed is told of once; by the next morning it would be forgotten. This job fails for as long as any day is
marked as failed, and names them.
"""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from salted_assets.defs.alerts import ALERT
from salted_assets.defs.schedules import hour_when_due
from salted_assets.settings import Settings

_NAMED_DAYS = 20

_DESCRIPTION = """\
Looks for days that are marked as failed, on any daily asset, and fails for as long as there are some.

A day is no longer failed once it is materialized. Materialize the failed ones from the page of their asset, or run \
`salted backfill` over them: what is there already is not exported again.
"""


def build_failed_days(settings: Settings, assets: Sequence[dg.AssetsDefinition]) -> dg.Definitions:
    """The job that looks at the daily ones of the assets, and its schedule, when the daily run should be through.

    The schedule is on by itself where the vendor is real.
    """
    specs = [spec for asset in assets for spec in asset.specs]
    daily = {spec.key: spec.partitions_def for spec in specs if spec.partitions_def is not None}

    @dg.op(name="list_failed_days", description="Looks at every daily asset.", out=dg.Out(dg.Nothing))
    def list_failed_days(context: dg.OpExecutionContext) -> None:
        failed = find_failed_days(context.instance, daily)
        if failed:
            raise dg.Failure(
                description=_describe(failed),
                metadata={ALERT: _describe(failed), "days": len(failed), "failed": _as_table(failed)},
            )
        context.log.info("No day is marked as failed.")

    @dg.job(name="failed_days", description=_DESCRIPTION, executor_def=dg.in_process_executor)
    def failed_days() -> None:
        list_failed_days()

    schedule = dg.ScheduleDefinition(
        name="failed_days_schedule",
        job=failed_days,
        cron_schedule=f"0 {hour_when_due(settings)} * * *",
        execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.STOPPED if settings.simulated else dg.DefaultScheduleStatus.RUNNING,
    )
    return dg.Definitions(jobs=[failed_days], schedules=[schedule])


def find_failed_days(
    instance: dg.DagsterInstance, daily: Mapping[dg.AssetKey, dg.PartitionsDefinition[str]]
) -> dict[str, list[str]]:
    """Which of the assets are marked as failed, by day, in order; empty where there is none."""
    marked = sorted(_marked(instance, daily))
    return {day: [asset for other, asset in marked if other == day] for day, _ in marked}


def _marked(
    instance: dg.DagsterInstance, daily: Mapping[dg.AssetKey, dg.PartitionsDefinition[str]]
) -> Iterator[tuple[str, str]]:
    for key, partitions in daily.items():
        statuses = instance.get_status_by_partition(key, partitions.get_partition_keys(), partitions) or {}
        for day, status in statuses.items():
            if status is not None and status.name == "FAILED":
                yield day, key.to_user_string()


def _describe(failed: Mapping[str, list[str]]) -> str:
    named = [f"{day}: {_name(assets)}" for day, assets in list(failed.items())[:_NAMED_DAYS]]
    more = [f"and {len(failed) - _NAMED_DAYS} more"] if len(failed) > _NAMED_DAYS else []
    return "\n".join([f"{len(failed)} days are still failed:", *named, *more])


def _name(assets: list[str]) -> str:
    return assets[0] if len(assets) == 1 else f"{assets[0]} and {len(assets) - 1} more"


def _as_table(failed: Mapping[str, list[str]]) -> dg.TableMetadataValue:
    return dg.MetadataValue.table(
        [dg.TableRecord({"day": day, "assets": ", ".join(assets)}) for day, assets in failed.items()]
    )
