"""A vendor that follows a script, a time that is injected, and a client of both."""

from collections.abc import Iterator

import pytest

from salted_assets.salted_cx import ExportClient
from salted_assets_tests.support.api_calls import build_client
from salted_assets_tests.support.scripted_vendor import FakeTime, ScriptedVendor


@pytest.fixture
def vendor() -> Iterator[ScriptedVendor]:
    with ScriptedVendor() as vendor:
        yield vendor


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def client(vendor: ScriptedVendor, time: FakeTime) -> Iterator[ExportClient]:
    with build_client(vendor.url, time) as client:
        yield client
