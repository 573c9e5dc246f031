"""Downloads over a real socket: whole and verified, or a clear error; resumed, renewed, never with the key."""

import hashlib
import threading
from base64 import b64encode
from functools import partial

import pytest

from salted_assets.salted_cx import (
    ClientConfig,
    DownloadCorrupted,
    Downloaded,
    DownloadInterrupted,
    DownloadRefused,
    DownloadReport,
    DownloadTooLarge,
    ExportClient,
    ExportStatus,
)
from salted_assets_tests.support.api_calls import build_client
from salted_assets_tests.support.api_downloads import (
    CONTENT,
    SIZE,
    complete,
    fetch_turn,
    serve_turn,
    try_to_fetch,
)
from salted_assets_tests.support.scripted_vendor import (
    HANG_UP,
    HTML,
    RESET,
    SILENCE,
    FakeTime,
    Fault,
    MemorySink,
    Reply,
    ScriptedVendor,
    StoredFile,
    corrupt,
    cut,
    instead,
    with_headers,
)


def test_a_file_arrives_as_it_is_and_no_key_leaves(vendor: ScriptedVendor, client: ExportClient) -> None:
    serve_turn(vendor)
    given_file, sink = fetch_turn(client, vendor)
    assert sink.data == CONTENT
    assert given_file == Downloaded("turn", SIZE, hashlib.sha256(CONTENT).hexdigest(), True, 1, 0, 0)
    (asked,) = vendor.asked
    assert asked.target == "/turn1.csv?X-Amz-Signature=51%2F61+a%3D"
    assert "authorization" not in asked.headers
    assert asked.headers["accept-encoding"] == "identity"


def test_an_empty_file_is_a_file(vendor: ScriptedVendor, client: ExportClient) -> None:
    serve_turn(vendor, content=b"")
    given_file, sink = fetch_turn(client, vendor)
    assert (sink.data, given_file.byte_count) == (b"", 0)


def test_files_arrive_side_by_side(vendor: ScriptedVendor, client: ExportClient) -> None:
    names = ["engagement", "customer", "turn", "review", "agent"]
    together = threading.Barrier(len(names), timeout=20)

    def meet_the_others(_asked: object, whole: Reply) -> Reply:
        together.wait()
        return whole

    sinks = {name: MemorySink() for name in names}
    for name in names:
        vendor.always("GET", f"/{name}1.csv", StoredFile(name.encode() * 99, meet_the_others))
    report = client.download(complete(vendor, *names), {name: partial(sinks.__getitem__, name) for name in names})
    assert {name: sink.data for name, sink in sinks.items()} == {name: name.encode() * 99 for name in names}
    assert list(report.files) == names


def test_what_is_missing_and_what_is_unasked_is_reported(vendor: ScriptedVendor, client: ExportClient) -> None:
    serve_turn(vendor)
    urls = {**complete(vendor, "turn").download_urls, "../x\n": f"{vendor.url}/x", "service": "http://evil.example/"}
    report = client.download(ExportStatus("e-1", "COMPLETED", urls), {"turn": MemorySink, "agent": MemorySink})
    assert (report.not_delivered, report.unasked) == (("agent",), ("../x ", "service"))
    assert [asked.path for asked in vendor.asked] == ["/turn1.csv"]


def test_nothing_wanted_is_nothing_done(vendor: ScriptedVendor, client: ExportClient) -> None:
    assert client.download(complete(vendor, "turn"), {}) == DownloadReport({}, (), ("turn",))
    with pytest.raises(ValueError, match="PROCESSING"):
        client.download(ExportStatus("e-1", "PROCESSING"), {"turn": MemorySink})


@pytest.mark.parametrize("is_reset", [False, True])
def test_a_cut_file_is_resumed(vendor: ScriptedVendor, client: ExportClient, is_reset: bool) -> None:
    serve_turn(vendor, cut(5000), cut(3000, is_reset=is_reset))
    given_file, sink = fetch_turn(client, vendor)
    assert sink.data == CONTENT
    assert sink.restart_count == 0
    assert given_file.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert (given_file.request_count, given_file.resumed_count) == (3, 2)
    assert vendor.asked[1].headers["range"] == "bytes=5000-"
    assert vendor.asked[1].headers["if-range"] == f'"{hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()}"'


@pytest.mark.parametrize(
    "answer_to_range",
    [
        instead(Reply(200, CONTENT)),
        instead(Reply(206, CONTENT[4000:], {"Content-Range": f"bytes 4000-{SIZE - 1}/{SIZE}"})),
        instead(Reply(206, CONTENT[5000:], {"Content-Range": f"bytes 5000-{SIZE}/{SIZE + 1}"})),
        instead(Reply(206, CONTENT[5000:-9], {"Content-Range": f"bytes 5000-{SIZE - 10}/{SIZE}"})),
        instead(Reply(206, CONTENT[5000:], {"Content-Range": f"bytes 5000-{SIZE - 1}/{SIZE}", "ETag": '"other"'})),
        instead(Reply(206, CONTENT[5000:])),
        instead(Reply(206, CONTENT[5000:], {"Content-Range": "lines 1-2/3"})),
        instead(Reply(416)),
    ],
)
def test_a_part_that_does_not_fit_begins_the_file_again(
    vendor: ScriptedVendor, client: ExportClient, answer_to_range: Fault
) -> None:
    serve_turn(vendor, cut(5000), answer_to_range)
    _, sink = fetch_turn(client, vendor)
    assert sink.data == CONTENT
    assert sink.restart_count == 1


