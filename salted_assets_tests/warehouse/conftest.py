"""Warehouses of all kinds: a folder, and buckets on real servers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.deployment.s3_server import S3Server, running_moto, running_rclone
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.warehouses import reach


@pytest.fixture(scope="module")
def moto() -> Iterator[S3Server]:
    with running_moto() as server:
        yield server


@pytest.fixture(scope="module")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running_rclone(tmp_path_factory.mktemp("rclone")) as server:
        yield server


@pytest.fixture
def on_moto(moto: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a fresh prefix on a server that honours conditional puts."""
    return reach(moto, monkeypatch)


@pytest.fixture(params=["folder", "moto", "rclone"])
def address(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "folder":
        return str(tmp_path / "deep" / "warehouse")
    return reach(request.getfixturevalue(request.param), monkeypatch)


@pytest.fixture
def warehouse(address: str) -> Warehouse:
    return Warehouse(address)


@pytest.fixture(params=["folder", "moto"])
def lockable(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "folder":
        return str(tmp_path / "warehouse")
    return reach(request.getfixturevalue("moto"), monkeypatch)
