"""Which failed runs somebody is told of, and that a message holds what an operator needs and nothing of the data."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from salted_assets.defs.alerts import build_alerts
from salted_assets.settings import KEY_VARIABLE, Settings
from salted_assets_tests.support.platform import KNOWN_WARNINGS, QUIET, running_platform
from salted_assets_tests.support.webhook_server import Webhook, running_webhook

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

DAYS = dg.DailyPartitionsDefinition("2024-01-01")
PRIVATE = "jane.doe@example.test"


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with running_webhook() as webhook:
        yield webhook


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@dg.asset(partitions_def=DAYS)
def unlucky(context: dg.AssetExecutionContext) -> None:
    try:
        int(PRIVATE)
    except ValueError as error:
        if context.run.tags.get("explained"):
            raise dg.Failure(f"about {PRIVATE}", allow_retries=False) from error
        raise


class Daemon:
    """The sensor's ticks, one after the other, each with the cursor of the one before."""

    def __init__(self, sensor: dg.SensorDefinition, instance: dg.DagsterInstance) -> None:
        self.sensor, self.instance = sensor, instance
        self.cursor: str | None = None
        self.tick()

    def tick(self) -> Any:
        repository = dg.Definitions(sensors=[self.sensor]).get_repository_def()
        with dg.build_sensor_context(self.instance, self.cursor, repository_def=repository) as context:
            ticked = self.sensor.evaluate_tick(context)
        self.cursor = ticked.cursor
        return ticked


@pytest.fixture
def daemon(webhook: Webhook, instance: dg.DagsterInstance) -> Daemon:
    return Daemon(sensor_of(webhook.url), instance)


def sensor_of(address: str) -> dg.SensorDefinition:
    defs = build_alerts(Settings(alert_webhook=address))
    (sensor,) = defs.sensors or ()
    assert isinstance(sensor, dg.SensorDefinition)
    return sensor


def fail(instance: dg.DagsterInstance, **tags: str) -> str:
    job = dg.Definitions(assets=[unlucky]).resolve_implicit_global_asset_job_def()
    tags = {"dagster/partition": "2024-01-09", **tags}
    done = job.execute_in_process(instance=instance, raise_on_error=False, tags=tags, run_config=QUIET)
    assert not done.success
    return done.run_id


@pytest.mark.parametrize("tags", [{}, {"explained": "yes"}])
def test_a_failed_run_is_told_of_by_job_day_step_and_kind_of_error(
    daemon: Daemon, webhook: Webhook, tags: dict[str, str]
) -> None:
    run_id = fail(daemon.instance, **tags)
    daemon.tick()
    daemon.tick()

    (text,) = webhook.texts()
    assert text.splitlines() == [
        "salted_assets: __ASSET_JOB failed for 2024-01-09",
        "unlucky: ValueError",
        f"run {run_id}; docs/operations.md says what each error means",
    ]


def test_a_range_of_days_is_named_by_its_ends(daemon: Daemon, webhook: Webhook) -> None:
    instance = daemon.instance
    job = dg.Definitions(assets=[unlucky]).resolve_implicit_global_asset_job_def()
    run = instance.create_run_for_job(
        job,
        tags={
            "dagster/asset_partition_range_start": "2024-01-01",
            "dagster/asset_partition_range_end": "2024-01-07",
        },
    )
    instance.report_run_failed(run)
    daemon.tick()

    (text,) = webhook.texts()
    assert "failed for 2024-01-01 to 2024-01-07" in text
    assert "no step failed" in text


def test_a_backfill_is_told_of_once(daemon: Daemon, webhook: Webhook) -> None:
    first = fail(daemon.instance, **{"dagster/backfill": "b1", "dagster/will_retry": "true"})
    second = fail(daemon.instance, **{"dagster/backfill": "b1"})
    daemon.tick()
    fail(daemon.instance, **{"dagster/backfill": "b1"})
    other = fail(daemon.instance, **{"dagster/backfill": "b2"})
    daemon.tick()

    told = webhook.texts()
    assert [text.rpartition("run ")[2].partition(";")[0] for text in told] == [second, other]
    assert first not in "".join(told)
    assert "(backfill b1; " in told[0]


def test_a_run_that_is_tried_again_is_not_told_of(daemon: Daemon, webhook: Webhook) -> None:
    fail(daemon.instance, **{"dagster/will_retry": "true"})
    daemon.tick()

    assert webhook.texts() == []


def test_a_webhook_that_is_down_shows_in_the_tick_and_nowhere_else(daemon: Daemon, webhook: Webhook) -> None:
    webhook.answers = [404]
    run_id = fail(daemon.instance)
    (reaction,) = daemon.tick().dagster_run_reactions

    assert "it answered 404" in str(reaction.error)
    assert "secret-of-the-webhook" not in str(reaction.error)
    run = daemon.instance.get_run_by_id(run_id)
    assert run is not None
    assert run.status is dg.DagsterRunStatus.FAILURE
    assert daemon.tick().dagster_run_reactions == []


def test_an_error_of_ours_is_told_of_by_the_name_that_the_operations_page_lists(
    tmp_path: Path, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_platform(tmp_path, datasets=("agent",)) as platform:
        daemon = Daemon(sensor_of(webhook.url), platform.instance)
        monkeypatch.setenv(KEY_VARIABLE, "wrong-key")
        assert not platform.materialize("2024-01-09").success
        daemon.tick()

    (text,) = webhook.texts()
    assert "raw/export: ApiKeyRejected" in text
    assert "wrong-key" not in text


def test_without_a_webhook_there_is_no_sensor_and_with_one_it_is_on() -> None:
    assert not build_alerts(Settings()).sensors
    assert sensor_of("https://hooks.example.test/x").default_status is dg.DefaultSensorStatus.RUNNING


def test_the_address_is_shown_by_no_object() -> None:
    address = "https://hooks.example.test/secret-of-the-webhook"
    settings = Settings.load({"SALTED_ALERT_WEBHOOK": address})

    assert settings.alert_webhook == address
    assert "secret-of-the-webhook" not in repr(settings) + str(settings) + repr(build_alerts(settings)) + repr(
        os.environ
    )
