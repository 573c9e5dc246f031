"""Two accounts behind one web server and one daemon: a code server and a vendor each, one workspace file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from benchmarks.deployment.deployment import DEPLOY, Deployment, deployment, quick, read_config
from benchmarks.deployment.postgres_server import PostgresServer
from salted_assets.simulator import RunningSimulator, SimulatorOptions, running_simulator

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(600)]

DAYS = ["2024-01-09", "2024-01-10"]
LOCATIONS = [
    entry["grpc_server"]["location_name"]
    for entry in yaml.safe_load((DEPLOY / "workspace-accounts.yaml").read_text())["load_from"]
]


@pytest.fixture
def vendors(tmp_path: Path) -> Iterator[dict[str, RunningSimulator]]:
    north = SimulatorOptions(agent_count=3, engagements_per_agent=3, key="key-of-north", export_seconds=0.5)
    south = SimulatorOptions(agent_count=2, engagements_per_agent=2, key="key-of-south", seed=2, export_seconds=0.5)
    with (
        running_simulator(tmp_path / "vendors" / "north" / "exports.sqlite", north) as first,
        running_simulator(tmp_path / "vendors" / "south" / "exports.sqlite", south) as second,
    ):
        yield {"north": first, "south": second}


@pytest.fixture
def deployed(tmp_path: Path, postgres: PostgresServer, vendors: dict[str, RunningSimulator]) -> Iterator[Deployment]:
    shared = {"SALTED_START_DATE": "2024-01-01", "SALTED_DATASETS": "agent", "SALTED_WAREHOUSE": "lake"}
    servers = {
        name: shared
        | {"SALTED_ACCOUNT": name, "SALTED_API_URL": vendors[name].url, "SALTED_API_KEY": vendors[name].key}
        for name in LOCATIONS
    }
    config = quick(read_config("dagster.yaml"))
    with deployment(tmp_path / "deployed", config, postgres.create_database("accounts")) as deployed:
        deployed.serve_code(servers)
        deployed.serve_ui()
        yield deployed


def test_each_account_exports_from_its_own_vendor_into_its_own_folder(
    deployed: Deployment, vendors: dict[str, RunningSimulator]
) -> None:
    assert LOCATIONS == ["north", "south"]
    keys = {name: [f"{name}/raw/export", f"{name}/tables/agent"] for name in LOCATIONS}
    backfills = [deployed.backfill(keys["north"], DAYS[:1]), deployed.backfill(keys["south"], DAYS)]
    for backfill_id in backfills:
        assert deployed.wait_for_backfill(backfill_id) == "COMPLETED_SUCCESS", deployed.said()

    counts = deployed.partition_counts(keys["north"] + keys["south"])
    assert counts == dict.fromkeys(keys["north"], (1, 0)) | dict.fromkeys(keys["south"], (2, 0))
    assert {name: vendor.log()["exports"] for name, vendor in vendors.items()} == {"north": 1, "south": 2}
    lake = deployed.folder / "lake"
    assert sorted(path.name for path in lake.iterdir()) == ["north", "south"]
    assert not list((lake / "north").rglob("date=2024-01-10"))
    for name in LOCATIONS:
        assert deployed.pool(f"salted_api_{name}")["slots"] == 1
    assert deployed.pool("salted_api")["slots"] == 0
