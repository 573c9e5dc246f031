"""The house that the visitors come to, and a visitor for each test. Not here: how either is made."""

from collections.abc import Iterator
from typing import Any

import pytest

from salted_assets_tests.browser.demo_house import House, running_house
from salted_assets_tests.browser.visitor import Visitor, running_browser, visiting


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="session")
def house(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The UI over three days of the simulator that a person has just had made by clicks; the first day is spoiled."""
    with running_house(tmp_path_factory.mktemp("house"), browser) as house:
        yield house


@pytest.fixture
def visitor(browser: Any, house: House) -> Iterator[Visitor]:
    with visiting(browser, house.url) as visitor:
        yield visitor
