"""The Helm values: what Dagster's chart makes of them is read by Dagster's own schema, and agrees with dagster.yaml.

The chart cannot be had from a package registry, so its rendering of the values used here is written out below, by the
chart's template of dagster.yaml. What is not shown is that Kubernetes accepts the pods.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._config import process_config
from dagster._core.instance.config import dagster_instance_config
from dagster._core.storage.config import pg_config

from benchmarks.deployment.deployment import DEPLOY, read_config
from salted_assets.settings import KEY_VARIABLE, Settings

pytestmark = [pytest.mark.services, pytest.mark.slow]

VALUES: dict[str, Any] = yaml.safe_load((DEPLOY / "kubernetes" / "values.yaml").read_text())
KNOWN = {
    *("additionalInstanceConfig", "computeLogManager", "concurrency", "dagster-user-deployments", "dagsterDaemon"),
    *("dagsterWebserver", "generatePostgresqlPasswordSecret", "global", "migrate", "postgresql", "retention"),
    *("runLauncher", "telemetry"),
}
"""The chart's names of what is set here."""

DEPLOYMENTS: list[dict[str, Any]] = VALUES["dagster-user-deployments"]["deployments"]


def snake(value: Any) -> Any:
    """The same with names as dagster.yaml writes them."""
    if not isinstance(value, Mapping):
        return value
    return {
        re.sub(r"(?<=[a-z])[A-Z]", lambda big: f"_{big[0].lower()}", name): snake(each) for name, each in value.items()
    }


def render_instance(values: Mapping[str, Any]) -> dict[str, Any]:
    """The dagster.yaml that the chart writes for these values, but for its own constants."""
    daemon, runs = values["dagsterDaemon"], values["runLauncher"]["config"]["k8sRunLauncher"]
    logs = values["computeLogManager"]["config"]["s3ComputeLogManager"]
    concurrency = {name: value for name, value in values["concurrency"].items() if name != "enabled"}
    retention = {name: value for name, value in values["retention"].items() if name != "enabled"}
    return {
        "run_launcher": {"module": "dagster_k8s", "class": "K8sRunLauncher", "config": snake(runs)},
        "compute_logs": {
            "module": "dagster_aws.s3.compute_log_manager",
            "class": "S3ComputeLogManager",
            "config": snake(logs),
        },
        "run_monitoring": snake(daemon["runMonitoring"]),
        "run_retries": snake(daemon["runRetries"]),
        "telemetry": values["telemetry"],
        "retention": snake(retention),
        "concurrency": snake(concurrency),
        **values["additionalInstanceConfig"],
    }


def test_every_value_is_one_of_the_chart() -> None:
    assert set(VALUES) == KNOWN


def test_the_instance_agrees_with_dagster_yaml() -> None:
    ours, theirs = read_config("dagster.yaml"), render_instance(VALUES)

    for name in ("run_monitoring", "run_retries", "telemetry", "nux", "retention"):
        assert theirs[name] == ours[name], name
    assert theirs["concurrency"]["pools"] == ours["concurrency"]["pools"]


def test_dagster_reads_the_instance(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(render_instance(VALUES)))

    found, _ = dagster_instance_config(str(tmp_path))

    assert found["run_monitoring"]["free_slots_after_run_end_seconds"] == 60


def test_dagster_reads_the_launcher() -> None:
    from dagster_k8s import K8sRunLauncher  # noqa: PLC0415 - of the extra `services`, which the other tests do without

    given = {
        **render_instance(VALUES)["run_launcher"]["config"],
        "service_account_name": "dagster",
        "instance_config_map": "dagster-instance",
        "dagster_home": "/opt/salted/dagster",
    }

    assert errors_of(K8sRunLauncher.config_type(), given) == []
    assert errors_of(K8sRunLauncher.config_type(), {**given, "run_k8s": {}})


def test_the_pod_of_a_run_is_one_that_kubernetes_knows() -> None:
    from dagster_k8s.job import (  # noqa: PLC0415 - as above
        DagsterK8sJobConfig,
        UserDefinedDagsterK8sConfig,
        construct_dagster_k8s_job,
    )

    def build(config: dict[str, Any]) -> Any:
        chosen = UserDefinedDagsterK8sConfig.from_dict(config)
        base = DagsterK8sJobConfig(job_image="salted_assets", dagster_home="/opt/salted/dagster")
        return construct_dagster_k8s_job(base, ["dagster"], "run", user_defined_k8s_config=chosen)

    config = render_instance(VALUES)["run_launcher"]["config"]["run_k8s_config"]
    (container,) = build(config).spec.template.spec.containers

    assert container.resources.limits == {"memory": "4Gi"}
    assert (container.security_context.run_as_non_root, container.security_context.run_as_user) == (True, 10001)
    with pytest.raises(Exception, match="resourcez"):
        build({"container_config": {"resourcez": {}}})


def test_dagster_reads_the_database() -> None:
    given = VALUES["postgresql"]
    database = {
        "username": given["postgresqlUsername"],
        "password": "from a secret",
        "hostname": given["postgresqlHost"],
        "db_name": given["postgresqlDatabase"],
        "scheme": given["postgresqlScheme"],
    }

    assert errors_of(pg_config(), {"postgres_db": database}) == []
    assert database["scheme"] == read_config("dagster.yaml")["storage"]["postgres"]["postgres_db"]["scheme"]


def errors_of(schema: Any, given: Any) -> list[str]:
    return [error.message for error in process_config(schema, given).errors or []]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: str(deployment["name"]))
def test_each_account_has_settings_that_can_be_used(deployment: dict[str, Any]) -> None:
    has_key = "SALTED_API_KEY_SECRET" not in deployment["env"]
    settings = Settings.load({**deployment["env"], **({KEY_VARIABLE: "key"} if has_key else {})})

    assert not settings.simulated
    assert settings.account == deployment["name"]
    assert has_key == bool(deployment.get("envSecrets"))
    assert deployment["includeConfigInLaunchedRuns"] == {"enabled": True}
    assert deployment["securityContext"]["runAsNonRoot"]


def test_no_two_accounts_share_a_place() -> None:
    places = [
        Settings.load({**each["env"], "SALTED_API_URL": "https://api.example.test"}).warehouse for each in DEPLOYMENTS
    ]

    assert sorted(set(places)) == sorted(places)
