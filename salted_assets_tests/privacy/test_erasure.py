"""Erasing customers from a warehouse of landed and loaded days: what goes, what stays, what a crash leaves."""

import hashlib
import json
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from click.testing import CliRunner

from salted_assets.cli import main
from salted_assets.history.review_plans import PlanFiles, read_plan
from salted_assets.landing import ContactDelivery, ContactExports, ContactRequest
from salted_assets.privacy import Erasure, Register, RegisterDamaged, check_register
from salted_assets.privacy.table_rewrite import _find_records
from salted_assets.schemas.rejects import REJECTS_SCHEMA
from salted_assets.settings import DATASETS
from salted_assets.simulator.data.contacts import contact_pid
from salted_assets.warehouse import Warehouse, WarehouseUnusable
from salted_assets_tests.support.erasure_sandbox import (
    NEXT,
    busiest_customer,
    erasable_env,
    erasure_of,
    landing_of,
    load,
    manifest_of,
    raw_rows,
    raw_texts,
    table_rows,
)
from salted_assets_tests.support.landing_env import DAY, SMALL, LandingEnv
from salted_assets_tests.support.review_plans import planned
from salted_assets_tests.support.review_plans import store as store_plan

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LandingEnv]:
    with erasable_env(tmp_path_factory.mktemp("erasure")) as env:
        yield env


@pytest.fixture
def env(made: LandingEnv, tmp_path: Path) -> LandingEnv:
    """The same days in a warehouse of the test's own."""
    return replace(made, warehouse=copy_of(made.warehouse, tmp_path / "warehouse"))


def copy_of(warehouse: Warehouse, folder: Path) -> Warehouse:
    copy = Warehouse(str(folder), simulated=True)
    for path in warehouse.list_files(""):
        copy.write_bytes(path, warehouse.read_bytes(path))
    return copy


def contents(warehouse: Warehouse, folder: str = "") -> dict[str, bytes]:
    return {path: warehouse.read_bytes(path) for path in warehouse.list_files(folder)}


def test_the_manifest_tells_what_a_file_is_now_and_was(env: LandingEnv) -> None:
    pid, engagements = busiest_customer(env)
    before = {file["dataset"]: file for file in manifest_of(env, DAY)["deliveries"][0]["files"]}
    turns = raw_rows(env, DAY, "turn")

    erasure_of(env).erase([pid])

    after = {file["dataset"]: file for file in manifest_of(env, DAY)["deliveries"][0]["files"]}
    assert after["agent"] == before["agent"]
    file, old = after["turn"], before["turn"]
    plain = raw_texts(env, DAY, "turn")[0].encode()
    assert (file["sha256"], file["byte_count"]) == (hashlib.sha256(plain).hexdigest(), len(plain))
    assert file["erased_row_count"] == sum(row["engagement_pid"] in engagements for row in turns) > 0
    assert file["row_count"] + file["erased_row_count"] == old["row_count"]
    assert (file["delivered_sha256"], file["landed_at"]) == (old["sha256"], old["landed_at"])
    assert file["erased_at"] is not None
    assert old["path"] not in env.warehouse.list_files("raw")
    assert landing_of(env).land(DAY, DATASETS).to_json() == env.warehouse.read_bytes(
        f"raw/export/date={DAY}/manifest.json"
    )
    load(env, DAY)


def test_nothing_is_changed_that_holds_nothing_of_theirs(env: LandingEnv) -> None:
    before = contents(env.warehouse)

    receipt = erasure_of(env).erase(["nobody-has-this-pid"])

    after = contents(env.warehouse)
    assert {path: after[path] for path in before} == before
    assert (receipt.files, receipt.days_to_restate, receipt.problems) == ((), (), ())
    assert "look for a slip" in receipt.finds[0].describe()


def test_a_dry_run_leaves_no_trace(env: LandingEnv) -> None:
    before = contents(env.warehouse)
    assert erasure_of(env).erase([busiest_customer(env)[0]], is_dry_run=True).files
    assert contents(env.warehouse) == before


class BreakingWarehouse(Warehouse):
    """Fails before its n-th change."""

    changes_left = 0

    def publish(self, source: Path, path: str) -> None:
        self._count()
        super().publish(source, path)

    def delete(self, path: str) -> None:
        self._count()
        super().delete(path)

    def _count(self) -> None:
        if not self.changes_left:
            raise WarehouseUnusable("the machine is gone")
        self.changes_left -= 1


