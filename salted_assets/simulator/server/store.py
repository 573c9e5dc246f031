"""What a simulator keeps between processes: exports with their CSV files, and the secret that signs addresses."""

import gzip
import hashlib
import hmac
import json
import os
import secrets
import shutil
import sqlite3
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, urlencode

from salted_assets.schemas import FILE_NAMES
from salted_assets.simulator.data.exporting import write_files
from salted_assets.simulator.data.options import DataFaults, Faults, SimulatorOptions
from salted_assets.simulator.data.windows import SECOND_MS, Window, iso_seconds, to_ms

STORE_PATH = "/simulator-store"
"""Below it lie the files: another path than the API's, as the vendor's files lie on another host."""

SignatureState = Literal["valid", "unsigned", "tampered", "expired"]


@dataclass(frozen=True)
class AddressSigner:
    """Signs addresses and checks signed ones with the store's secret."""

    secret: bytes

    def sign(self, path: str, signed_ms: int, lifetime_seconds: int) -> str:
        """The path with a query that opens it for `lifetime_seconds` from `signed_ms` on."""
        query = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Date": _stamp(signed_ms),
            "X-Amz-Expires": str(lifetime_seconds),
        }
        return f"{path}?{urlencode(query | {'X-Amz-Signature': self._signature(path, signed_ms, lifetime_seconds)})}"

    def check(self, path: str, query: str, now_ms: int) -> SignatureState:
        """Whether a query opens the path now, or why not."""
        given = {name: values[-1] for name, values in parse_qs(query).items()}
        try:
            signed_ms = to_ms(datetime.strptime(given["X-Amz-Date"], "%Y%m%dT%H%M%S%z"))
            lifetime_seconds = int(given["X-Amz-Expires"])
            signature = given["X-Amz-Signature"]
        except (KeyError, ValueError):
            return "unsigned"
        expected = self._signature(path, signed_ms, lifetime_seconds)
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            return "tampered"
        return "valid" if now_ms < signed_ms + lifetime_seconds * SECOND_MS else "expired"

    def _signature(self, path: str, signed_ms: int, lifetime_seconds: int) -> str:
        signed = f"{path}\n{_stamp(signed_ms)}\n{lifetime_seconds}".encode()
        return hmac.new(self.secret, signed, hashlib.sha256).hexdigest()


def _stamp(moment_ms: int) -> str:
    return iso_seconds(moment_ms).replace("-", "").replace(":", "")


_KEPT_EXPORTS = 16
_SCHEMA = """
CREATE TABLE IF NOT EXISTS secret (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS export (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL,
    start_ms INTEGER NOT NULL,
    end_ms INTEGER NOT NULL,
    as_of_ms INTEGER NOT NULL,
    ordered_ms INTEGER NOT NULL,
    ready_ms INTEGER NOT NULL,
    datasets TEXT NOT NULL,
    contacts TEXT,
    recipe TEXT NOT NULL,
    is_failed INTEGER NOT NULL,
    is_written INTEGER NOT NULL DEFAULT 0,
    is_fetched INTEGER NOT NULL DEFAULT 0
);
"""


@dataclass(frozen=True)
class StoredExport:
    """A requested export. `contacts` are indexes of contacts, never an address; None means everybody."""

    id: str
    window: Window
    requested_ms: int
    ready_ms: int
    datasets: tuple[str, ...]
    contacts: frozenset[int] | None
    recipe: Mapping[str, Any]
    is_failed: bool
    is_written: bool = False


@dataclass(frozen=True)
class StoredFile:
    """A CSV file of an export as it lies on disk, with its MD5 in hexadecimal."""

    path: Path
    size: int
    md5: str

    def compress(self) -> "StoredFile":
        """The file as a store holds it that keeps it compressed: gzip, the same bytes every time."""
        path = self.path.with_name(f"{self.path.name}.gz")
        if not path.exists():
            draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}.draft")
            draft.write_bytes(gzip.compress(self.path.read_bytes(), mtime=0))
            draft.replace(path)
        return StoredFile(path, path.stat().st_size, _md5(path))


