"""Exports of one contact: everything the vendor holds of it in one archive, and its value nowhere else."""

import csv
import io
import json
import logging
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from salted_assets.api import ExportClient, ExportFailed, ExportNotFound, ExportStartUnknown, ExportStatus
from salted_assets.contact_job import ContactExportConfig
from salted_assets.landing import ContactExports, ContactManifest, ContactRequest, DayNotExportable, LandingDamaged
from salted_assets.landing.contact_records import ContactRecords
from salted_assets.settings import DATASETS, KEY_VARIABLE
from salted_assets.simulator import Faults, Refusal, RunningSimulator, running_simulator
from salted_assets.simulator.contacts import contact_pid
from salted_assets_tests.landing_support import DAY, FILE_NAMES, House, built_house
from salted_assets_tests.running_platform import KNOWN_WARNINGS, QUIET, SMALL, Platform, running_platform
from salted_assets_tests.traces import texts_below

pytestmark = KNOWN_WARNINGS

INDEX = 1
CONTACT = f"customer{INDEX}@example.com"
REQUEST = ContactRequest("a-request", DAY, date(2024, 2, 2), DATASETS)
JOB = "contact_export"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with built_house(tmp_path) as built:
        yield built


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    monkeypatch.setattr("salted_assets.contact_job.RETRY_POLICY", dg.RetryPolicy(max_retries=2, delay=0))
    monkeypatch.setenv("SALTED_CONTACT", CONTACT)
    with running_platform(tmp_path) as platform:
        yield platform


def exports_of(house: House, **changes: Any) -> ContactExports:
    landing = house.landing()
    usual = ContactExports(house.warehouse, landing.calendar, landing.connect, FILE_NAMES, now=house.time.now)
    return replace(usual, **changes)


def contents(house: House, manifest: ContactManifest) -> dict[str, bytes]:
    assert manifest.archive is not None
    with zipfile.ZipFile(io.BytesIO(house.warehouse.read_bytes(manifest.archive))) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def test_the_archive_holds_what_the_vendor_delivers_of_the_contact_byte_for_byte(house: House) -> None:
    manifest = exports_of(house).export(REQUEST, CONTACT)
    held = contents(house, manifest)

    days = [delivery.order.day for delivery in manifest.deliveries]
    assert days == ["2024-01-31", "2024-02-01", "2024-02-02"]
    assert list(held) == [f"{day}/{FILE_NAMES[dataset]}" for day in days for dataset in DATASETS]
    for delivery in manifest.deliveries:
        for file in delivery.files:
            assert held[file.name] == house.serve(delivery.order.export_id, file.dataset)
            assert (file.row_count, file.byte_count) == (len(rows_of(held[file.name])), len(held[file.name]))
    engagements = [row for name in held if "engagements" in name for row in rows_of(held[name])]
    assert {row["contact_pid"] for row in engagements} == {contact_pid(SMALL.seed, INDEX)}
    assert house.export_count == 3


def test_the_record_says_what_was_done_and_for_whom_it_does_not(house: House) -> None:
    manifest = exports_of(house).export(REQUEST, CONTACT)
    folder = Path(house.warehouse.uri, "contact_exports", "a-request")

    assert sorted(path.name for path in folder.iterdir()) == ["contact_export.zip", "manifest.json", "orders.json"]
    stored = json.loads((folder / "manifest.json").read_text())
    assert (stored["outcome"], stored["simulated"], stored["schema_version"]) == ("complete", True, 1)
    assert (stored["first_day"], stored["last_day"], stored["datasets"]) == ("2024-01-31", "2024-02-02", list(DATASETS))
    assert stored["archive"] == manifest.archive == "contact_exports/a-request/contact_export.zip"
    assert stored["archive_byte_count"] == (folder / "contact_export.zip").stat().st_size
    ordered = [order["export_id"] for order in json.loads((folder / "orders.json").read_text())["orders"]]
    assert ordered == [delivery["order"]["export_id"] for delivery in stored["deliveries"]] == house.history()[::-1]
    assert CONTACT not in (folder / "manifest.json").read_text() + (folder / "orders.json").read_text()
    with zipfile.ZipFile(folder / "contact_export.zip") as archive:
        assert archive.comment == b"simulated data"


