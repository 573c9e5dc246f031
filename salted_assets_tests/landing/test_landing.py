"""Landings against the real simulator: one export per day, files as delivered, a manifest that tells the truth."""

import csv
import gzip
import hashlib
import io
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from salted_assets.landing import (
    DatasetNotDelivered,
    DayNotExportable,
    DayNotLanded,
)
from salted_assets.landing.pending_exports import PendingExport
from salted_assets.landing.records import Records
from salted_assets.landing.windows import Window
from salted_assets.salted_cx import (
    ExportClient,
    ExportFailed,
    ExportStatus,
)
from salted_assets.schemas import FILE_NAMES
from salted_assets.settings import DATASETS
from salted_assets.simulator import DataFaults, Faults
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.killed_landings import Interrupted, die_after_request
from salted_assets_tests.support.landing_env import DAY, LATER, LandingEnv, landing_env

pytestmark = pytest.mark.slow

LONG_DAY = date(2024, 10, 27)
"""Clocks go back in Prague: 25 hours."""


@pytest.fixture
def env(tmp_path: Path) -> Iterator[LandingEnv]:
    with landing_env(tmp_path) as built:
        yield built


def test_a_day_is_exported_once(env: LandingEnv) -> None:
    manifest = env.land()

    assert env.export_count == 1
    assert (manifest.day, manifest.simulated, manifest.superseded) == (DAY, True, ())
    [delivery] = manifest.deliveries
    assert delivery.window == Window(datetime(2024, 1, 31, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC))
    assert (delivery.start, delivery.end) == ("2024-01-31T00:00:00Z", "2024-02-01T00:00:00Z")
    assert [file.dataset for file in delivery.files] == list(DATASETS)
    assert (delivery.not_delivered, delivery.unasked) == ((), ())
    assert delivery.requested_at == "2024-06-01T00:00:00Z"
    assert env.landing().is_landed(DAY, DATASETS)
    assert env.landing().find_manifest(DAY) == manifest
    env.check(delivery)


def test_a_landed_day_needs_no_request(env: LandingEnv) -> None:
    manifest = env.land()
    before = env.request_count

    assert env.land() == manifest
    assert env.land("turn") == manifest
    assert env.request_count == before


