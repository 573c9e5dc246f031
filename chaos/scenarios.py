"""What else can happen to a deployment than a kill: each scenario does it once, at a random moment, and lists problems.

Every scenario ends with a backfill that nobody disturbs, and with the comparison that the rounds of kills end with.
"""

import json
import logging
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch
from uuid import uuid4

import pyarrow.compute as pc

from benchmarks.deployment.cutting_proxy import CuttingProxy, running_proxy
from benchmarks.deployment.s3_server import BUCKET, running_moto
from chaos.phases import Watch
from chaos.problems import list_own_problems, list_problems, list_table_problems
from chaos.sandbox import DAYS, Sandbox, kill, prepared_sandbox, send

Outcome = tuple[str, list[str]]
"""What was hit, in a few words, and what is not as it should be."""

Scenario = Callable[[Sandbox, Sandbox, random.Random], Outcome]
"""Takes a fresh sandbox, the reference and the dice."""

_LONGEST_PAUSE_SECONDS = 15.0
_EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
_DAEMON_SECONDS = 20.0


def interrupt(sandbox: Sandbox, reference: Sandbox, chance: random.Random) -> Outcome:
    """SIGINT or SIGTERM to a backfill: it ends by itself with the signal's exit code and requests no further export."""
    chosen = chance.choice(list(_EXIT_CODES))
    watch, process = Watch(sandbox), sandbox.start()
    _pause(process, chance)
    phase, before = watch.look(), sandbox.count_exports().total()
    send(process, chosen)
    ended = sandbox.wait_for(process, expected=(0, _EXIT_CODES[chosen]))
    problems = [ended] if ended else []
    # one request may have been on its way when the signal came
    if sandbox.count_exports().total() > before + 1:
        problems.append(f"exports went on after {chosen.name}: {before} before, {sandbox.count_exports()} after")
    return f"{chosen.name} in {phase}", problems + _finish(sandbox, reference)


def two_deployments(sandbox: Sandbox, _: Sandbox, chance: random.Random) -> Outcome:
    """Two deployments of one account take the same days at once and one is killed: neither uses the other's exports."""
    other = replace(sandbox, folder=sandbox.folder / "other")
    other.folder.mkdir()
    both = sandbox.start(), other.start()
    _pause(both[1], chance)
    hit = "killed" if both[1].poll() is None else "ended before"
    kill(both[1])
    problems = []
    for deployment, ended in ((sandbox, sandbox.wait_for(both[0])), (other, other.run_to_end())):
        problems += [ended] if ended else list_own_problems(deployment)
    return f"second deployment {hit}", problems


def truncate_records(sandbox: Sandbox, reference: Sandbox, chance: random.Random) -> Outcome:
    """A killed backfill whose pending exports or Dagster database is cut: the command names it, without a traceback."""
    process = sandbox.start()
    _pause(process, chance)
    kill(process)
    pending = list(Path(sandbox.warehouse.uri).glob("raw/export/date=*/tickets.json"))
    databases = [*sandbox.home.rglob("runs.db"), *sandbox.home.rglob("index.db")]
    kinds = [found for found in (pending, databases) if found]
    if not kinds:
        return "nothing to cut yet", _finish(sandbox, reference)
    path = chance.choice(chance.choice(kinds))
    content = path.read_bytes()
    path.write_bytes(content[: chance.randrange(len(content) or 1)])
    (sandbox.folder / "log").unlink()
    again = sandbox.start()
    problem = sandbox.wait_for(again, expected=(0, 1))
    problems = [problem] if problem else []
    if "Traceback" in sandbox.read_log():
        problems.append(f"a traceback for {path.name} cut to {path.stat().st_size if path.exists() else 0} bytes")
    if not again.returncode:
        return f"{path.name} cut, done", problems + list_own_problems(sandbox)
    # of a database SQLite says that it is malformed, and Dagster not which of them; our sentence names the home
    named = str(sandbox.home) if path.suffix == ".db" else path.name
    if named not in sandbox.read_log():
        problems.append(f"{path.name} was cut, and the command did not name it: {sandbox.read_log()}")
    # as docs/operations.md says; the export that it knew is requested again, and its files stay beside the new ones
    path.rename(path.with_suffix(".damaged"))
    ended = sandbox.run_to_end()
    left = [ended] if ended else list_own_problems(sandbox)
    return f"{path.name} cut, named", problems + [each for each in left if not each.startswith("left behind: raw/")]


