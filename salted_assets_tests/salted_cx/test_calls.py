"""The calls of the API over a real socket: start, status, wait, history; what is repeated and what never is."""

import json
import threading
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from salted_assets.salted_cx import (
    ApiUnavailable,
    ApiUrlRefused,
    ClientConfig,
    ExportClient,
    ExportFailed,
    ExportNotReady,
    ExportStartUnknown,
    ExportStatus,
    UnexpectedResponse,
)
from salted_assets_tests.support.api_calls import (
    COMPLETED,
    DAY,
    HISTORY,
    KEY,
    POST,
    PROCESSING,
    STATUS,
    URLS,
    build_client,
    start,
)
from salted_assets_tests.support.scripted_vendor import (
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

STARTED = say({"exportId": "e-1", "statusUrl": "api/v1/export/e-1/status"})


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
def test_a_request_whose_answer_was_lost_is_not_repeated(vendor: ScriptedVendor, time: FakeTime, lost: Script) -> None:
    vendor.play("POST", POST, lost, STARTED)
    config = ClientConfig(request_timeout_seconds=0.3)
    with build_client(vendor.url, time, config) as client, pytest.raises(ExportStartUnknown) as caught:
        start(client)
    assert len(vendor.asked) == 1
    assert not caught.value.retryable
    assert "history" in str(caught.value)
    assert "2024-01-31T00:00:00Z" in str(caught.value)


@pytest.mark.parametrize("status", [429, 503])
def test_a_request_surely_not_taken_is_repeated(
    vendor: ScriptedVendor, client: ExportClient, time: FakeTime, status: int
) -> None:
    vendor.play("POST", POST, Reply(status), Reply(status, headers={"Retry-After": "7"}), STARTED)
    assert start(client) == "e-1"
    assert time.pauses == [1.0, 7.0]


def test_a_request_that_found_no_connection_is_unavailable_not_unknown(time: FakeTime) -> None:
    with ScriptedVendor() as gone:
        url = gone.url
    with build_client(url, time) as client, pytest.raises(ApiUnavailable, match="Connection refused"):
        start(client)
    assert time.pauses == [1.0, 2.0, 4.0, 8.0, 16.0]


def test_posts_of_one_client_keep_their_distance(vendor: ScriptedVendor, time: FakeTime) -> None:
    vendor.always("POST", POST, STARTED)
    with build_client(vendor.url, time, ClientConfig(min_export_interval_seconds=2.5)) as client:
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


def test_a_status_in_other_letters_and_an_id_as_number_are_understood(
    vendor: ScriptedVendor, client: ExportClient
) -> None:
    body = {"exportId": 5, "status": "completed", "downloadUrls": {**URLS, "agent": None, "review": ""}}
    vendor.play("GET", "/api/v1/export/5/status", say(body))
    assert client.status("5") == ExportStatus("5", "COMPLETED", URLS)


def test_waiting_grows_its_pauses(vendor: ScriptedVendor, client: ExportClient, time: FakeTime) -> None:
    vendor.play("GET", STATUS, *[PROCESSING] * 7, COMPLETED)
    assert client.wait("e-1").state == "COMPLETED"
    assert time.pauses == [1, 2, 4, 8, 16, 30, 30]


def test_jitter_only_shortens_a_pause(vendor: ScriptedVendor, time: FakeTime) -> None:
    vendor.play("GET", STATUS, PROCESSING, PROCESSING, COMPLETED)
    with ExportClient(
        vendor.url, lambda: KEY, sleep=time.sleep, monotonic=time.monotonic, random=lambda: 0.5
    ) as client:
        client.wait("e-1")
    assert time.pauses == [0.875, 1.75]


def test_our_waiting_limit_is_not_the_vendors_failure(vendor: ScriptedVendor, time: FakeTime) -> None:
    vendor.always("GET", STATUS, PROCESSING)
    with build_client(vendor.url, time, ClientConfig(wait_seconds=10)) as client:
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
        ExportStatus("7", "FAILED"),
        ExportStatus("e-2", "COMPLETED"),
        ExportStatus("e-3", "FAILED", error="no luck"),
    ]


@pytest.mark.parametrize("body", [{"exports": []}, [1], [{"status": "FAILED"}]])
def test_history_of_another_shape_is_refused(vendor: ScriptedVendor, client: ExportClient, body: object) -> None:
    vendor.play("GET", HISTORY, say(body))
    with pytest.raises(UnexpectedResponse):
        client.history()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("call", ["start", "history"])
def test_the_key_follows_no_redirect(vendor: ScriptedVendor, client: ExportClient, call: str, status: int) -> None:
    with ScriptedVendor() as other:
        moved = Reply(status, headers={"Location": f"{other.url}/api/v1/export/history"})
        vendor.play("POST", POST, moved)
        vendor.play("GET", HISTORY, moved)
        with pytest.raises(ApiUrlRefused, match="redirect"):
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
    with pytest.raises(ApiUrlRefused) as caught:
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
        ClientConfig(**{field: 0})
