"""The simulator speaks as the vendor's page says, over a real socket: requests, polls, history, errors, addresses."""

import hashlib
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from salted_assets.simulator import SIMULATOR_KEY, RunningSimulator, SimulatorOptions, running_simulator, truth_of
from salted_assets.simulator.data.contact_centre import build_contact_centre
from salted_assets.simulator.data.contacts import contact_addresses, contact_pid, profile_of
from salted_assets_tests.support.simulators import (
    DATASETS,
    DAY,
    LATER,
    SMALL,
    SettableClock,
    addresses,
    ask,
    bearer,
    csv_bytes,
    history,
    request_export,
    rows_of,
    status,
)

pytestmark = pytest.mark.slow

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def simulator(tmp_path: Path, clock: SettableClock) -> Iterator[RunningSimulator]:
    with running_simulator(tmp_path / "simulator.sqlite", SMALL, now=clock) as running:
        yield running


def test_order_poll_and_download(simulator: RunningSimulator) -> None:
    requested = request_export(simulator)
    export_id = requested.json()["exportId"]
    polled = ask("GET", f"{simulator.url}/{requested.json()['statusUrl']}", bearer(simulator.key))

    assert (requested.status, polled.status) == (200, 200)
    assert UUID.fullmatch(export_id)
    assert requested.json() == {"exportId": export_id, "statusUrl": f"api/v1/export/{export_id}/status"}
    assert polled.json().keys() == {"exportId", "status", "downloadUrls", "error"}
    assert (polled.json()["status"], polled.json()["error"]) == ("COMPLETED", None)
    assert tuple(polled.json()["downloadUrls"]) == DATASETS
    for dataset, address in polled.json()["downloadUrls"].items():
        file = ask("GET", address)
        assert file.status == 200
        assert file.body == csv_bytes(dataset, DAY, DAY + timedelta(days=1), DAY + timedelta(hours=26))
        assert file.headers["etag"] == f'"{hashlib.md5(file.body).hexdigest()}"'
        assert file.headers["content-length"] == str(len(file.body))
    assert simulator.log() == {"post": 1, "status": 1, "history": 0, "download": 5, "exports": 1}


def test_every_answer_can_be_told_from_the_vendors(simulator: RunningSimulator) -> None:
    answers = [
        request_export(simulator),
        history(simulator),
        ask("GET", simulator.url + "/nowhere"),
        ask("PUT", simulator.url),
    ]
    answers.append(ask("GET", addresses(simulator)["agent"]))

    assert {answer.headers.get("x-salted-simulator") for answer in answers} == {"1"}


def test_an_export_is_processing_until_its_time_has_passed(tmp_path: Path, clock: SettableClock) -> None:
    options = replace(SMALL, export_seconds=90)
    with running_simulator(tmp_path / "s.sqlite", options, now=clock) as simulator:
        export_id = request_export(simulator).json()["exportId"]
        first = status(simulator, export_id).json()
        clock.advance(90)
        second = status(simulator, export_id).json()

    assert first == {"exportId": export_id, "status": "PROCESSING", "downloadUrls": {}, "error": None}
    assert second["status"] == "COMPLETED"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "INVALID_DATE_RANGE"),
        ("from=2024-01-01T00:00:00Z", "INVALID_DATE_RANGE"),
        ("from=2024-01-02T00:00:00Z&to=2024-01-01T00:00:00Z", "INVALID_DATE_RANGE"),
        ("from=2024-01-01T00:00:00Z&to=2024-01-01T00:00:00Z", "INVALID_DATE_RANGE"),
        ("from=2024-01-01T00:00:00Z&to=2024-01-02T00:00:01Z", "INVALID_DATE_RANGE"),
        ("from=2024-01-01T00:00:00&to=2024-01-02T00:00:00", "INVALID_DATE_RANGE"),
        ("from=yesterday&to=today", "INVALID_DATE_RANGE"),
        ("from=2024-01-01T00:00:00Z&to=2024-01-02T00:00:00Z&include=engagement,turns", "INVALID_INCLUDE"),
        ("from=2024-01-01T00:00:00Z&to=2024-01-02T00:00:00Z&include=engagement,", "INVALID_INCLUDE"),
        ("from=2024-01-01T00:00:00Z&to=2024-01-02T00:00:00Z&include=", "EMPTY_INCLUDE"),
        ("from=2024-01-01T00:00:00Z&to=2024-01-02T00:00:00Z&contact=nobody@example.com", "CONTACT_NOT_FOUND"),
        ("from=2024-01-01T00:00:00Z&to=2024-01-02T00:00:00Z&contact=", "CONTACT_NOT_FOUND"),
        ("from=2024-01-01T00:00:00Z&to=2024-01-02T00:00:00Z&contact=unlinked@example.com", "NO_CUSTOMERS_FOR_CONTACT"),
    ],
)
def test_wrong_orders_are_refused_with_the_documented_code(simulator: RunningSimulator, query: str, code: str) -> None:
    answer = ask("POST", f"{simulator.url}/api/v1/export?{query}", bearer(simulator.key))

    assert answer.status == 400
    assert answer.json()["code"] == code
    assert simulator.log()["exports"] == 0


