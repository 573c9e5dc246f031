"""No key, no signature, no contact value in anything that the client says, at DEBUG, in good and bad runs."""

import logging
import pickle
import traceback
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.salted_cx import (
    ClientConfig,
    ExportClient,
    ExportStatus,
    RateLimited,
    SaltedApiError,
    describe_url,
    exceptions,
)
from salted_assets_tests.support.scripted_vendor import (
    HANG_UP,
    HTML,
    RESET,
    FakeTime,
    MemorySink,
    Reply,
    ScriptedVendor,
    StoredFile,
    cut,
    say,
)

KEY = "sk-UNMISTAKABLE-KEY"
SIGNATURE = "UNMISTAKABLESIGNATURE"
CONTACT = "unmistakable.person@example.com"
SECRETS = ("UNMISTAKABLE", "unmistakable")
DAY = (datetime(2024, 1, 31, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC))
ECHO = f"{CONTACT} {KEY} https://s3.example/{SIGNATURE}?X-Amz-Signature={SIGNATURE}"

Call = Callable[[ExportClient, str], object]


def request(client: ExportClient, _url: str) -> object:
    return client.start(*DAY, ["turn"], contact=CONTACT)


def ask(client: ExportClient, _url: str) -> object:
    return client.wait("e-1")


def look_back(client: ExportClient, _url: str) -> object:
    return client.history()


def download(client: ExportClient, url: str) -> object:
    address = f"{url}/turn.csv?X-Amz-Signature={SIGNATURE}"
    return client.download(ExportStatus("e-1", "COMPLETED", {"turn": address}), {"turn": MemorySink})


CALLS: dict[str, Call] = {"start": request, "wait": ask, "history": look_back, "download": download}
REPLIES = {
    "hang-up": HANG_UP,
    "reset": RESET,
    "html": HTML,
    "nonsense": Reply(raw=f"{ECHO}\r\n\r\n".encode()),
    "bad header": Reply(raw=f"HTTP/1.1 200 OK\r\n{ECHO}\r\n\r\n".encode()),
    "echo": Reply(200, ECHO.encode()),
    "json echo": say({"exportId": {"x": ECHO}, "status": ECHO, "downloadUrls": [ECHO], "error": ECHO}),
    "redirect": Reply(302, headers={"Location": f"http://evil.example/{SIGNATURE}?{SIGNATURE}", "X-Echo": ECHO}),
    "bad redirect": Reply(302, headers={"Location": f"http://evil.example:port/{SIGNATURE}"}),
    "cut": Reply(200, ECHO.encode(), {"ETag": f'"{SIGNATURE}"'}, cut_after=9),
    "compressed": Reply(200, b"x", {"Content-Encoding": SIGNATURE}),
    **{
        str(status): Reply(status, ECHO.encode(), {"Set-Cookie": SIGNATURE})
        for status in (400, 401, 403, 404, 429, 500)
    },
}


def assert_silent(text: str) -> None:
    assert not any(secret in text for secret in SECRETS), text


def render_chain(error: BaseException) -> str:
    """Everything that a log, a database or an error report could show of an error and of those it came from."""
    seen: list[str] = []
    link: BaseException | None = error
    while link is not None:
        seen += [str(link), repr(link), repr(link.args), repr(vars(link))]
        link = link.__cause__ or link.__context__
    return "\n".join([*seen, *traceback.format_exception(error)])


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("call", CALLS)
def test_a_bad_run_tells_no_secret(
    vendor: ScriptedVendor, caplog: pytest.LogCaptureFixture, call: str, reply: str
) -> None:
    caplog.set_level(logging.DEBUG)
    for method, path in (
        ("POST", "/api/v1/export"),
        ("GET", "/api/v1/export/e-1/status"),
        ("GET", "/api/v1/export/history"),
        ("GET", "/turn.csv"),
    ):
        vendor.always(method, path, REPLIES[reply])
    time = FakeTime()
    with ExportClient(vendor.url, lambda: KEY, sleep=time.sleep, monotonic=time.monotonic) as client:
        try:
            CALLS[call](client, vendor.url)
        except SaltedApiError as error:
            said = render_chain(error)
            is_ours = error.__cause__ is None and error.__context__ is None
        else:
            said, is_ours = "", True
        assert_silent(repr(client))
    assert_silent(said)
    assert is_ours, "the library's exception, with its request, hangs on the error"
    assert_silent(caplog.text)
    assert vendor.asked


