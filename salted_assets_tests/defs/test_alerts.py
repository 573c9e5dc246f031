"""Which failed runs and failing checks are reported, and that a message holds what helps and nothing of the data."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from salted_assets.defs.alerts import build_alerts
from salted_assets.defs.asset_checks.drift import build_drift_check_spec, check_drift
from salted_assets.defs.instance.command_runs import COMMAND_TAG
from salted_assets.explain.auto_drift import AutoDrift, DriftAlarm
from salted_assets.settings import KEY_VARIABLE, Settings
from salted_assets_tests.support.platform import KNOWN_WARNINGS, QUIET, Platform, running_platform
from salted_assets_tests.support.webhook_server import Webhook, running_webhook

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

DAYS = dg.DailyPartitionsDefinition("2024-01-01")
PRIVATE = "jane.doe@example.test"
FIRST, SECOND, BROKEN = "2024-01-09", "2024-01-10", "2024-01-11"


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


def sensor_of(address: str, name: str = "failure_alerts") -> dg.SensorDefinition:
    defs = build_alerts(Settings(alert_webhook=address, alert_scorecard=True))
    (sensor,) = [each for each in defs.sensors or () if each.name == name]
    assert isinstance(sensor, dg.SensorDefinition)
    return sensor


def fail(instance: dg.DagsterInstance, **tags: str) -> str:
    job = dg.Definitions(assets=[unlucky]).resolve_implicit_global_asset_job_def()
    tags = {"dagster/partition": "2024-01-09", **tags}
    done = job.execute_in_process(instance=instance, raise_on_error=False, tags=tags, run_config=QUIET)
    assert not done.success
    return done.run_id


@pytest.mark.parametrize("tags", [{}, {"explained": "yes"}])
def test_a_failed_run_is_reported_by_job_day_step_and_kind_of_error(
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


def test_a_backfill_is_reported_once(daemon: Daemon, webhook: Webhook) -> None:
    first = fail(daemon.instance, **{"dagster/backfill": "b1", "dagster/will_retry": "true"})
    second = fail(daemon.instance, **{"dagster/backfill": "b1"})
    daemon.tick()
    fail(daemon.instance, **{"dagster/backfill": "b1"})
    other = fail(daemon.instance, **{"dagster/backfill": "b2"})
    daemon.tick()

    texts = webhook.texts()
    assert [text.rpartition("run ")[2].partition(";")[0] for text in texts] == [second, other]
    assert first not in "".join(texts)
    assert "(backfill b1; " in texts[0]


def test_a_run_that_is_tried_again_is_not_reported(daemon: Daemon, webhook: Webhook) -> None:
    fail(daemon.instance, **{"dagster/will_retry": "true"})
    daemon.tick()

    assert webhook.texts() == []


def test_a_run_of_a_command_is_not_reported_since_the_command_says_it(daemon: Daemon, webhook: Webhook) -> None:
    fail(daemon.instance, **{"salted/command": "backfill"})
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


def test_an_error_of_ours_is_reported_by_the_name_that_the_operations_page_lists(
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


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Days of which agents have a column more, and the last one files without the agents' documented `name`."""
    with running_platform(tmp_path_factory.mktemp("alerts"), datasets=("agent", "customer")) as platform:
        platform.spoil(added_columns={"agent": (PRIVATE,)})
        for day in (FIRST, SECOND):
            assert platform.materialize(day, 'key:"raw/export"').success
        platform.spoil(renamed_columns={"agent": {"name": PRIVATE}}, added_columns={"customer": ("mood",)})
        assert platform.materialize(BROKEN, 'key:"raw/export"').success
        yield platform


@dataclass
class Alerts:
    """A platform of its own records over the landed days, its sensors' ticks and what they sent."""

    platform: Platform
    webhook: Webhook

    def __post_init__(self) -> None:
        names = ("failure_alerts", "check_alerts")
        self.daemons = [Daemon(sensor_of(self.webhook.url, name), self.platform.instance) for name in names]

    def after(self, run: Any) -> list[str]:
        """The messages that follow from a run."""
        before = len(self.webhook.posted)
        for daemon in self.daemons:
            assert not [each for each in daemon.tick().dagster_run_reactions if each.error]
        assert run.run_id
        return self.webhook.texts()[before:]


@pytest.fixture
def alerts(landed: Platform, webhook: Webhook, instance: dg.DagsterInstance) -> Alerts:
    return Alerts(replace(landed, instance=instance), webhook)


def test_checks_that_do_not_pass_are_reported_once_for_each_check_and_day(alerts: Alerts) -> None:
    (text,) = alerts.after(first := alerts.platform.materialize(FIRST, "group:tables"))
    assert text.splitlines() == [
        f"salted_assets: __ASSET_JOB for {FIRST}: 1 check not passed",
        f"{FIRST} tables/agent schema: 0 columns missing, 1 column not documented",
        f"run {first.run_id}; docs/operations.md says what each check means",
    ]
    assert alerts.after(alerts.platform.materialize(FIRST, "group:tables")) == []

    (text,) = alerts.after(alerts.platform.materialize_range(FIRST, SECOND, "group:tables"))
    assert text.splitlines()[1:-1] == [f"{SECOND} tables/agent schema: 0 columns missing, 1 column not documented"]


def test_a_check_that_passed_in_between_is_reported_again(alerts: Alerts) -> None:
    assert len(alerts.after(alerts.platform.materialize(FIRST, "group:tables"))) == 1
    key = dg.AssetCheckKey(dg.AssetKey(["tables", "agent"]), "schema")
    good = dg.AssetCheckEvaluation(
        asset_key=key.asset_key, check_name=key.name, passed=True, metadata={}, partition=FIRST
    )
    alerts.platform.instance.report_runless_asset_event(good)

    assert len(alerts.after(alerts.platform.materialize(FIRST, "group:tables"))) == 1


