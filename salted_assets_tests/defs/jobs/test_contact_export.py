"""The job that exports one contact: how it is asked, how it ends, and that the contact's value stays nowhere."""

import json
import logging
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from salted_assets.defs.jobs.contact_export import ContactExportConfig
from salted_assets.salted_cx import ApiUnavailable, ExportClient
from salted_assets.simulator import Faults, Refusal, RunningSimulator, running_simulator
from salted_assets_tests.support.bare_commands import make_debugging_home, run_bare
from salted_assets_tests.support.contact_archives import CONTACT, rows_of
from salted_assets_tests.support.platform import (
    KNOWN_WARNINGS,
    QUIET,
    SMALL,
    ImpatientConfig,
    Platform,
    running_platform,
)
from salted_assets_tests.support.traces import texts_below

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

JOB = "contact_export"


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    monkeypatch.setattr("salted_assets.defs.jobs.contact_export.RETRY_POLICY", dg.RetryPolicy(max_retries=2, delay=0))
    monkeypatch.setenv("SALTED_CONTACT", CONTACT)
    with running_platform(tmp_path) as platform:
        yield platform


def launch(platform: Platform, **config: Any) -> dg.ExecuteInProcessResult:
    asked = {"first_day": "2024-01-09", "last_day": "2024-01-10", **config}
    return platform.defs.resolve_job_def(JOB).execute_in_process(
        instance=platform.instance,
        run_config={**QUIET, "ops": {"export_contact": {"config": asked}}},
        raise_on_error=False,
    )


def output_metadata(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    [output] = result.filter_events(lambda event: event.is_successful_output)
    return {name: value.value for name, value in output.step_output_data.metadata.items()}


def said_by(platform: Platform, result: dg.ExecuteInProcessResult) -> str:
    """Everything that the instance keeps of the run: its events and logs, its config and tags."""
    run = platform.instance.get_run_by_id(result.run_id)
    return "\n".join(map(repr, [*platform.instance.all_logs(result.run_id), run]))


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    [event] = result.filter_events(lambda event: event.is_step_failure)
    data = event.step_failure_data.user_failure_data
    assert data is not None
    return str(data.description)


def test_the_job_reads_the_contact_from_the_variable_and_says_what_came_of_it(platform: Platform) -> None:
    result = launch(platform)

    assert result.success
    metadata = output_metadata(result)
    archive = platform.folder / "contact_exports" / result.run_id / "contact_export.zip"
    assert metadata["archive"] == str(archive)
    assert metadata["archive_bytes"] == archive.stat().st_size
    assert (metadata["outcome"], metadata["exports"], metadata["request_id"]) == ("complete", 2, result.run_id)
    with zipfile.ZipFile(archive) as held:
        assert metadata["rows"] == sum(len(rows_of(held.read(name))) for name in held.namelist()) > 0
    assert metadata["rows"] == sum(metadata["rows_by_dataset"].values())
    assert (metadata["files_not_delivered"], metadata["simulated"]) == (0, False)
    said = said_by(platform, result)
    assert "2024-01-09: " in said
    assert CONTACT not in said


def test_the_contact_may_be_in_a_file_instead(platform: Platform, tmp_path: Path) -> None:
    (tmp_path / "contact.txt").write_text(f"  {CONTACT}\n")
    result = launch(platform, contact_variable="NOT_SET", contact_file=str(tmp_path / "contact.txt"), datasets=["turn"])

    assert result.success
    assert output_metadata(result)["rows_by_dataset"].keys() == {"turn"}


@pytest.mark.parametrize(
    ("contact", "outcome", "words"),
    [
        ("nobody@example.com", "contact_not_found", "The vendor cannot resolve the contact"),
        ("unlinked@example.com", "no_customers", "holds no customer records of it"),
    ],
)
def test_the_job_ends_clearly_when_there_is_nothing(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, contact: str, outcome: str, words: str
) -> None:
    monkeypatch.setenv("SALTED_CONTACT", contact)
    result = launch(platform)

    assert result.success
    metadata = output_metadata(result)
    assert (metadata["outcome"], metadata["archive"], metadata["exports"]) == (outcome, "none", 0)
    assert words in metadata["meaning"]
    warned = [entry for entry in platform.instance.all_logs(result.run_id) if entry.level == logging.WARNING]
    assert [words in entry.user_message for entry in warned] == [True]
    said = said_by(platform, result)
    assert "Traceback" not in said
    assert contact not in said


def test_the_job_warns_of_files_that_the_vendor_did_not_give(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("salted_assets.defs.resources.ClientConfig", ImpatientConfig)
    platform.vendor.set_faults(Faults(missing_addresses=("review",)))
    result = launch(platform)

    assert result.success
    metadata = output_metadata(result)
    assert metadata["files_not_delivered"] == 2
    assert metadata["meaning"].startswith("The archive lacks 2 files that the vendor did not give")
    warned = [entry for entry in platform.instance.all_logs(result.run_id) if entry.level == logging.WARNING]
    assert [entry.user_message for entry in warned] == [metadata["meaning"]]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"contact_variable": CONTACT}, "delete this run"),
        ({"contact_variable": "+420 603 123 456"}, "delete this run"),
        ({"contact_variable": "NOT_SET"}, "the environment variable NOT_SET holds no e-mail address or phone number"),
        ({"contact_file": f"/nowhere/{CONTACT}"}, "the file named in contact_file cannot be read (FileNotFoundError)"),
        ({"first_day": "2024-01-11"}, "last_day (2024-01-10) lies before first_day (2024-01-11)"),
        ({"first_day": "yesterday"}, "first_day is no day; write one such as 2024-01-31"),
        ({"datasets": ["tickets"]}, "datasets takes one or more of engagement, customer, turn, review, agent"),
        ({"datasets": []}, "datasets takes one or more of"),
    ],
)
def test_a_slip_in_the_launchpad_is_refused_before_any_request(
    platform: Platform, config: dict[str, Any], words: str
) -> None:
    result = launch(platform, **config)

    assert not result.success
    said = failure_of(result)
    assert said.startswith("Nothing was exported: ")
    assert words in said
    assert not any(str(value) in said for value in (CONTACT, "+420"))
    assert not result.filter_events(lambda event: event.event_type_value == "STEP_UP_FOR_RETRY")
    assert sum(platform.vendor.log().values()) == 0


