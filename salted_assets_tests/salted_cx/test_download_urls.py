"""Addresses of downloads: dead ones are renewed, redirects followed, unsafe ones never opened."""

import threading

import pytest

from salted_assets.salted_cx import (
    ApiUnavailable,
    DownloadInterrupted,
    DownloadUrlExpired,
    DownloadUrlRefused,
    ExportClient,
    ExportNotFound,
    ExportStatus,
)
from salted_assets_tests.support.api_calls import STATUS
from salted_assets_tests.support.api_downloads import (
    CONTENT,
    EXPIRED,
    LOOKALIKE,
    complete,
    fetch_turn,
    serve_turn,
    tell,
)
from salted_assets_tests.support.scripted_vendor import (
    MemorySink,
    Reply,
    Script,
    ScriptedVendor,
    StoredFile,
    cut,
    instead,
)


@pytest.mark.parametrize("dead", [EXPIRED, LOOKALIKE, Reply(403), Reply(404), Reply(401), Reply(410)], ids=repr)
def test_a_dead_address_is_renewed_and_the_file_resumed(
    vendor: ScriptedVendor, client: ExportClient, dead: Reply
) -> None:
    serve_turn(vendor, cut(5000), instead(dead))
    vendor.play("GET", STATUS, tell(complete(vendor, "turn", number=2)))
    vendor.always("GET", "/turn2.csv", StoredFile(CONTENT))
    given_file, sink = fetch_turn(client, vendor)
    assert sink.data == CONTENT
    assert (given_file.renewed_count, given_file.resumed_count, sink.restart_count) == (1, 1, 0)
    assert len(vendor.asked_of(STATUS)) == 1


@pytest.mark.parametrize(
    "answer",
    [
        tell(ExportStatus("e-1", "FAILED")),
        tell(ExportStatus("e-1", "PROCESSING")),
        tell(ExportStatus("e-1", "COMPLETED")),
        tell(ExportStatus("e-1", "COMPLETED", {"agent": "https://x.example/?X-Amz-Signature=5161"})),
        None,
    ],
)
def test_an_address_that_stays_dead_is_expired(
    vendor: ScriptedVendor, client: ExportClient, answer: Script | None
) -> None:
    vendor.always("GET", "/turn1.csv", EXPIRED)
    vendor.always("GET", STATUS, answer or tell(complete(vendor, "turn")))
    with pytest.raises(DownloadUrlExpired, match="AccessDenied") as caught:
        fetch_turn(client, vendor)
    assert not caught.value.retryable
    assert "X-Amz" not in str(caught.value)
    assert [asked.path for asked in vendor.asked] == ["/turn1.csv", STATUS]


def test_renewals_are_bounded(vendor: ScriptedVendor, client: ExportClient) -> None:
    for number in range(1, 20):
        vendor.always("GET", f"/turn{number}.csv", EXPIRED)
        vendor.play("GET", STATUS, tell(complete(vendor, "turn", number=number + 1)))
    with pytest.raises(DownloadUrlExpired, match="renewals"):
        fetch_turn(client, vendor)
    assert len(vendor.asked_of(STATUS)) == 5


def test_one_renewal_serves_all_files(vendor: ScriptedVendor, client: ExportClient) -> None:
    names = ["turn", "agent", "review"]
    together = threading.Barrier(len(names), timeout=20)
    for name in names:
        vendor.always("GET", f"/{name}1.csv", lambda _: (together.wait(), EXPIRED)[1])
        vendor.always("GET", f"/{name}2.csv", StoredFile(CONTENT))
    vendor.play("GET", STATUS, tell(complete(vendor, *names, number=2)))
    report = client.download(complete(vendor, *names), dict.fromkeys(names, MemorySink))
    assert [file.renewed_count for file in report.files.values()] == [1, 1, 1]
    assert len(vendor.asked_of(STATUS)) == 1