@pytest.mark.parametrize(
    "headers", [{}, bearer("wrong"), {"Authorization": SIMULATOR_KEY}, bearer(SIMULATOR_KEY + "x")]
)
def test_without_the_key_nothing_is_answered(simulator: RunningSimulator, headers: dict[str, str]) -> None:
    for method, path in (("POST", ""), ("GET", "/history"), ("GET", "/some-id/status")):
        answer = ask(method, f"{simulator.url}/api/v1/export{path}", headers)
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == "Bearer"


def test_unknown_and_foreign_exports_are_not_found(tmp_path: Path, clock: SettableClock) -> None:
    store = tmp_path / "s.sqlite"
    with running_simulator(store, SMALL, now=clock) as simulator:
        foreign = request_export(simulator).json()["exportId"]
        assert status(simulator, "a1b2c3d4").status == 404
    with running_simulator(store, replace(SMALL, key="other"), now=clock) as simulator:
        assert status(simulator, foreign).status == 404
        assert history(simulator).json() == []


def test_include_limits_the_datasets(simulator: RunningSimulator) -> None:
    assert list(addresses(simulator, include="turn,engagement")) == ["engagement", "turn"]


def test_history_gives_the_newest_hundred_as_status_objects(simulator: RunningSimulator) -> None:
    ids = [request_export(simulator, include="agent").json()["exportId"] for _ in range(103)]
    assert status(simulator, ids[-1]).json()["status"] == "COMPLETED"

    given = history(simulator).json()

    assert [each["exportId"] for each in given] == ids[:2:-1]
    assert given[0].keys() == {"exportId", "status", "downloadUrls", "error"}
    assert ask("GET", given[0]["downloadUrls"]["agent"]).status == 200


def test_integer_ids_as_the_newer_page_shows_them(tmp_path: Path, clock: SettableClock) -> None:
    with running_simulator(tmp_path / "s.sqlite", replace(SMALL, integer_ids=True), now=clock) as simulator:
        requested = request_export(simulator).json()

        assert isinstance(requested["exportId"], int)
        assert requested["statusUrl"] == f"api/v1/export/{requested['exportId']}/status"
        assert status(simulator, requested["exportId"]).json()["exportId"] == requested["exportId"]


def test_a_contact_exports_that_customer_alone(simulator: RunningSimulator) -> None:
    centre = build_contact_centre(SMALL)
    everybody = rows_of(csv_bytes("engagement", DAY, DAY + timedelta(days=1), DAY + timedelta(hours=26)))
    index = next(i for i in range(centre.contact_count) if contact_pid(1, i) == everybody[0]["contact_pid"])
    members = profile_of(centre, contact_addresses(index)[0])
    assert members is not None

    for address in contact_addresses(index):
        urls = addresses(simulator, contact=address)
        files = {dataset: rows_of(ask("GET", url).body) for dataset, url in urls.items()}
        pids = {contact_pid(1, member) for member in members}
        expected = {row["pid"] for row in everybody if row["contact_pid"] in pids}
        assert expected <= {row["pid"] for row in files["engagement"]}
        assert {row["contact_pid"] for row in files["engagement"]} - {""} <= pids
        assert {row["pid"] for row in files["customer"]} <= pids
        assert {row["engagement_pid"] for row in files["turn"]} <= {row["pid"] for row in files["engagement"]}