def test_a_failed_run_reports_its_checks_too_and_of_a_table_that_failed_the_kind_of_error_alone(alerts: Alerts) -> None:
    (text,) = alerts.after(run := alerts.platform.materialize(BROKEN, "group:tables"))

    assert not run.success
    assert text.splitlines()[1:-1] == [
        "tables/agent: HeaderError",
        f"{BROKEN} tables/customer schema: 0 columns missing, 1 column not documented",
    ]
    assert PRIVATE not in text


def test_days_that_are_still_failed_are_reported_once_a_day(alerts: Alerts) -> None:
    alerts.after(alerts.platform.materialize(BROKEN, "group:tables"))

    texts = alerts.after(alerts.platform.materialize(SECOND, "group:tables"))
    assert f"tables/agent: still failed {BROKEN}" in texts[0].splitlines()
    assert alerts.after(alerts.platform.materialize(SECOND, "group:tables")) == []


def test_of_a_backfill_the_first_run_with_such_checks_is_reported(alerts: Alerts) -> None:
    runs = [
        alerts.platform.materialize(day, "group:tables", tags={"dagster/backfill": "b1"}) for day in (FIRST, SECOND)
    ]

    (text,) = alerts.after(runs[-1])
    assert text.startswith(f"salted_assets: __ASSET_JOB for {FIRST}: 1 check not passed (backfill b1; ")


@dg.asset(key=["report", "scorecard"], partitions_def=DAYS)
def card(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    counts = {"agents": 40, "agents_comparable": 18, "form_evaluations": 312, "single_answers": 1}
    more = {"evaluations_below_threshold": 12, "new_since_week_before": 3, "simulated": True}
    link = dg.MetadataValue.url(f"https://reports.example.test/{context.partition_key}")
    return dg.MaterializeResult(metadata={**counts, **more, "link": link, "agent": PRIVATE})


def test_the_headline_of_each_new_days_scorecard_is_sent_once_in_counts(
    webhook: Webhook, instance: dg.DagsterInstance
) -> None:
    daemon = Daemon(sensor_of(webhook.url, "scorecard_alerts"), instance)

    def texts_after(day: str, **tags: str) -> list[str]:
        before = len(webhook.posted)
        dg.materialize([card], partition_key=day, instance=instance, tags=tags, run_config=QUIET)
        assert not [each for each in daemon.tick().dagster_run_reactions if each.error]
        return webhook.texts()[before:]

    (text,) = texts_after(SECOND)
    assert text.splitlines() == [
        f"salted_assets: scorecard of {SECOND} (simulated data)",
        "40 agents, 18 of whom can be compared",
        "312 forms and 1 single answer by reviewers",
        "12 forms below 50%",
        "3 new since a week before",
        f"https://reports.example.test/{SECOND}",
    ]
    assert texts_after(SECOND) == [], "renewed"
    assert texts_after(FIRST) == [], "of an earlier day"
    assert texts_after(BROKEN, **{COMMAND_TAG: "backfill"}) == [], "of a command, which says it itself"
    assert len(texts_after("2024-01-12")) == 1
    assert not [each for each in build_alerts(Settings(alert_webhook=webhook.url)).sensors or () if "card" in each.name]


@dg.asset(
    key=["scores", "auto_reviewer_drift"],
    partitions_def=DAYS,
    check_specs=[build_drift_check_spec(dg.AssetKey(["scores", "auto_reviewer_drift"]), DAYS)],
)
def drifting(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
    """An alarm that is first given on `SECOND` and stands from then on."""
    day, since = date.fromisoformat(context.partition_key), date.fromisoformat(SECOND)
    alarm = DriftAlarm("Was it verified?", "higher", since, since, since, 0.08, main_language="de")
    outcome = check_drift(AutoDrift(day, [alarm] if day >= since else [], 1))
    check = dg.AssetCheckResult(passed=outcome.passed, severity=outcome.severity, metadata=dict(outcome.metadata))
    yield dg.MaterializeResult(check_results=[check])


def test_drift_of_the_auto_reviewer_is_sent_on_the_day_on_which_it_is_new(
    webhook: Webhook, instance: dg.DagsterInstance
) -> None:
    daemon = Daemon(sensor_of(webhook.url, "check_alerts"), instance)

    def texts_after(day: str) -> list[str]:
        before = len(webhook.posted)
        dg.materialize([drifting], partition_key=day, instance=instance, run_config=QUIET)
        assert not [each for each in daemon.tick().dagster_run_reactions if each.error]
        return webhook.texts()[before:]

    assert texts_after(FIRST) == []
    (text,) = texts_after(SECOND)
    assert text.splitlines()[1] == (
        f"{SECOND} scores/auto_reviewer_drift drift: since 10 January the auto reviewer scores "
        '"Was it verified?" higher beside people than before, by about 0.08 (of 1), above all in language de '
        "(last alarm on 10 January)"
    )
    assert texts_after(BROKEN) == [], "which stood before"


def test_without_a_webhook_there_is_no_sensor_and_with_one_they_are_on() -> None:
    assert not build_alerts(Settings()).sensors
    for name in ("failure_alerts", "check_alerts"):
        assert sensor_of("https://hooks.example.test/x", name).default_status is dg.DefaultSensorStatus.RUNNING


def test_the_address_is_shown_by_no_object() -> None:
    address = "https://hooks.example.test/secret-of-the-webhook"
    settings = Settings.load({"SALTED_ALERT_WEBHOOK": address})

    assert settings.alert_webhook == address
    assert "secret-of-the-webhook" not in repr(settings) + str(settings) + repr(build_alerts(settings)) + repr(
        os.environ
    )
