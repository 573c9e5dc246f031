"""Landings against the real simulator: one export per day, files as delivered, a manifest that tells the truth."""

import csv
import hashlib
import io
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import zstandard

from salted_assets.api import (
    ApiKeyRejected,
    ExportClient,
    ExportFailed,
    ExportNotFound,
    ExportNotReady,
    ExportStartUnknown,
    ExportStatus,
)
from salted_assets.days import Window
from salted_assets.landing import (
    DatasetNotDelivered,
    DayNotExportable,
    DayNotLanded,
    Delivery,
    LandedFile,
    LandingBusy,
    LandingDamaged,
    LandingError,
    Manifest,
)
from salted_assets.landing.manifest import Ticket
from salted_assets.landing.records import Records
from salted_assets.settings import DATASETS
from salted_assets.simulator import DataFaults, Faults, Refusal, SimulatorOptions
from salted_assets.warehouse import Warehouse, WarehouseUnusable, lease
from salted_assets_tests.landing_support import DAY, FILE_NAMES, KEY, LATER, House, built_house, find_secrets
from salted_assets_tests.s3_server import BUCKET, running_moto

LONG_DAY = date(2024, 10, 27)
"""Clocks go back in Prague: 25 hours."""

LANDS_IN_ANOTHER_PROCESS = """
import resource, sys
from datetime import date
from pathlib import Path
from salted_assets.api import ExportClient
from salted_assets.warehouse import Warehouse
from salted_assets_tests.landing_support import DAY, FILE_NAMES, House, KEY, LIMITS, FakeTime
from salted_assets.simulator import RunningSimulator

url, folder, limit = sys.argv[1:]
if int(limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
house = House(RunningSimulator(url, KEY, None), Warehouse(folder), FakeTime())
print("ready", flush=True)
sys.stdin.readline()
try:
    print(len(house.land().deliveries))
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with built_house(tmp_path) as built:
        yield built


class Interrupted(BaseException):
    """A run that is killed: nothing of ours catches it."""


class DyingClient(ExportClient):
    """A client whose run dies when it first waits."""

    def wait(self, export_id: str, on_poll: Callable[[int, float], None] | None = None) -> ExportStatus:  # noqa: ARG002 - the client's signature
        raise Interrupted


def die_after_order(house: House, *datasets: str, refresh: bool = False, day: date = DAY) -> None:
    landing = house.landing(connect=lambda: house.build_client(DyingClient))
    with pytest.raises(Interrupted):
        landing.land(day, datasets or DATASETS, refresh=refresh)


def forget_ids(house: House, **changes: object) -> None:
    """Leave the tickets as a run does that is killed before the vendor's answer has come; `changes` for more."""
    path = Path(house.warehouse.uri, "raw/export/date=2024-01-31/tickets.json")
    tickets = json.loads(path.read_text())["open"]
    path.write_text(json.dumps({"open": [{**ticket, "export_id": None, **changes} for ticket in tickets]}))


def test_a_day_is_exported_once(house: House) -> None:
    manifest = house.land()

    assert house.export_count == 1
    assert (manifest.day, manifest.simulated, manifest.superseded) == (DAY, True, ())
    [delivery] = manifest.deliveries
    assert delivery.window == Window(datetime(2024, 1, 31, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC))
    assert (delivery.start, delivery.end) == ("2024-01-31T00:00:00Z", "2024-02-01T00:00:00Z")
    assert [file.dataset for file in delivery.files] == list(DATASETS)
    assert (delivery.not_delivered, delivery.unasked) == ((), ())
    assert delivery.ordered_at == "2024-06-01T00:00:00Z"
    assert house.landing().is_landed(DAY, DATASETS)
    assert house.landing().find_manifest(DAY) == manifest
    house.check(delivery)


def test_a_landed_day_needs_no_request(house: House) -> None:
    manifest = house.land()
    before = house.request_count

    assert house.land() == manifest
    assert house.land("turn") == manifest
    assert house.request_count == before