def test_files_are_measured_as_they_were_delivered(env: LandingEnv) -> None:
    for file in env.land().deliveries[0].files:
        content = env.read(file)
        records = list(csv.reader(io.StringIO(content.decode(), newline="")))
        assert file.name == FILE_NAMES[file.dataset]
        assert file.header == tuple(records[0])
        assert file.row_count == len(records) - 1
        assert (file.byte_count, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert file.stored_byte_count == env.warehouse.size(file.path)
        assert file.landed_at == "2024-06-01T00:00:00Z"


def test_line_ends_within_quotes_are_no_rows(env: LandingEnv) -> None:
    turns = next(file for file in env.land("turn").deliveries[0].files)

    assert env.read(turns).count(b"\n") > turns.row_count + 1


@pytest.mark.parametrize(
    ("faults", "is_empty"),
    [
        (DataFaults(zero_bytes=("turn",)), True),
        (DataFaults(header_only=("turn",)), True),
        (DataFaults(byte_order_mark=("turn",)), False),
        (DataFaults(crlf=("turn",)), False),
    ],
)
def test_odd_files_are_kept_as_they_are(env: LandingEnv, faults: DataFaults, is_empty: bool) -> None:
    env.simulator.set_faults(Faults(data=faults))

    [delivery] = env.land("turn").deliveries

    [file] = delivery.files
    content = env.read(file)
    assert content == env.serve(delivery.export_id, "turn")
    assert file.header[:1] == (("pid",) if content else ())
    assert (file.row_count == 0) == is_empty


def test_names_of_an_earlier_kind_are_known_by_the_folder_layout(env: LandingEnv) -> None:
    [delivery] = env.land().deliveries

    folder = f"raw/export/date=2024-01-31/{delivery.export_id}"
    expected = sorted(f"{folder}/{name}.zst" for name in FILE_NAMES.values())
    assert env.warehouse.list_files("raw") == sorted([*expected, "raw/export/date=2024-01-31/manifest.json"])


def test_the_manifest_is_written_last(env: LandingEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    publish = Warehouse.publish

    def note(warehouse: Warehouse, source: Path, path: str) -> None:
        written.append(path)
        publish(warehouse, source, path)

    monkeypatch.setattr(Warehouse, "publish", note)

    env.land()

    names = [path.rsplit("/", 1)[1] for path in written]
    assert names[:2] == ["tickets.json"] * 2
    assert sorted(names[2:-1]) == sorted(f"{name}.zst" for name in FILE_NAMES.values())
    assert names[-1] == "manifest.json"


def test_a_landing_that_breaks_off_is_none(env: LandingEnv) -> None:
    env.simulator.set_faults(Faults(cut_downloads=99, download_faults_on=("turn",), no_ranges=True))
    with pytest.raises(Exception, match="turn"):
        env.land()

    assert env.landing().find_manifest(DAY) is None
    assert not env.landing().is_landed(DAY, ["agent"])
    with pytest.raises(DayNotLanded, match=r"agent of 2024-01-31 has not been landed. Materialize raw/export"):
        env.landing().files_of(DAY, "agent")
    assert not any(path.endswith(".zst") for path in env.warehouse.list_files(""))

    env.simulator.set_faults(Faults())
    env.check(env.land().deliveries[0])
    assert env.export_count == 1


def test_a_refresh_supersedes_and_keeps_the_earlier(env: LandingEnv) -> None:
    earlier = env.land().deliveries[0]
    content = {file.path: env.read(file) for file in earlier.files}

    manifest = env.land(refresh=True)

    assert env.export_count == 2
    [current] = manifest.deliveries
    assert current.export_id != earlier.export_id
    assert manifest.superseded == (earlier,)
    assert {file.path: env.read(file) for file in earlier.files} == content
    assert env.landing().files_of(DAY, "turn")[1] == [f for f in current.files if f.dataset == "turn"]
    env.check(current)


def test_a_refresh_that_fails_leaves_the_earlier_in_force(env: LandingEnv) -> None:
    manifest = env.land()
    env.simulator.set_faults(Faults(failed_exports=3))

    with pytest.raises(ExportFailed):
        env.land(refresh=True)

    assert env.landing().find_manifest(DAY) == manifest
    assert env.land() == manifest
    assert env.export_count == 4


def test_a_refresh_that_is_killed_is_gone_on_with(env: LandingEnv) -> None:
    manifest = env.land()
    die_after_request(env, refresh=True)
    assert env.landing().find_manifest(DAY) == manifest
    assert env.land() == manifest

    assert env.land(refresh=True).superseded == manifest.deliveries
    assert env.export_count == 2


def test_a_refresh_does_not_take_up_one_that_is_a_day_old(env: LandingEnv) -> None:
    env.land()
    die_after_request(env, refresh=True)
    env.time.sleep(24 * 3600)

    env.land(refresh=True)

    assert env.export_count == 3


def test_a_refresh_is_new_though_the_last_one_died_after_its_manifest(env: LandingEnv) -> None:
    env.land(refresh=True)
    [delivery] = env.land().deliveries
    pending = PendingExport(
        delivery.start,
        delivery.end,
        delivery.datasets,
        delivery.requested_at,
        is_refresh=True,
        known_ids=(),
        export_id=delivery.export_id,
    )
    Records(env.warehouse).keep_pending(DAY, pending)

    assert env.land(refresh=True).deliveries[0].export_id != delivery.export_id


def test_a_dataset_that_is_not_delivered_fails_alone(env: LandingEnv) -> None:
    env.simulator.set_faults(Faults(missing_addresses=("turn",)))

    [delivery] = env.land().deliveries

    assert delivery.not_delivered == ("turn",)
    assert env.landing().is_landed(DAY, DATASETS)
    with pytest.raises(DatasetNotDelivered, match=f"no file for turn of 2024-01-31 .export {delivery.export_id}"):
        env.landing().files_of(DAY, "turn")
    for dataset in set(DATASETS) - {"turn"}:
        assert len(env.landing().files_of(DAY, dataset)[1]) == 1
    env.land()
    assert env.export_count == 1


def test_a_later_delivery_of_it_mends_that(env: LandingEnv) -> None:
    env.simulator.set_faults(Faults(missing_addresses=("turn",)))
    env.land()
    env.simulator.set_faults(Faults())

    manifest = env.land("turn", refresh=True)

    assert [delivery.not_delivered for delivery in manifest.deliveries] == [(), ()]
    assert [(d.datasets, d.files, d.not_delivered) for d in manifest.superseded] == [(("turn",), (), ("turn",))]
    assert all(len(env.landing().files_of(DAY, dataset)[1]) == 1 for dataset in DATASETS)


def test_names_that_nobody_asked_for_are_reported_and_not_opened(env: LandingEnv) -> None:
    env.simulator.set_faults(Faults(extra_addresses={"../x": "", "service": "https://127.0.0.1:9/x"}))

    [delivery] = env.land().deliveries

    assert delivery.unasked == ("../x", "service")
    assert len(delivery.files) == len(DATASETS)
    assert env.simulator.log()["download"] == len(DATASETS)
    assert not [path for path in Path(env.warehouse.uri).parent.rglob("*") if path.name in {"x", "service"}]


def test_a_day_of_25_hours_takes_two_exports(tmp_path: Path) -> None:
    with landing_env(tmp_path, zone="Europe/Prague") as env:
        env.time.sleep(200 * 24 * 3600)

        manifest = env.land(day=LONG_DAY)

        assert env.export_count == 2
        assert [(d.start, d.end) for d in manifest.deliveries] == [
            ("2024-10-26T22:00:00Z", "2024-10-27T22:00:00Z"),
            ("2024-10-27T22:00:00Z", "2024-10-27T23:00:00Z"),
        ]
        listed = env.landing().files_of(LONG_DAY, "turn")[1]
        assert [file.path.split("/")[-2] for file in listed] == [d.export_id for d in manifest.deliveries]
        for delivery in manifest.deliveries:
            env.check(delivery)


def test_a_day_of_25_hours_is_landed_whole_or_not(tmp_path: Path) -> None:
    with landing_env(tmp_path, zone="Europe/Prague") as env:
        env.time.sleep(200 * 24 * 3600)

        class FailsSecond(ExportClient):
            """Its run dies when it waits for the second export."""

            def wait(self, export_id: str, datasets: Collection[str] = (), *, is_new: bool = False) -> ExportStatus:
                if env.export_count == 2:
                    raise Interrupted
                return super().wait(export_id, datasets, is_new=is_new)

        with pytest.raises(Interrupted):
            env.landing(connect=lambda: env.build_client(FailsSecond)).land(LONG_DAY, DATASETS)
        assert env.landing().find_manifest(LONG_DAY) is None

        assert len(env.land(day=LONG_DAY).deliveries) == 2
        assert env.export_count == 2


def test_a_file_that_came_compressed_is_kept_decoded_and_the_manifest_has_both_hashes(env: LandingEnv) -> None:
    env.simulator.set_faults(Faults(gzip_downloads=True))

    [delivery] = env.land().deliveries

    for file in delivery.files:
        plain = env.read(file)
        assert (file.byte_count, file.sha256) == (len(plain), hashlib.sha256(plain).hexdigest())
        sent = gzip.compress(plain, mtime=0)
        assert (file.content_coding, file.encoded_byte_count) == ("gzip", len(sent))
        assert file.encoded_sha256 == hashlib.sha256(sent).hexdigest()
    env.check(delivery)


def test_a_day_that_is_too_early_is_refused_with_its_time(tmp_path: Path) -> None:
    with landing_env(tmp_path, zone="Europe/Prague") as env:
        with pytest.raises(DayNotExportable) as caught:
            env.land(day=LATER.date())

        assert "2024-06-01 can be exported from 2024-06-02 02:00 Europe/Prague (2024-06-02T00:00:00Z) on" in str(
            caught.value
        )
        assert "SALTED_EXPORT_LAG_MINUTES" in str(caught.value)
        assert not caught.value.retryable
        assert env.request_count == 0
        assert not Path(env.warehouse.uri).exists()
        env.time.sleep(24 * 3600)
        env.land("agent", day=LATER.date())


def test_datasets_wanted_later_are_requested_alone(env: LandingEnv) -> None:
    first = env.land("engagement", "turn").deliveries[0]

    manifest = env.land("engagement", "turn", "agent", "review")

    assert env.export_count == 2
    assert [d.datasets for d in manifest.deliveries] == [("engagement", "turn"), ("agent", "review")]
    assert manifest.deliveries[0] == first
    assert manifest.superseded == ()
    assert not env.landing().is_landed(DAY, DATASETS)
    with pytest.raises(DayNotLanded):
        env.landing().files_of(DAY, "customer")


def test_more_datasets_than_a_killed_run_requested_leave_its_export_usable(env: LandingEnv) -> None:
    die_after_request(env, "engagement", "turn")
    die_after_request(env, "engagement", "turn", "agent")
    assert env.export_count == 1

    manifest = env.land("engagement", "turn", "agent")

    assert [d.datasets for d in manifest.deliveries] == [("engagement", "turn"), ("agent",)]
    assert env.export_count == 2
