"""The demo that the visitors come to, and a visitor for each test."""

from collections.abc import Iterator
from typing import Any

import pytest

from salted_assets_tests.support.browser import Visitor, running_browser, visiting
from salted_assets_tests.support.demo_browser import DemoUi, running_demo


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def demo(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoUi]:
    """The UI over three days of the simulator that a person has just had made by clicks; the first day is spoiled."""
    with running_demo(tmp_path_factory.mktemp("demo"), browser) as demo:
        yield demo


@pytest.fixture
def visitor(browser: Any, demo: DemoUi) -> Iterator[Visitor]:
    with visiting(browser, demo.url) as visitor:
        yield visitor