def test_files_are_measured_as_they_were_delivered(house: House) -> None:
    for file in house.land().deliveries[0].files:
        content = house.read(file)
        records = list(csv.reader(io.StringIO(content.decode(), newline="")))
        assert file.name == FILE_NAMES[file.dataset]
        assert file.header == tuple(records[0])
        assert file.row_count == len(records) - 1
        assert (file.byte_count, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert file.stored_byte_count == house.warehouse.size(file.path)
        assert file.landed_at == "2024-06-01T00:00:00Z"


def test_line_ends_within_quotes_are_no_rows(house: House) -> None:
    turns = next(file for file in house.land("turn").deliveries[0].files)

    assert house.read(turns).count(b"\n") > turns.row_count + 1


@pytest.mark.parametrize(
    ("faults", "is_empty"),
    [
        (DataFaults(zero_bytes=("turn",)), True),
        (DataFaults(header_only=("turn",)), True),
        (DataFaults(byte_order_mark=("turn",)), False),
        (DataFaults(crlf=("turn",)), False),
    ],
)
def test_odd_files_are_kept_as_they_are(house: House, faults: DataFaults, is_empty: bool) -> None:
    house.simulator.set_faults(Faults(data=faults))

    [delivery] = house.land("turn").deliveries

    [file] = delivery.files
    content = house.read(file)
    assert content == house.serve(delivery.export_id, "turn")
    assert file.header[:1] == (("pid",) if content else ())
    assert (file.row_count == 0) == is_empty


def test_names_of_an_earlier_kind_are_told_by_the_folder_layout(house: House) -> None:
    [delivery] = house.land().deliveries

    folder = f"raw/export/date=2024-01-31/{delivery.export_id}"
    expected = sorted(f"{folder}/{name}.zst" for name in FILE_NAMES.values())
    assert house.warehouse.list_files("raw") == sorted([*expected, "raw/export/date=2024-01-31/manifest.json"])


def test_the_manifest_is_written_last(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    publish = Warehouse.publish

    def note(warehouse: Warehouse, source: Path, path: str) -> None:
        written.append(path)
        publish(warehouse, source, path)

    monkeypatch.setattr(Warehouse, "publish", note)

    house.land()

    names = [path.rsplit("/", 1)[1] for path in written]
    assert names[:2] == ["tickets.json"] * 2
    assert sorted(names[2:-1]) == sorted(f"{name}.zst" for name in FILE_NAMES.values())
    assert names[-1] == "manifest.json"


def test_a_landing_that_breaks_off_is_none(house: House) -> None:
    house.simulator.set_faults(Faults(cut_downloads=99, download_faults_on=("turn",), no_ranges=True))
    with pytest.raises(Exception, match="turn"):
        house.land()

    assert house.landing().find_manifest(DAY) is None
    assert not house.landing().is_landed(DAY, ["agent"])
    with pytest.raises(DayNotLanded, match=r"agent of 2024-01-31 has not been landed. Materialize raw/export"):
        house.landing().files_of(DAY, "agent")
    assert not any(path.endswith(".zst") for path in house.warehouse.list_files(""))

    house.simulator.set_faults(Faults())
    house.check(house.land().deliveries[0])
    assert house.export_count == 1


def test_a_refresh_supersedes_and_keeps_the_earlier(house: House) -> None:
    earlier = house.land().deliveries[0]
    content = {file.path: house.read(file) for file in earlier.files}

    manifest = house.land(refresh=True)

    assert house.export_count == 2
    [current] = manifest.deliveries
    assert current.export_id != earlier.export_id
    assert manifest.superseded == (earlier,)
    assert {file.path: house.read(file) for file in earlier.files} == content
    assert house.landing().files_of(DAY, "turn")[1] == [f for f in current.files if f.dataset == "turn"]
    house.check(current)


def test_a_refresh_that_fails_leaves_the_earlier_in_force(house: House) -> None:
    manifest = house.land()
    house.simulator.set_faults(Faults(failed_exports=3))

    with pytest.raises(ExportFailed):
        house.land(refresh=True)

    assert house.landing().find_manifest(DAY) == manifest
    assert house.land() == manifest
    assert house.export_count == 4


def test_a_refresh_that_is_killed_is_gone_on_with(house: House) -> None:
    manifest = house.land()
    die_after_order(house, refresh=True)
    assert house.landing().find_manifest(DAY) == manifest
    assert house.land() == manifest

    assert house.land(refresh=True).superseded == manifest.deliveries
    assert house.export_count == 2


def test_a_refresh_does_not_take_up_one_that_is_a_day_old(house: House) -> None:
    house.land()
    die_after_order(house, refresh=True)
    house.time.sleep(24 * 3600)

    house.land(refresh=True)

    assert house.export_count == 3


def test_a_refresh_is_new_though_the_last_one_died_after_its_manifest(house: House) -> None:
    house.land(refresh=True)
    [delivery] = house.land().deliveries
    ticket = Ticket(
        delivery.start,
        delivery.end,
        delivery.datasets,
        delivery.ordered_at,
        is_refresh=True,
        known_ids=(),
        export_id=delivery.export_id,
    )
    Records(house.warehouse).keep_ticket(DAY, ticket)

    assert house.land(refresh=True).deliveries[0].export_id != delivery.export_id


def test_a_killed_run_is_gone_on_with(house: House) -> None:
    die_after_order(house)
    [ordered] = house.history()
    [ticket] = house.landing().read_tickets(DAY).open
    assert (ticket.export_id, ticket.datasets, ticket.ordered_at) == (ordered, DATASETS, "2024-06-01T00:00:00Z")

    [delivery] = house.land().deliveries

    assert delivery.export_id == ordered
    assert house.simulator.log()["post"] == 1
    assert house.landing().read_tickets(DAY).open == ()


def test_a_plain_run_takes_up_a_refresh_that_died(house: House) -> None:
    die_after_order(house, refresh=True)

    house.land()

    assert house.export_count == 1


def test_a_refresh_wants_more_than_what_a_plain_run_had_ordered(house: House) -> None:
    die_after_order(house)

    house.land(refresh=True)

    assert house.export_count == 2


def test_a_run_killed_before_the_answer_came_finds_its_export(house: House) -> None:
    die_after_order(house)
    forget_ids(house)

    [delivery] = house.land().deliveries

    assert [delivery.export_id] == house.history()
    assert house.export_count == 1


def test_a_run_killed_before_the_order_went_out_orders(house: House) -> None:
    die_after_order(house)
    forget_ids(house, known_ids=house.history())

    assert house.land().deliveries[0].export_id == house.history()[0]
    assert house.export_count == 2


def test_a_lost_order_that_cannot_be_looked_for_is_given_again(house: House) -> None:
    die_after_order(house)
    forget_ids(house, known_ids=None)

    house.check(house.land().deliveries[0])

    assert house.export_count == 2


def test_an_export_of_others_is_not_taken_for_ours(house: House) -> None:
    die_after_order(house)
    forget_ids(house)
    with house.connect() as client:
        client.start(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC), ["turn"])

    house.check(house.land().deliveries[0])

    assert house.export_count == 2


def test_two_that_could_be_ours_are_not_guessed_between(house: House) -> None:
    die_after_order(house)
    forget_ids(house)
    with house.connect() as client:
        client.start(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC), DATASETS)
    others = house.history()

    assert house.land().deliveries[0].export_id not in others


