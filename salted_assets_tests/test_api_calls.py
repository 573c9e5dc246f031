"""The calls of the API over a real socket: start, status, wait, history; what is repeated and what never is."""

import itertools
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from salted_assets.api import (
    ApiAddressRefused,
    ApiKeyForbidden,
    ApiKeyRejected,
    ApiKeyUnusable,
    ApiUnavailable,
    ClientLimits,
    ContactNotFound,
    EmptyInclude,
    ExportClient,
    ExportFailed,
    ExportNotFound,
    ExportNotReady,
    ExportStartUnknown,
    ExportStatus,
    InvalidDateRange,
    InvalidInclude,
    NoCustomersForContact,
    RateLimited,
    RequestRefused,
    SaltedApiError,
    UnexpectedAnswer,
)
from salted_assets_tests.scripted_vendor import (
    HANG_UP,
    HTML,
    RESET,
    SILENCE,
    FakeTime,
    Reply,
    Script,
    ScriptedVendor,
    say,
)

KEY = "key-7f3a9"
POST = "/api/v1/export"
STATUS = "/api/v1/export/e-1/status"
HISTORY = "/api/v1/export/history"
DAY = (datetime(2024, 1, 31, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC))
PROCESSING = say({"exportId": "e-1", "status": "PROCESSING", "downloadUrls": {}, "error": None})
URLS = {"turn": "https://store.example/t.csv?X-Amz-Signature=5161"}
COMPLETED = say({"exportId": "e-1", "status": "COMPLETED", "downloadUrls": URLS, "error": None})
STARTED = say({"exportId": "e-1", "statusUrl": "api/v1/export/e-1/status"})


@pytest.fixture
def vendor() -> Iterator[ScriptedVendor]:
    with ScriptedVendor() as vendor:
        yield vendor


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


def build_client(url: str, time: FakeTime, limits: ClientLimits | None = None, key: str = KEY) -> ExportClient:
    return ExportClient(
        url,
        lambda: key,
        limits=limits,
        sleep=time.sleep,
        monotonic=time.monotonic,
        now=time.now,
        random=lambda: 0.0,
    )


@pytest.fixture
def client(vendor: ScriptedVendor, time: FakeTime) -> Iterator[ExportClient]:
    with build_client(vendor.url, time) as client:
        yield client


def start(client: ExportClient) -> str:
    return client.start(*DAY, ["engagement", "turn"])


def test_start_sends_the_documented_request(vendor: ScriptedVendor, client: ExportClient) -> None:
    vendor.play("POST", POST, STARTED)
    prague = timezone(timedelta(hours=1))
    given = client.start(
        datetime(2024, 1, 31, 1, tzinfo=prague), DAY[1], ["engagement", "turn"], contact="+420 601 002 003"
    )
    assert given == "e-1"
    (asked,) = vendor.asked
    assert asked.params == {
        "from": "2024-01-31T00:00:00Z",
        "to": "2024-02-01T00:00:00Z",
        "include": "engagement,turn",
        "contact": "+420 601 002 003",
    }
    assert asked.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(("sent", "expected"), [(12345, "12345"), ("a1b2-c3", "a1b2-c3"), ("a/b c", "a/b c")])
def test_an_id_may_be_text_or_number(
    vendor: ScriptedVendor, client: ExportClient, sent: str | int, expected: str
) -> None:
    vendor.play("POST", POST, say({"exportId": sent, "statusUrl": "ignored"}))
    assert start(client) == expected


def test_an_id_is_percent_encoded_in_the_status_address(vendor: ScriptedVendor, client: ExportClient) -> None:
    path = "/api/v1/export/a%2Fb%20c%3Fd/status"
    vendor.play("GET", path, say({"exportId": "a/b c?d", "status": "PROCESSING"}))
    assert client.status("a/b c?d") == ExportStatus("a/b c?d", "PROCESSING")
    assert vendor.asked[0].target == path


