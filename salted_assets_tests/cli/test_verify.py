"""`salted doctor --verify`: what it finds whole, and each thing that can be wrong with a file."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from salted_assets.cli import main
from salted_assets.cli.verify import Verification
from salted_assets.landing import ContactExports, ContactRequest
from salted_assets.settings import DATASETS
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.erasure_sandbox import (
    busiest_customer,
    erasable_env,
    erasure_of,
    landing_of,
    manifest_of,
)
from salted_assets_tests.support.landing_env import DAY, LandingEnv

pytestmark = pytest.mark.slow

TABLE = f"tables/turn/date={DAY}/part-0.parquet"
ARCHIVE = "contact_exports/a-request/contact_export.zip"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LandingEnv]:
    """Two days, one of them refreshed, and an archive."""
    with erasable_env(tmp_path_factory.mktemp("verification")) as env:
        landing_of(env).land(DAY, DATASETS, refresh=True)
        exports = ContactExports(
            env.warehouse, env.landing().calendar, env.connect, env.landing().file_names, now=env.time.now
        )
        exports.export(ContactRequest("a-request", DAY, DAY, DATASETS), "customer1@example.com")
        yield env


@pytest.fixture
def env(made: LandingEnv, tmp_path: Path) -> LandingEnv:
    copy = Warehouse(str(tmp_path / "data" / "warehouse"), simulated=True)
    for path in made.warehouse.list_files(""):
        copy.write_bytes(path, made.warehouse.read_bytes(path))
    return replace(made, warehouse=copy)


def problems(env: LandingEnv) -> list[str]:
    return list(Verification(env.warehouse).find_problems())


def raw_path(env: LandingEnv) -> str:
    return str(manifest_of(env, DAY)["deliveries"][0]["files"][0]["path"])


def flipped(data: bytes, index: int) -> bytes:
    return data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]


def test_a_whole_warehouse_has_no_problems_before_and_after_an_erasure(env: LandingEnv) -> None:
    verification = Verification(env.warehouse)
    assert list(verification.find_problems()) == []
    assert (verification.raw_count, verification.parquet_count, verification.archive_count) == (15, 20, 1)
    assert verification.byte_count > 10_000

    assert erasure_of(env).erase([busiest_customer(env)[0]]).files
    assert problems(env) == []


def test_pruned_files_are_not_missed(env: LandingEnv) -> None:
    landing_of(env).prune(DAY, {raw_path(env)})
    assert problems(env) == []


@pytest.mark.parametrize(
    ("path_of", "change", "expected"),
    [
        (raw_path, lambda data: flipped(data, len(data) // 2), "copy|Restore"),
        (raw_path, lambda data: data[:-5], "Restore"),
        (raw_path, None, "is not there"),
        (lambda _: TABLE, lambda data: flipped(data, 1000), "cannot be read to its end"),
        (lambda _: TABLE, lambda data: data[:-1], "cannot be read to its end"),
        (lambda _: TABLE, lambda _: b"", "cannot be read to its end"),
        (lambda _: f"raw/export/date={DAY}/manifest.json", lambda data: data[:-1], "no manifest this version can read"),
        (lambda _: f"raw/export/date={DAY}/manifest.json", None, "no manifest lists it"),
        (lambda _: ARCHIVE, lambda data: flipped(data, 200), "damaged|cannot be read"),
        (lambda _: ARCHIVE, None, "its manifest names it"),
        (lambda _: "contact_exports/a-request/manifest.json", lambda _: b"{", "is no JSON"),
    ],
)
def test_what_is_wrong_is_told(
    env: LandingEnv, path_of: Callable[[LandingEnv], str], change: Callable[[bytes], bytes] | None, expected: str
) -> None:
    path = path_of(env)
    data = env.warehouse.read_bytes(path)
    env.warehouse.delete(path)
    if change is not None:
        env.warehouse.write_bytes(path, change(data))

    found = problems(env)

    assert found
    assert all(any(word in problem for word in expected.split("|")) for problem in found)
    assert path.rpartition("/")[0] in found[0]


def test_another_file_of_the_same_size_is_found_out(env: LandingEnv) -> None:
    manifest = f"raw/export/date={DAY}/manifest.json"
    sha256 = manifest_of(env, DAY)["deliveries"][0]["files"][0]["sha256"]
    text = env.warehouse.read_bytes(manifest).decode()
    env.warehouse.write_bytes(manifest, text.replace(sha256, "0" * 64).encode())

    assert ["another SHA-256" in problem for problem in problems(env)] == [True]


def test_the_command(env: LandingEnv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {"API_KEY": "k", "START_DATE": "2024-01-01", "API_URL": "http://127.0.0.1:1"}.items():
        monkeypatch.setenv(f"SALTED_{name}", value)

    well = CliRunner().invoke(main, ["doctor", "--verify"])
    env.warehouse.delete(raw_path(env))
    ill = CliRunner().invoke(main, ["doctor", "--verify"])

    assert (well.exit_code, ill.exit_code) == (0, 1), well.output
    assert well.output.startswith("15 raw files, 20 tables, 1 archives read")
    assert "0 problems in data/warehouse" in well.output
    assert [line[:5] for line in ill.output.splitlines()] == ["FAIL ", "14 ra"]