def test_a_running_export_of_others_is_given_up_when_it_delivers_something_else(house: House) -> None:
    die_after_order(house, "turn")
    forget_ids(house, known_ids=house.history())
    house.simulator.set_faults(Faults(slow_export_seconds=50))
    with house.connect() as client:
        client.start(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC), ["agent"])

    [delivery] = house.land("turn").deliveries

    house.check(delivery)
    assert [file.dataset for file in delivery.files] == ["turn"]


def test_a_lost_answer_is_found_in_the_history(house: House) -> None:
    house.simulator.set_faults(Faults(lost_posts=1))

    [delivery] = house.land().deliveries

    assert [delivery.export_id] == house.history()
    assert house.simulator.log()["post"] == 1


def test_an_order_that_never_began_is_given_again(house: House) -> None:
    house.simulator.set_faults(Faults(refusals=(Refusal("post", 502, times=2),)))

    house.check(house.land().deliveries[0])

    assert (house.simulator.log()["post"], house.export_count) == (3, 1)


def test_orders_that_never_begin_end(house: House) -> None:
    house.simulator.set_faults(Faults(refusals=(Refusal("post", 502, times=99),)))

    with pytest.raises(ExportStartUnknown):
        house.land()

    assert (house.simulator.log()["post"], house.export_count) == (3, 0)


