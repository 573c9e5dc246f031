"""Headers that come a byte at a time: each read is in time, and all the same there is an end to it."""

import time
from dataclasses import replace

import pytest

from salted_assets.salted_cx import ApiUnavailable, ClientConfig, DownloadInterrupted, ExportStartUnknown
from salted_assets_tests.support.api_calls import COMPLETED, POST, STATUS, build_client, start
from salted_assets_tests.support.api_downloads import CONTENT, fetch_turn, serve_turn
from salted_assets_tests.support.scripted_vendor import FakeTime, Reply, ScriptedVendor, say

pytestmark = pytest.mark.slow

DRIP_SECONDS = 0.1
CONFIG = ClientConfig(request_timeout_seconds=0.5, retry_attempts=1, download_attempts=1)


def dripping(reply: Reply) -> Reply:
    return replace(reply, drip_seconds=DRIP_SECONDS)


def test_a_call_whose_headers_drip_is_given_up_in_time(vendor: ScriptedVendor) -> None:
    vendor.always("GET", STATUS, dripping(COMPLETED))
    started = time.monotonic()

    with build_client(vendor.url, FakeTime(), CONFIG) as client, pytest.raises(ApiUnavailable) as caught:
        client.status("e-1")

    assert "headers took longer than 0.5 s" in str(caught.value)
    assert time.monotonic() - started < 3


def test_a_request_for_an_export_whose_headers_drip_may_have_begun(vendor: ScriptedVendor) -> None:
    vendor.always("POST", POST, dripping(say({"exportId": "e-1"})))

    with build_client(vendor.url, FakeTime(), CONFIG) as client, pytest.raises(ExportStartUnknown):
        start(client)
    assert len(vendor.asked) == 1


def test_a_download_whose_headers_drip_is_interrupted(vendor: ScriptedVendor) -> None:
    vendor.play("GET", "/turn1.csv", dripping(Reply(200, CONTENT)))

    with build_client(vendor.url, FakeTime(), CONFIG) as client:
        with pytest.raises(DownloadInterrupted, match="headers took longer"):
            fetch_turn(client, vendor)
        serve_turn(vendor)
        assert fetch_turn(client, vendor)[1].data == CONTENT


def test_headers_that_come_in_time_are_fine_and_a_long_body_is_not_counted(vendor: ScriptedVendor) -> None:
    vendor.always("GET", "/turn1.csv", replace(Reply(200, CONTENT), drip_seconds=0.001))

    with build_client(vendor.url, FakeTime(), replace(CONFIG, request_timeout_seconds=5)) as client:
        assert fetch_turn(client, vendor)[1].data == CONTENT