def test_a_phone_number_finds_the_same_customer(house: House) -> None:
    by_mail = exports_of(house).export(REQUEST, CONTACT)
    by_phone = exports_of(house).export(replace(REQUEST, request_id="another"), f"+99955{INDEX:07d}")

    def engagements(manifest: ContactManifest) -> list[str]:
        held = contents(house, manifest)
        return [row["pid"] for name in sorted(held) if "engagements" in name for row in rows_of(held[name])]

    assert engagements(by_mail) == engagements(by_phone) != []


def test_a_day_of_25_hours_is_two_exports_in_two_folders(tmp_path: Path) -> None:
    long_day = date(2024, 10, 27)
    with built_house(tmp_path, zone="Europe/Prague") as house:
        house.time.seconds = 86_400.0 * 300
        manifest = exports_of(house).export(ContactRequest("r", long_day, long_day, ("turn",)), CONTACT)

        assert list(contents(house, manifest)) == ["2024-10-27/turns.csv", "2024-10-27_part-2/turns.csv"]
    windows = [(delivery.order.start, delivery.order.end) for delivery in manifest.deliveries]
    assert windows == [
        ("2024-10-26T22:00:00Z", "2024-10-27T22:00:00Z"),
        ("2024-10-27T22:00:00Z", "2024-10-27T23:00:00Z"),
    ]


@pytest.mark.parametrize(
    ("contact", "outcome"),
    [("nobody@example.com", "contact_not_found"), ("unlinked@example.com", "no_customers")],
)
def test_a_contact_of_whom_there_is_nothing_ends_the_request_at_once(house: House, contact: str, outcome: str) -> None:
    manifest = exports_of(house).export(REQUEST, contact)

    assert (manifest.outcome, manifest.archive, manifest.deliveries) == (outcome, None, ())
    assert house.warehouse.list_files("contact_exports") == ["contact_exports/a-request/manifest.json"]
    assert (house.simulator.log()["post"], house.export_count) == (1, 0)


def test_nothing_is_ordered_while_the_last_day_cannot_be_exported(house: House) -> None:
    tomorrow = replace(REQUEST, last_day=house.time.now().date())

    with pytest.raises(DayNotExportable, match=r"2024-06-01 can be exported from 2024-06-02 02:00 UTC"):
        exports_of(house).export(tomorrow, CONTACT)
    assert house.request_count == 0
    assert house.warehouse.list_files("contact_exports") == []


class Interrupted(BaseException):
    """A run that is killed."""


class DyingClient(ExportClient):
    """A client whose run dies when it waits for the second export."""

    waits = 0

    def wait(self, export_id: str, on_poll: Callable[[int, float], None] | None = None) -> ExportStatus:
        self.waits += 1
        if self.waits > 1:
            raise Interrupted
        return super().wait(export_id, on_poll)


def test_a_request_that_was_cut_off_goes_on_with_the_exports_it_had_ordered(house: House) -> None:
    with pytest.raises(Interrupted):
        exports_of(house, connect=lambda: house.build_client(DyingClient)).export(REQUEST, CONTACT)
    ordered = house.history()
    assert len(ordered) == 2
    assert house.warehouse.list_files("contact_exports") == ["contact_exports/a-request/orders.json"]

    manifest = exports_of(house).export(REQUEST, CONTACT)

    assert house.export_count == 3
    assert [delivery.order.export_id for delivery in manifest.deliveries][:2] == ordered[::-1]
    assert list(Path(house.warehouse.uri, ".tmp").iterdir()) == []


def test_failed_exports_are_ordered_anew_a_bounded_number_of_times(house: House) -> None:
    house.simulator.set_faults(Faults(failed_exports=2))
    manifest = exports_of(house).export(replace(REQUEST, last_day=DAY), CONTACT)
    assert (house.export_count, len(manifest.deliveries)) == (3, 1)

    house.simulator.set_faults(Faults(failed_exports=9))
    with pytest.raises(ExportFailed) as caught:
        exports_of(house, max_reorders=1).export(replace(REQUEST, request_id="hopeless", last_day=DAY), CONTACT)
    assert house.export_count == 3 + 2
    assert str(caught.value).startswith(f"export {house.history()[0]}: the vendor reports FAILED (FAILED). ")
    assert house.warehouse.list_files("contact_exports/hopeless") == ["contact_exports/hopeless/orders.json"]


