"""The configurations in deploy/ as Dagster reads them: each is loaded by Dagster's own schema into the real objects."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pytest
import yaml
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.compute_log_manager import ComputeIOType
from moto.server import ThreadedMotoServer

from benchmarks.deployment.deployment import read_config
from benchmarks.deployment.postgres_server import PostgresServer
from benchmarks.deployment.s3_server import BUCKET, S3Server

pytestmark = [pytest.mark.services, pytest.mark.slow]

PARTS = ["parts/compute-logs-s3.yaml", "parts/launcher-celery.yaml", "parts/launcher-ecs.yaml"]
TASK = "salted-run"


@pytest.fixture(scope="module")
def aws() -> Iterator[S3Server]:
    """Buckets, and a task definition as the operator makes one."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        found = S3Server(f"http://{host}:{port}")
        found.client().create_bucket(Bucket=BUCKET)
        client("ecs", found).register_task_definition(
            family=TASK, containerDefinitions=[{"name": "run", "image": "salted", "memory": 4096}]
        )
        yield found
    finally:
        server.stop()


def client(service: str, server: S3Server) -> Any:
    environment = server.environment
    return boto3.client(
        service,  # type: ignore[call-overload]  # any service
        endpoint_url=server.url,
        region_name=environment["AWS_DEFAULT_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, aws: S3Server) -> pytest.MonkeyPatch:
    """Every variable that the configurations name, apart from the database's."""
    variables = {
        "DAGSTER_LOGS_BUCKET": BUCKET,
        "DAGSTER_CELERY_BROKER": "redis://127.0.0.1:1/0",
        "DAGSTER_CELERY_BACKEND": "redis://127.0.0.1:1/1",
        "DAGSTER_ECS_TASK_DEFINITION": TASK,
    }
    for name, value in {**aws.environment, **variables}.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def load(folder: Path, *parts: str) -> InstanceRef:
    (folder / "dagster.yaml").write_text(yaml.safe_dump(read_config(*parts)))
    return InstanceRef.from_dir(str(folder))


@pytest.mark.parametrize("part", [None, *PARTS])
def test_each_configuration_keeps_what_the_platform_relies_on(
    tmp_path: Path, postgres: PostgresServer, environment: pytest.MonkeyPatch, part: str | None
) -> None:
    for name, value in postgres.create_database(f"config {part}").items():
        environment.setenv(name, value)

    with dg.DagsterInstance.from_ref(load(tmp_path, "dagster.yaml", *filter(None, [part]))) as instance:
        assert type(instance.event_log_storage).__name__ == "PostgresEventLogStorage"
        assert instance.event_log_storage.supports_global_concurrency_limits
        assert type(instance.run_coordinator).__name__ == "QueuedRunCoordinator"
        pools = instance.get_concurrency_config().pool_config
        assert pools.default_pool_limit == 1
        assert pools.pool_granularity is not None
        assert pools.pool_granularity.value == "op"
        assert instance.run_monitoring_enabled
        assert instance.run_monitoring_settings["free_slots_after_run_end_seconds"] == 60
        assert (instance.run_retries_enabled, instance.run_retries_max_retries) == (True, 1)
        assert not instance.run_retries_retry_on_asset_or_op_failure
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (None, "DefaultRunLauncher"),
        ("parts/launcher-celery.yaml", "CeleryRunLauncher"),
        ("parts/launcher-ecs.yaml", "EcsRunLauncher"),
    ],
)
def test_runs_are_launched_by_what_the_part_names(
    tmp_path: Path, environment: pytest.MonkeyPatch, part: str | None, expected: str
) -> None:
    assert environment
    launcher = load(tmp_path, "dagster.yaml", *filter(None, [part])).run_launcher

    assert type(launcher).__name__ == expected
    assert launcher is not None
    assert launcher.supports_check_run_worker_health == (part is not None)


def test_what_runs_print_goes_to_the_bucket(tmp_path: Path, environment: pytest.MonkeyPatch, aws: S3Server) -> None:
    assert environment
    logs = load(tmp_path, "dagster.yaml", "parts/compute-logs-s3.yaml").compute_log_manager
    with logs.open_log_stream(["run", "compute_logs", "step"], ComputeIOType.STDOUT) as stream:
        assert isinstance(stream, io.TextIOBase)
        stream.write("printed")

    kept = aws.client().get_object(Bucket=BUCKET, Key="dagster-logs/storage/run/compute_logs/step.out")
    assert kept["Body"].read() == b"printed"


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ("dagster.yaml", {"run_monitoring": {"free_slots": 60}}),
        ("dagster.yaml", {"storage": {"postgres": {"postgres_db": {"host": "db"}}}}),
        (
            "parts/launcher-celery.yaml",
            {
                "run_launcher": {
                    "module": "dagster_celery.launcher",
                    "class": "CeleryRunLauncher",
                    "config": {"brokers": "x"},
                }
            },
        ),
        (
            "parts/launcher-ecs.yaml",
            {"run_launcher": {"module": "dagster_aws.ecs", "class": "EcsRunLauncher", "config": {"containers": "x"}}},
        ),
    ],
)
def test_a_slip_in_a_configuration_would_be_refused(
    tmp_path: Path, environment: pytest.MonkeyPatch, part: str, wrong: dict[str, Any]
) -> None:
    assert environment
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump({**read_config("dagster.yaml", part), **wrong}))

    with pytest.raises(dg.DagsterInvalidConfigError):
        _ = InstanceRef.from_dir(str(tmp_path)).run_launcher