def test_an_export_that_is_gone_at_renewal_is_not_found(vendor: ScriptedVendor, client: ExportClient) -> None:
    vendor.always("GET", "/turn1.csv", EXPIRED)
    vendor.always("GET", STATUS, Reply(404))
    with pytest.raises(ExportNotFound):
        fetch_turn(client, vendor)


def test_an_api_that_is_away_at_renewal_is_asked_within_its_own_bounds(
    vendor: ScriptedVendor, client: ExportClient
) -> None:
    vendor.always("GET", "/turn1.csv", EXPIRED)
    vendor.always("GET", STATUS, Reply(500))
    with pytest.raises(ApiUnavailable):
        fetch_turn(client, vendor)
    assert len(vendor.asked_of(STATUS)) == 6


def test_a_redirect_to_loopback_is_followed_without_key(vendor: ScriptedVendor, client: ExportClient) -> None:
    with ScriptedVendor() as store:
        store.always("GET", "/b.csv", StoredFile(CONTENT, cut(100)))
        vendor.always("GET", "/turn1.csv", Reply(307, headers={"Location": "/a.csv?s=1"}))
        vendor.always("GET", "/a.csv", Reply(302, headers={"Location": f"{store.url}/b.csv?s=2"}))
        given_file, sink = fetch_turn(client, vendor)
        assert [asked.target for asked in store.asked] == ["/b.csv?s=2"] * 2
        assert all("authorization" not in asked.headers for asked in [*store.asked, *vendor.asked])
    assert sink.data == CONTENT
    assert (given_file.request_count, given_file.resumed_count) == (2, 1)


UNSAFE = [
    "http://store.example/t.csv?X-Amz-Signature=5161",
    "http://127.0.0.1.evil.example/?X-Amz-Signature=5161",
    "https://user:X-Amz@store.example/",
    "ftp://127.0.0.1/X-Amz",
    "file:///etc/X-Amz",
    "https:///X-Amz",
    "https://store.example:port/X-Amz",
    "https://store.example\\@127.0.0.1/X-Amz",
    "X-Amz-Signature",
]


@pytest.mark.parametrize("address", UNSAFE)
def test_an_unsafe_address_is_not_opened(vendor: ScriptedVendor, client: ExportClient, address: str) -> None:
    with pytest.raises(DownloadUrlRefused) as caught:
        client.download(ExportStatus("e-1", "COMPLETED", {"turn": address}), {"turn": MemorySink})
    assert "X-Amz" not in str(caught.value)
    assert vendor.asked == []


@pytest.mark.parametrize("address", UNSAFE[:-1])
def test_an_unsafe_redirect_is_not_followed(vendor: ScriptedVendor, client: ExportClient, address: str) -> None:
    vendor.always("GET", "/turn1.csv", Reply(302, headers={"Location": address}))
    with pytest.raises(DownloadUrlRefused) as caught:
        fetch_turn(client, vendor)
    assert "X-Amz" not in str(caught.value)
    assert len(vendor.asked) == 1


def test_a_host_that_no_name_service_could_know_is_no_crash(vendor: ScriptedVendor, client: ExportClient) -> None:
    address = f"https://{'x' * 64}.example/X-Amz"
    with pytest.raises(DownloadInterrupted) as caught:
        client.download(ExportStatus("e-1", "COMPLETED", {"turn": address}), {"turn": MemorySink})
    assert "X-Amz" not in str(caught.value)
    assert vendor.asked == []


def test_redirects_are_bounded(vendor: ScriptedVendor, client: ExportClient) -> None:
    vendor.always("GET", "/turn1.csv", Reply(302, headers={"Location": "/turn1.csv"}))
    with pytest.raises(DownloadUrlRefused, match="more than 3"):
        fetch_turn(client, vendor)
    assert len(vendor.asked) == 4


def test_beside_a_remote_api_loopback_is_as_unsafe_as_any_plain_http(vendor: ScriptedVendor) -> None:
    with ExportClient("https://api.example", lambda: "k") as client, pytest.raises(DownloadUrlRefused):
        fetch_turn(client, vendor)
    assert vendor.asked == []
