"""A short run of the kill harness, and what it would see if something were lost, doubled or left behind."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import dagster as dg
import pyarrow.parquet as pq
import pytest

from chaos.problems import list_problems, open_home
from chaos.rounds import Chaos, check_exports
from chaos.sandbox import DAYS, Sandbox, prepared_sandbox
from chaos.scenarios import moved_to_s3, run_scenario
from salted_assets_tests.support.platform import KNOWN_WARNINGS

pytestmark = [pytest.mark.chaos, *KNOWN_WARNINGS, pytest.mark.slow]

DAY = DAYS[0].isoformat()


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with prepared_sandbox(tmp_path_factory.mktemp("chaos") / "reference", ("engagement", "agent")) as sandbox:
        assert sandbox.run_to_end() is None
        yield sandbox


def test_killed_runs_lose_nothing_double_nothing_and_leave_nothing(reference: Sandbox, tmp_path: Path) -> None:
    tally = Chaos(tmp_path, reference, seed=25).run(4)

    assert tally.problems == []
    assert tally.kills.total() == tally.recovered.total() == 4
    assert tally.extra_exports.total() == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["cut bodies on S3"])
def test_scenarios_end_whole(reference: Sandbox, tmp_path: Path, name: str) -> None:
    hit, problems = run_scenario(name, tmp_path / "scenario", reference, seed=3)

    assert problems == [], hit


def test_each_round_on_s3_begins_with_an_empty_warehouse(tmp_path: Path) -> None:
    with prepared_sandbox(tmp_path / "sandbox", ("agent",)) as sandbox:
        for _ in range(2):
            with moved_to_s3(sandbox) as (round_on_s3, _):
                assert round_on_s3.warehouse.list_files("") == []
                round_on_s3.warehouse.write_bytes("erased/register.json", b"{}")


def test_an_undisturbed_sandbox_has_no_problems(reference: Sandbox) -> None:
    assert list_problems(reference, reference) == []


def lose_a_manifest(folder: Path) -> None:
    (folder / f"warehouse/raw/export/date={DAY}/manifest.json").unlink()


def lose_a_score(folder: Path) -> None:
    (folder / f"warehouse/scores/agent_daily/date={DAY}/part-0.parquet").unlink()


def double_rows(folder: Path) -> None:
    path = folder / f"warehouse/tables/agent/date={DAY}/part-0.parquet"
    table = pq.read_table(path)
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(table)
        writer.write_table(table)


def cut_a_raw_file(folder: Path) -> None:
    [path] = folder.glob(f"warehouse/raw/export/date={DAY}/*/engagements.csv.zst")
    path.write_bytes(path.read_bytes()[:-10])


def deliver_another_file(folder: Path) -> None:
    path = folder / f"warehouse/raw/export/date={DAY}/manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["deliveries"][0]["files"][0]["sha256"] = "0" * 64
    path.write_text(json.dumps(manifest))


def land_twice(folder: Path) -> None:
    path = folder / f"warehouse/raw/export/date={DAY}/manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["superseded"] = manifest["deliveries"]
    path.write_text(json.dumps(manifest))


def leave_scratch(folder: Path) -> None:
    (folder / "warehouse/.tmp/tmp1234").write_bytes(b"half")


def leave_a_pending_export(folder: Path) -> None:
    (folder / f"warehouse/raw/export/date={DAY}/tickets.json").write_text("{}")


def leave_files_of_another_export(folder: Path) -> None:
    path = folder / f"warehouse/raw/export/date={DAY}/another/agents.csv.zst"
    path.parent.mkdir()
    path.write_bytes(b"")


def leave_a_mark(folder: Path) -> None:
    (folder / "home/salted_runs/a-run").touch()


def leave_a_slot(folder: Path) -> None:
    with open_home(folder / "home") as instance:
        assert instance.event_log_storage.claim_concurrency_slot("salted_api", "a-run", "step").is_claimed


def leave_a_run(folder: Path) -> None:
    with open_home(folder / "home") as instance:
        instance.add_run(dg.DagsterRun("job", run_id="a-run", status=dg.DagsterRunStatus.STARTED))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lose_a_manifest, f"{DAY} has no manifest"),
        (lose_a_score, f"scores/agent_daily/date={DAY}/part-0.parquet is only in the reference"),
        (double_rows, f"tables/agent/date={DAY}/part-0.parquet does not hold the rows of the reference"),
        (cut_a_raw_file, "engagements.csv.zst"),
        (deliver_another_file, f"{DAY}: files landed are not those of the reference"),
        (land_twice, f"{DAY}: 1 deliveries, 1 superseded"),
        (leave_scratch, "left behind: warehouse/.tmp/tmp1234"),
        (leave_a_pending_export, f"left behind: raw/export/date={DAY}/tickets.json"),
        (leave_files_of_another_export, f"left behind: raw/export/date={DAY}/another/agents.csv.zst"),
        (leave_a_mark, "left behind: home/salted_runs/a-run"),
        (leave_a_slot, "pool salted_api: 1 slots, [ClaimedSlotInfo(run_id='a-run'"),
        (leave_a_run, "run a-run is still STARTED"),
    ],
)
def test_harm_is_found(reference: Sandbox, tmp_path: Path, harm: Callable[[Path], None], said: str) -> None:
    shutil.copytree(reference.folder, tmp_path / "harmed")
    harmed = replace(reference, folder=tmp_path / "harmed")

    harm(harmed.folder)

    assert any(said in problem for problem in list_problems(harmed, reference))


def test_a_run_that_fails_is_said_with_what_it_printed(reference: Sandbox) -> None:
    problem = replace(reference, datasets=("nonsense",)).run_to_end()

    assert problem is not None
    assert problem.startswith("the command ended with 1")
    assert "SALTED_DATASETS" in problem


def test_an_export_in_vain_is_a_problem_but_where_an_order_was_hit(tmp_path: Path) -> None:
    with prepared_sandbox(tmp_path / "sandbox") as sandbox:
        for count in range(3):
            assert sandbox.count_extra_exports() == max(0, count - 1)
            window = urlencode({"from": "2024-01-09T00:00:00Z", "to": "2024-01-10T00:00:00Z"})
            order = Request(f"{sandbox.vendor.url}/api/v1/export?{window}", method="POST")
            order.add_header("Authorization", f"Bearer {sandbox.vendor.key}")
            urlopen(order).close()

        assert [problem[:44] for problem in check_exports(sandbox, ["start", "poll"])] == [
            "1 windows were exported more than once: Coun"
        ]
        assert check_exports(sandbox, ["order", "poll"]) == []