def test_the_vendors_words_on_a_contacts_export_are_not_repeated(house: House) -> None:
    """They may name the contact in a form that nobody takes for an address or a number."""
    house.simulator.set_faults(Faults(failed_exports=1))
    with pytest.raises(ExportFailed) as caught:
        exports_of(house, max_reorders=0).export(REQUEST, CONTACT)

    told: BaseException | None = caught.value
    while told is not None:
        assert "simulated fault" not in f"{told} {told!r} {vars(told)}"
        told = told.__cause__ or told.__context__
    [listed] = house.landing().list_history()
    assert (listed.state, listed.error) == ("FAILED", "withheld: the export was ordered for a contact")


def test_dead_addresses_cost_one_new_export(house: House) -> None:
    house.simulator.set_faults(Faults(dead_addresses=4))
    manifest = exports_of(house).export(replace(REQUEST, last_day=DAY), CONTACT)

    assert house.export_count == 2
    assert [delivery.order.export_id for delivery in manifest.deliveries] == house.history()[:1]


def test_an_export_that_the_vendor_has_forgotten_is_ordered_anew(house: House) -> None:
    with pytest.raises(Interrupted):
        exports_of(house, connect=lambda: house.build_client(DyingClient)).export(REQUEST, CONTACT)
    house.simulator.set_faults(Faults(refusals=(Refusal(on="status", status=404),)))

    assert exports_of(house).export(REQUEST, CONTACT).outcome == "complete"
    assert house.export_count == 2 + 1 + 1


def test_an_export_that_stays_unknown_ends_the_request(house: House) -> None:
    house.simulator.set_faults(Faults(refusals=(Refusal(on="status", status=404, times=9),)))

    with pytest.raises(ExportNotFound):
        exports_of(house).export(REQUEST, CONTACT)
    assert house.export_count == 3


def test_a_lost_order_is_not_given_again(house: House) -> None:
    house.simulator.set_faults(Faults(lost_posts=1))

    with pytest.raises(ExportStartUnknown):
        exports_of(house).export(REQUEST, CONTACT)
    assert house.export_count == 1


def test_what_the_vendor_does_not_give_is_recorded_and_the_rest_delivered(house: House) -> None:
    house.simulator.set_faults(Faults(missing_addresses=("review",)))
    manifest = exports_of(house).export(replace(REQUEST, last_day=DAY, datasets=("turn", "review")), CONTACT)

    [delivery] = manifest.deliveries
    assert delivery.not_delivered == ("review",)
    assert list(contents(house, manifest)) == ["2024-01-31/turns.csv"]


@pytest.mark.parametrize("name", ["orders.json", "manifest.json"])
def test_records_that_cannot_be_read_are_named(house: House, name: str) -> None:
    exports_of(house).export(REQUEST, CONTACT)
    house.warehouse.write_bytes(f"contact_exports/a-request/{name}", b"{")

    with pytest.raises(LandingDamaged, match=f"contact_exports/a-request/{name}"):
        ContactRecords(house.warehouse).list_own_exports()


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


def test_the_job_warns_of_files_that_the_vendor_did_not_give(platform: Platform) -> None:
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


def test_a_passing_error_is_tried_again_and_goes_on_with_its_exports(platform: Platform) -> None:
    platform.vendor.set_faults(Faults(unknown_statuses=1))
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
    home = folder / "dagster"
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text("python_logs: {managed_python_loggers: [root], python_log_level: DEBUG}")
    config = {
        "ops": {"export_contact": {"config": {"first_day": "2024-01-09", "last_day": "2024-01-10"}}},
        "loggers": {"console": {"config": {"log_level": "DEBUG"}}},
    }
    (folder / "config.json").write_text(json.dumps(config))
    command = [str(Path(sys.executable).parent / "dagster"), "job", "execute", "-m", "salted_assets.definitions"]
    return subprocess.run(
        [*command, "-j", JOB, "-c", "config.json"],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "DAGSTER_HOME": str(home),
            "DAGSTER_DISABLE_TELEMETRY": "yes",
            "SALTED_API_URL": vendor.url,
            KEY_VARIABLE: vendor.key,
            "SALTED_START_DATE": "2024-01-01",
            "SALTED_CONTACT": contact,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


@pytest.mark.slow
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