def test_one_customer_in_ten_has_two_contacts() -> None:
    centre = build_contact_centre(SMALL)

    assert profile_of(centre, "customer13@example.com") == profile_of(centre, "+999550000014") == frozenset({13, 14})
    assert profile_of(centre, "customer12@example.com") == frozenset({12})
    for unknown in ("customer012@example.com", "customer99999@example.com", "9" * 5000):
        assert profile_of(centre, unknown) is None


def test_addresses_expire_and_a_new_poll_renews_them(simulator: RunningSimulator, clock: SettableClock) -> None:
    export_id = request_export(simulator).json()["exportId"]
    old = status(simulator, export_id).json()["downloadUrls"]["agent"]
    clock.advance(3599)
    assert ask("GET", old).status == 200
    clock.advance(2)

    expired, renewed = ask("GET", old), status(simulator, export_id).json()["downloadUrls"]["agent"]

    assert expired.status == 403
    assert b"<Code>AccessDenied</Code><Message>Request has expired</Message>" in expired.body
    assert ask("GET", renewed).status == 200


def test_an_authorization_header_is_refused_by_the_store(simulator: RunningSimulator) -> None:
    answer = ask("GET", addresses(simulator)["agent"], bearer(simulator.key))

    assert answer.status == 400
    assert b"<Code>InvalidArgument</Code>" in answer.body


def test_addresses_open_only_what_they_were_signed_for(simulator: RunningSimulator) -> None:
    urls = addresses(simulator)
    query = urls["agent"].partition("?")[2]
    stolen = ask("GET", urls["turn"].partition("?")[0] + "?" + query)
    longer = ask("GET", urls["agent"].replace("X-Amz-Expires=3600", "X-Amz-Expires=999999"))
    bare = ask("GET", urls["agent"].partition("?")[0])

    assert (stolen.status, longer.status, bare.status) == (403, 403, 403)
    assert b"SignatureDoesNotMatch" in stolen.body
    assert b"SignatureDoesNotMatch" in longer.body
    assert b"AccessDenied" in bare.body


def test_addresses_name_the_host_that_was_asked(simulator: RunningSimulator) -> None:
    export_id = request_export(simulator).json()["exportId"]
    url = f"{simulator.url}/api/v1/export/{export_id}/status"

    given = ask("GET", url, bearer(simulator.key) | {"Host": "simulator.test:81"}).json()["downloadUrls"]

    assert all(address.startswith("http://simulator.test:81/") for address in given.values())


def test_ranges_resume_a_download(simulator: RunningSimulator) -> None:
    address = addresses(simulator)["engagement"]
    whole = ask("GET", address)
    etag = whole.headers["etag"]

    rest = ask("GET", address, {"Range": "bytes=100-", "If-Range": etag})
    part = ask("GET", address, {"Range": "bytes=100-199"})
    changed = ask("GET", address, {"Range": "bytes=100-", "If-Range": '"other"'})
    beyond = ask("GET", address, {"Range": f"bytes={len(whole.body)}-"})

    assert (rest.status, rest.body) == (206, whole.body[100:])
    assert rest.headers["content-range"] == f"bytes 100-{len(whole.body) - 1}/{len(whole.body)}"
    assert (part.status, part.body) == (206, whole.body[100:200])
    assert (changed.status, changed.body) == (200, whole.body)
    assert beyond.status == 416


def test_a_restarted_simulator_knows_its_exports_and_addresses(tmp_path: Path, clock: SettableClock) -> None:
    store = tmp_path / "s.sqlite"
    with running_simulator(store, SMALL, now=clock) as simulator:
        export_id = request_export(simulator).json()["exportId"]
        old = status(simulator, export_id).json()["downloadUrls"]["turn"]
        before = ask("GET", old).body
        port = simulator.url
    for cached in (tmp_path / "s.sqlite.files").glob("*/*"):
        cached.unlink()
    for folder in (tmp_path / "s.sqlite.files").iterdir():
        folder.rmdir()

    with running_simulator(store, replace(SMALL, seed=9), now=clock) as simulator:
        assert history(simulator).json()[0]["exportId"] == export_id
        assert ask("GET", old.replace(port, simulator.url)).body == before