def test_a_lost_answer_is_not_repeated_while_the_history_is_down(house: House) -> None:
    class LosingClient(ExportClient):
        """Its history breaks down as soon as an order is lost."""

        def start(self, start: datetime, end: datetime, datasets: object, contact: str | None = None) -> str:  # noqa: ARG002 - the client's signature
            house.simulator.set_faults(Faults(lost_posts=1, refusals=(Refusal("history", 500, times=99),)))
            return super().start(start, end, DATASETS)

    landing = house.landing(connect=lambda: house.build_client(LosingClient))
    with pytest.raises(ExportStartUnknown):
        landing.land(DAY, DATASETS)
    with pytest.raises(Exception, match="history was answered with HTTP 500"):
        house.land()
    assert house.export_count == 1

    house.simulator.set_faults(Faults())
    house.check(house.land().deliveries[0])
    assert house.export_count == 1


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_history_that_cannot_be_read_keeps_no_export_back(house: House, status: int) -> None:
    house.simulator.set_faults(Faults(refusals=(Refusal("history", status, times=99),)))

    house.check(house.land().deliveries[0])

    assert house.export_count == 1


def test_a_wrong_key_is_tried_once_and_leaves_no_ticket(house: House) -> None:
    house.simulator.set_faults(Faults(refusals=(Refusal("post", 401, times=99), Refusal("history", 401, times=99))))

    with pytest.raises(ApiKeyRejected):
        house.land()

    assert house.request_count == 1
    assert house.landing().read_tickets(DAY).open == ()


def test_a_refused_order_leaves_no_ticket(house: House) -> None:
    house.simulator.set_faults(Faults(refusals=(Refusal("post", 400, code="INVALID_DATE_RANGE"),)))
    with pytest.raises(Exception, match="INVALID_DATE_RANGE"):
        house.land()

    assert house.landing().read_tickets(DAY).open == ()


@pytest.mark.parametrize("failed", [1, 2])
def test_a_failed_export_is_ordered_anew(house: House, failed: int) -> None:
    house.simulator.set_faults(Faults(failed_exports=failed))

    house.check(house.land().deliveries[0])

    assert house.export_count == 1 + failed


@pytest.mark.parametrize("max_reorders", [0, 1, 2])
def test_new_orders_after_failed_are_bounded(house: House, max_reorders: int) -> None:
    house.simulator.set_faults(Faults(failed_exports=99))

    with pytest.raises(ExportFailed, match=house.simulator.url[-1:] + "|FAILED"):
        house.landing(max_reorders=max_reorders).land(DAY, DATASETS)

    assert house.export_count == 1 + max_reorders
    house.simulator.set_faults(Faults())
    house.landing(max_reorders=max_reorders).land(DAY, DATASETS)
    assert house.export_count == 2 + max_reorders


@pytest.mark.parametrize("max_reorders", [0, 2])
def test_a_remembered_export_that_is_unknown_is_ordered_anew(house: House, max_reorders: int) -> None:
    die_after_order(house)
    house.simulator.set_faults(Faults(refusals=(Refusal("status", 404),)))

    house.landing(max_reorders=max_reorders).land(DAY, DATASETS)

    assert house.export_count == 2


def test_a_vendor_that_knows_no_export_is_left_alone(house: House) -> None:
    house.simulator.set_faults(Faults(refusals=(Refusal("status", 404, times=99),)))

    with pytest.raises(ExportNotFound):
        house.land()

    assert house.export_count == 2


def test_our_waiting_limit_is_not_the_vendors_failure(house: House) -> None:
    house.simulator.set_faults(Faults(slow_export_seconds=1000))
    with pytest.raises(ExportNotReady):
        house.land()

    house.check(house.land().deliveries[0])

    assert house.export_count == 1