@pytest.mark.parametrize("elsewhere", ["{other}/api/v1/export/e-1/status", "//evil.example/x", "/etc/passwd", 7, None])
def test_the_status_address_of_the_answer_is_never_opened(
    vendor: ScriptedVendor, client: ExportClient, elsewhere: object
) -> None:
    with ScriptedVendor() as other:
        sent = elsewhere.format(other=other.url) if isinstance(elsewhere, str) else elsewhere
        vendor.play("POST", POST, say({"exportId": "e-1", "statusUrl": sent}))
        vendor.play("GET", STATUS, COMPLETED)
        assert client.wait(start(client)).download_urls == URLS
        assert other.asked == []


@pytest.mark.parametrize(
    "lost",
    [
        HANG_UP,
        RESET,
        SILENCE,
        replace(STARTED, cut_after=5),
        Reply(500),
        Reply(502),
        Reply(504),
        Reply(599),
        Reply(408),
        HTML,
        Reply(200, b"{not json"),
        Reply(200, b""),
        say({"id": "e-1"}),
        say({"exportId": None}),
        say({"exportId": True}),
        say({"exportId": ""}),
        say({"exportId": ".."}),
        say({"exportId": "a\nb"}),
        say(["e-1"]),
        Reply(raw=b"nonsense\r\n\r\n"),
        Reply(200, b"\x1f\x8b", {"Content-Encoding": "gzip"}),
    ],
    ids=repr,
)
def test_an_order_whose_answer_was_lost_is_not_repeated(vendor: ScriptedVendor, time: FakeTime, lost: Script) -> None:
    vendor.play("POST", POST, lost, STARTED)
    limits = ClientLimits(request_timeout_seconds=0.3)
    with build_client(vendor.url, time, limits) as client, pytest.raises(ExportStartUnknown) as caught:
        start(client)
    assert len(vendor.asked) == 1
    assert not caught.value.retryable
    assert "history" in str(caught.value)
    assert "2024-01-31T00:00:00Z" in str(caught.value)


@pytest.mark.parametrize("status", [429, 503])
def test_an_order_surely_not_taken_is_repeated(
    vendor: ScriptedVendor, client: ExportClient, time: FakeTime, status: int
) -> None:
    vendor.play("POST", POST, Reply(status), Reply(status, headers={"Retry-After": "7"}), STARTED)
    assert start(client) == "e-1"
    assert time.pauses == [1.0, 7.0]


def test_an_order_that_found_no_connection_is_unavailable_not_unknown(time: FakeTime) -> None:
    with ScriptedVendor() as gone:
        url = gone.url
    with build_client(url, time) as client, pytest.raises(ApiUnavailable, match="Connection refused"):
        start(client)
    assert time.pauses == [1.0, 2.0, 4.0, 8.0, 16.0]


