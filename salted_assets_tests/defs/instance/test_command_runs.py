"""Runs of commands are on the timeline of the UI, which leaves out those that say nothing of their code location."""

from pathlib import Path

import dagster as dg
import pytest

from salted_assets.defs.instance.command_runs import DEFINITIONS, command_tags, find_code_location, shown_in_location
from salted_assets_tests.support.platform import KNOWN_WARNINGS

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

RUN_ID = "00000000-0000-4000-8000-000000000001"
TWO_ACCOUNTS = """
load_from:
  - grpc_server: {host: code-north, port: 4000, location_name: north}
  - grpc_server: {host: code-south, port: 4000, location_name: south}
"""


@dg.asset
def unlucky() -> None:
    raise ValueError("bad luck")


def test_a_failed_run_of_a_command_is_of_the_location_that_the_ui_serves_and_is_not_run_again() -> None:
    retries = {"run_retries": {"enabled": True, "max_retries": 1}}
    with dg.instance_for_test(overrides=retries) as instance:
        with shown_in_location(instance, RUN_ID, DEFINITIONS):
            dg.Definitions([unlucky]).resolve_implicit_global_asset_job_def().execute_in_process(
                instance=instance, tags=command_tags("backfill", DEFINITIONS), run_id=RUN_ID, raise_on_error=False
            )
        # as a run's page and the list of a location's runs ask for it
        (run,) = instance.get_runs(dg.RunsFilter(tags={".dagster/repository": f"__repository__@{DEFINITIONS}"}))
    origin = run.remote_job_origin
    assert origin is not None
    assert (origin.location_name, origin.repository_origin.repository_name) == (DEFINITIONS, "__repository__")
    assert origin.job_name == run.job_name == "__ASSET_JOB"
    assert run.status is dg.DagsterRunStatus.FAILURE
    assert run.tags["dagster/code_location"] == DEFINITIONS
    assert run.tags["dagster/will_retry"] == "false"


@pytest.mark.parametrize(
    ("workspace", "account", "expected"),
    [
        (None, "", DEFINITIONS),
        ("load_from: [{python_module: salted_assets.definitions}]", "", DEFINITIONS),
        ("load_from: [{grpc_server: {host: code, port: 4000, location_name: salted}}]", "", "salted"),
        (TWO_ACCOUNTS, "south", "south"),
        (TWO_ACCOUNTS, "east", "north"),
        ("load_from: nothing", "", DEFINITIONS),
        ("[", "", DEFINITIONS),
    ],
)
def test_the_location_is_that_of_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workspace: str | None, account: str, expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if workspace is not None:
        (tmp_path / "workspace.yaml").write_text(workspace)
    assert find_code_location(account) == expected
