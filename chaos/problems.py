"""What is checked when a round has been brought to its end.

Everything is compared with a sandbox on which nothing was killed: files as delivered by their hashes, tables, rejects
and scores row by row, in order.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time
from pathlib import Path
from typing import cast
from unittest.mock import patch

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from chaos.sandbox import DAYS, Sandbox
from salted_assets.defs.asset_keys import pool_of
from salted_assets.landing import LandedFile, LandingError, Manifest
from salted_assets.landing.raw_files import open_raw
from salted_assets.landing.records import Records

_ROUNDING = 1e-9


@contextmanager
def open_home(home: Path) -> Iterator[dg.DagsterInstance]:
    """Dagster's records in this folder, whose `dagster.yaml` finds it by DAGSTER_HOME."""
    with patch.dict(os.environ, {"DAGSTER_HOME": str(home)}), dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


def list_problems(sandbox: Sandbox, reference: Sandbox) -> list[str]:
    """What is not as it should be, in words; empty where all is well."""
    return [
        *_look_at_landings(sandbox, reference),
        *list_table_problems(sandbox, reference),
        *_look_at_leftovers(sandbox),
        *_look_at_dagster(sandbox),
    ]


def list_own_problems(sandbox: Sandbox) -> list[str]:
    """As `list_problems`, for days that were exported again: a later export holds later versions of their rows."""
    return [*_look_at_windows(sandbox), *_look_at_leftovers(sandbox), *_look_at_dagster(sandbox)]


def _look_at_windows(sandbox: Sandbox) -> Iterator[str]:
    """Every day is there with all its tables and scores, out of an export of the day's own window."""
    for day in DAYS:
        manifest = Records(sandbox.warehouse).find_manifest(day)
        if manifest is None:
            yield f"{day} has no manifest"
            continue
        start_ms = int(datetime.combine(day, time(), UTC).timestamp() * 1000)
        for delivery in manifest.deliveries:
            if sandbox.find_window(delivery.export_id).start_ms != start_ms:
                yield f"{day} was landed from export {delivery.export_id}, which is of another day"
            for file in delivery.files:
                _read_through(sandbox, file)
        for key in (*(("tables", dataset) for dataset in sandbox.datasets), ("scores", "agent_daily")):
            if day not in sandbox.warehouse.list_days(key):
                yield f"{'/'.join(key)} of {day} is missing"


def _look_at_landings(sandbox: Sandbox, reference: Sandbox) -> Iterator[str]:
    for day in DAYS:
        try:
            manifest, expected = (Records(each.warehouse).find_manifest(day) for each in (sandbox, reference))
            if manifest is None or expected is None:
                yield f"{day} has no manifest"
                continue
            if _hashes(manifest) != _hashes(expected):
                yield f"{day}: files landed are not those of the reference"
            for file in _files_of(manifest):
                _read_through(sandbox, file)
        except LandingError as error:
            yield str(error)
            continue
        if manifest.superseded or len(manifest.deliveries) != 1:
            yield f"{day}: {len(manifest.deliveries)} deliveries, {len(manifest.superseded)} superseded"


def list_table_problems(sandbox: Sandbox, reference: Sandbox) -> Iterator[str]:
    """Tables, rejects and scores that do not hold the reference's rows, in its order, wherever the warehouse is."""
    found, expected = (_list_parquet(each) for each in (sandbox, reference))
    for path in sorted(found ^ expected):
        yield f"{path} is only {'here' if path in found else 'in the reference'}"
    for path in sorted(found & expected):
        if not _are_alike(_read(sandbox, path), _read(reference, path)):
            yield f"{path} does not hold the rows of the reference"


def _look_at_leftovers(sandbox: Sandbox) -> Iterator[str]:
    root = Path(sandbox.warehouse.uri)
    for path in (*(root / ".tmp").iterdir(), *(sandbox.home / "salted_runs").glob("[!.]*")):
        yield f"left behind: {path.relative_to(sandbox.folder)}"
    manifests = [manifest for day in DAYS if (manifest := Records(sandbox.warehouse).find_manifest(day))]
    listed = {file.path for manifest in manifests for file in _files_of(manifest)}
    for name in sandbox.warehouse.list_files("raw"):
        if name not in listed and not name.endswith("/manifest.json"):
            yield f"left behind: {name}"


def _look_at_dagster(sandbox: Sandbox) -> Iterator[str]:
    with open_home(sandbox.home) as instance:
        pool = instance.event_log_storage.get_concurrency_info(pool_of(""))
        if pool.slot_count != 1 or pool.claimed_slots or pool.pending_steps:
            yield f"pool {pool_of('')}: {pool.slot_count} slots, {pool.claimed_slots} {pool.pending_steps}"
        runs = instance.get_runs()
    for run in runs:
        if not run.is_finished:
            yield f"run {run.run_id} is still {run.status.value}"
    if not runs or runs[0].status is not dg.DagsterRunStatus.SUCCESS:
        yield "the last run did not succeed"


def _hashes(manifest: Manifest) -> dict[str, str]:
    return {file.dataset: file.sha256 for file in _files_of(manifest)}


def _files_of(manifest: Manifest) -> list[LandedFile]:
    return [file for delivery in manifest.deliveries for file in delivery.files]


def _read_through(sandbox: Sandbox, file: LandedFile) -> None:
    stored = sandbox.warehouse.open(file.path)
    with open_raw(stored, byte_count=file.byte_count, path=file.path) as opened:
        if hashlib.file_digest(opened, "sha256").hexdigest() != file.sha256:  # type: ignore[arg-type]
            raise LandingError(f"{file.path} is not what its manifest says")


def _are_alike(found: pa.Table, expected: pa.Table) -> bool:
    """Whether two tables hold the same rows; sums of floats may differ by the rounding of another order."""
    if found.num_rows != expected.num_rows or found.schema != expected.schema:
        return False
    return all(
        column.equals(expected[name])
        or (pa.types.is_floating(column.type) and _differ_by_rounding(column, expected[name]))
        for name, column in zip(found.column_names, found.columns, strict=True)
    )


def _differ_by_rounding(found: pa.ChunkedArray, expected: pa.ChunkedArray) -> bool:
    if not pa.types.is_floating(found.type) or not pc.is_null(found).equals(pc.is_null(expected)):
        return False
    largest = pc.max(pc.abs(pc.subtract(found, expected))).as_py()
    return largest is None or largest <= _ROUNDING


def _list_parquet(sandbox: Sandbox) -> set[str]:
    return {path for path in sandbox.warehouse.list_files("") if path.endswith(".parquet")}


def _read(sandbox: Sandbox, path: str) -> pa.Table:
    return cast("pa.Table", sandbox.warehouse.open_parquet(path).read().replace_schema_metadata(None))