def test_a_run_that_was_cut_off_anywhere_is_made_good_by_the_next(made: LandingEnv, tmp_path: Path) -> None:
    pid, _ = busiest_customer(made)
    whole = replace(made, warehouse=copy_of(made.warehouse, tmp_path / "whole"))
    erasure_of(whole).erase([pid])
    expected = {path: data for path, data in contents(whole.warehouse).items() if path.startswith("raw")}
    was_cut_off, change_count = True, 0
    while was_cut_off:
        warehouse = BreakingWarehouse(copy_of(made.warehouse, tmp_path / str(change_count)).uri, simulated=True)
        warehouse.changes_left = change_count
        try:
            erasure_of(made, warehouse).erase([pid])
            was_cut_off = False
        except WarehouseUnusable:
            pass
        env = replace(made, warehouse=Warehouse(warehouse.uri, simulated=True))
        assert all(landing_of(env).is_landed(day, DATASETS) for day in (DAY, NEXT))
        load(env, DAY)
        erasure_of(env).erase([] if change_count > 2 else [pid])
        now = contents(env.warehouse)
        assert {path: now[path] for path in expected} == expected
        assert {path for path in now if path.startswith("raw")} == set(expected)
        last = erasure_of(env).erase([pid])
        assert (last.files, last.is_complete) == ((), True)
        change_count += 7
    assert change_count > 20


def test_plans_forget_what_they_drew_of_theirs_and_days_are_scored_again_for_it(env: LandingEnv) -> None:
    pid, engagements = busiest_customer(env)
    theirs = min(engagements)
    store_plan(env.warehouse, planned(theirs, DAY), planned("another", DAY), planned("later", NEXT))
    (before,) = PlanFiles(env.warehouse, "UTC").list_plans()

    receipt = erasure_of(env).erase([pid])

    (after,) = PlanFiles(env.warehouse, "UTC").list_plans()
    assert read_plan(env.warehouse, after.path)["engagement_pid"].to_pylist() == ["another", "later"]
    assert [file.row_count for file in receipt.files if file.path == after.path] == [1]
    assert after.file_id != before.file_id
    assert after.days == frozenset({DAY, NEXT})


def test_superseded_files_are_gone_through(env: LandingEnv) -> None:
    pid, engagements = busiest_customer(env)
    landing_of(env).land(DAY, DATASETS, refresh=True)
    assert len(raw_texts(env, DAY, "turn")) == 2

    erasure_of(env).erase([pid])

    texts = raw_texts(env, DAY, "turn") + raw_texts(env, DAY, "customer") + raw_texts(env, DAY, "engagement")
    assert len(texts) == 6
    assert not [each for each in (pid, *engagements) for text in texts if each in text]


def test_files_that_no_manifest_lists_are_deleted_where_they_hold_them(env: LandingEnv) -> None:
    pid, _ = busiest_customer(env)
    folder = f"raw/export/date={DAY}/cut-off"
    for dataset, name in (("customer", "customers.csv"), ("agent", "agents.csv")):
        env.warehouse.write_bytes(f"{folder}/{name}.zst", zstandard.compress(raw_texts(env, DAY, dataset)[0].encode()))

    receipt = erasure_of(env).erase([pid])

    assert env.warehouse.list_files(folder) == [f"{folder}/agents.csv.zst"]
    assert [each.path for each in receipt.files if each.is_deleted] == [f"{folder}/customers.csv.zst"]


def test_engagements_of_later_landings_are_left_out_with_their_turns(made: LandingEnv, tmp_path: Path) -> None:
    env = made.moved(tmp_path / "fresh")
    pid, engagements = busiest_customer(made)
    erasure_of(env).erase([pid])

    manifest = landing_of(env).land(DAY, DATASETS)

    counts = {file.dataset: file.erased_row_count for file in manifest.list_files()}
    assert min(counts[name] for name in ("customer", "engagement", "turn")) > 0
    assert counts["agent"] == 0
    assert not {row["engagement_pid"] for row in raw_rows(env, DAY, "turn")} & engagements
    erased = Register(env.warehouse).read()
    assert erased is not None
    assert len(erased.engagements) == counts["engagement"]
    load(env, DAY)
    assert erasure_of(env).erase([]).files == ()


