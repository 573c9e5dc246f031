"""Exports of one contact: everything the vendor holds of it in one archive, and its value nowhere else."""

import io
import json
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from salted_assets.landing import ContactExports, ContactManifest, ContactRequest, DayNotExportable, LandingDamaged
from salted_assets.landing.contact_records import ContactRecords
from salted_assets.salted_cx import ExportClient, ExportFailed, ExportNotFound, ExportStartUnknown, ExportStatus
from salted_assets.schemas import FILE_NAMES
from salted_assets.settings import DATASETS
from salted_assets.simulator import Faults, Refusal
from salted_assets.simulator.data.contacts import contact_pid
from salted_assets_tests.support.contact_archives import CONTACT, INDEX, rows_of
from salted_assets_tests.support.landing_env import DAY, LandingEnv, landing_env
from salted_assets_tests.support.platform import KNOWN_WARNINGS, SMALL

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

REQUEST = ContactRequest("a-request", DAY, date(2024, 2, 2), DATASETS)


@pytest.fixture
def env(tmp_path: Path) -> Iterator[LandingEnv]:
    with landing_env(tmp_path) as built:
        yield built


def exports_of(env: LandingEnv, **changes: Any) -> ContactExports:
    landing = env.landing()
    usual = ContactExports(env.warehouse, landing.calendar, landing.connect, FILE_NAMES, now=env.time.now)
    return replace(usual, **changes)


def contents(env: LandingEnv, manifest: ContactManifest) -> dict[str, bytes]:
    assert manifest.archive is not None
    with zipfile.ZipFile(io.BytesIO(env.warehouse.read_bytes(manifest.archive))) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_archive_holds_what_the_vendor_delivers_of_the_contact_byte_for_byte(env: LandingEnv) -> None:
    manifest = exports_of(env).export(REQUEST, CONTACT)
    held = contents(env, manifest)

    days = [delivery.export.day for delivery in manifest.deliveries]
    assert days == ["2024-01-31", "2024-02-01", "2024-02-02"]
    assert list(held) == [f"{day}/{FILE_NAMES[dataset]}" for day in days for dataset in DATASETS]
    for delivery in manifest.deliveries:
        for file in delivery.files:
            assert held[file.name] == env.serve(delivery.export.export_id, file.dataset)
            assert (file.row_count, file.byte_count) == (len(rows_of(held[file.name])), len(held[file.name]))
    engagements = [row for name in held if "engagements" in name for row in rows_of(held[name])]
    assert {row["contact_pid"] for row in engagements} == {contact_pid(SMALL.seed, INDEX)}
    assert env.export_count == 3


def test_the_record_says_what_was_done_and_for_whom_it_does_not(env: LandingEnv) -> None:
    manifest = exports_of(env).export(REQUEST, CONTACT)
    folder = Path(env.warehouse.uri, "contact_exports", "a-request")

    assert sorted(path.name for path in folder.iterdir()) == ["contact_export.zip", "manifest.json", "orders.json"]
    stored = json.loads((folder / "manifest.json").read_text())
    assert (stored["outcome"], stored["simulated"], stored["schema_version"]) == ("complete", True, 1)
    assert (stored["first_day"], stored["last_day"], stored["datasets"]) == ("2024-01-31", "2024-02-02", list(DATASETS))
    assert stored["archive"] == manifest.archive == "contact_exports/a-request/contact_export.zip"
    assert stored["archive_byte_count"] == (folder / "contact_export.zip").stat().st_size
    requested = [order["export_id"] for order in json.loads((folder / "orders.json").read_text())["orders"]]
    assert requested == [delivery["order"]["export_id"] for delivery in stored["deliveries"]] == env.history()[::-1]
    assert CONTACT not in (folder / "manifest.json").read_text() + (folder / "orders.json").read_text()
    with zipfile.ZipFile(folder / "contact_export.zip") as archive:
        assert archive.comment == b"simulated data"


def test_a_phone_number_finds_the_same_customer(env: LandingEnv) -> None:
    by_mail = exports_of(env).export(REQUEST, CONTACT)
    by_phone = exports_of(env).export(replace(REQUEST, request_id="another"), f"+99955{INDEX:07d}")

    def engagements(manifest: ContactManifest) -> list[str]:
        held = contents(env, manifest)
        return [row["pid"] for name in sorted(held) if "engagements" in name for row in rows_of(held[name])]

    assert engagements(by_mail) == engagements(by_phone) != []


def test_a_day_of_25_hours_is_two_exports_in_two_folders(tmp_path: Path) -> None:
    long_day = date(2024, 10, 27)
    with landing_env(tmp_path, zone="Europe/Prague") as env:
        env.time.seconds = 86_400.0 * 300
        manifest = exports_of(env).export(ContactRequest("r", long_day, long_day, ("turn",)), CONTACT)

        assert list(contents(env, manifest)) == ["2024-10-27/turns.csv", "2024-10-27_part-2/turns.csv"]
    windows = [(delivery.export.start, delivery.export.end) for delivery in manifest.deliveries]
    assert windows == [
        ("2024-10-26T22:00:00Z", "2024-10-27T22:00:00Z"),
        ("2024-10-27T22:00:00Z", "2024-10-27T23:00:00Z"),
    ]


@pytest.mark.parametrize(
    ("contact", "outcome"),
    [("nobody@example.com", "contact_not_found"), ("unlinked@example.com", "no_customers")],
)
def test_a_contact_of_whom_there_is_nothing_ends_the_request_at_once(
    env: LandingEnv, contact: str, outcome: str
) -> None:
    manifest = exports_of(env).export(REQUEST, contact)

    assert (manifest.outcome, manifest.archive, manifest.deliveries) == (outcome, None, ())
    assert env.warehouse.list_files("contact_exports") == ["contact_exports/a-request/manifest.json"]
    assert (env.simulator.log()["post"], env.export_count) == (1, 0)


