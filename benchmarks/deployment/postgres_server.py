"""A Postgres of the test's own: a fresh cluster on loopback, run by an unprivileged user."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.deployment.unprivileged import as_unprivileged, give, unprivileged_folder
from benchmarks.deployment.waiting import free_port, wait_until

_USER, _PASSWORD = "dagster", "p@ss/word of the tests"
_DEBIAN = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
# nothing here has to outlive a power cut
_QUICK = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")


@dataclass(frozen=True)
class PostgresServer:
    """A server on loopback; each test has a database of its own."""

    port: int

    def create_database(self, name: str) -> dict[str, str]:
        """Make an empty database; gives the variables by which deploy/dagster.yaml finds it."""
        self._query("postgres", f'CREATE DATABASE "{name}"')
        return {
            "DAGSTER_POSTGRES_HOST": "127.0.0.1",
            "DAGSTER_POSTGRES_PORT": str(self.port),
            "DAGSTER_POSTGRES_DB": name,
            "DAGSTER_POSTGRES_USER": _USER,
            "DAGSTER_POSTGRES_PASSWORD": _PASSWORD,
        }

    def tables(self, database: str) -> list[str]:
        """The tables of a database, by name."""
        listed = self._query(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        return listed.split()

    def is_ready(self) -> bool:
        asked = [_find("pg_isready"), "--host", "127.0.0.1", "--port", str(self.port), "--quiet"]
        return subprocess.run(asked, check=False).returncode == 0

    def _query(self, database: str, statement: str) -> str:
        address = ["--host", "127.0.0.1", "--port", str(self.port), "--username", _USER, "--dbname", database]
        return subprocess.run(
            [_find("psql"), *address, "--no-psqlrc", "--tuples-only", "--no-align", "--command", statement],
            env={"PGPASSWORD": _PASSWORD, "PGCONNECT_TIMEOUT": "10"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Serve a fresh cluster until the context ends."""
    with unprivileged_folder("postgres") as folder:
        data, log, password = folder / "data", folder / "log", folder / "password"
        password.write_text(_PASSWORD)
        give(password)
        options = ["--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync"]
        make = [_find("initdb"), "--pgdata", str(data), "--username", _USER, "--pwfile", str(password), *options]
        subprocess.run(make, cwd=folder, capture_output=True, check=True, **as_unprivileged())
        server = PostgresServer(free_port())
        address = ("-p", str(server.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=")
        with log.open("wb") as out:
            process = subprocess.Popen(
                [_find("postgres"), "-D", data, *address, *_QUICK],
                cwd=folder,
                stdout=out,
                stderr=out,
                **as_unprivileged(),
            )
        try:
            wait_until(server.is_ready, "Postgres", logs=[log])
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # "fast": does not wait for clients
            process.wait(timeout=60)


def _find(program: str) -> str:
    for folder in (None, *_DEBIAN):
        found = shutil.which(program, path=folder and str(folder))
        if found:
            return found
    raise AssertionError(f"{program} is not installed; `apt-get install postgresql` brings it")