@pytest.mark.parametrize("content", ["", "\n", "a@example.com\nb@example.com"])
def test_a_file_holds_one_value(platform: Platform, tmp_path: Path, content: str) -> None:
    (tmp_path / "contact.txt").write_text(content)

    said = failure_of(launch(platform, contact_file=str(tmp_path / "contact.txt")))
    assert "the file named in contact_file holds no e-mail address or phone number on a single line" in said


def test_a_passing_error_is_tried_again_and_goes_on_with_its_exports(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    download, errors = ExportClient.download, [ApiUnavailable("the network was down")]

    def download_later(client: ExportClient, *arguments: Any, **options: Any) -> Any:
        if errors:
            raise errors.pop()
        return download(client, *arguments, **options)

    monkeypatch.setattr(ExportClient, "download", download_later)
    result = launch(platform)

    assert result.success
    assert len(result.filter_events(lambda event: event.event_type_value == "STEP_RESTARTED")) == 1
    assert platform.vendor.log()["exports"] == 2


def test_the_job_takes_a_slot_of_the_exports_pool_and_says_how_it_is_asked(platform: Platform) -> None:
    job = platform.defs.resolve_job_def(JOB)

    assert job.nodes[0].definition.pools == {"salted_api"}
    assert "Do not write the value itself there" in (job.description or "")
    assert job.tags["simulated"] == "false"
    for name, field in ContactExportConfig.model_fields.items():
        assert len(field.description or "") > 20, name


def test_landings_know_nothing_of_it(platform: Platform) -> None:
    assert platform.materialize("2024-01-09", 'key:"raw/export"').success
    before = sorted((platform.folder / "raw").rglob("*"))
    assert launch(platform).success
    assert sorted((platform.folder / "raw").rglob("*")) == before


def headless(folder: Path, vendor: RunningSimulator, contact: str) -> subprocess.CompletedProcess[str]:
    """The job by Dagster's own command, everything logged at DEBUG."""
    config = {
        "ops": {"export_contact": {"config": {"first_day": "2024-01-09", "last_day": "2024-01-10"}}},
        "loggers": {"console": {"config": {"log_level": "DEBUG"}}},
    }
    (folder / "config.json").write_text(json.dumps(config))
    return run_bare(
        folder,
        "dagster",
        *("job", "execute", "-m", "salted_assets.definitions", "-j", JOB, "-c", "config.json"),
        DAGSTER_HOME=str(make_debugging_home(folder)),
        SALTED_API_URL=vendor.url,
        SALTED_API_KEY=vendor.key,
        SALTED_START_DATE="2024-01-01",
        SALTED_CONTACT=contact,
    )


def test_the_contact_is_nowhere_on_disk_after_good_and_bad_runs(tmp_path: Path) -> None:
    contacts = (CONTACT, "nobody@example.com", "customer7@example.com")
    with running_simulator(tmp_path / "vendor" / "exports.sqlite", SMALL) as vendor:
        good, unknown = (headless(tmp_path, vendor, contact) for contact in contacts[:2])
        vendor.set_faults(Faults(refusals=(Refusal(on="post", status=400, body="text", code=contacts[2]),)))
        bad = headless(tmp_path, vendor, contacts[2])
    assert (good.returncode, unknown.returncode) == (0, 0), good.stderr[-3000:] + unknown.stderr[-3000:]
    assert "Stack Trace" not in unknown.stdout + unknown.stderr
    assert bad.returncode != 0
    kept = [*texts_below(tmp_path), *(done.stdout + done.stderr for done in (good, unknown, bad))]
    everything = "\n".join(kept)
    for contact in contacts:
        assert contact not in everything
        assert contact.partition("@")[0] not in everything
    # what must be found if the search looks everywhere: the config, compressed snapshots, logs, archives
    for trace in ("2024-01-10", "Name of the environment variable that holds", "agent_location", "RequestRefused"):
        assert trace in everything, trace
