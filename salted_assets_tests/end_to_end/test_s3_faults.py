"""The platform on a bucket that fails: bodies are cut while they are read, a landing is killed with its lease."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from benchmarks.deployment.cutting_proxy import running_proxy
from benchmarks.deployment.s3_server import BUCKET, S3Server, running_moto
from salted_assets.warehouse import Warehouse, bucket
from salted_assets_tests.support.checkout import ROOT
from salted_assets_tests.support.landing_env import DAY, landing_env
from salted_assets_tests.support.platform import KNOWN_WARNINGS, Platform, running_platform, with_settings

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

MADE = "2024-01-09"
TABLES = ("tables/engagement", "tables/turn", "scores/engagement", "scores/agent_daily")

LANDS_AND_HANGS = """
import sys, time
from salted_assets.salted_cx import ExportClient
from salted_assets.simulator import RunningSimulator
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.landing_env import KEY, FakeTime, LandingEnv

def hang(*_, **__):
    print("requested", flush=True)
    time.sleep(600)

ExportClient.wait = hang
LandingEnv(RunningSimulator(sys.argv[1], KEY, None), Warehouse(sys.argv[2]), FakeTime()).land()
"""


def reach(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return f"s3://{BUCKET}/{uuid4().hex}"


def rows(platform: Platform, table: str) -> list[list[object]]:
    """The rows in any order; sums of floats are added up in any order too."""
    with platform.warehouse.open_parquet(f"{table}/date={MADE}/part-0.parquet") as file:
        found = file.read().to_pylist()
    plain = [[round(value, 9) if isinstance(value, float) else value for value in row.values()] for row in found]
    return sorted(plain, key=repr)


def test_a_day_is_made_through_bodies_that_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "_PAUSES", (0.0,) * 4)
    select = " or ".join(f'+key:"{table}"' for table in TABLES)
    with running_platform(tmp_path) as local, running_moto() as server, running_proxy(server) as proxy:
        remote = with_settings(local, warehouse=reach(proxy.server, monkeypatch))
        proxy.cut_every, proxy.kept_bytes = 2, 700

        assert remote.materialize(MADE, select).success
        assert len(proxy.ranges) > 40

        for path in remote.warehouse.list_files("raw"):
            local.warehouse.write_bytes(path, remote.warehouse.read_bytes(path))
        assert local.materialize(MADE, select).success
        assert local.vendor.log()["exports"] == 1
        for table in TABLES:
            assert rows(remote, table) == rows(local, table), table


def test_a_landing_that_was_killed_is_landed_by_the_next_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_moto() as server, landing_env(tmp_path) as usual:
        env = replace(usual, warehouse=Warehouse(reach(server, monkeypatch)))
        command = [sys.executable, "-c", LANDS_AND_HANGS, env.simulator.url, env.warehouse.uri]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "requested\n"
            process.send_signal(signal.SIGKILL)

        manifest = env.land()

        assert env.export_count == 1
        env.check(manifest.deliveries[0])
        assert env.landing().is_landed(DAY, [file.dataset for file in manifest.list_files()])
