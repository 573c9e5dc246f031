"""Records of the simulator's runs and of a real vendor's never share a home of Dagster."""

import logging
import os
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from chaos.problems import open_home
from salted_assets.cli import main
from salted_assets.defs.asset_keys import RAW_EXPORT
from salted_assets.defs.instance.home import HomeUnusable
from salted_assets.defs.instance.own_records import find_foreign_records, open_own_instance
from salted_assets.simulator import SimulatorOptions, running_simulator
from salted_assets_tests.support.bare_commands import run_bare
from salted_assets_tests.support.platform import KNOWN_WARNINGS

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

DAY = "2024-01-09"
RAW = ("--select", 'key:"raw/export"')


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, without a home that was named; what is opened sets the variable."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", "")
    return tmp_path


def land(instance: dg.DagsterInstance, *, key: dg.AssetKey = RAW_EXPORT, day: str = DAY, **metadata: bool) -> None:
    """The record of a landing."""
    instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=day, metadata=metadata))


def open_as(*, simulated: bool, account: str = "") -> str:
    """The home that a deployment is given, by its name."""
    os.environ["DAGSTER_HOME"] = ""
    with open_own_instance(simulated=simulated, account=account) as instance:
        return Path(instance.root_directory).name


@pytest.mark.parametrize("simulated", [True, False])
def test_who_comes_second_has_a_home_beside_the_first(
    folder: Path, caplog: pytest.LogCaptureFixture, simulated: bool
) -> None:
    beside, whose = ("dagster-real", "the simulator") if simulated else ("dagster-demo", "a real vendor")
    assert open_as(simulated=not simulated) == "dagster", "nobody has used it"
    with open_own_instance(simulated=simulated) as instance:
        land(instance, simulated=simulated)

    with caplog.at_level(logging.WARNING):
        assert open_as(simulated=not simulated) == beside

    assert (
        f"{folder}/data/dagster holds records of {whose}; this deployment's are in {folder}/data/{beside}"
        in caplog.text
    )
    assert open_as(simulated=simulated) == "dagster"
    # as the Makefile names it
    os.environ["DAGSTER_HOME"] = f"{folder}/data/dagster"
    with open_own_instance(simulated=not simulated) as instance:
        assert Path(instance.root_directory).name == beside


@pytest.mark.parametrize("simulated", [True, False])
def test_a_home_that_was_named_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch, simulated: bool) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(folder / "home"))
    with open_own_instance(simulated=simulated) as instance:
        land(instance, simulated=simulated)

    with (
        pytest.raises(HomeUnusable, match=r"/home holds records of .*\. Name another folder in DAGSTER_HOME"),
        open_own_instance(simulated=not simulated),
    ):
        pass
    with open_own_instance(simulated=simulated):
        pass


def test_its_beginning_counts_too_and_landings_that_say_nothing_do_not() -> None:
    with open_own_instance(simulated=True) as instance:
        land(instance)
        land(instance, simulated=True)
        for number in range(10, 15):
            land(instance, day=f"2024-01-{number}", simulated=False)
        land(instance)

        assert find_foreign_records(instance, simulated=True, account="")
        assert find_foreign_records(instance, simulated=False, account="")


def test_accounts_have_assets_of_their_own_and_may_share_a_home() -> None:
    with open_own_instance(simulated=True, account="north") as instance:
        land(instance, key=dg.AssetKey(["north", *RAW_EXPORT.path]), simulated=True)

    assert open_as(simulated=False, account="south") == "dagster"
    assert open_as(simulated=False, account="north") == "dagster-real"


def test_a_real_vendor_after_the_demo_shows_no_simulated_day(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_bare(folder, "salted", "backfill", DAY, *RAW).returncode == 0
    with running_simulator(
        folder / "vendor" / "exports.sqlite", SimulatorOptions(key="a-key", agent_count=2)
    ) as vendor:
        environment = {"SALTED_API_URL": vendor.url, "SALTED_API_KEY": "a-key", "SALTED_START_DATE": "2024-01-01"}
        materialize = ("asset", "materialize", "-m", "salted_assets.definitions", *RAW, "--partition", "2024-01-10")
        refused = run_bare(folder, "dagster", *materialize, **environment, DAGSTER_HOME=f"{folder}/data/dagster")
        assert refused.returncode == 1
        assert "data/dagster holds records of the simulator. The vendor here is a real one" in refused.stderr
        assert vendor.log()["exports"] == 0

        done = run_bare(folder, "salted", "backfill", "2024-01-10", *RAW, **environment)
        assert done.returncode == 0, done.stderr
        assert "data/dagster holds records of the simulator" in done.stderr
    for home, days in (("dagster", {DAY}), ("dagster-real", {"2024-01-10"})):
        with open_home(folder / "data" / home) as instance:
            assert instance.get_materialized_partitions(RAW_EXPORT) == days

    monkeypatch.setenv("DAGSTER_HOME", f"{folder}/data/dagster-real")
    examined = CliRunner().invoke(main, ["doctor"]).stdout
    assert f"FAIL  dagster    {folder}/data/dagster-real holds records of a real vendor" in examined