class ExportStore:
    """Exports of all accounts in one SQLite file (WAL), their files in a folder beside it; safe to share."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._files = path.with_name(f"{path.name}.files")
        self._lock = threading.Lock()
        with self._connection() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)
            connection.execute("INSERT OR IGNORE INTO secret VALUES ('signing', ?)", (secrets.token_hex(32),))

    def signing_secret(self) -> bytes:
        """The key under which addresses are signed; the same for all processes on this store."""
        with self._connection() as connection:
            row = connection.execute("SELECT value FROM secret WHERE name = 'signing'").fetchone()
        return bytes.fromhex(row[0])

    def add(self, account: str, export: StoredExport, *, integer_id: bool) -> StoredExport:
        """Keep a new export under a new id; gives it with that id."""
        with self._connection() as connection:
            number = connection.execute(
                "INSERT INTO export (id, account, start_ms, end_ms, as_of_ms, ordered_ms, ready_ms, datasets, contacts,"
                " recipe, is_failed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    new_id := str(uuid.uuid4()),
                    account,
                    *export.window,
                    export.requested_ms,
                    export.ready_ms,
                    ",".join(export.datasets),
                    None if export.contacts is None else json.dumps(sorted(export.contacts)),
                    json.dumps(export.recipe),
                    export.is_failed,
                ),
            ).lastrowid
            if integer_id:
                new_id = str(12_344 + (number or 0))
                connection.execute("UPDATE export SET id = ? WHERE number = ?", (new_id, number))
        return replace(export, id=new_id)

    def find(self, account: str | None, export_id: str) -> StoredExport | None:
        """The export with this id if it belongs to `account` (None: to anybody); None when there is no such."""
        rows = self._select("id = ? AND (?2 IS NULL OR account = ?2)", (export_id, account))
        return rows[0] if rows else None

    def newest(self, account: str, limit: int) -> list[StoredExport]:
        """The account's newest exports, newest first."""
        return self._select("account = ? ORDER BY number DESC LIMIT ?", (account, limit))

    def is_exported(
        self, account: str, window: Window, datasets: tuple[str, ...], contacts: frozenset[int] | None
    ) -> bool:
        """Whether some file of an earlier export of the same window, contacts and one of the datasets was fetched."""
        earlier = self._select(
            "account = ? AND start_ms = ? AND end_ms = ? AND is_fetched AND NOT is_failed",
            (account, window.start_ms, window.end_ms),
        )
        return any(export.contacts == contacts and set(export.datasets) & set(datasets) for export in earlier)

    def mark_fetched(self, export_id: str) -> None:
        """Remember that a file of the export was downloaded to its end."""
        self._mark(export_id, "is_fetched")

    def file_of(self, export: StoredExport, dataset: str) -> StoredFile:
        """The CSV file of an export, written now unless it lies there; the same bytes every time."""
        folder = self._files / export.id
        if not folder.is_dir():
            with self._lock:
                if not folder.is_dir():
                    self._write(export, folder)
                    self._mark(export.id, "is_written")
        os.utime(folder)
        facts = json.loads((folder / "files.json").read_text())[dataset]
        return StoredFile(folder / FILE_NAMES[dataset], facts["size"], facts["md5"])

    def _write(self, export: StoredExport, folder: Path) -> None:
        draft = folder.with_name(f"{folder.name}.{os.getpid()}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        paths = {dataset: draft / FILE_NAMES[dataset] for dataset in export.datasets}
        outs = {dataset: path.open("wb") for dataset, path in paths.items()}
        try:
            write_files(
                outs, export.window, options_of(export.recipe), export.contacts, requested_ms=export.requested_ms
            )
        finally:
            for out in outs.values():
                out.close()
        facts = {dataset: {"size": path.stat().st_size, "md5": _md5(path)} for dataset, path in paths.items()}
        (draft / "files.json").write_text(json.dumps(facts))
        try:
            draft.rename(folder)
        except OSError:  # another process of this store was first, with the same bytes
            shutil.rmtree(draft)
        self._prune()

    def _mark(self, export_id: str, flag: Literal["is_written", "is_fetched"]) -> None:
        with self._connection() as connection:
            connection.execute(f"UPDATE export SET {flag} = 1 WHERE id = ? AND NOT {flag}", (export_id,))  # noqa: S608 - a flag is a literal

    def _prune(self) -> None:
        whole = [folder for folder in self._files.iterdir() if not folder.name.endswith(".draft")]
        whole.sort(key=lambda folder: folder.stat().st_mtime_ns)
        for folder in whole[:-_KEPT_EXPORTS]:
            shutil.rmtree(folder, ignore_errors=True)

    def _select(self, condition: str, values: tuple[Any, ...]) -> list[StoredExport]:
        columns = (
            "id, start_ms, end_ms, as_of_ms, ordered_ms, ready_ms, datasets, contacts, recipe, is_failed, is_written"
        )
        with self._connection() as connection:
            rows = connection.execute(f"SELECT {columns} FROM export WHERE {condition}", values).fetchall()  # noqa: S608 - conditions are literals of this class
        return [_stored(row) for row in rows]

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=30)) as connection, connection:
            yield connection


def recipe_of(options: SimulatorOptions) -> dict[str, Any]:
    """What decides over the bytes of an export, as JSON: kept with it, so that it can be written again."""
    return {
        "seed": options.seed,
        "agent_count": options.agent_count,
        "engagements_per_agent": options.engagements_per_agent,
        "with_updated_at": options.with_updated_at,
        "data": asdict(options.faults.data),
    }


def options_of(recipe: Mapping[str, Any]) -> SimulatorOptions:
    """The options that `recipe_of` described."""
    faults = Faults(data=DataFaults.from_json(recipe["data"]))
    return SimulatorOptions(**{name: value for name, value in recipe.items() if name != "data"}, faults=faults)


def account_of(key: str) -> str:
    """The account that a bearer key opens, without the key."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def _stored(row: tuple[Any, ...]) -> StoredExport:
    (
        export_id,
        start_ms,
        end_ms,
        as_of_ms,
        requested_ms,
        ready_ms,
        datasets,
        contacts,
        recipe,
        is_failed,
        is_written,
    ) = row
    return StoredExport(
        id=export_id,
        window=Window(start_ms, end_ms, as_of_ms),
        requested_ms=requested_ms,
        ready_ms=ready_ms,
        datasets=tuple(datasets.split(",")),
        contacts=None if contacts is None else frozenset(json.loads(contacts)),
        recipe=json.loads(recipe),
        is_failed=bool(is_failed),
        is_written=bool(is_written),
    )


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
