"""A bucket whose answers are cut off, busy or replaced: read to the end by ranges, or said, and never half."""

import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.deployment.cutting_proxy import CuttingProxy, running_proxy
from benchmarks.deployment.s3_server import S3Server
from salted_assets.warehouse import Warehouse, WarehouseInterrupted, bucket
from salted_assets_tests.support.warehouses import reach

pytestmark = pytest.mark.slow

BYTES = os.urandom(3 << 20)


@pytest.fixture(scope="module", params=["moto", "rclone"])
def proxy(request: pytest.FixtureRequest) -> Iterator[CuttingProxy]:
    server: S3Server = request.getfixturevalue(request.param)
    with running_proxy(server) as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def quick(proxy: CuttingProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "_PAUSES", (0.0,) * 4)
    proxy.cuts, proxy.cut_listings, proxy.errors, proxy.kept_bytes, proxy.resets, proxy.ranges = 0, 0, 0, 0, False, []


@pytest.fixture
def warehouse(proxy: CuttingProxy, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    return Warehouse(reach(proxy.server, monkeypatch))


@pytest.mark.parametrize("resets", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("kept_bytes", [0, 1, 300_000])
def test_a_body_that_is_cut_is_read_on_from_where_it_ended(
    warehouse: Warehouse, proxy: CuttingProxy, kept_bytes: int, resets: bool
) -> None:
    warehouse.write_bytes("a", BYTES)
    proxy.cuts, proxy.kept_bytes, proxy.resets = 3, kept_bytes, resets

    assert warehouse.read_bytes("a") == BYTES

    assert proxy.cuts == 0
    if not resets:
        # of a connection that is reset the last bytes may not have arrived
        assert proxy.ranges == [f"bytes={kept_bytes * cut}-{len(BYTES) - 1}" for cut in range(4)]


def test_a_table_is_read_through_cuts(warehouse: Warehouse, proxy: CuttingProxy, tmp_path: Path) -> None:
    table = pa.table({"pid": [str(number) for number in range(300_000)]})
    pq.write_table(table, tmp_path / "table", row_group_size=100_000)
    warehouse.write_bytes("table", (tmp_path / "table").read_bytes())
    proxy.cuts, proxy.kept_bytes = 8, 50_000

    with warehouse.open_parquet("table") as file:
        assert file.read().equals(table)
    assert proxy.cuts == 0


def test_bodies_that_are_cut_again_and_again_are_said(warehouse: Warehouse, proxy: CuttingProxy) -> None:
    warehouse.write_bytes("a", BYTES)
    proxy.cuts = 1000

    with pytest.raises(WarehouseInterrupted, match="cannot read a in the warehouse s3://") as caught:
        warehouse.read_bytes("a")

    assert caught.value.retryable
    assert len(proxy.ranges) == 5
    proxy.cuts = 0
    assert warehouse.read_bytes("a") == BYTES


def test_a_listing_that_is_cut_is_whole_or_said(warehouse: Warehouse, proxy: CuttingProxy) -> None:
    for number in range(20):
        warehouse.write_bytes(f"raw/{number:02}", b".")
    proxy.cut_listings = 2

    assert warehouse.list_files("raw") == [f"raw/{number:02}" for number in range(20)]
    assert proxy.cut_listings == 0

    proxy.cut_listings = 1000
    with pytest.raises(WarehouseInterrupted, match="cannot list raw"):
        warehouse.list_files("raw")


def test_a_file_that_is_replaced_while_it_is_read_is_not_mixed(moto: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = Warehouse(reach(moto, monkeypatch))
    warehouse.write_bytes("a", BYTES)
    with warehouse.open("a") as file:
        assert file.read(10) == BYTES[:10]
        warehouse.write_bytes("a", BYTES[::-1])
        with pytest.raises(WarehouseInterrupted, match="replaced"):
            file.read()
    with warehouse.open("a") as file:
        warehouse.delete("a")
        with pytest.raises(WarehouseInterrupted, match="replaced"):
            file.read()


def test_a_bucket_that_stays_busy_is_said_and_helped_by_a_retry(warehouse: Warehouse, proxy: CuttingProxy) -> None:
    proxy.errors = 2
    warehouse.write_bytes("a", b".")

    proxy.errors = 1000
    with pytest.raises(WarehouseInterrupted, match=r"cannot look up a .* 503 after several attempts"):
        warehouse.size("a")
    with pytest.raises(WarehouseInterrupted, match=r"cannot write b .* SlowDown after several attempts"):
        warehouse.write_bytes("b", b".")
