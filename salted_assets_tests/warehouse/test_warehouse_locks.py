"""One suite for locks in a folder and in a bucket: they keep others out, and a dead holder's comes free."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from benchmarks.deployment.s3_server import BUCKET, S3Server
from salted_assets.warehouse import Warehouse, WarehouseLocked, WarehouseUnusable, locks
from salted_assets.warehouse.processes import ProcessIdentity
from salted_assets_tests.support.warehouses import reach

pytestmark = pytest.mark.slow

HOLDER = """
import sys, time
from salted_assets.warehouse import Warehouse, locks
locks.LEASE_SECONDS = {lease_seconds}
with Warehouse(sys.argv[1]).lock("day"):
    print("held", flush=True)
    time.sleep(600)
"""

CONTAINER = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]

TAKER = """
import os, sys
from salted_assets.warehouse import Warehouse
def sleep(seconds):
    print(os.getpid(), "waits")
    sys.exit()
with Warehouse(sys.argv[1]).lock("day", sleep=sleep):
    print("has it")
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


@contextmanager
def holding(address: str, *, in_container: bool = False, lease_seconds: int = 180) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the lock, in a pid namespace of its own if it is to be as in a container."""
    command = [sys.executable, "-c", HOLDER.format(lease_seconds=lease_seconds), address]
    namespace = CONTAINER if in_container else []
    with subprocess.Popen([*namespace, *command], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        try:
            assert holder.stdout.readline() == "held\n"
            yield holder
        finally:
            holder.send_signal(signal.SIGKILL)


def can_make_namespaces() -> bool:
    return subprocess.run([*CONTAINER, "true"], capture_output=True, check=False).returncode == 0


needs_namespaces = pytest.mark.skipif(not can_make_namespaces(), reason="this user may make no pid namespace")


def test_a_killed_holder_frees_a_folder_and_a_bucket_at_once(lockable: str) -> None:
    with (
        holding(lockable) as holder,
        pytest.raises(WarehouseLocked, match=f"process {holder.pid} "),
        Warehouse(lockable).lock("day", sleep=fail),
    ):
        pass

    with Warehouse(lockable).lock("day", sleep=fail) as ensure_held:
        ensure_held()


def fail(_: float) -> None:
    raise AssertionError("waited")


def test_a_holder_that_is_stopped_is_not_dead(on_moto: str) -> None:
    with holding(on_moto) as holder:
        holder.send_signal(signal.SIGSTOP)
        with pytest.raises(WarehouseLocked), Warehouse(on_moto).lock("day", sleep=fail):
            pass


@needs_namespaces
def test_a_killed_holder_of_another_container_is_waited_out(on_moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "LEASE_SECONDS", 4.0)
    with holding(on_moto, in_container=True):
        pass
    began = time.monotonic()

    with Warehouse(on_moto).lock("day") as ensure_held:
        ensure_held()

    assert 1.0 < time.monotonic() - began < 60


@needs_namespaces
def test_a_holder_of_another_container_that_lives_is_seen_to_live(on_moto: str) -> None:
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        time.sleep(seconds)

    # it renews every 2 s
    with holding(on_moto, in_container=True, lease_seconds=18) as holder:
        with pytest.raises(WarehouseLocked), Warehouse(on_moto).lock("day", sleep=sleep):
            pass
        assert holder.poll() is None
    assert 0 < len(pauses) < 18


@needs_namespaces
def test_the_first_process_of_one_container_does_not_take_that_of_another_for_dead(on_moto: str) -> None:
    taker = [sys.executable, "-c", TAKER, on_moto]
    command = [*CONTAINER, *taker]
    with holding(on_moto, in_container=True):
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert said == "1 waits\n"


def test_who_is_alive_is_known_of_this_machine_and_container_alone() -> None:
    own = ProcessIdentity.of_this_process()
    assert ProcessIdentity.from_json(json.loads(json.dumps(own.to_json()))) == own
    assert ProcessIdentity.from_json("process 1 on here") is None
    assert own.is_alive() is True
    assert replace(own, start_ticks=own.start_ticks - 1).is_alive() is False, "its number was given again"
    for other in (
        replace(own, host="elsewhere"),
        replace(own, boot_id="before"),
        replace(own, pid_namespace="pid:[1]"),
    ):
        assert other.is_alive() is None
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        stat = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
        other = replace(own, pid=child.pid, start_ticks=int(stat[19]))
        assert other.is_alive() is True
        child.kill()
        while other.is_alive():
            time.sleep(0.01)
        assert other.is_alive() is False, "a zombie is dead"
    assert other.is_alive() is False


def test_a_holder_that_slept_learns_that_it_lost_the_lease_and_takes_no_others(
    on_moto: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 1_000_000.0
    sleeper = Warehouse(on_moto, now=lambda: clock).lock("day")
    ensure_held = sleeper.__enter__()
    ensure_held()
    clock += locks.LEASE_SECONDS + 1
    with monkeypatch.context() as patched:
        # what was not renewed for so long by the server's clock is anybody's
        patched.setattr(locks, "_age_of", lambda _: locks.LEASE_SECONDS + 6)
        other = Warehouse(on_moto).lock("day")
        other.__enter__()

    with pytest.raises(WarehouseLocked, match="ran out while it was held"):
        ensure_held()
    sleeper.__exit__(None, None, None)
    with pytest.raises(WarehouseLocked, match="is held by"), Warehouse(on_moto).lock("day"):
        pass
    other.__exit__(None, None, None)


def test_a_lease_is_renewed_while_it_is_held(on_moto: str, moto: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "LEASE_SECONDS", 0.5)
    key = f"{on_moto.removeprefix(f's3://{BUCKET}/')}/.locks/day"

    def read_time() -> float:
        return float(json.loads(moto.client().get_object(Bucket=BUCKET, Key=key)["Body"].read())["put_at"])

    with Warehouse(on_moto).lock("day"):
        first = read_time()
        for _ in range(300):
            if read_time() > first:
                break
            time.sleep(0.1)
        assert read_time() > first


class Stammering:
    """A client of which one put arrives twice, as when its answer is lost and boto3 sends it again."""

    def __init__(self, server: S3Server, repeated: int) -> None:
        self._client = server.client()
        self._repeated = repeated
        self.put_count = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._client, name)

    def put_object(self, **given: object) -> object:
        self.put_count += 1
        if self.put_count == self._repeated:
            self._client.put_object(**given)
        return self._client.put_object(**given)


def test_a_lease_whose_put_was_repeated_unseen_is_ours(moto: S3Server) -> None:
    ours = locks.Lease(Stammering(moto, 1), BUCKET, uuid4().hex, ProcessIdentity("us", 1), now=time.time)  # type: ignore[arg-type]  # as far as it is used
    ours.take()
    ours.ensure_held()
    ours.release()


def test_a_lease_of_which_a_renewal_was_repeated_unseen_goes_on_being_renewed(
    moto: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "LEASE_SECONDS", 3.0)
    # the first put takes the lease, the second shows that the server keeps conditions, the third renews
    client = Stammering(moto, 3)
    ours = locks.Lease(client, BUCKET, uuid4().hex, ProcessIdentity("us", 1), now=time.time)  # type: ignore[arg-type]  # as far as it is used
    ours.take()
    try:
        time.sleep(4.5)
        ours.ensure_held()
    finally:
        ours.release()
    assert client.put_count > 3


def test_a_server_without_conditional_puts_is_refused(rclone: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = Warehouse(reach(rclone, monkeypatch))

    with pytest.raises(WarehouseUnusable, match="does not honour conditional puts"), warehouse.lock("day"):
        pass