def test_nothing_is_requested_while_the_last_day_cannot_be_exported(env: LandingEnv) -> None:
    tomorrow = replace(REQUEST, last_day=env.time.now().date())

    with pytest.raises(DayNotExportable, match=r"2024-06-01 can be exported from 2024-06-02 02:00 UTC"):
        exports_of(env).export(tomorrow, CONTACT)
    assert env.request_count == 0
    assert env.warehouse.list_files("contact_exports") == []


class Interrupted(BaseException):
    """A run that is killed."""


class DyingClient(ExportClient):
    """A client whose run dies when it waits for the second export."""

    waits = 0

    def wait(self, export_id: str, datasets: Collection[str] = (), *, is_new: bool = False) -> ExportStatus:
        self.waits += 1
        if self.waits > 1:
            raise Interrupted
        return super().wait(export_id, datasets, is_new=is_new)


def test_a_request_that_was_cut_off_goes_on_with_the_exports_it_had_requested(env: LandingEnv) -> None:
    with pytest.raises(Interrupted):
        exports_of(env, connect=lambda: env.build_client(DyingClient)).export(REQUEST, CONTACT)
    requested = env.history()
    assert len(requested) == 2
    assert env.warehouse.list_files("contact_exports") == ["contact_exports/a-request/orders.json"]

    manifest = exports_of(env).export(REQUEST, CONTACT)

    assert env.export_count == 3
    assert [delivery.export.export_id for delivery in manifest.deliveries][:2] == requested[::-1]
    assert list(Path(env.warehouse.uri, ".tmp").iterdir()) == []


def test_failed_exports_are_requested_again_a_bounded_number_of_times(env: LandingEnv) -> None:
    env.simulator.set_faults(Faults(failed_exports=2))
    manifest = exports_of(env).export(replace(REQUEST, last_day=DAY), CONTACT)
    assert (env.export_count, len(manifest.deliveries)) == (3, 1)

    env.simulator.set_faults(Faults(failed_exports=9))
    with pytest.raises(ExportFailed) as caught:
        exports_of(env, max_export_retries=1).export(replace(REQUEST, request_id="hopeless", last_day=DAY), CONTACT)
    assert env.export_count == 3 + 2
    assert str(caught.value).startswith(f"export {env.history()[0]}: the vendor reports FAILED (FAILED). ")
    assert env.warehouse.list_files("contact_exports/hopeless") == ["contact_exports/hopeless/orders.json"]


def test_the_vendors_words_on_a_contacts_export_are_not_repeated(env: LandingEnv) -> None:
    """They may name the contact in a form that nobody takes for an address or a number."""
    env.simulator.set_faults(Faults(failed_exports=1))
    with pytest.raises(ExportFailed) as caught:
        exports_of(env, max_export_retries=0).export(REQUEST, CONTACT)

    error: BaseException | None = caught.value
    while error is not None:
        assert "simulated fault" not in f"{error} {error!r} {vars(error)}"
        error = error.__cause__ or error.__context__
    [listed] = env.landing().list_history()
    assert (listed.state, listed.error) == ("FAILED", "withheld: the export was requested for a contact")


def test_dead_addresses_cost_one_new_export(env: LandingEnv) -> None:
    env.simulator.set_faults(Faults(dead_addresses=2))
    manifest = exports_of(env).export(replace(REQUEST, last_day=DAY), CONTACT)

    assert env.export_count == 2
    assert [delivery.export.export_id for delivery in manifest.deliveries] == env.history()[:1]


def test_an_export_that_the_vendor_has_forgotten_is_requested_again(env: LandingEnv) -> None:
    with pytest.raises(Interrupted):
        exports_of(env, connect=lambda: env.build_client(DyingClient)).export(REQUEST, CONTACT)
    env.time.sleep(3600)
    env.simulator.set_faults(Faults(refusals=(Refusal(on="status", status=404),)))

    assert exports_of(env).export(REQUEST, CONTACT).outcome == "complete"
    assert env.export_count == 2 + 1 + 1


def test_an_export_that_stays_unknown_ends_the_request(env: LandingEnv) -> None:
    env.simulator.set_faults(Faults(refusals=(Refusal(on="status", status=404, times=99),)))

    with pytest.raises(ExportNotFound):
        exports_of(env).export(REQUEST, CONTACT)
    assert env.export_count == 2


def test_a_lost_request_is_not_repeated(env: LandingEnv) -> None:
    env.simulator.set_faults(Faults(lost_posts=1))

    with pytest.raises(ExportStartUnknown):
        exports_of(env).export(REQUEST, CONTACT)
    assert env.export_count == 1


def test_what_the_vendor_does_not_give_is_recorded_and_the_rest_delivered(env: LandingEnv) -> None:
    env.simulator.set_faults(Faults(missing_addresses=("review",)))
    manifest = exports_of(env).export(replace(REQUEST, last_day=DAY, datasets=("turn", "review")), CONTACT)

    [delivery] = manifest.deliveries
    assert delivery.not_delivered == ("review",)
    assert list(contents(env, manifest)) == ["2024-01-31/turns.csv"]


@pytest.mark.parametrize("name", ["orders.json", "manifest.json"])
def test_records_that_cannot_be_read_are_named(env: LandingEnv, name: str) -> None:
    exports_of(env).export(REQUEST, CONTACT)
    env.warehouse.write_bytes(f"contact_exports/a-request/{name}", b"{")

    with pytest.raises(LandingDamaged, match=f"contact_exports/a-request/{name}"):
        ContactRecords(env.warehouse).list_own_exports()