def test_a_part_of_unknown_whole_is_held_against_what_is_here(vendor: ScriptedVendor, client: ExportClient) -> None:
    short = Reply(206, CONTENT[5000:-1], {"Content-Range": f"bytes 5000-{SIZE - 2}/*"})
    shifted = Reply(206, CONTENT[4000:-1000], {"Content-Range": f"bytes 4000-{SIZE - 1001}/*"})
    fitting = Reply(206, CONTENT[6000:], {"Content-Range": f"bytes 6000-{SIZE - 1}/*"})
    faults = [cut(5000), instead(short), cut(5000), instead(shifted), cut(6000), instead(fitting)]
    vendor.always("GET", "/turn1.csv", StoredFile(CONTENT, *faults, etag='"version-1"'))
    given_file, sink = fetch_turn(client, vendor)
    assert sink.data == CONTENT
    assert (sink.restart_count, given_file.resumed_count) == (2, 2)


def test_a_file_that_changed_meanwhile_is_taken_again(vendor: ScriptedVendor, client: ExportClient) -> None:
    vendor.play("GET", "/turn1.csv", StoredFile(CONTENT[::-1], cut(5000)))
    serve_turn(vendor)
    _, sink = fetch_turn(client, vendor)
    assert sink.data == CONTENT


@pytest.mark.parametrize("etag", ["", 'W/"1"', "unquoted"])
def test_without_a_strong_etag_a_cut_file_begins_again(vendor: ScriptedVendor, client: ExportClient, etag: str) -> None:
    vendor.always("GET", "/turn1.csv", StoredFile(CONTENT, cut(5000), etag=etag))
    given_file, sink = fetch_turn(client, vendor)
    assert sink.data == CONTENT
    assert "range" not in vendor.asked[1].headers
    assert (sink.restart_count, given_file.md5_verified) == (1, False)


@pytest.mark.parametrize("trouble", [HANG_UP, RESET, SILENCE, Reply(500), Reply(503), Reply(429), HTML], ids=repr)
def test_a_download_is_repeated_after_transient_trouble(vendor: ScriptedVendor, time: FakeTime, trouble: Reply) -> None:
    serve_turn(vendor, instead(trouble), cut(10), instead(trouble))
    with build_client(vendor.url, time, ClientConfig(request_timeout_seconds=0.3)) as client:
        given_file, sink = fetch_turn(client, vendor)
    assert sink.data == CONTENT
    assert (given_file.request_count, given_file.resumed_count) == (4, 1)


def test_the_store_says_when_to_come_back(vendor: ScriptedVendor, client: ExportClient, time: FakeTime) -> None:
    serve_turn(vendor, instead(Reply(503, headers={"Retry-After": "40"})))
    fetch_turn(client, vendor)
    assert sum(time.pauses) == 40
    assert max(time.pauses) <= 1


def test_a_pause_of_an_hour_is_reported_not_slept(vendor: ScriptedVendor, client: ExportClient, time: FakeTime) -> None:
    serve_turn(vendor, instead(Reply(503, headers={"Retry-After": "3600"})))
    with pytest.raises(DownloadInterrupted) as caught:
        fetch_turn(client, vendor)
    assert caught.value.retry_after_seconds == 3600
    assert time.pauses == []


@pytest.mark.parametrize(
    "config",
    [ClientConfig(download_attempts=4), ClientConfig(download_seconds=8, download_attempts=99)],
)
def test_downloads_end_after_their_bounds(vendor: ScriptedVendor, time: FakeTime, config: ClientConfig) -> None:
    serve_turn(vendor, *[cut(1)] * 99)
    with build_client(vendor.url, time, config) as client, pytest.raises(DownloadInterrupted) as caught:
        fetch_turn(client, vendor)
    assert caught.value.retryable
    assert len(vendor.asked) == 4
    assert "X-Amz" not in str(caught.value)


def test_a_download_that_drips_is_given_up(vendor: ScriptedVendor) -> None:
    serve_turn(vendor)
    moments = iter(range(0, 10_000, 50))
    client = ExportClient(
        vendor.url, lambda: "k", config=ClientConfig(download_seconds=60), monotonic=lambda: next(moments)
    )
    with client, pytest.raises(DownloadInterrupted, match="longer than the limit"):
        fetch_turn(client, vendor)


