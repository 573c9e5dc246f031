"""Refusals and trouble of the API over a real socket: what each means, what is repeated and for how long."""

import itertools
from dataclasses import replace

import pytest

from salted_assets.salted_cx import (
    ApiKeyForbidden,
    ApiKeyRejected,
    ApiKeyUnusable,
    ApiUnavailable,
    ClientConfig,
    ContactNotFound,
    EmptyInclude,
    ExportClient,
    ExportNotFound,
    InvalidDateRange,
    InvalidInclude,
    NoCustomersForContact,
    RateLimited,
    RequestRefused,
    SaltedApiError,
    UnexpectedResponse,
)
from salted_assets_tests.support.api_calls import COMPLETED, DAY, HISTORY, KEY, POST, STATUS, build_client, start
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
    with build_client(vendor.url, time, ClientConfig(request_timeout_seconds=0.3)) as client:
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
    config = ClientConfig(retry_seconds=50, retry_attempts=99)
    with build_client(vendor.url, time, config) as client, pytest.raises(ApiUnavailable):
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
        (HTML, "page"),
        (Reply(200, b"{"), "not JSON"),
        (Reply(200, b""), "without a body"),
        (Reply(204, b""), "without a body"),
        (Reply(200, b"<?xml version='1.0'?><Error/>"), "page"),
        (Reply(200, b"[" * 100_000), "not JSON"),
        (say([]), "not a status object"),
        (say({"exportId": "e-1"}), "without a status"),
        (say({"exportId": "e-1", "status": None}), "without a status"),
        (say({"exportId": "e-1", "status": "COMPLETED"}), "without downloadUrls"),
        (say({"exportId": "e-1", "status": "COMPLETED", "downloadUrls": None}), "without downloadUrls"),
        (say({"exportId": "e-1", "status": "COMPLETED", "downloadUrls": {}}), "without downloadUrls"),
        (say({"exportId": "e-1", "status": "COMPLETED", "downloadUrls": ["x"]}), "not an object"),
        (say({"exportId": "e-1", "status": "COMPLETED", "downloadUrls": {"turn": 1}}), "not all text"),
        (say({"exportId": "other", "status": "PROCESSING"}), "another export"),
        (say({"exportId": {}, "status": "PROCESSING"}), "readable exportId"),
        (Reply(200, b"\x1f\x8b", {"Content-Encoding": "gzip"}), "cannot be decoded"),
    ],
)
def test_an_answer_that_is_not_documented_is_said_to_be_so(
    vendor: ScriptedVendor, client: ExportClient, answer: Script, said: str
) -> None:
    vendor.always("GET", STATUS, answer)
    with pytest.raises(UnexpectedResponse, match=said) as caught:
        client.wait("e-1")
    assert caught.value.export_id == "e-1"


def test_an_answer_is_read_up_to_its_cap(vendor: ScriptedVendor, time: FakeTime) -> None:
    exact = b'["' + b"x" * 96 + b'"]'
    vendor.play("GET", STATUS, Reply(200, exact))
    vendor.always("GET", STATUS, Reply(200, exact + b" "))
    with build_client(vendor.url, time, ClientConfig(json_bytes=100)) as client:
        with pytest.raises(UnexpectedResponse, match="not a status object"):
            client.status("e-1")
        with pytest.raises(UnexpectedResponse, match="more than 100 bytes"):
            client.status("e-1")


def test_an_answer_that_drips_is_given_up(vendor: ScriptedVendor, time: FakeTime) -> None:
    vendor.always("GET", STATUS, COMPLETED)
    moments = itertools.count(0, 31)
    client = ExportClient(
        vendor.url,
        lambda: KEY,
        config=ClientConfig(retry_attempts=2),
        sleep=time.sleep,
        monotonic=lambda: float(next(moments)),
    )
    with client, pytest.raises(ApiUnavailable, match="longer than 30 s"):
        client.status("e-1")