def test_a_dataset_that_is_not_delivered_fails_alone(house: House) -> None:
    house.simulator.set_faults(Faults(missing_addresses=("turn",)))

    [delivery] = house.land().deliveries

    assert delivery.not_delivered == ("turn",)
    assert house.landing().is_landed(DAY, DATASETS)
    with pytest.raises(DatasetNotDelivered, match=f"no file for turn of 2024-01-31 .export {delivery.export_id}"):
        house.landing().files_of(DAY, "turn")
    for dataset in set(DATASETS) - {"turn"}:
        assert len(house.landing().files_of(DAY, dataset)[1]) == 1
    house.land()
    assert house.export_count == 1


def test_a_later_delivery_of_it_mends_that(house: House) -> None:
    house.simulator.set_faults(Faults(missing_addresses=("turn",)))
    house.land()
    house.simulator.set_faults(Faults())

    manifest = house.land("turn", refresh=True)

    assert [delivery.not_delivered for delivery in manifest.deliveries] == [(), ()]
    assert [(d.datasets, d.files, d.not_delivered) for d in manifest.superseded] == [(("turn",), (), ("turn",))]
    assert all(len(house.landing().files_of(DAY, dataset)[1]) == 1 for dataset in DATASETS)


def test_names_that_nobody_asked_for_are_reported_and_not_opened(house: House) -> None:
    house.simulator.set_faults(Faults(extra_addresses={"../x": "", "service": "https://127.0.0.1:9/x"}))

    [delivery] = house.land().deliveries

    assert delivery.unasked == ("../x", "service")
    assert len(delivery.files) == len(DATASETS)
    assert house.simulator.log()["download"] == len(DATASETS)
    assert not [path for path in Path(house.warehouse.uri).parent.rglob("*") if path.name in {"x", "service"}]


def test_a_day_of_25_hours_takes_two_exports(tmp_path: Path) -> None:
    with built_house(tmp_path, zone="Europe/Prague") as house:
        house.time.sleep(200 * 24 * 3600)

        manifest = house.land(day=LONG_DAY)

        assert house.export_count == 2
        assert [(d.start, d.end) for d in manifest.deliveries] == [
            ("2024-10-26T22:00:00Z", "2024-10-27T22:00:00Z"),
            ("2024-10-27T22:00:00Z", "2024-10-27T23:00:00Z"),
        ]
        listed = house.landing().files_of(LONG_DAY, "turn")[1]
        assert [file.path.split("/")[-2] for file in listed] == [d.export_id for d in manifest.deliveries]
        for delivery in manifest.deliveries:
            house.check(delivery)


def test_a_day_of_25_hours_is_landed_whole_or_not(tmp_path: Path) -> None:
    with built_house(tmp_path, zone="Europe/Prague") as house:
        house.time.sleep(200 * 24 * 3600)

        class FailsSecond(ExportClient):
            """Its run dies when it waits for the second export."""

            def wait(self, export_id: str, on_poll: Callable[[int, float], None] | None = None) -> ExportStatus:
                if house.export_count == 2:
                    raise Interrupted
                return super().wait(export_id, on_poll)

        with pytest.raises(Interrupted):
            house.landing(connect=lambda: house.build_client(FailsSecond)).land(LONG_DAY, DATASETS)
        assert house.landing().find_manifest(LONG_DAY) is None

        assert len(house.land(day=LONG_DAY).deliveries) == 2
        assert house.export_count == 2


def test_a_day_that_is_too_early_is_refused_with_its_time(tmp_path: Path) -> None:
    with built_house(tmp_path, zone="Europe/Prague") as house:
        with pytest.raises(DayNotExportable) as caught:
            house.land(day=LATER.date())

        assert "2024-06-01 can be exported from 2024-06-02 02:00 Europe/Prague (2024-06-02T00:00:00Z) on" in str(
            caught.value
        )
        assert "SALTED_EXPORT_LAG_MINUTES" in str(caught.value)
        assert not caught.value.retryable
        assert house.request_count == 0
        assert not Path(house.warehouse.uri).exists()
        house.time.sleep(24 * 3600)
        house.land("agent", day=LATER.date())