def test_a_good_run_tells_no_secret(vendor: ScriptedVendor, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    status = {
        "exportId": "e-1",
        "status": "COMPLETED",
        "downloadUrls": {"turn": f"{vendor.url}/turn.csv?X-Amz-Signature={SIGNATURE}"},
    }
    vendor.play("POST", "/api/v1/export", Reply(503), say({"exportId": "e-1"}, X_Echo=KEY))
    vendor.always("GET", "/api/v1/export/e-1/status", say(status))
    vendor.always("GET", "/api/v1/export/history", say([status]))
    vendor.always("GET", "/turn.csv", StoredFile(b"x" * 999, cut(9)))
    time = FakeTime()
    with ExportClient(vendor.url, lambda: KEY, sleep=time.sleep, monotonic=time.monotonic) as client:
        given_status = client.wait(client.start(*DAY, ["turn"], contact=CONTACT))
        report = client.download(given_status, {"turn": MemorySink})
        assert_silent(repr([given_status, report, client.history(), client]))
    assert_silent(caplog.text)
    ours = [record for record in caplog.records if record.name.startswith("salted_assets")]
    assert len(ours) == 2, "one retry of the request and one of the download are logged"


def test_the_silence_is_ours_alone(vendor: ScriptedVendor, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    vendor.always("GET", "/api/v1/export/history", say([]))
    with ExportClient(vendor.url, lambda: KEY) as client:
        client.history()
    assert not [record for record in caplog.records if record.name.startswith("http")]
    with httpx.Client(trust_env=False) as other:
        other.get(f"{vendor.url}/api/v1/export/history")
    assert [record for record in caplog.records if record.name == "httpx"]
    assert [record for record in caplog.records if record.name.startswith("httpcore")]


def test_every_error_says_what_next_and_survives_pickling() -> None:
    classes = [
        kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, SaltedApiError)
    ]
    assert len(classes) == 27
    for kind in classes:
        error = kind("GET /x was answered with HTTP 500", export_id="e-1", code="C", hint="Look.")
        again = pickle.loads(pickle.dumps(error))
        assert str(again) == str(error)
        assert str(error).startswith("export e-1: GET /x was answered with HTTP 500 (C). ")
        assert ("later retry may help" in str(error)) == kind.retryable
        assert (kind.__doc__ or "").strip()
        assert kind.__name__ in (exceptions.__doc__ or ""), "the tree in the module's docstring is whole"
    assert RateLimited("x").hint == RateLimited.default_hint


@given(st.text())
def test_any_text_may_be_described(text: str) -> None:
    given = describe_url(text)
    assert "?" not in given
    assert "@" not in given


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://s3.eu-west-1.amazonaws.com/b/t.csv?X-Amz-Signature=1", "https://s3.eu-west-1.amazonaws.com"),
        ("http://user:pw@127.0.0.1:9000/x#y", "http://127.0.0.1:9000"),
        ("http://[::1]:9000/x", "http://[::1]:9000"),
        ("/only/a/path?secret", "an unreadable address"),
    ],
)
def test_an_address_is_described_by_its_host(address: str, expected: str) -> None:
    assert describe_url(address) == expected


def test_a_reached_limit_tells_no_secret(vendor: ScriptedVendor) -> None:
    vendor.always("GET", "/turn.csv", Reply(200, b"x" * 99))
    with ExportClient(vendor.url, lambda: KEY, config=ClientConfig(download_bytes=9)) as client:
        with pytest.raises(SaltedApiError) as caught:
            download(client, vendor.url)
        assert_silent(render_chain(caught.value))