def test_posts_of_one_client_keep_their_distance(vendor: ScriptedVendor, time: FakeTime) -> None:
    vendor.always("POST", POST, STARTED)
    with build_client(vendor.url, time, ClientLimits(post_pause_seconds=2.5)) as client:
        threads = [threading.Thread(target=start, args=(client,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(vendor.asked) == 3
    assert time.pauses == [2.5, 2.5]


def test_start_refuses_what_cannot_be_meant(vendor: ScriptedVendor, client: ExportClient) -> None:
    with pytest.raises(ValueError, match="time zone"):
        client.start(DAY[0].replace(tzinfo=None), DAY[1], ["turn"])
    with pytest.raises(ValueError, match="dataset"):
        client.start(*DAY, [])
    assert vendor.asked == []


CODES = {
    "INVALID_DATE_RANGE": InvalidDateRange,
    "INVALID_INCLUDE": InvalidInclude,
    "EMPTY_INCLUDE": EmptyInclude,
    "CONTACT_NOT_FOUND": ContactNotFound,
    "NO_CUSTOMERS_FOR_CONTACT": NoCustomersForContact,
}
SHAPES = [
    '{"code": "%s"}',
    '{"error": {"details": [{"x": 1, "reason": "%s"}]}}',
    '["%s"]',
    '"%s"',
    "%s",
    "Bad Request: %s (see docs)",
    "<html><body>%s</body></html>",
    '{"message": "refused: %s."}',
    '\ufeff{"error": "%s"}',
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("code", CODES)
def test_each_code_has_its_error_in_whatever_shape(
    vendor: ScriptedVendor, client: ExportClient, code: str, shape: str
) -> None:
    vendor.play("POST", POST, Reply(400, (shape % code).encode()))
    with pytest.raises(RequestRefused) as caught:
        client.start(*DAY, ["turn"], contact="jana@example.com")
    assert type(caught.value) is CODES[code]
    assert caught.value.code == code
    assert code in str(caught.value)
    assert not caught.value.retryable
    assert "jana" not in str(caught.value)
    assert len(vendor.asked) == 1


def test_a_code_that_is_a_value_wins_over_one_in_a_text(vendor: ScriptedVendor, client: ExportClient) -> None:
    body = {"message": "not EMPTY_INCLUDE", "error": {"code": "INVALID_INCLUDE"}}
    vendor.play("POST", POST, say(body, 400))
    with pytest.raises(InvalidInclude):
        start(client)


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"[" * 100_000, b'{"code": "SOMETHING_NEW"}', b"MY_EMPTY_INCLUDE_2"]
)
def test_an_unknown_refusal_is_refused_without_a_code(
    vendor: ScriptedVendor, client: ExportClient, body: bytes
) -> None:
    vendor.play("POST", POST, Reply(400, body))
    with pytest.raises(RequestRefused) as caught:
        start(client)
    assert type(caught.value) is RequestRefused
    assert caught.value.code is None


PERMANENT = {401: ApiKeyRejected, 403: ApiKeyForbidden, 404: RequestRefused, 422: RequestRefused}


@pytest.mark.parametrize("status", PERMANENT)
@pytest.mark.parametrize("call", ["start", "history"])
def test_a_permanent_refusal_is_tried_once(
    vendor: ScriptedVendor, client: ExportClient, time: FakeTime, call: str, status: int
) -> None:
    vendor.always("POST", POST, Reply(status))
    vendor.always("GET", HISTORY, Reply(status))
    with pytest.raises(SaltedApiError) as caught:
        start(client) if call == "start" else client.history()
    assert type(caught.value) is PERMANENT[status]
    assert not caught.value.retryable
    assert KEY not in str(caught.value)
    assert len(vendor.asked) == 1
    assert time.pauses == []


def test_a_refused_key_is_called_by_its_name(vendor: ScriptedVendor, client: ExportClient) -> None:
    vendor.play("GET", STATUS, Reply(401))
    with pytest.raises(ApiKeyRejected, match="SALTED_API_KEY"):
        client.status("e-1")


def test_an_unknown_export_is_not_found(vendor: ScriptedVendor, client: ExportClient) -> None:
    vendor.play("GET", STATUS, Reply(404))
    with pytest.raises(ExportNotFound) as caught:
        client.status("e-1")
    assert caught.value.export_id == "e-1"
    assert str(caught.value).startswith("export e-1: ")
    assert len(vendor.asked) == 1


@pytest.mark.parametrize("key", ["", "  ", "two\nlines", "klíč", "a\x00b"])
def test_an_unusable_key_is_named_not_sent(vendor: ScriptedVendor, time: FakeTime, key: str) -> None:
    with build_client(vendor.url, time, key=key) as client, pytest.raises(ApiKeyUnusable) as caught:
        client.history()
    assert "SALTED_API_KEY" in str(caught.value)
    assert not key.strip() or key not in str(caught.value)
    assert vendor.asked == []


def test_the_key_is_read_for_each_request(vendor: ScriptedVendor) -> None:
    keys = itertools.count(1)
    vendor.always("GET", HISTORY, say([]))
    with ExportClient(vendor.url, lambda: f" key-{next(keys)}\n") as client:
        client.history()
        client.history()
    assert [asked.headers["authorization"] for asked in vendor.asked] == ["Bearer key-1", "Bearer key-2"]


@pytest.mark.parametrize(
    "trouble", [HANG_UP, RESET, SILENCE, replace(COMPLETED, cut_after=9), Reply(500), Reply(503), Reply(429)], ids=repr
)
def test_a_question_is_repeated_after_transient_trouble(
    vendor: ScriptedVendor, time: FakeTime, trouble: Script
) -> None:
    vendor.play("GET", STATUS, trouble, trouble, COMPLETED)
    with build_client(vendor.url, time, ClientLimits(request_timeout_seconds=0.3)) as client:
        assert client.status("e-1").state == "COMPLETED"
    assert time.pauses == [1.0, 2.0]


def test_questions_end_after_their_attempts(vendor: ScriptedVendor, client: ExportClient, time: FakeTime) -> None:
    vendor.always("GET", STATUS, Reply(503))
    with pytest.raises(ApiUnavailable, match="HTTP 503") as caught:
        client.status("e-1")
    assert caught.value.retryable
    assert len(vendor.asked) == 6
    assert sum(time.pauses) == 31.0


def test_questions_end_after_their_seconds(vendor: ScriptedVendor, time: FakeTime) -> None:
    vendor.always("GET", STATUS, Reply(503, headers={"Retry-After": "20"}))
    limits = ClientLimits(retry_seconds=50, retry_attempts=99)
    with build_client(vendor.url, time, limits) as client, pytest.raises(ApiUnavailable):
        client.status("e-1")
    assert time.pauses == [20.0, 20.0]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry-After": "17"}, 17.0),
        ({"Retry-After": "Wed, 31 Jan 2024 12:00:42 GMT"}, 42.0),
        ({"Retry-After": "Wed, 31 Jan 2024 15:00:09 GMT", "Date": "Wed, 31 Jan 2024 15:00:00 GMT"}, 9.0),
        ({"Retry-After": "Wed, 31 Jan 2024 11:00:00 GMT"}, 1.0),
        ({"Retry-After": "Wed, 31 Jan 2024 12:00:42 -0000"}, 42.0),
        ({"Retry-After": "Wed, 99 Jan 2024 99:99:99 GMT"}, 1.0),
        ({"Retry-After": "0"}, 1.0),
        ({"Retry-After": "soon"}, 1.0),
        ({"Retry-After": "-5"}, 1.0),
        ({"Retry-After": "1e9"}, 1.0),
    ],
)
def test_the_vendor_says_when_to_come_back(
    vendor: ScriptedVendor, client: ExportClient, time: FakeTime, headers: dict[str, str], expected: float
) -> None:
    vendor.play("GET", HISTORY, Reply(429, headers=headers), say([]))
    assert client.history() == []
    assert time.pauses == [expected]


