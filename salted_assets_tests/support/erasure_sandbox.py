"""A small warehouse of landed days with tables and rejects, from which customers are erased."""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from salted_assets.history import Footer
from salted_assets.history.table_files import write_table
from salted_assets.ingest import RawFile, read_table
from salted_assets.landing import Landing
from salted_assets.privacy import Erasure, open_ingest_filter, open_landing_rewrite, open_pseudonyms
from salted_assets.schemas import DATASET_MODELS
from salted_assets.settings import DATASETS
from salted_assets.warehouse import Warehouse, rejects_key
from salted_assets_tests.support.landing_env import DAY, SMALL, LandingEnv, landing_env

NEXT = DAY + timedelta(days=1)

Row = dict[str, Any]


@contextmanager
def erasable_env(folder: Path) -> Iterator[LandingEnv]:
    """Two landed days, each with its tables, of an account with few customers."""
    with landing_env(folder, replace(SMALL, engagements_per_agent=6)) as env:
        for day in (DAY, NEXT):
            landing_of(env).land(day, DATASETS)
            load(env, day)
        yield env


def landing_of(env: LandingEnv) -> Landing:
    """A landing as the platform's: it leaves out whom it should."""
    return env.landing(open_rewrite=partial(open_landing_rewrite, env.warehouse))


def erasure_of(env: LandingEnv, warehouse: Warehouse | None = None) -> Erasure:
    return Erasure(warehouse or env.warehouse, "UTC", lock_wait_seconds=0, now=env.time.now)


def load(env: LandingEnv, day: date) -> None:
    """Make the day's tables and rejects again from its raw files."""
    landing, warehouse = landing_of(env), env.warehouse
    filter_of = open_ingest_filter(warehouse)
    for dataset in DATASETS:
        manifest, files = landing.files_of(day, dataset)
        raw = [RawFile(file.path, partial(landing.open_file, file), filter_of(dataset, file.path)) for file in files]
        stream = read_table(DATASET_MODELS[dataset], raw, pseudonymise=open_pseudonyms(warehouse)(dataset))
        footer = Footer(requested_at=manifest.requested_at(dataset))
        with ExitStack() as files_written:
            table, rejects = (
                files_written.enter_context(warehouse.create(warehouse.table_path(key, day)))
                for key in (("tables", dataset), rejects_key(dataset))
            )
            write_table(stream, table, rejects, footer=footer, zone="UTC")


def raw_texts(env: LandingEnv, day: date, dataset: str) -> list[str]:
    """The plain text of all files of a dataset that the day's manifest lists and has not pruned."""
    manifest = env.landing().find_manifest(day)
    assert manifest is not None
    files = [file for file in manifest.list_files() if file.dataset == dataset and not file.pruned_at]
    return [env.read(file).decode() for file in files]


def raw_rows(env: LandingEnv, day: date, dataset: str) -> list[Row]:
    texts = raw_texts(env, day, dataset)
    return [row for text in texts for row in csv.DictReader(io.StringIO(text, newline=""))]


def table_rows(warehouse: Warehouse, day: date, *key: str) -> list[Row]:
    with warehouse.open_parquet(warehouse.table_path(key, day)) as file:
        rows: list[Row] = file.read().to_pylist()
        return rows


def busiest_customer(env: LandingEnv, day: date = DAY) -> tuple[str, set[str]]:
    """The pid of the customer with most engagements of a day, and those engagements' pids on both days."""
    contacts = [row["contact_pid"] for row in raw_rows(env, day, "engagement")]
    pid = max(sorted(set(contacts)), key=contacts.count)
    return pid, {
        row["pid"] for each in (DAY, NEXT) for row in raw_rows(env, each, "engagement") if row["contact_pid"] == pid
    }


def manifest_of(env: LandingEnv, day: date) -> Any:
    return json.loads(env.warehouse.read_bytes(f"raw/export/date={day}/manifest.json"))