def test_the_register_and_receipts_hold_no_pid_and_the_key_is_private(env: LandingEnv) -> None:
    pid, engagements = busiest_customer(env)

    receipt = erasure_of(env).erase([pid])

    kept = b"".join(contents(env.warehouse, "erased").values()) + "".join(receipt.describe()).encode()
    assert not [each for each in (pid, *engagements) if each.encode() in kept]
    key = Path(env.warehouse.uri) / "erased" / "key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert json.loads(env.warehouse.read_bytes(receipt.path))["customers"] == list(receipt.customers)
    assert (
        receipt.customers
        != erasure_of(replace(env, warehouse=Warehouse(f"{env.warehouse.uri}/other"))).erase([pid]).customers
    )


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("erased/key", None),
        ("erased/key", b"ab"),
        ("erased/key", b"\xff"),
        ("erased/key", b"ab" * 32),
        ("erased/register.json", None),
        ("erased/register.json", b"{}"),
        ("erased/register.json", b"[]"),
        ("erased/register.json", b"\xff"),
        ("erased/register.json", b'{"customers": "abc", "engagements": []}'),
        ("erased/register.json", b'{"customers": [1], "engagements": []}'),
        ("erased/register.json", b'{"customers": ["ab"], "engagements": {"cd": 1}}'),
        ("erased/register.json", b'{"customers": ["ab"], "engagements": [], "key_check": 5}'),
    ],
)
def test_without_the_register_nothing_is_loaded(env: LandingEnv, path: str, content: bytes | None) -> None:
    erasure_of(env).erase(["somebody"])
    env.warehouse.delete(path)
    if content is not None:
        env.warehouse.write_bytes(path, content)
    with pytest.raises(RegisterDamaged, match="Restore erased/key"):
        load(env, DAY)
    with pytest.raises(RegisterDamaged):
        landing_of(env).land(DAY, DATASETS, refresh=True)
    with pytest.raises(RegisterDamaged):
        erasure_of(env).erase([])
    with pytest.raises(RegisterDamaged):
        erasure_of(env).erase(["somebody else"])
    with pytest.raises(RegisterDamaged):
        check_register(env.warehouse)


def test_a_receipt_without_its_register_is_damage_too(env: LandingEnv) -> None:
    assert check_register(env.warehouse) == "nobody was erased"
    erasure_of(env).erase([])
    assert check_register(env.warehouse) == "nobody was erased"

    receipt = erasure_of(env).erase(["somebody"])
    assert check_register(env.warehouse).startswith("1 erased customers")
    for path in ("erased/key", "erased/register.json"):
        env.warehouse.delete(path)
    with pytest.raises(RegisterDamaged, match=receipt.receipt_id):
        load(env, DAY)

    for path in env.warehouse.list_files("erased"):
        env.warehouse.delete(path)
    load(env, DAY)


def test_a_register_of_the_first_schema_version_is_read_and_gets_its_check(env: LandingEnv) -> None:
    pid, _ = busiest_customer(env)
    erasure_of(env).erase([pid])
    values = json.loads(env.warehouse.read_bytes("erased/register.json"))
    old = {name: values[name] for name in ("customers", "engagements")} | {"schema_version": 1}
    env.warehouse.write_bytes("erased/register.json", json.dumps(old).encode())

    assert erasure_of(env).erase([]).files == ()

    renewed = json.loads(env.warehouse.read_bytes("erased/register.json"))
    assert (renewed["key_check"], renewed["customers"]) == (values["key_check"], values["customers"])


def test_the_first_erasure_can_be_cut_off_between_key_and_register(env: LandingEnv) -> None:
    pid, _ = busiest_customer(env)
    warehouse = BreakingWarehouse(env.warehouse.uri, simulated=True)
    warehouse.changes_left = 1
    with pytest.raises(WarehouseUnusable):
        erasure_of(env, warehouse).erase([pid])
    assert env.warehouse.list_files("erased") == ["erased/register.json"]
    load(env, DAY)

    assert erasure_of(env).erase([pid]).is_complete


