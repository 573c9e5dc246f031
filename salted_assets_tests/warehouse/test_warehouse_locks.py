"""One suite for locks in a folder and in a bucket: they keep others out, and a dead holder's comes free."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest

from salted_assets.warehouse import Warehouse, WarehouseLocked, WarehouseUnusable, locks
from salted_assets_tests.support.s3_server import BUCKET, S3Server
from salted_assets_tests.support.warehouses import reach

pytestmark = pytest.mark.slow

HOLDER = """
import sys, time
from salted_assets.warehouse import Warehouse
with Warehouse(sys.argv[1]).lock("day"):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_held_lock_keeps_others_out_until_it_is_given_back(lockable: str) -> None:
    with Warehouse(lockable).lock("day") as ensure_held:
        with (
            pytest.raises(WarehouseLocked, match=f"is held by process {os.getpid()} on ") as caught,
            Warehouse(lockable).lock("day"),
        ):
            pass
        with Warehouse(lockable).lock("another day"):
            pass
        ensure_held()

    assert caught.value.retryable
    with Warehouse(lockable).lock("day"):
        pass


def test_a_lock_is_given_back_when_its_work_fails(lockable: str) -> None:
    with pytest.raises(RuntimeError), Warehouse(lockable).lock("day"):
        raise RuntimeError

    with Warehouse(lockable).lock("day"):
        pass


def test_a_lock_is_waited_for(lockable: str) -> None:
    holder, pauses = Warehouse(lockable).lock("day"), []
    holder.__enter__()

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            holder.__exit__(None, None, None)

    with Warehouse(lockable).lock("day", wait_seconds=60, sleep=sleep, monotonic=lambda: float(len(pauses))):
        assert pauses == [1.0, 1.0, 1.0]


def test_a_lock_is_not_waited_for_longer_than_that(lockable: str) -> None:
    pauses: list[float] = []

    with (
        Warehouse(lockable).lock("day"),
        pytest.raises(WarehouseLocked),
        Warehouse(lockable).lock("day", wait_seconds=2.5, sleep=pauses.append, monotonic=lambda: sum(pauses)),
    ):
        pass

    assert pauses == [1.0, 1.0, 0.5]


def kill_a_holder(address: str) -> None:
    """Let another process take the lock, see that it has it, and kill it without warning."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, address], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        try:
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(WarehouseLocked, match=f"process {holder.pid} "), Warehouse(address).lock("day"):
                pass
        finally:
            holder.send_signal(signal.SIGKILL)


def test_a_killed_holder_frees_a_folder_at_once(tmp_path: Path) -> None:
    kill_a_holder(str(tmp_path))

    with Warehouse(str(tmp_path)).lock("day"):
        pass


def test_a_killed_holder_frees_a_bucket_when_its_lease_has_run_out(on_moto: str) -> None:
    kill_a_holder(on_moto)

    with pytest.raises(WarehouseLocked), Warehouse(on_moto).lock("day"):
        pass
    later = time.time() + locks.LEASE_SECONDS + 60
    with Warehouse(on_moto, now=lambda: later).lock("day") as ensure_held:
        ensure_held()


def test_a_holder_that_slept_learns_that_it_lost_the_lease_and_takes_no_others(on_moto: str) -> None:
    clock = 1_000_000.0
    sleeper = Warehouse(on_moto, now=lambda: clock).lock("day")
    ensure_held = sleeper.__enter__()
    ensure_held()
    clock += locks.LEASE_SECONDS + 1

    with Warehouse(on_moto, now=lambda: clock).lock("day"):
        with pytest.raises(WarehouseLocked, match="ran out while it was held"):
            ensure_held()
        sleeper.__exit__(None, None, None)
        with pytest.raises(WarehouseLocked, match="is held by"), Warehouse(on_moto, now=lambda: clock).lock("day"):
            pass


def test_a_lease_is_renewed_while_it_is_held(on_moto: str, moto: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "LEASE_SECONDS", 0.5)
    key = f"{on_moto.removeprefix(f's3://{BUCKET}/')}/.locks/day"

    def read_end() -> float:
        return float(json.loads(moto.client().get_object(Bucket=BUCKET, Key=key)["Body"].read())["until"])

    with Warehouse(on_moto).lock("day"):
        first = read_end()
        for _ in range(300):
            if read_end() > first:
                break
            time.sleep(0.1)
        assert read_end() > first


def test_a_lease_whose_put_was_repeated_unseen_is_ours(moto: S3Server) -> None:
    class Stammering:
        """A client whose first put arrives twice, as when its answer is lost and boto3 sends it again."""

        def __init__(self) -> None:
            self._client = moto.client()
            self._is_first = True

        def __getattr__(self, name: str) -> object:
            return getattr(self._client, name)

        def put_object(self, **given: object) -> object:
            if self._is_first:
                self._is_first = False
                self._client.put_object(**given)
            return self._client.put_object(**given)

    ours = locks.Lease(Stammering(), BUCKET, uuid4().hex, "us", now=time.time)  # type: ignore[arg-type]  # as far as it is used
    ours.take()
    ours.ensure_held()
    ours.release()


def test_a_server_without_conditional_puts_is_refused(rclone: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = Warehouse(reach(rclone, monkeypatch))

    with pytest.raises(WarehouseUnusable, match="does not honour conditional puts"), warehouse.lock("day"):
        pass
