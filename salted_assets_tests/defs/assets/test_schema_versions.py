"""What becomes of records and tables that an older or newer version of the program wrote."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from salted_assets.cli.doctor import check_schema
from salted_assets.history import SCHEMA_VERSION
from salted_assets.landing import LandingDamaged
from salted_assets.landing.contact_records import ContactRecords
from salted_assets.landing.manifest import SCHEMA_VERSION as RECORD_VERSION
from salted_assets.settings import DATASETS
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.landing_env import DAY, LandingEnv, landing_env
from salted_assets_tests.support.platform import KNOWN_WARNINGS, Platform, running_platform

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

MANIFEST = f"raw/export/date={DAY}/manifest.json"
ADDED_SINCE_1 = ("erased_row_count", "erased_at", "delivered_sha256")


@pytest.fixture
def env(tmp_path: Path) -> Iterator[LandingEnv]:
    with landing_env(tmp_path) as env:
        env.land()
        yield env


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with running_platform(tmp_path) as platform:
        yield platform


def edit(warehouse: Warehouse, path: str, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(warehouse.read_bytes(path)) | changes
    warehouse.write_bytes(path, json.dumps(values).encode())
    return values


def test_a_manifest_of_version_1_is_read_as_it_is(env: LandingEnv) -> None:
    values = edit(env.warehouse, MANIFEST, schema_version=1)
    for file in values["deliveries"][0]["files"]:
        for name in ADDED_SINCE_1:
            del file[name]
    edit(env.warehouse, MANIFEST, **values)
    orders = env.export_count

    manifest = env.land()

    assert (len(manifest.list_files()), env.export_count) == (5, orders)
    assert [file.erased_row_count for file in manifest.list_files()] == [0] * 5


@pytest.mark.parametrize("name", ["manifest", "tickets"])
def test_a_record_of_a_newer_version_is_left_alone(env: LandingEnv, name: str) -> None:
    path = MANIFEST.replace("manifest", name)
    if name == "tickets":
        env.warehouse.write_bytes(path, b'{"open": []}')
    edit(env.warehouse, path, schema_version=RECORD_VERSION + 1)
    kept, orders = env.warehouse.read_bytes(path), env.export_count

    with pytest.raises(LandingDamaged, match=f"{name}.json was written by a newer version .* run the newer version"):
        env.land(refresh=True)

    assert (env.warehouse.read_bytes(path), env.export_count) == (kept, orders)


def test_a_contact_record_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    warehouse.write_bytes("contact_exports/r/orders.json", b'{"schema_version": 2, "orders": []}')

    with pytest.raises(LandingDamaged, match="newer version"):
        ContactRecords(warehouse).read_exports("r")


def test_a_table_of_an_older_schema_is_scored_and_made_anew_without_a_vendor(platform: Platform) -> None:
    day = "2024-01-09"
    assert platform.materialize(day, 'key:"raw/export" or group:tables').success
    path = platform.warehouse.table_path(("tables", "engagement"), DAY.replace(day=9))
    with platform.warehouse.open_parquet(path) as file:
        assert (file.metadata.metadata or {})[b"salted.schema_version"] == str(SCHEMA_VERSION).encode()
        rows = file.read()
    metadata = {**rows.schema.metadata, b"salted.schema_version": b"0"}
    with platform.warehouse.create(path) as older:
        pq.write_table(rows.drop_columns(["empathy"]).replace_schema_metadata(metadata), older)
    orders = platform.vendor.log()["exports"]

    assert f"1 of {len(DATASETS)} table partitions are of an older schema" in check_schema(platform.warehouse)
    assert platform.materialize(day, 'key:"scores/answer" or key:"scores/engagement"').success
    with platform.warehouse.open_parquet(path.replace("tables", "scores")) as scored:
        assert scored.read(["empathy"])["empathy"].null_count == scored.metadata.num_rows > 0
    assert platform.materialize(day, "group:tables").success
    assert "all of schema version" in check_schema(platform.warehouse)
    assert platform.vendor.log()["exports"] == orders