def test_a_pause_beyond_the_bound_is_reported_not_slept(
    vendor: ScriptedVendor, client: ExportClient, time: FakeTime
) -> None:
    vendor.always("POST", POST, Reply(429, headers={"Retry-After": "3600"}))
    with pytest.raises(RateLimited, match="3600 s") as caught:
        start(client)
    assert caught.value.retry_after_seconds == 3600
    assert time.pauses == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (HTML, "HTML page"),
        (Reply(200, b"{"), "not JSON"),
        (Reply(200, b""), "not JSON"),
        (Reply(200, b"[" * 100_000), "not JSON"),
        (say([]), "not a status object"),
        (say({"exportId": "e-1", "status": "QUEUED"}), "other than"),
        (say({"exportId": "e-1"}), "other than"),
        (say({"exportId": "e-1", "status": "COMPLETED"}), "without downloadUrls"),
        (say({"exportId": "e-1", "status": "COMPLETED", "downloadUrls": None}), "without downloadUrls"),
        (say({"exportId": "e-1", "status": "COMPLETED", "downloadUrls": {}}), "without downloadUrls"),
        (say({"exportId": "e-1", "status": "COMPLETED", "downloadUrls": ["x"]}), "not an object"),
        (say({"exportId": "e-1", "status": "COMPLETED", "downloadUrls": {"turn": 1}}), "not all text"),
        (say({"exportId": "other", "status": "PROCESSING"}), "another export"),
        (say({"exportId": {}, "status": "PROCESSING"}), "readable exportId"),
        (Reply(200, b"\x1f\x8b", {"Content-Encoding": "gzip"}), "compressed"),
    ],
)
def test_an_answer_that_is_not_documented_is_said_to_be_so(
    vendor: ScriptedVendor, client: ExportClient, answer: Script, said: str
) -> None:
    vendor.always("GET", STATUS, answer)
    with pytest.raises(UnexpectedAnswer, match=said) as caught:
        client.wait("e-1")
    assert caught.value.export_id == "e-1"
    assert len(vendor.asked) == 1