def cut_bodies(sandbox: Sandbox, reference: Sandbox, chance: random.Random) -> Outcome:
    """A warehouse on S3 whose bodies are cut while they are read, before and after a kill."""
    with moved_to_s3(sandbox) as (on_s3, proxy):
        proxy.cut_every, proxy.kept_bytes = chance.randint(3, 9), chance.randrange(4096)
        process = on_s3.start()
        _pause(process, chance)
        was_running = process.poll() is None
        kill(process)
        problem = on_s3.run_to_end()
        problems = [problem] if problem else list(list_table_problems(on_s3, reference))
        return f"every {proxy.cut_every}th body cut, {'killed' if was_running else 'not killed'}", problems


def kill_an_erasure(sandbox: Sandbox, reference: Sandbox, chance: random.Random) -> Outcome:
    """An erasure on S3 that is killed and run again: nothing is left of the customer, all of the others."""
    with moved_to_s3(sandbox) as (on_s3, _):
        if problem := on_s3.run_to_end():
            return "no erasure", [problem]
        engagements = on_s3.warehouse.open_parquet(f"tables/engagement/date={DAYS[0]}/part-0.parquet").read()
        pid = chance.choice(sorted(set(engagements["contact_pid"].drop_null().to_pylist())))
        command = ("salted_assets", "erase", "--contact-pid", pid)
        process = on_s3.run(*command)
        _pause(process, chance)
        hit = "killed" if process.poll() is None else "ended before"
        kill(process)
        problem = on_s3.wait_for(on_s3.run(*command))
        problems = [problem] if problem else []
        for day in DAYS:
            path = f"tables/engagement/date={day}/part-0.parquet"
            left, all_rows = (each.warehouse.open_parquet(path).read() for each in (on_s3, reference))
            expected = all_rows.filter(pc.fill_null(pc.not_equal(all_rows["contact_pid"], pid), True))
            if sorted(left["pid"].to_pylist()) != sorted(expected["pid"].to_pylist()):
                problems.append(
                    f"{path}: {left.num_rows} rows are left of {all_rows.num_rows}, not {expected.num_rows}"
                )
        return f"erasure {hit}", problems


def kill_the_daemon(sandbox: Sandbox, reference: Sandbox, chance: random.Random) -> Outcome:
    """A run that the daemon launched is killed with it, and the daemon started again; a backfill finds all free."""
    sandbox.prepare_home()
    launch = ("dagster", "job", "launch", "-m", "salted_assets.definitions", "--job", "daily")
    tags = json.dumps({"dagster/partition": DAYS[0].isoformat()})
    if problem := sandbox.wait_for(sandbox.run(*launch, "--tags", tags)):
        return "no run", [problem]
    watch = Watch(sandbox)
    daemon = ("dagster._daemon", "run", "-m", "salted_assets.definitions")
    for _ in range(2):
        process = sandbox.run(*daemon)
        _pause(process, chance, _DAEMON_SECONDS)
        phase = watch.look()
        kill(process)
    # a run that never got a process waits for the next daemon, whose run monitoring fails one that stays STARTING
    problems = [each for each in _finish(sandbox, reference) if not each.endswith(("still QUEUED", "still STARTING"))]
    return f"daemon killed, {phase}", problems


SCENARIOS: Mapping[str, Scenario] = {
    "interrupt": interrupt,
    "two deployments": two_deployments,
    "truncated records": truncate_records,
    "cut bodies on S3": cut_bodies,
    "killed erasure on S3": kill_an_erasure,
    "killed daemon": kill_the_daemon,
}


def run_scenario(name: str, folder: Path, reference: Sandbox, seed: int) -> Outcome:
    """One scenario on a fresh sandbox; the seed decides all that is random in it."""
    with prepared_sandbox(folder, reference.datasets) as sandbox:
        return SCENARIOS[name](sandbox, reference, random.Random(seed))  # noqa: S311 - moments are no secrets


@contextmanager
def moved_to_s3(sandbox: Sandbox) -> Iterator[tuple[Sandbox, CuttingProxy]]:
    """The sandbox with an empty warehouse in a bucket behind a proxy that can cut bodies."""
    # moto writes a line for each request
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with running_moto() as server, running_proxy(server) as proxy, patch.dict(os.environ, proxy.server.environment):
        # moto keeps what was written for as long as this process lives: an earlier round's warehouse, erasures included
        uri = f"s3://{BUCKET}/{uuid4()}"
        yield replace(sandbox, uri=uri, access=proxy.server.environment), proxy


def _pause(process: subprocess.Popen[bytes], chance: random.Random, longest: float = _LONGEST_PAUSE_SECONDS) -> None:
    """Wait for a random time, or until the process has ended."""
    deadline = time.monotonic() + chance.uniform(0, longest)
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)


def _finish(sandbox: Sandbox, reference: Sandbox) -> list[str]:
    problem = sandbox.run_to_end()
    return [problem] if problem else list_problems(sandbox, reference)