def test_each_customer_has_a_find(env: LandingEnv) -> None:
    pid, engagements = busiest_customer(env)

    dry_run = erasure_of(env).erase(["slip", pid, "slip"], is_dry_run=True)
    done = erasure_of(env).erase(["slip", pid])
    again = erasure_of(env).erase([pid])
    still = erasure_of(env).erase(["slip"])

    assert [(find.is_found, find.engagement_count) for find in done.finds] == [(False, 0), (True, len(engagements))]
    assert [find.describe() for find in dry_run.finds] == [find.describe() for find in done.finds]
    assert [(find.is_found, find.was_found_before) for find in again.finds] == [(False, True)]
    assert (dry_run.is_complete, done.is_complete, again.is_complete, still.is_complete) == (False, False, True, False)
    assert erasure_of(env).erase([]).is_complete


def test_a_customer_without_engagements_is_found_too(env: LandingEnv) -> None:
    contacts = {row["contact_pid"] for day in (DAY, NEXT) for row in raw_rows(env, day, "engagement")}
    pid = next(row["pid"] for row in raw_rows(env, DAY, "customer") if row["pid"] not in contacts)
    receipt = erasure_of(env).erase([pid])
    assert [(find.is_found, find.engagement_count) for find in receipt.finds] == [(True, 0)]


def test_rejects_go_by_pid_by_raw_text_and_with_the_record_that_they_are_of(env: LandingEnv) -> None:
    pid, engagements = busiest_customer(env)
    turn_pid = next(row["pid"] for row in raw_rows(env, DAY, "turn") if row["engagement_pid"] in engagements)
    engagement = min(engagements)
    theirs: list[dict[str, object]] = [
        {"row_number": 2, "pid": turn_pid, "column": "duration", "raw_value": "secret-1", "reason": "not a number"},
        {"row_number": 5, "raw_value": f'x1,"{engagement}",secret-2', "reason": "not that many fields"},
        {"row_number": 6, "raw_value": "secret 3", "reason": "not that many fields"},
    ]
    others: list[dict[str, object]] = [
        {"row_number": 3, "pid": "t-other", "column": "duration", "raw_value": "abc", "reason": "not a number"},
        {"row_number": 7, "raw_value": "x2,e-other,text", "reason": "not that many fields"},
        {"row_number": 9, "raw_value": None, "reason": "not that many fields"},
    ]
    blank: dict[str, object] = {"pid": None, "column": None, "file": None}
    rows = sorted(({**blank, **row} for row in theirs + others), key=lambda row: int(str(row["row_number"])))
    write_rejects(env.warehouse, rows)

    receipt = erasure_of(env).erase([pid])

    assert table_rows(env.warehouse, DAY, "rejects", "turn") == [row for row in rows if row["row_number"] in {3, 7, 9}]
    assert receipt.count_rows()["rejects/turn"] == 3


def write_rejects(warehouse: Warehouse, rows: list[dict[str, object]]) -> None:
    with warehouse.create(warehouse.table_path(("rejects", "turn"), DAY)) as path:
        pq.write_table(pa.Table.from_pylist(rows, schema=REJECTS_SCHEMA), path)


def test_rejects_of_several_files_are_distinguished() -> None:
    rows = [
        {"row_number": 1, "raw_value": "p,e", "reason": "bad", "file": "a/turns.csv.zst"},
        {"row_number": 2, "raw_value": "a line", "reason": "bad", "file": "b/turns.csv.zst"},
        {"row_number": 3, "raw_value": "a line", "reason": "bad", "file": "b/turns.csv.zst"},
    ]
    records = _find_records(pa.Table.from_pylist(rows, schema=REJECTS_SCHEMA), "turn")
    assert [number for number, _ in records] == [1, 2, 2]


def test_rejects_of_before_the_file_had_a_column_are_distinguished_by_their_reason() -> None:
    of_second = "bad (file 2 of 2 of the day)"
    rows = [
        {"row_number": 1, "raw_value": "p,e", "reason": "bad (file 1 of 2 of the day)"},
        {"row_number": 2, "raw_value": "a line", "reason": of_second},
        {"row_number": 3, "raw_value": "a line", "reason": of_second},
    ]
    schema = REJECTS_SCHEMA.remove(REJECTS_SCHEMA.get_field_index("file"))
    records = _find_records(pa.Table.from_pylist(rows, schema=schema), "turn")
    assert [number for number, _ in records] == [1, 2, 2]


