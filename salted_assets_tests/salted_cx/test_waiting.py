"""Waiting for an export: what the vendor is only late with is polled on, and what means an end ends it."""

import logging
from collections.abc import Iterable

import pytest

from salted_assets.salted_cx import (
    ClientConfig,
    ExportClient,
    ExportFailed,
    ExportNotFound,
    ExportNotReady,
    ExportStatus,
    UnexpectedResponse,
)
from salted_assets_tests.support.api_calls import COMPLETED, PROCESSING, STATUS, URLS, build_client
from salted_assets_tests.support.scripted_vendor import HTML, FakeTime, Reply, Script, ScriptedVendor, say

NOT_FOUND = Reply(404, b'{"error": "not found"}')
EMPTY = Reply(204, b"")


def in_state(word: object) -> Reply:
    return say({"exportId": "e-1", "status": word, "downloadUrls": {}, "error": None})


def completed_with(datasets: Iterable[str]) -> Reply:
    urls = {dataset: f"https://store.example/{dataset}.csv" for dataset in datasets}
    return say({"exportId": "e-1", "status": "COMPLETED", "downloadUrls": urls})


def test_an_export_that_was_just_requested_may_be_unknown_for_a_minute(
    vendor: ScriptedVendor, client: ExportClient, time: FakeTime
) -> None:
    vendor.play("GET", STATUS, *[NOT_FOUND] * 6, COMPLETED)

    assert client.wait("e-1", is_new=True) == ExportStatus("e-1", "COMPLETED", URLS)
    assert time.pauses == [1, 2, 4, 8, 16, 30]


def test_an_export_that_stays_unknown_for_longer_is_not_found(
    vendor: ScriptedVendor, client: ExportClient, time: FakeTime
) -> None:
    vendor.always("GET", STATUS, NOT_FOUND)

    with pytest.raises(ExportNotFound):
        client.wait("e-1", is_new=True)
    assert 60 < sum(time.pauses) < 100


def test_an_export_of_an_earlier_run_that_is_unknown_is_not_found_at_once(
    vendor: ScriptedVendor, client: ExportClient, time: FakeTime
) -> None:
    vendor.always("GET", STATUS, NOT_FOUND)

    with pytest.raises(ExportNotFound):
        client.wait("e-1")
    assert (len(vendor.asked), time.pauses) == (1, [])


def test_an_export_that_was_seen_may_be_unknown_for_a_moment(vendor: ScriptedVendor, client: ExportClient) -> None:
    vendor.play("GET", STATUS, PROCESSING, NOT_FOUND, NOT_FOUND, PROCESSING, NOT_FOUND, COMPLETED)

    assert client.wait("e-1").state == "COMPLETED"


@pytest.mark.parametrize("word", ["QUEUED", "queued", "Pending", "IN_PROGRESS", "RETRYING UPLOAD"])
def test_a_word_that_is_not_documented_is_polled_on_and_said_once(
    vendor: ScriptedVendor, client: ExportClient, caplog: pytest.LogCaptureFixture, word: str
) -> None:
    vendor.play("GET", STATUS, *[in_state(word)] * 9, PROCESSING, COMPLETED)

    with caplog.at_level(logging.WARNING, "salted_assets"):
        assert client.wait("e-1").state == "COMPLETED"

    [warning] = caplog.messages
    assert f"not documented: {word}." in warning


def test_a_word_that_is_not_documented_is_polled_up_to_the_limit(vendor: ScriptedVendor, time: FakeTime) -> None:
    vendor.always("GET", STATUS, in_state("QUEUED"))

    with (
        build_client(vendor.url, time, ClientConfig(wait_seconds=7200)) as client,
        pytest.raises(ExportNotReady, match="still QUEUED after 7200 s"),
    ):
        client.wait("e-1")


def test_the_limit_is_an_end_though_seconds_do_not_add_up(vendor: ScriptedVendor) -> None:
    """From 1000.1 s a rest of 30 s is left that is too short to move the clock."""
    vendor.always("GET", STATUS, PROCESSING)
    moments = [1000.1]

    with (
        ExportClient(
            vendor.url,
            lambda: "k",
            config=ClientConfig(wait_seconds=30),
            sleep=lambda seconds: moments.append(moments[-1] + seconds),
            monotonic=lambda: moments[-1] if len(moments) < 100 else 2000.0,
            random=lambda: 0.0,
        ) as client,
        pytest.raises(ExportNotReady),
    ):
        client.wait("e-1")
    assert len(vendor.asked) < 10


def test_a_word_that_is_no_word_is_not_repeated(
    vendor: ScriptedVendor, time: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "https://store.example/t.csv?X-Amz-Signature=5161"
    vendor.always("GET", STATUS, in_state(secret))

    with (
        build_client(vendor.url, time, ClientConfig(wait_seconds=10)) as client,
        pytest.raises(ExportNotReady, match="still an unreadable status after") as caught,
    ):
        client.wait("e-1")
    assert "5161" not in caplog.text + str(caught.value)


@pytest.mark.parametrize("word", ["FAILED", "Failed", "error", "CANCELLED", "canceled", "Expired", " expired "])
def test_a_word_that_means_an_end_ends_it(vendor: ScriptedVendor, client: ExportClient, word: str) -> None:
    vendor.always("GET", STATUS, in_state(word))

    with pytest.raises(ExportFailed, match=f"reports {word.strip().upper()} and gave no reason") as caught:
        client.wait("e-1")
    assert (caught.value.code, len(vendor.asked)) == (word.strip().upper(), 1)


def test_addresses_that_come_late_are_waited_for(vendor: ScriptedVendor, client: ExportClient, time: FakeTime) -> None:
    few, all_of_them = completed_with(["turn"]), completed_with(["turn", "agent"])
    vendor.play("GET", STATUS, PROCESSING, completed_with([]), few, few, all_of_them)

    status = client.wait("e-1", ["turn", "agent"])

    assert set(status.download_urls) == {"turn", "agent"}
    assert time.pauses == [1, 2, 4, 8]


def test_addresses_that_never_come_are_waited_for_a_minute(
    vendor: ScriptedVendor, client: ExportClient, time: FakeTime
) -> None:
    vendor.always("GET", STATUS, completed_with(["turn"]))

    assert set(client.wait("e-1", ["turn", "agent"]).download_urls) == {"turn"}
    assert 60 <= sum(time.pauses) < 100


def test_completed_without_a_single_address_is_no_export_of_nothing(
    vendor: ScriptedVendor, client: ExportClient, time: FakeTime
) -> None:
    vendor.always("GET", STATUS, completed_with([]))

    with pytest.raises(UnexpectedResponse, match="without downloadUrls"):
        client.wait("e-1", ["turn"])
    assert 60 <= sum(time.pauses) < 100


def test_more_addresses_than_wanted_are_not_waited_for(
    vendor: ScriptedVendor, client: ExportClient, time: FakeTime
) -> None:
    vendor.always("GET", STATUS, completed_with(["turn", "agent"]))

    client.wait("e-1", ["turn"])
    assert time.pauses == []


@pytest.mark.parametrize("stray", [EMPTY, Reply(200, b""), Reply(202, b""), HTML, Reply(200, b"<?xml?><Error/>")])
def test_a_stray_response_is_asked_again(vendor: ScriptedVendor, client: ExportClient, stray: Script) -> None:
    vendor.play("GET", STATUS, stray, PROCESSING, stray, stray, stray, COMPLETED)

    assert client.wait("e-1").state == "COMPLETED"
