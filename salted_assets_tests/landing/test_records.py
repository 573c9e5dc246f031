"""What a landing leaves behind: records that are damaged are said, ids are folders, no secret stays."""

import logging
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import zstandard

from salted_assets.landing import (
    Delivery,
    LandedFile,
    LandingDamaged,
    LandingError,
    Manifest,
)
from salted_assets.salted_cx import (
    ExportClient,
    ExportStatus,
)
from salted_assets.settings import DATASETS
from salted_assets.simulator import Faults, Refusal, SimulatorOptions
from salted_assets.warehouse import WarehouseUnusable
from salted_assets_tests.support.killed_landings import die_after_request
from salted_assets_tests.support.landing_env import DAY, KEY, LandingEnv, find_secrets, landing_env

pytestmark = pytest.mark.slow


@pytest.fixture
def env(tmp_path: Path) -> Iterator[LandingEnv]:
    with landing_env(tmp_path) as built:
        yield built


@pytest.mark.parametrize("damage", ["gone", "cut", "longer", "altered", "foreign"])
def test_a_damaged_file_is_said_and_not_read_as_less(env: LandingEnv, damage: str) -> None:
    file = env.land().deliveries[0].files[2]
    path = Path(env.warehouse.uri, file.path)
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
        env.read(file)

    env.land(refresh=True)
    env.read(env.landing().files_of(DAY, "turn")[1][0])


def test_more_than_the_manifest_lists_is_not_unpacked(env: LandingEnv) -> None:
    file = env.land().deliveries[0].files[2]
    with Path(env.warehouse.uri, file.path).open("ab") as stored:
        stored.write(zstandard.compress(b"." * (8 << 20)))

    with env.landing().open_file(file) as opened, pytest.raises(LandingDamaged, match="does not hold"):
        opened.read(file.byte_count + 1)


def test_a_head_may_be_read_alone(env: LandingEnv) -> None:
    file = env.land().deliveries[0].files[0]
    with env.landing().open_file(file) as opened:
        assert opened.read(3) == b"pid"


@pytest.mark.parametrize("name", ["manifest.json", "tickets.json"])
@pytest.mark.parametrize("content", [b"", b"[]", b'{"open": [{}], "day": "2024-01-31"}', b"\xff"])
def test_damaged_records_are_said_with_what_to_do(env: LandingEnv, name: str, content: bytes) -> None:
    env.warehouse.write_bytes(f"raw/export/date={DAY}/{name}", content)

    with pytest.raises(LandingDamaged, match=f"date={DAY}/{name} .*remove it"):
        env.land()

    assert env.export_count == 0


def test_an_unusable_warehouse_is_said_before_anything_is_requested(env: LandingEnv, tmp_path: Path) -> None:
    (tmp_path / "warehouse").write_text("in the way")

    with pytest.raises(WarehouseUnusable, match="SALTED_WAREHOUSE"):
        env.land()

    assert env.request_count == 0


@pytest.mark.parametrize("export_id", ["a/../../b", ".hidden", "\N{SNOWMAN}" * 60, "x" * 200])
def test_an_id_becomes_a_folder_of_its_day_whatever_it_is(env: LandingEnv, export_id: str) -> None:
    class Renaming(ExportClient):
        """Calls the vendor's export by another id."""

        def start(self, start: datetime, end: datetime, datasets: object, contact: str | None = None) -> str:  # noqa: ARG002 - the client's signature
            self.real_id = super().start(start, end, DATASETS)
            return export_id

        def wait(self, export_id: str, datasets: Collection[str] = (), *, is_new: bool = False) -> ExportStatus:  # noqa: ARG002 - the client's signature
            return super().wait(self.real_id, datasets, is_new=is_new)

    manifest = env.landing(connect=lambda: env.build_client(Renaming)).land(DAY, DATASETS)

    assert manifest.deliveries[0].export_id == export_id
    assert env.landing().find_manifest(DAY) == manifest
    for file in manifest.deliveries[0].files:
        folder = Path(env.warehouse.uri, file.path).resolve().parent
        assert folder.parent == Path(env.warehouse.uri, f"raw/export/date={DAY}").resolve()
        assert not folder.name.startswith(".")


def test_known_exports_are_those_of_pending_exports_and_manifests(env: LandingEnv) -> None:
    env.land()
    env.land(refresh=True)
    die_after_request(env, day=DAY + timedelta(days=1))

    assert env.landing().list_known_exports() == set(env.history())


def test_integer_ids_are_ids(tmp_path: Path) -> None:
    options = SimulatorOptions(agent_count=3, engagements_per_agent=3, key=KEY, integer_ids=True)
    with landing_env(tmp_path, options) as env:
        assert env.land().deliveries[0].export_id == "12345"


def test_nothing_of_key_or_signature_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger().setLevel(logging.DEBUG)
    with landing_env(tmp_path) as env:
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
            env.simulator.set_faults(trouble)
            try:
                said.append(repr(env.land(refresh=True)))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is looked at
                said += [repr(error), str(error), repr(error.__cause__), repr(error.__context__)]
        said += [repr(env.landing()), repr(env.landing().read_pending_exports(DAY)), repr(env.build_client())]
        logged = "\n".join(
            f"{r.getMessage()} {r.exc_text} {r.args}" for r in caplog.records if not r.name.startswith("uvicorn")
        )

        assert "requested export" in logged
        assert find_secrets(Path(env.warehouse.uri), {"log": logged, "said": "\n".join(said)}) == []


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

    assert Manifest.from_json(manifest.to_json(), path="here") == manifest


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
