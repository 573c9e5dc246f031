"""Downloads over a real socket: whole and verified, or a clear error; resumed, renewed, never with the key."""

import hashlib
import threading
from base64 import b64encode
from collections.abc import Iterator, Sequence
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from salted_assets.api import (
    ApiUnavailable,
    ClientLimits,
    DownloadAddressExpired,
    DownloadAddressRefused,
    DownloadCorrupted,
    Downloaded,
    DownloadFailed,
    DownloadInterrupted,
    DownloadRefused,
    DownloadReport,
    DownloadTooLarge,
    ExportClient,
    ExportNotFound,
    ExportStatus,
    Sink,
)
from salted_assets_tests.scripted_vendor import (
    HANG_UP,
    HTML,
    RESET,
    SILENCE,
    FakeTime,
    Fault,
    MemorySink,
    Reply,
    Script,
    ScriptedVendor,
    StoredFile,
    corrupt,
    cut,
    instead,
    say,
    with_headers,
)

STATUS = "/api/v1/export/e-1/status"
CONTENT = "pid,content\n1,žluťoučký 🐎\n".encode() * 400
SIZE = len(CONTENT)
EXPIRED = Reply(403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")
LOOKALIKE = Reply(400, b"<Error><Code>AccessDenied</Code><Expires>2024</Expires></Error>")


@pytest.fixture
def vendor() -> Iterator[ScriptedVendor]:
    with ScriptedVendor() as vendor:
        yield vendor


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def client(vendor: ScriptedVendor, time: FakeTime) -> Iterator[ExportClient]:
    with build_client(vendor, time) as client:
        yield client


def build_client(vendor: ScriptedVendor, time: FakeTime, limits: ClientLimits | None = None) -> ExportClient:
    return ExportClient(
        vendor.url,
        lambda: "key-7f3a9",
        limits=limits,
        sleep=time.sleep,
        monotonic=time.monotonic,
        now=time.now,
        random=lambda: 0.0,
    )


def complete(vendor: ScriptedVendor, *datasets: str, number: int = 1) -> ExportStatus:
    urls = {name: f"{vendor.url}/{name}{number}.csv?X-Amz-Signature=51%2F61+a%3D" for name in datasets}
    return ExportStatus("e-1", "COMPLETED", urls)


def tell(status: ExportStatus) -> Reply:
    return say({"exportId": "e-1", "status": status.state, "downloadUrls": dict(status.download_urls)})


def fetch_turn(client: ExportClient, vendor: ScriptedVendor) -> tuple[Downloaded, MemorySink]:
    sink = MemorySink()
    report = client.download(complete(vendor, "turn"), {"turn": lambda: sink})
    return report.files["turn"], sink


def serve_turn(vendor: ScriptedVendor, *faults: Fault, content: bytes = CONTENT) -> None:
    vendor.always("GET", "/turn1.csv", StoredFile(content, *faults))


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
def test_a_part_that_does_not_fit_begins_the_file_anew(
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


def test_a_file_that_changed_meanwhile_is_taken_anew(vendor: ScriptedVendor, client: ExportClient) -> None:
    vendor.play("GET", "/turn1.csv", StoredFile(CONTENT[::-1], cut(5000)))
    serve_turn(vendor)
    _, sink = fetch_turn(client, vendor)
    assert sink.data == CONTENT


@pytest.mark.parametrize("etag", ["", 'W/"1"', "unquoted"])
def test_without_a_strong_etag_a_cut_file_begins_anew(vendor: ScriptedVendor, client: ExportClient, etag: str) -> None:
    vendor.always("GET", "/turn1.csv", StoredFile(CONTENT, cut(5000), etag=etag))
    given_file, sink = fetch_turn(client, vendor)
    assert sink.data == CONTENT
    assert "range" not in vendor.asked[1].headers
    assert (sink.restart_count, given_file.md5_verified) == (1, False)


@pytest.mark.parametrize("trouble", [HANG_UP, RESET, SILENCE, Reply(500), Reply(503), Reply(429), HTML], ids=repr)
def test_a_download_is_repeated_after_transient_trouble(vendor: ScriptedVendor, time: FakeTime, trouble: Reply) -> None:
    serve_turn(vendor, instead(trouble), cut(10), instead(trouble))
    with build_client(vendor, time, ClientLimits(request_timeout_seconds=0.3)) as client:
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
    "limits",
    [ClientLimits(download_attempts=4), ClientLimits(download_seconds=8, download_attempts=99)],
)
def test_downloads_end_after_their_bounds(vendor: ScriptedVendor, time: FakeTime, limits: ClientLimits) -> None:
    serve_turn(vendor, *[cut(1)] * 99)
    with build_client(vendor, time, limits) as client, pytest.raises(DownloadInterrupted) as caught:
        fetch_turn(client, vendor)
    assert caught.value.retryable
    assert len(vendor.asked) == 4
    assert "X-Amz" not in str(caught.value)


def test_a_download_that_drips_is_given_up(vendor: ScriptedVendor) -> None:
    serve_turn(vendor)
    moments = iter(range(0, 10_000, 50))
    client = ExportClient(
        vendor.url, lambda: "k", limits=ClientLimits(download_seconds=60), monotonic=lambda: next(moments)
    )
    with client, pytest.raises(DownloadInterrupted, match="longer than the limit"):
        fetch_turn(client, vendor)


def test_a_corrupted_file_is_fetched_anew(vendor: ScriptedVendor, client: ExportClient) -> None:
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
        (Reply(200, CONTENT, {"Content-Encoding": "gzip"}), "compressed"),
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
    with build_client(vendor, time, ClientLimits(download_bytes=limit)) as client:
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
    with pytest.raises(DownloadAddressExpired, match="AccessDenied") as caught:
        fetch_turn(client, vendor)
    assert not caught.value.retryable
    assert "X-Amz" not in str(caught.value)
    assert [asked.path for asked in vendor.asked] == ["/turn1.csv", STATUS]


def test_renewals_are_bounded(vendor: ScriptedVendor, client: ExportClient) -> None:
    for number in range(1, 20):
        vendor.always("GET", f"/turn{number}.csv", EXPIRED)
        vendor.play("GET", STATUS, tell(complete(vendor, "turn", number=number + 1)))
    with pytest.raises(DownloadAddressExpired, match="renewals"):
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
    with pytest.raises(DownloadAddressRefused) as caught:
        client.download(ExportStatus("e-1", "COMPLETED", {"turn": address}), {"turn": MemorySink})
    assert "X-Amz" not in str(caught.value)
    assert vendor.asked == []


@pytest.mark.parametrize("address", UNSAFE[:-1])
def test_an_unsafe_redirect_is_not_followed(vendor: ScriptedVendor, client: ExportClient, address: str) -> None:
    vendor.always("GET", "/turn1.csv", Reply(302, headers={"Location": address}))
    with pytest.raises(DownloadAddressRefused) as caught:
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
    with pytest.raises(DownloadAddressRefused, match="more than 3"):
        fetch_turn(client, vendor)
    assert len(vendor.asked) == 4


def test_beside_a_remote_api_loopback_is_as_unsafe_as_any_plain_http(vendor: ScriptedVendor) -> None:
    with ExportClient("https://api.example", lambda: "k") as client, pytest.raises(DownloadAddressRefused):
        fetch_turn(client, vendor)
    assert vendor.asked == []


class FullDisk(MemorySink):
    def write(self, data: bytes) -> None:
        del data
        raise OSError(28, "No space left on device")


def test_a_full_disk_breaks_off_the_others(vendor: ScriptedVendor, time: FakeTime) -> None:
    serve_turn(vendor)
    made: list[Sink] = []

    def make_sink() -> Sink:
        made.append(MemorySink())
        return made[-1]

    limits = ClientLimits(concurrent_downloads=1)
    with build_client(vendor, time, limits) as client, pytest.raises(OSError, match="No space"):
        client.download(complete(vendor, "turn", "review"), {"turn": FullDisk, "review": make_sink})
    assert len(vendor.asked) == 1
    assert made == []


def test_a_failure_does_not_wait_for_another_files_pause(vendor: ScriptedVendor) -> None:
    pauses: list[float] = []

    def sleep_a_little(seconds: float) -> None:
        pauses.append(seconds)
        threading.Event().wait(0.05)

    serve_turn(vendor)
    vendor.always("GET", "/agent1.csv", Reply(503, headers={"Retry-After": "250"}))
    sinks = {"agent": MemorySink, "turn": FullDisk}
    with (
        ExportClient(vendor.url, lambda: "k", sleep=sleep_a_little) as client,
        pytest.raises(OSError, match="No space"),
    ):
        client.download(complete(vendor, "agent", "turn"), sinks)
    assert sum(pauses) < 250


def test_of_two_errors_the_one_is_told_that_no_retry_mends(vendor: ScriptedVendor, time: FakeTime) -> None:
    together = threading.Barrier(2, timeout=20)

    def meet(reply: Reply) -> Script:
        return lambda _: (together.wait(), reply)[1]

    vendor.always("GET", "/agent1.csv", meet(Reply(503)))
    vendor.always("GET", "/turn1.csv", meet(Reply(405)))
    sinks = {"agent": MemorySink, "turn": MemorySink}
    with build_client(vendor, time, ClientLimits(download_attempts=1)) as client, pytest.raises(DownloadRefused):
        client.download(complete(vendor, "agent", "turn"), sinks)


def test_an_interrupt_reaches_the_caller(vendor: ScriptedVendor, client: ExportClient) -> None:
    def interrupt() -> Sink:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.download(complete(vendor, "turn"), {"turn": interrupt})


RENEWABLE = [instead(EXPIRED), instead(LOOKALIKE)]
TRANSIENT = [
    cut(0),
    cut(1),
    cut(SIZE - 1),
    cut(7000, is_reset=True),
    corrupt,
    instead(HANG_UP),
    instead(RESET),
    instead(HTML),
    instead(Reply(500)),
    instead(Reply(503, headers={"Retry-After": "2"})),
    instead(Reply(429)),
    instead(Reply(416)),
    instead(Reply(206, CONTENT[:9], {"Content-Range": f"bytes 0-8/{SIZE}"})),
    with_headers(ETag='"another"'),
]
FINAL = [instead(Reply(405)), instead(Reply(302, headers={"Location": "http://evil.example/"}))]


@pytest.fixture(scope="module")
def lasting_vendor() -> Iterator[ScriptedVendor]:
    with ScriptedVendor() as vendor:
        yield vendor


def try_to_fetch(client: ExportClient, status: ExportStatus, sink: MemorySink) -> Downloaded | DownloadFailed:
    try:
        return client.download(status, {"turn": lambda: sink}).files["turn"]
    except DownloadFailed as error:
        return error


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    faults=st.lists(st.sampled_from([*TRANSIENT, *RENEWABLE, *FINAL]), max_size=12),
    knows_ranges=st.booleans(),
)
def test_after_any_faults_a_file_is_byte_identical_or_absent_with_a_clear_error(
    lasting_vendor: ScriptedVendor, faults: Sequence[Fault], knows_ranges: bool
) -> None:
    vendor, sink = lasting_vendor, MemorySink()
    vendor.asked.clear()
    store = StoredFile(CONTENT, *faults, knows_ranges=knows_ranges)
    for number in range(1, 16):
        vendor.always("GET", f"/turn{number}.csv", store)
    numbers = iter(range(2, 99))
    vendor.always("GET", STATUS, lambda _: tell(complete(vendor, "turn", number=next(numbers))))
    with build_client(vendor, FakeTime()) as client:
        outcome = try_to_fetch(client, complete(vendor, "turn"), sink)
    if isinstance(outcome, DownloadFailed):
        assert faults
        assert "X-Amz" not in str(outcome)
        assert outcome.hint
    else:
        assert sink.data == CONTENT
        assert (outcome.byte_count, outcome.sha256) == (SIZE, hashlib.sha256(CONTENT).hexdigest())
    assert len(vendor.asked) <= 10 + 2 * 5
    assert all("authorization" not in asked.headers for asked in vendor.asked if asked.path != STATUS)
