"""Every switch of the simulator, seen over the socket: each fault shows, as often as asked for, and then is gone."""

import hashlib
import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from salted_assets.simulator import DataFaults, Faults, Refusal, RunningSimulator, running_simulator
from salted_assets.simulator.data.options import BodyKind
from salted_assets_tests.support.simulators import (
    DATASETS,
    SMALL,
    SettableClock,
    addresses,
    ask,
    bearer,
    history,
    request_export,
    rows_of,
    status,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def simulator(tmp_path: Path, clock: SettableClock) -> Iterator[RunningSimulator]:
    with running_simulator(tmp_path / "simulator.sqlite", SMALL, now=clock) as running:
        yield running


def test_refusals_come_in_order_and_as_often_as_asked(simulator: RunningSimulator) -> None:
    refusals = (Refusal("post", 429, retry_after="7"), Refusal("post", 429), Refusal("post", 503, times=2))
    simulator.set_faults(Faults(refusals=refusals))

    answers = [request_export(simulator) for _ in range(5)]

    assert [answer.status for answer in answers] == [429, 429, 503, 503, 200]
    assert [answer.headers.get("retry-after") for answer in answers[:2]] == ["7", None]
    assert simulator.log()["exports"] == 1


@pytest.mark.parametrize("kind", ["post", "status", "history", "download"])
def test_each_kind_of_request_can_be_refused_and_dropped(simulator: RunningSimulator, kind: str) -> None:
    address = addresses(simulator)["agent"]
    ask_for = {
        "post": lambda: request_export(simulator),
        "status": lambda: status(simulator, "x"),
        "history": lambda: history(simulator),
        "download": lambda: ask("GET", address),
    }
    refusals = (*(Refusal(on, 500) for on in ask_for), Refusal(kind, 0))  # type: ignore[arg-type]  # kinds by name
    simulator.set_faults(Faults(refusals=refusals))

    assert ask_for[kind]().status == 500
    with pytest.raises(http.client.RemoteDisconnected):
        ask_for[kind]()
    assert ask_for[kind]().status in (200, 404)


def test_bodies_of_refusals(simulator: RunningSimulator) -> None:
    kinds: tuple[BodyKind, ...] = ("json", "nested", "text", "html", "xml", "empty", "invalid", "huge")
    code = "INVALID_INCLUDE"
    simulator.set_faults(Faults(refusals=tuple(Refusal("history", 400, body=kind, code=code) for kind in kinds)))

    bodies = {kind: history(simulator).body for kind in kinds}

    assert json.loads(bodies["json"])["code"] == code
    assert json.loads(bodies["nested"])["errors"][0]["detail"]["code"] == code
    assert bodies["text"].startswith(code.encode())
    assert bodies["html"].startswith(b"<!DOCTYPE html>")
    assert f"<Code>{code}</Code>".encode() in bodies["xml"]
    assert bodies["empty"] == b""
    with pytest.raises(json.JSONDecodeError):
        json.loads(bodies["invalid"])
    assert len(bodies["huge"]) > 64 * 1024 * 1024


def test_redirects_lead_elsewhere_or_to_the_same_address(simulator: RunningSimulator) -> None:
    address = addresses(simulator)["agent"]
    refusals = (Refusal("download", 302, location="self"), Refusal("download", 302, location="http://elsewhere.test/"))
    simulator.set_faults(Faults(refusals=refusals))

    assert [ask("GET", address).headers["location"] for _ in refusals] == [address, "http://elsewhere.test/"]


def test_a_refusal_of_one_file_spares_the_others(simulator: RunningSimulator) -> None:
    urls = addresses(simulator)
    simulator.set_faults(Faults(refusals=(Refusal("download", 500, dataset="turn"),)))

    assert ask("GET", urls["agent"]).status == 200
    assert [ask("GET", urls["turn"]).status for _ in range(2)] == [500, 200]


def test_a_lost_answer_leaves_an_export_in_the_history(simulator: RunningSimulator) -> None:
    simulator.set_faults(Faults(lost_posts=1))

    with pytest.raises(http.client.RemoteDisconnected):
        request_export(simulator)

    assert len(history(simulator).json()) == 1
    assert request_export(simulator).status == 200


def test_a_slow_export(simulator: RunningSimulator, clock: SettableClock) -> None:
    simulator.set_faults(Faults(slow_export_seconds=600))
    export_id = request_export(simulator).json()["exportId"]

    assert status(simulator, export_id).json()["status"] == "PROCESSING"
    clock.advance(600)
    assert status(simulator, export_id).json()["status"] == "COMPLETED"


def test_failed_exports(simulator: RunningSimulator) -> None:
    simulator.set_faults(Faults(failed_exports=1))
    first, second = (status(simulator, request_export(simulator).json()["exportId"]).json() for _ in range(2))

    assert (first["status"], first["downloadUrls"]) == ("FAILED", {})
    assert first["error"]
    assert second["status"] == "COMPLETED"


def test_odd_statuses(simulator: RunningSimulator) -> None:
    export_id = request_export(simulator).json()["exportId"]
    simulator.set_faults(Faults(unknown_statuses=1, statuses_without_addresses=1))

    unknown, without, right = (status(simulator, export_id).json() for _ in range(3))

    assert unknown["status"] == "QUEUED"
    assert without["status"] == "COMPLETED"
    assert "downloadUrls" not in without
    assert tuple(right["downloadUrls"]) == DATASETS


def test_addresses_missing_and_too_many(simulator: RunningSimulator) -> None:
    simulator.set_faults(
        Faults(missing_addresses=("turn",), extra_addresses={"../x": "", "service": "http://e.test/s"})
    )

    given = addresses(simulator)

    assert list(given) == ["engagement", "customer", "review", "agent", "../x", "service"]
    assert ask("GET", given["../x"]).status == 200
    assert given["service"] == "http://e.test/s"


def test_status_addresses_absolute_and_foreign(simulator: RunningSimulator) -> None:
    simulator.set_faults(Faults(absolute_status_url=True))
    absolute = request_export(simulator).json()["statusUrl"]
    simulator.set_faults(Faults(foreign_status_url="http://elsewhere.test/status"))
    foreign = request_export(simulator).json()["statusUrl"]

    assert ask("GET", absolute, bearer(simulator.key)).json()["status"] == "COMPLETED"
    assert foreign == "http://elsewhere.test/status"


@pytest.mark.parametrize(("as_400", "expected"), [(False, 403), (True, 400)])
def test_fresh_addresses_refused_as_expired(simulator: RunningSimulator, as_400: bool, expected: int) -> None:
    address = addresses(simulator)["agent"]
    simulator.set_faults(Faults(expired_downloads=2, expired_as_400=as_400))

    answers = [ask("GET", address) for _ in range(3)]

    assert [answer.status for answer in answers] == [expected, expected, 200]
    assert b"Request has expired" in answers[0].body


def test_the_same_dead_address_again_and_again(simulator: RunningSimulator, clock: SettableClock) -> None:
    export_id = request_export(simulator).json()["exportId"]
    simulator.set_faults(Faults(dead_addresses=2))
    given = []
    for _ in range(3):
        given.append(status(simulator, export_id).json()["downloadUrls"]["agent"])
        clock.advance(60)

    assert given[0] == given[1] != given[2]
    assert [ask("GET", address).status for address in given[1:]] == [403, 200]


def test_cut_downloads_end_at_the_byte_and_can_be_resumed(simulator: RunningSimulator) -> None:
    address = addresses(simulator)["engagement"]
    whole = ask("GET", address).body
    simulator.set_faults(Faults(cut_downloads=2, cut_at_byte=700, download_faults_on=("engagement",)))

    with pytest.raises(http.client.IncompleteRead) as first:
        ask("GET", address)
    with pytest.raises(http.client.IncompleteRead) as second:
        ask("GET", address, {"Range": "bytes=700-"})

    assert first.value.partial == whole[:700]
    assert second.value.partial == whole[700:1400]
    assert ask("GET", address, {"Range": "bytes=1400-"}).body == whole[1400:]


def test_counted_download_faults_keep_to_the_named_files(simulator: RunningSimulator) -> None:
    urls = addresses(simulator)
    simulator.set_faults(Faults(expired_downloads=1, download_faults_on=("turn",)))

    assert [ask("GET", urls[dataset]).status for dataset in ("agent", "turn", "turn")] == [200, 403, 200]


def test_downloads_truncated_corrupt_or_of_wrong_length(simulator: RunningSimulator) -> None:
    address = addresses(simulator)["engagement"]
    whole = ask("GET", address)
    simulator.set_faults(Faults(truncated_downloads=1))
    truncated = ask("GET", address)
    simulator.set_faults(Faults(corrupt_downloads=1))
    corrupt = ask("GET", address)
    simulator.set_faults(Faults(wrong_lengths=1))
    with pytest.raises(http.client.IncompleteRead) as wrong:
        ask("GET", address)

    assert truncated.body == whole.body[: len(whole.body) // 2]
    assert truncated.headers["etag"] == whole.headers["etag"]
    assert len(corrupt.body) == len(whole.body)
    assert corrupt.body != whole.body
    assert (wrong.value.partial, wrong.value.expected) == (whole.body, 10)
    assert ask("GET", address).body == whole.body


def test_stores_without_ranges_lengths_or_useful_etags(simulator: RunningSimulator) -> None:
    address = addresses(simulator)["engagement"]
    whole = ask("GET", address)
    simulator.set_faults(Faults(no_ranges=True, no_length=True, no_etag=True))
    bare = ask("GET", address, {"Range": "bytes=5-"})
    simulator.set_faults(Faults(foreign_etag=True))
    foreign = ask("GET", address)

    assert (bare.status, bare.body) == (200, whole.body)
    assert bare.headers.keys().isdisjoint(("accept-ranges", "content-length", "etag"))
    assert bare.headers["transfer-encoding"] == "chunked"
    assert foreign.headers["etag"].endswith('-2"')
    assert foreign.headers["etag"].strip('"') != hashlib.md5(whole.body).hexdigest()


def test_faults_in_files_are_fixed_when_the_export_is_ordered(simulator: RunningSimulator) -> None:
    simulator.set_faults(Faults(data=DataFaults(zero_bytes=("turn",), missing_columns={"agent": ("role",)})))
    export_id = request_export(simulator).json()["exportId"]
    simulator.set_faults(Faults())

    urls = status(simulator, export_id).json()["downloadUrls"]

    assert ask("GET", urls["turn"]).body == b""
    assert "role" not in rows_of(ask("GET", urls["agent"]).body)[0]
    assert rows_of(ask("GET", addresses(simulator)["agent"]).body)[0]["role"]


def test_switches_and_log_over_http(simulator: RunningSimulator) -> None:
    body = {"refusals": [{"on": "post", "status": 503, "times": 2}], "data": {"bad_cells": {"turn": 0.5}}}

    set_to = ask("POST", f"{simulator.url}/simulator/faults", body=json.dumps(body).encode())
    refused = request_export(simulator)
    log = ask("GET", f"{simulator.url}/simulator/log").json()

    assert set_to.status == 200
    assert set_to.json()["refusals"][0]["times"] == 2
    assert set_to.json()["data"]["bad_cells"] == {"turn": 0.5}
    assert refused.status == 503
    assert log == simulator.log() == {"post": 1, "status": 0, "history": 0, "download": 0, "exports": 0}


@pytest.mark.parametrize(
    "body",
    [
        "no json",
        "[]",
        '{"lost_post": 1}',
        '{"lost_posts": "one"}',
        '{"lost_posts": true}',
        '{"no_ranges": 1}',
        '{"missing_addresses": "turn"}',
        '{"refusals": [{"on": "upload", "status": 500}]}',
        '{"refusals": [{"on": "post"}]}',
        '{"data": {"bad_cells": 0.5}}',
    ],
)
def test_switches_that_do_not_exist_are_refused(simulator: RunningSimulator, body: str) -> None:
    answer = ask("POST", f"{simulator.url}/simulator/faults", body=body.encode())

    assert answer.status == 400
    assert answer.json()["code"] == "INVALID_FAULTS"
    assert request_export(simulator).status == 200


def test_faults_read_back_from_their_own_json() -> None:
    faults = Faults(
        refusals=(Refusal("post", 429, retry_after="1"),),
        extra_addresses={"../x": ""},
        data=DataFaults(zero_bytes=("turn",), renamed_columns={"turn": {"content": "text"}}),
    )

    assert Faults.from_json(json.loads(json.dumps(faults.to_json()))) == faults