def test_a_contact_export_of_theirs_is_deleted_and_its_record_says_so(env: LandingEnv) -> None:
    exports = ContactExports(
        env.warehouse, env.landing().calendar, env.connect, env.landing().file_names, now=env.time.now
    )
    reported: list[ContactDelivery] = []
    for index in (1, 7):
        request = ContactRequest(f"r-{index}", DAY, date(2024, 2, 2), DATASETS)
        exports.export(request, f"customer{index}@example.com", reported.append)

    receipt = erasure_of(env).erase([contact_pid(SMALL.seed, 1)])

    (deleted,) = [each.path for each in receipt.files if each.path.startswith("contact_exports")]
    assert not env.warehouse.exists(deleted)
    assert sum(path.endswith(".zip") for path in env.warehouse.list_files("contact_exports")) == 1
    manifest = json.loads(env.warehouse.read_bytes(deleted.replace("contact_export.zip", "manifest.json")))
    assert (manifest["archive"], manifest["erased_at"]) == (None, receipt.erased_at)


def test_what_cannot_be_gone_through_is_told(env: LandingEnv) -> None:
    pid, _ = busiest_customer(env)
    file = manifest_of(env, DAY)["deliveries"][0]["files"][0]
    env.warehouse.write_bytes(file["path"], b"no zstd")
    env.warehouse.write_bytes(env.warehouse.table_path(("tables", "turn"), NEXT), b"no parquet")

    receipt = erasure_of(env).erase([pid])

    assert len(receipt.problems) == 2
    assert file["path"] in receipt.problems[1]
    assert "tables/turn/date=2024-02-01" in receipt.problems[0]
    assert len(receipt.files) > 5


def test_the_command(made: LandingEnv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = copy_of(made.warehouse, tmp_path / "data" / "warehouse")
    monkeypatch.chdir(tmp_path)
    for name, value in {"API_KEY": "k", "START_DATE": "2024-01-01", "API_URL": "http://127.0.0.1:1"}.items():
        monkeypatch.setenv(f"SALTED_{name}", value)
    pid, _ = busiest_customer(made)
    (tmp_path / "pids").write_text(f"{pid} \n\n", encoding="utf-16")

    dry = CliRunner().invoke(main, ["erase", "--contact-pid", pid, "--dry-run"])
    done = CliRunner().invoke(main, ["erase", "--pids-from", "pids"])
    again = CliRunner().invoke(main, ["erase", "--again"])
    nobody = CliRunner().invoke(main, ["erase"])
    slip = CliRunner().invoke(main, ["erase", "--contact-pid", "nobody-has-this-pid", "--contact-pid", pid])
    agent = next(row["pid"] for row in table_rows(warehouse, DAY, "tables", "agent"))
    leaver = CliRunner().invoke(main, ["erase", "--agents", agent])
    both = CliRunner().invoke(main, ["erase", "--again"])
    mixed = CliRunner().invoke(main, ["erase", agent])
    (tmp_path / "odd").write_bytes("ž\n".encode("cp1250"))
    odd = CliRunner().invoke(main, ["erase", "--pids-from", "odd"])
    warehouse.write_bytes("tables/turn/date=2024-01-31/part-0.parquet", b"broken")
    broken = CliRunner().invoke(main, ["erase", "--again"])

    assert (dry.exit_code, done.exit_code, again.exit_code, nobody.exit_code) == (0, 0, 0, 2), done.output
    assert f"customer 1 ({pid[:8]}...): found, with" in done.output
    assert (slip.exit_code, "found nowhere" in slip.output) == (1, True)
    assert (odd.exit_code, "save the file as UTF-8" in odd.output, "Traceback" in odd.output) == (1, True, False)
    assert "nothing was changed" in dry.output
    assert "rows erased from tables/turn" in done.output
    assert "receipt: data/warehouse/erased/receipts/" in done.output
    assert "no row of theirs was found" in again.output
    assert pid not in dry.output + done.output + again.output
    assert f"agent 1 ({agent[:8]}...): is Former agent " in leaver.output
    assert "rows changed in tables/engagement" in leaver.output
    assert (leaver.exit_code, both.exit_code, mixed.exit_code) == (0, 0, 2)
    assert both.output.count("no row of theirs was found") == 2
    assert (broken.exit_code, "left to do: tables/turn" in broken.output) == (1, True)


def test_two_at_once_keep_each_other_out(env: LandingEnv) -> None:
    with env.warehouse.lock("erasing"), pytest.raises(Exception, match="erasing is held"):
        Erasure(env.warehouse, "UTC").erase(["a"])
