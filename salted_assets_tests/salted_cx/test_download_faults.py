"""Downloads under faults: of several errors the one that matters is raised, and a file is whole or absent."""

import hashlib
import threading
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from salted_assets.salted_cx import (
    ClientConfig,
    DownloadFailed,
    DownloadRefused,
    ExportClient,
    Sink,
)
from salted_assets_tests.support.api_calls import STATUS, build_client
from salted_assets_tests.support.api_downloads import (
    CONTENT,
    EXPIRED,
    LOOKALIKE,
    SIZE,
    complete,
    serve_turn,
    tell,
    try_to_fetch,
)
from salted_assets_tests.support.scripted_vendor import (
    HANG_UP,
    HTML,
    RESET,
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
    with_headers,
)


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

    config = ClientConfig(concurrent_downloads=1)
    with build_client(vendor.url, time, config) as client, pytest.raises(OSError, match="No space"):
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


def test_of_two_errors_the_one_is_raised_that_no_retry_mends(vendor: ScriptedVendor, time: FakeTime) -> None:
    together = threading.Barrier(2, timeout=20)

    def meet(reply: Reply) -> Script:
        return lambda _: (together.wait(), reply)[1]

    vendor.always("GET", "/agent1.csv", meet(Reply(503)))
    vendor.always("GET", "/turn1.csv", meet(Reply(405)))
    sinks = {"agent": MemorySink, "turn": MemorySink}
    with build_client(vendor.url, time, ClientConfig(download_attempts=1)) as client, pytest.raises(DownloadRefused):
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


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
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
    with build_client(vendor.url, FakeTime()) as client:
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