def test_datasets_wanted_later_are_ordered_alone(house: House) -> None:
    first = house.land("engagement", "turn").deliveries[0]

    manifest = house.land("engagement", "turn", "agent", "review")

    assert house.export_count == 2
    assert [d.datasets for d in manifest.deliveries] == [("engagement", "turn"), ("agent", "review")]
    assert manifest.deliveries[0] == first
    assert manifest.superseded == ()
    assert not house.landing().is_landed(DAY, DATASETS)
    with pytest.raises(DayNotLanded):
        house.landing().files_of(DAY, "customer")


def test_more_datasets_than_a_killed_run_ordered_leave_its_export_usable(house: House) -> None:
    die_after_order(house, "engagement", "turn")
    die_after_order(house, "engagement", "turn", "agent")
    assert house.export_count == 1

    manifest = house.land("engagement", "turn", "agent")

    assert [d.datasets for d in manifest.deliveries] == [("engagement", "turn"), ("agent",)]
    assert house.export_count == 2


def test_another_subset_leaves_an_open_ticket_alone(house: House) -> None:
    die_after_order(house, "turn")
    house.land("agent")
    house.land("turn")

    assert house.export_count == 2


def test_two_threads_land_a_day_once(house: House) -> None:
    outcomes: list[object] = []
    start = threading.Barrier(4)

    def land() -> None:
        start.wait()
        try:
            outcomes.append(house.land().deliveries[0].export_id)
        except LandingBusy as error:
            outcomes.append(error)

    threads = [threading.Thread(target=land) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert house.export_count == 1
    assert len(outcomes) == 4
    assert {outcome for outcome in outcomes if isinstance(outcome, str)} == set(house.history())
    busy = [outcome for outcome in outcomes if isinstance(outcome, LandingBusy)]
    assert all(error.retryable and "2024-01-31 is being landed by another run" in str(error) for error in busy)


def test_whoever_finds_the_day_locked_is_told_or_waits(house: House) -> None:
    with house.warehouse.lock(f"export-{DAY}"), pytest.raises(LandingBusy, match=f"process {os.getpid()}"):
        house.land()
    assert house.request_count == 0

    holder = house.warehouse.lock(f"export-{DAY}")
    holder.__enter__()
    threading.Timer(0.2, holder.__exit__, (None, None, None)).start()
    house.landing(lock_wait_seconds=60).land(DAY, DATASETS)


@contextmanager
def landing_elsewhere(house: House, *, limit: int = 0) -> Iterator[subprocess.Popen[str]]:
    """Another process, ready to land the day when it is told to; `limit` bounds the bytes of each file it writes."""
    command = [sys.executable, "-c", LANDS_IN_ANOTHER_PROCESS, house.simulator.url, house.warehouse.uri, str(limit)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def test_two_processes_land_a_day_once(house: House) -> None:
    with landing_elsewhere(house) as one, landing_elsewhere(house) as other:
        for process in (one, other):
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        said = [process.communicate(timeout=60)[0] for process in (one, other)]

    assert house.export_count == 1
    assert all(text == "1\n" or text.startswith("LandingBusy") for text in said)
    assert "1\n" in said


def test_a_full_disk_is_said_and_leaves_the_earlier_in_force(house: House) -> None:
    manifest = house.land("agent")

    with landing_elsewhere(house, limit=4000) as process:
        said = process.communicate("\n", timeout=60)[0]

    assert said.startswith("WarehouseUnusable")
    assert "Make room there" in said
    assert house.landing().find_manifest(DAY) == manifest
    house.land()
    assert house.export_count == 2


@pytest.mark.parametrize(("moment", "export_count"), [("history", 0), ("download", 1)])
def test_a_lease_that_ran_out_orders_and_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, export_count: int
) -> None:
    with running_moto() as server, built_house(tmp_path) as usual:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        clock = [1_000_000.0]
        house = replace(usual, warehouse=Warehouse(f"s3://{BUCKET}/{uuid4().hex}", now=lambda: clock[0]))
        does = getattr(ExportClient, moment)

        def sleep_through(*given: object) -> object:
            clock[0] += lease.LEASE_SECONDS + 1
            return does(*given)

        with monkeypatch.context() as patched:
            patched.setattr(ExportClient, moment, sleep_through)
            with pytest.raises(LandingBusy, match="ran out while it was held"):
                house.land()

        assert house.landing().find_manifest(DAY) is None
        assert house.export_count == export_count
        house.land()
        assert house.export_count == 1


def test_a_day_lands_in_a_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_moto() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        with built_house(tmp_path, address=f"s3://{BUCKET}/{uuid4().hex}") as house:
            die_after_order(house)
            manifest = house.land()
            with house.warehouse.lock(f"export-{DAY}"), pytest.raises(LandingBusy):
                house.land()

            assert house.land() == manifest
            assert house.export_count == 1
            house.check(manifest.deliveries[0])


@pytest.mark.parametrize("damage", ["gone", "cut", "longer", "altered", "foreign"])
def test_a_damaged_file_is_said_and_not_read_as_less(house: House, damage: str) -> None:
    file = house.land().deliveries[0].files[2]
    path = Path(house.warehouse.uri, file.path)
    content = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "longer":
        path.write_bytes(content + zstandard.compress(b"one,more\n"))
    elif damage == "altered":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    else:
        path.write_text("pid,name\n")

    with pytest.raises(LandingDamaged, match=f"{file.path} .*refresh set"):
        house.read(file)

    house.land(refresh=True)
    house.read(house.landing().files_of(DAY, "turn")[1][0])


def test_more_than_the_manifest_lists_is_not_unpacked(house: House) -> None:
    file = house.land().deliveries[0].files[2]
    with Path(house.warehouse.uri, file.path).open("ab") as stored:
        stored.write(zstandard.compress(b"." * (8 << 20)))

    with house.landing().open_file(file) as opened, pytest.raises(LandingDamaged, match="does not hold"):
        opened.read(file.byte_count + 1)


def test_a_head_may_be_read_alone(house: House) -> None:
    file = house.land().deliveries[0].files[0]
    with house.landing().open_file(file) as opened:
        assert opened.read(3) == b"pid"


@pytest.mark.parametrize("name", ["manifest.json", "tickets.json"])
@pytest.mark.parametrize("content", [b"", b"[]", b'{"open": [{}], "day": "2024-01-31"}', b"\xff"])
def test_damaged_records_are_said_with_what_to_do(house: House, name: str, content: bytes) -> None:
    house.warehouse.write_bytes(f"raw/export/date={DAY}/{name}", content)

    with pytest.raises(LandingDamaged, match=f"date={DAY}/{name} .*remove it"):
        house.land()

    assert house.export_count == 0


def test_an_unusable_warehouse_is_said_before_anything_is_ordered(house: House, tmp_path: Path) -> None:
    (tmp_path / "warehouse").write_text("in the way")

    with pytest.raises(WarehouseUnusable, match="SALTED_WAREHOUSE"):
        house.land()

    assert house.request_count == 0


@pytest.mark.parametrize("export_id", ["a/../../b", ".hidden", "\N{SNOWMAN}" * 60, "x" * 200])
def test_an_id_becomes_a_folder_of_its_day_whatever_it_is(house: House, export_id: str) -> None:
    class Renaming(ExportClient):
        """Calls the vendor's export by another id."""

        def start(self, start: datetime, end: datetime, datasets: object, contact: str | None = None) -> str:  # noqa: ARG002 - the client's signature
            self.real_id = super().start(start, end, DATASETS)
            return export_id

        def wait(self, export_id: str, on_poll: Callable[[int, float], None] | None = None) -> ExportStatus:  # noqa: ARG002 - the client's signature
            return super().wait(self.real_id, on_poll)

    manifest = house.landing(connect=lambda: house.build_client(Renaming)).land(DAY, DATASETS)

    assert manifest.deliveries[0].export_id == export_id
    assert house.landing().find_manifest(DAY) == manifest
    for file in manifest.deliveries[0].files:
        folder = Path(house.warehouse.uri, file.path).resolve().parent
        assert folder.parent == Path(house.warehouse.uri, f"raw/export/date={DAY}").resolve()
        assert not folder.name.startswith(".")


def test_known_exports_are_those_of_tickets_and_manifests(house: House) -> None:
    house.land()
    house.land(refresh=True)
    die_after_order(house, day=DAY + timedelta(days=1))

    assert house.landing().list_known_exports() == set(house.history())


def test_integer_ids_are_ids(tmp_path: Path) -> None:
    options = SimulatorOptions(agent_count=3, engagements_per_agent=3, key=KEY, integer_ids=True)
    with built_house(tmp_path, options) as house:
        assert house.land().deliveries[0].export_id == "12345"


def test_nothing_of_key_or_signature_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger().setLevel(logging.DEBUG)
    with built_house(tmp_path) as house:
        troubles = [
            Faults(lost_posts=1, cut_downloads=2, expired_downloads=1),
            Faults(failed_exports=9),
            Faults(dead_addresses=99),
            Faults(refusals=(Refusal("download", 400, times=99, body="xml"),)),
            Faults(refusals=(Refusal("status", 401, times=99),)),
            Faults(),
        ]
        said = []
        for trouble in troubles:
            house.simulator.set_faults(trouble)
            try:
                said.append(repr(house.land(refresh=True)))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is looked at
                said += [repr(error), str(error), repr(error.__cause__), repr(error.__context__)]
        said += [repr(house.landing()), repr(house.landing().read_tickets(DAY)), repr(house.build_client())]
        logged = "\n".join(
            f"{r.getMessage()} {r.exc_text} {r.args}" for r in caplog.records if not r.name.startswith("uvicorn")
        )

        assert "ordered export" in logged
        assert find_secrets(Path(house.warehouse.uri), {"log": logged, "said": "\n".join(said)}) == []


def test_the_search_for_secrets_finds_them(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "plain").write_text(f"the key is {KEY}")
    (tmp_path / "packed").write_bytes(zstandard.compress(b"https://host/x?X-Amz-Signature=1"))

    found = find_secrets(tmp_path, {"log": f"Bearer {KEY}", "clean": "nothing"})

    assert found[0] == "log"
    assert sorted(found[1:]) == [str(tmp_path / "a" / "plain"), str(tmp_path / "packed")]


def _file(dataset: str, name: str = "f") -> LandedFile:
    return LandedFile(dataset, name, f"x/{name}", 1, 2, 3, "00", ("pid",), "2024-06-01T00:00:00Z")


def _delivery(export_id: str, *datasets: str, not_delivered: tuple[str, ...] = ()) -> Delivery:
    files = tuple(_file(dataset, f"{export_id}-{dataset}") for dataset in datasets if dataset not in not_delivered)
    return Delivery(
        export_id,
        "2024-01-31T00:00:00Z",
        "2024-02-01T00:00:00Z",
        datasets,
        "2024-06-01T00:00:00Z",
        files,
        not_delivered,
    )


def test_each_file_is_listed_once_when_a_delivery_is_replaced_in_part() -> None:
    first = _delivery("1", "engagement", "turn", "agent", not_delivered=("agent",))
    manifest = Manifest(DAY, simulated=False).with_delivery(first).with_delivery(_delivery("2", "turn"))

    listed = [file.path for delivery in (*manifest.deliveries, *manifest.superseded) for file in delivery.files]
    assert sorted(listed) == ["x/1-engagement", "x/1-turn", "x/2-turn"]
    assert [(d.export_id, d.datasets, d.not_delivered) for d in manifest.deliveries] == [
        ("1", ("engagement", "agent"), ("agent",)),
        ("2", ("turn",), ()),
    ]
    assert [(d.export_id, d.datasets, d.not_delivered) for d in manifest.superseded] == [("1", ("turn",), ())]


def test_a_manifest_survives_its_own_json() -> None:
    manifest = Manifest(DAY, simulated=True).with_delivery(_delivery("1", "turn")).with_delivery(_delivery("2", "turn"))

    assert Manifest.from_json(manifest.to_json(), place="here") == manifest


def test_every_error_says_whether_a_retry_helps() -> None:
    kinds = {kind.__name__: kind.retryable for kind in LandingError.__subclasses__()}

    assert kinds == {
        "DayNotExportable": False,
        "LandingBusy": True,
        "DayNotLanded": False,
        "RawFilesPruned": False,
        "DatasetNotDelivered": False,
        "LandingDamaged": False,
    }