def test_an_answer_is_read_up_to_its_cap(vendor: ScriptedVendor, time: FakeTime) -> None:
    exact = b'["' + b"x" * 96 + b'"]'
    vendor.play("GET", STATUS, Reply(200, exact), Reply(200, exact + b" "))
    with build_client(vendor.url, time, ClientLimits(json_bytes=100)) as client:
        with pytest.raises(UnexpectedAnswer, match="not a status object"):
            client.status("e-1")
        with pytest.raises(UnexpectedAnswer, match="more than 100 bytes"):
            client.status("e-1")


def test_an_answer_that_drips_is_given_up(vendor: ScriptedVendor, time: FakeTime) -> None:
    vendor.always("GET", STATUS, COMPLETED)
    moments = itertools.count(0, 31)
    client = ExportClient(
        vendor.url,
        lambda: KEY,
        limits=ClientLimits(retry_attempts=2),
        sleep=time.sleep,
        monotonic=lambda: float(next(moments)),
    )
    with client, pytest.raises(ApiUnavailable, match="longer than 30 s"):
        client.status("e-1")


def test_a_status_in_other_letters_and_an_id_as_number_are_understood(
    vendor: ScriptedVendor, client: ExportClient
) -> None:
    body = {"exportId": 5, "status": "completed", "downloadUrls": {**URLS, "agent": None, "review": ""}}
    vendor.play("GET", "/api/v1/export/5/status", say(body))
    assert client.status("5") == ExportStatus("5", "COMPLETED", URLS)


def test_waiting_grows_its_pauses_and_tells_its_polls(
    vendor: ScriptedVendor, client: ExportClient, time: FakeTime
) -> None:
    vendor.play("GET", STATUS, *[PROCESSING] * 7, COMPLETED)
    polls: list[tuple[int, float]] = []
    assert client.wait("e-1", lambda number, seconds: polls.append((number, seconds))).state == "COMPLETED"
    assert time.pauses == [1, 2, 4, 8, 16, 30, 30]
    assert polls == [(1, 0), (2, 1), (3, 3), (4, 7), (5, 15), (6, 31), (7, 61), (8, 91)]


def test_jitter_only_shortens_a_pause(vendor: ScriptedVendor, time: FakeTime) -> None:
    vendor.play("GET", STATUS, PROCESSING, PROCESSING, COMPLETED)
    with ExportClient(
        vendor.url, lambda: KEY, sleep=time.sleep, monotonic=time.monotonic, random=lambda: 0.5
    ) as client:
        client.wait("e-1")
    assert time.pauses == [0.875, 1.75]


def test_our_waiting_limit_is_not_the_vendors_failure(vendor: ScriptedVendor, time: FakeTime) -> None:
    vendor.always("GET", STATUS, PROCESSING)
    with build_client(vendor.url, time, ClientLimits(wait_seconds=10)) as client:
        with pytest.raises(ExportNotReady) as caught:
            client.wait("e-1")
        assert time.pauses == [1, 2, 4, 3]
        assert caught.value.retryable
        assert caught.value.export_id == "e-1"
        vendor.always("GET", STATUS, COMPLETED)
        assert client.wait("e-1").state == "COMPLETED"


def test_a_failed_export_tells_the_vendors_reason_without_personal_data(
    vendor: ScriptedVendor, client: ExportClient
) -> None:
    reason = "boom for jana@example.com, +420 601 002 003 at https://s3.example/t.csv?X-Amz-Signature=5161\x1b[31m"
    body = {"exportId": "e-1", "status": "FAILED", "downloadUrls": {}, "error": reason}
    vendor.always("GET", STATUS, say(body))
    with pytest.raises(ExportFailed) as caught:
        client.wait("e-1")
    assert "boom for [e-mail] [number] at https://s3.example/..." in str(caught.value)
    assert client.status("e-1").error == "boom for [e-mail] [number] at https://s3.example/..."