def test_a_corrupted_file_is_fetched_again(vendor: ScriptedVendor, client: ExportClient) -> None:
    serve_turn(vendor, corrupt)
    _, sink = fetch_turn(client, vendor)
    assert sink.data == CONTENT
    assert sink.restart_count == 1


@pytest.mark.parametrize(
    "wrong",
    [with_headers(Content_MD5=b64encode(bytes(16)).decode(), ETag='"5-2"'), with_headers(ETag=f'"{"0" * 32}"')],
)
def test_a_file_that_stays_corrupted_is_refused(vendor: ScriptedVendor, client: ExportClient, wrong: Fault) -> None:
    serve_turn(vendor, *[wrong] * 10)
    with pytest.raises(DownloadCorrupted) as caught:
        fetch_turn(client, vendor)
    assert caught.value.export_id == "e-1"
    assert len(vendor.asked) == 10


@pytest.mark.parametrize(
    "harmless",
    [
        with_headers(ETag=f'"{"0" * 32}-3"'),
        with_headers(ETag=f'W/"{"0" * 32}"'),
        with_headers(ETag=f'"{"0" * 32}"', x_amz_server_side_encryption="aws:kms"),
        with_headers(ETag=f'"{"0" * 32}"', x_amz_server_side_encryption_customer_algorithm="AES256"),
        with_headers(ETag='"0"', Content_MD5="not base64"),
    ],
)
def test_an_etag_that_is_no_md5_is_not_taken_for_one(
    vendor: ScriptedVendor, client: ExportClient, harmless: Fault
) -> None:
    serve_turn(vendor, harmless)
    given_file, sink = fetch_turn(client, vendor)
    assert sink.data == CONTENT
    assert not given_file.md5_verified


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(200, CONTENT, has_length=False), "without length"),
        (Reply(200, CONTENT, {"Content-Encoding": "br"}), "content coding br, which is not read here"),
        (Reply(200, CONTENT, {"Content-Encoding": "gzip, zstd"}), "content coding zstd"),
        (Reply(200, CONTENT, {"Content-Encoding": "x-secret-5161"}), "content coding unknown"),
        (Reply(405), "HTTP 405"),
        (Reply(204), "HTTP 204"),
        (Reply(304), "HTTP 304"),
        (Reply(400, b"<Error><Code>AuthorizationHeaderMalformed</Code></Error>"), "AuthorizationHeaderMalformed"),
    ],
)
def test_what_no_repetition_changes_is_tried_once(
    vendor: ScriptedVendor, client: ExportClient, reply: Reply, said: str
) -> None:
    vendor.always("GET", "/turn1.csv", reply)
    with pytest.raises(DownloadRefused, match=said) as caught:
        fetch_turn(client, vendor)
    assert not caught.value.retryable
    assert len(vendor.asked) == 1


def test_a_length_less_file_with_a_checksum_is_verified_by_it(vendor: ScriptedVendor, client: ExportClient) -> None:
    etag = {"ETag": f'"{hashlib.md5(CONTENT, usedforsecurity=False).hexdigest().upper()}"'}
    vendor.play("GET", "/turn1.csv", Reply(200, CONTENT, etag, cut_after=77, has_length=False))
    vendor.play("GET", "/turn1.csv", Reply(200, CONTENT, etag, has_length=False))
    given_file, sink = fetch_turn(client, vendor)
    assert sink.data == CONTENT
    assert given_file.md5_verified


def test_a_chunked_file_is_taken(vendor: ScriptedVendor, client: ExportClient) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    vendor.play("GET", "/turn1.csv", Reply(raw=head + b"3\r\npid\r\n"), Reply(raw=head + b"3\r\npid\r\n0\r\n\r\n"))
    given_file, sink = fetch_turn(client, vendor)
    assert (sink.data, given_file.request_count) == (b"pid", 2)


@pytest.mark.parametrize(("limit", "is_fine"), [(SIZE, True), (SIZE - 1, False)])
@pytest.mark.parametrize("has_length", [True, False])
def test_a_file_may_be_as_large_as_the_limit(
    vendor: ScriptedVendor, time: FakeTime, limit: int, is_fine: bool, has_length: bool
) -> None:
    etag = {"ETag": f'"{hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()}"'}
    vendor.always("GET", "/turn1.csv", Reply(200, CONTENT, etag, has_length=has_length))
    sink = MemorySink()
    with build_client(vendor.url, time, ClientConfig(download_bytes=limit)) as client:
        outcome = try_to_fetch(client, complete(vendor, "turn"), sink)
    if is_fine:
        assert sink.data == CONTENT
    else:
        assert isinstance(outcome, DownloadTooLarge)
        assert str(limit) in str(outcome)
    assert len(vendor.asked) == 1


def test_an_announced_length_beyond_the_limit_is_refused_at_once(vendor: ScriptedVendor, client: ExportClient) -> None:
    serve_turn(vendor, with_headers(Content_Length=str(10**15)))
    with pytest.raises(DownloadTooLarge):
        fetch_turn(client, vendor)