def test_the_first_export_of_a_window_shows_it_as_it_stood_then_a_repeated_one_as_it_is_now(
    simulator: RunningSimulator,
) -> None:
    end = DAY + timedelta(days=1)

    first = ask("GET", addresses(simulator)["review"]).body
    second = ask("GET", addresses(simulator)["review"]).body

    assert first == csv_bytes("review", DAY, end, end + timedelta(hours=2))
    assert second == csv_bytes("review", DAY, end, LATER)
    assert first != second


def test_an_order_whose_files_nobody_fetched_does_not_count_as_an_export(simulator: RunningSimulator) -> None:
    end = DAY + timedelta(days=1)
    request_export(simulator)

    assert ask("GET", addresses(simulator)["review"]).body == csv_bytes("review", DAY, end, end + timedelta(hours=2))


def test_as_of_now_shows_the_present_at_once(tmp_path: Path, clock: SettableClock) -> None:
    with running_simulator(tmp_path / "s.sqlite", replace(SMALL, as_of="now"), now=clock) as simulator:
        given = ask("GET", addresses(simulator)["review"]).body

    assert given == csv_bytes("review", DAY, DAY + timedelta(days=1), LATER)


def test_agents_come_as_they_are_when_the_export_is_requested(tmp_path: Path) -> None:
    """Exports that were requested at one moment show no move; across a move, only the true one."""
    options = SimulatorOptions(engagements_per_agent=1)
    truth, clock = truth_of(options), SettableClock(datetime(2024, 3, 17, tzinfo=UTC))
    (moved, _), team = min(truth.moves.items(), key=lambda move: move[0][1])
    with running_simulator(tmp_path / "s.sqlite", options, now=clock) as simulator:
        before = [teams_of(simulator, day) for day in (DAY - timedelta(days=60), DAY)]
        clock.advance(2 * 86_400)
        after = [teams_of(simulator, day) for day in (DAY - timedelta(days=60), DAY - timedelta(days=1))]

    assert moves_between(*before) == moves_between(*after) == {}
    assert moves_between(before[0], after[0]) == {moved: ("Customer Care South", team)}


def teams_of(simulator: RunningSimulator, day: datetime) -> dict[str, str]:
    export_id = request_export(simulator, day, None, include="agent").json()["exportId"]
    url = status(simulator, export_id).json()["downloadUrls"]["agent"]
    teams = {row["pid"]: row["team"] for row in rows_of(ask("GET", url).body)}
    assert len(teams) > 30
    return teams


def moves_between(one: dict[str, str], other: dict[str, str]) -> dict[str, tuple[str, str]]:
    return {pid: (one[pid], other[pid]) for pid in one.keys() & other.keys() if one[pid] != other[pid]}


def test_the_store_keeps_no_key_and_no_contact(simulator: RunningSimulator, tmp_path: Path) -> None:
    addresses(simulator, contact="customer7@example.com")

    with sqlite3.connect(tmp_path / "simulator.sqlite") as connection:
        dump = "\n".join(connection.iterdump())
    connection.close()

    assert "customer7" not in dump
    assert f"'{SIMULATOR_KEY}'" not in dump


def test_other_paths_and_methods_are_refused(simulator: RunningSimulator) -> None:
    assert ask("GET", simulator.url + "/api/v1/export", bearer(simulator.key)).status == 405
    assert ask("GET", simulator.url + "/api/v2/export", bearer(simulator.key)).status == 404


def test_a_taken_port_is_said(simulator: RunningSimulator, tmp_path: Path) -> None:
    port = int(simulator.url.rpartition(":")[2])

    with pytest.raises(OSError, match="in use"), running_simulator(tmp_path / "other.sqlite", SMALL, port=port):
        pass


def test_the_command_serves_and_says_where(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "salted_assets.simulator", "--port", "0", "--agents", "2", "--engagements", "2"]
    process = subprocess.Popen(
        [*command, "--store", str(tmp_path / "s.sqlite")],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip().removeprefix("SALTED_API_URL=")
        answer = ask("GET", f"{url}/api/v1/export/history", bearer(SIMULATOR_KEY))
        assert (answer.status, json.loads(answer.body)) == (200, [])
    finally:
        process.terminate()
        process.communicate()


def test_options_without_agents_or_key_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        SimulatorOptions(agent_count=0)
    with pytest.raises(ValueError, match="key is empty"):
        SimulatorOptions(key="")