@pytest.mark.parametrize(
    ("error", "expected"),
    [(None, None), ("", None), ({"why": "x"}, '{"why": "x"}'), ("y" * 9000, "y" * 500), ("@" * 9000, None)],
)
def test_a_reason_may_have_any_shape(
    vendor: ScriptedVendor, client: ExportClient, error: object, expected: str | None
) -> None:
    vendor.play("GET", STATUS, say({"exportId": "e-1", "status": "FAILED", "error": error}))
    given = client.status("e-1").error
    assert given == expected or (expected is None and given is not None and len(given) <= 500)


def test_history_gives_what_it_can_of_each_export(vendor: ScriptedVendor, client: ExportClient) -> None:
    rows = [
        json.loads(COMPLETED.body),
        {"exportId": 7, "status": "EXPIRED", "downloadUrls": None, "error": None},
        {"exportId": "e-2", "status": "COMPLETED", "downloadUrls": {}},
        {"exportId": "e-3", "status": "FAILED", "error": "no luck"},
    ]
    vendor.play("GET", HISTORY, say(rows))
    assert client.history() == [
        ExportStatus("e-1", "COMPLETED", URLS),
        ExportStatus("7", "UNKNOWN"),
        ExportStatus("e-2", "COMPLETED"),
        ExportStatus("e-3", "FAILED", error="no luck"),
    ]


@pytest.mark.parametrize("body", [{"exports": []}, [1], [{"status": "FAILED"}]])
def test_history_of_another_shape_is_refused(vendor: ScriptedVendor, client: ExportClient, body: object) -> None:
    vendor.play("GET", HISTORY, say(body))
    with pytest.raises(UnexpectedAnswer):
        client.history()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("call", ["start", "history"])
def test_the_key_follows_no_redirect(vendor: ScriptedVendor, client: ExportClient, call: str, status: int) -> None:
    with ScriptedVendor() as other:
        moved = Reply(status, headers={"Location": f"{other.url}/api/v1/export/history"})
        vendor.play("POST", POST, moved)
        vendor.play("GET", HISTORY, moved)
        with pytest.raises(ApiAddressRefused, match="redirect"):
            start(client) if call == "start" else client.history()
        assert other.asked == []
    assert len(vendor.asked) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://api.eu.salted.cx",
        "http://127.0.0.1.evil.example",
        "http://127.0.0.1@evil.example",
        "https://user:pass-word@api.eu.salted.cx",
        "https://api.eu.salted.cx/api/v1",
        "https://api.eu.salted.cx?x=signed",
        "https://api.eu.salted.cx#x",
        "ftp://127.0.0.1",
        "api.eu.salted.cx",
        "https://",
        "https://api\\.evil.example",
        "https://api.eu.salted.cx:port",
        "",
    ],
)
def test_an_unsafe_origin_is_refused(url: str) -> None:
    with pytest.raises(ApiAddressRefused) as caught:
        ExportClient(url, lambda: KEY)
    assert "pass-word" not in str(caught.value)
    assert "signed" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.eu.salted.cx/", "https://api.eu.salted.cx"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        (" https://api.eu.salted.cx:8443\n", "https://api.eu.salted.cx:8443"),
    ],
)
def test_a_safe_origin_is_taken(url: str, expected: str) -> None:
    with ExportClient(url, lambda: KEY) as client:
        assert repr(client) == f"ExportClient('{expected}')"


def test_a_loopback_api_is_reached_past_every_proxy(
    vendor: ScriptedVendor, time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor.play("GET", HISTORY, say([]))
    with ScriptedVendor() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        with build_client(vendor.url, time) as client:
            assert client.history() == []
        assert proxy.asked == []


def test_cookies_are_not_kept(vendor: ScriptedVendor, client: ExportClient) -> None:
    vendor.play("GET", HISTORY, say([], Set_Cookie="session=1; Path=/"), say([]))
    client.history()
    client.history()
    assert "cookie" not in vendor.asked[1].headers


@pytest.mark.parametrize("field", ["retry_attempts", "wait_seconds", "download_bytes"])
def test_limits_that_limit_nothing_are_refused(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        ClientLimits(**{field: 0})
