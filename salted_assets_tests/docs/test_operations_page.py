"""The operator's page names every error there is and none that is not, and says of each what the code does."""

import re
from collections.abc import Iterator
from types import ModuleType

import pytest

from salted_assets.cli.runner import FATAL_ERRORS
from salted_assets.defs.asset_keys import EXPORT_HISTORY
from salted_assets.defs.instance import home as home_errors
from salted_assets.defs.retries import KNOWN_ERRORS, RETRY_POLICY
from salted_assets.ingest import exceptions as ingest_errors
from salted_assets.landing import exceptions as landing_errors
from salted_assets.privacy import exceptions as erasure_errors
from salted_assets.salted_cx import exceptions as api_errors
from salted_assets.schemas.export_history import ExportHistory
from salted_assets.warehouse import exceptions as warehouse_errors
from salted_assets_tests.support.checkout import ROOT
from salted_assets_tests.support.platform import KNOWN_WARNINGS

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
ROOMS = (api_errors, landing_errors, ingest_errors, erasure_errors, warehouse_errors, home_errors)


def classes_of(room: ModuleType) -> Iterator[type[Exception]]:
    for value in vars(room).values():
        if isinstance(value, type) and issubclass(value, Exception) and value.__module__ == room.__name__:
            yield value


ERRORS = {kind.__name__: kind for room in ROOMS for kind in classes_of(room)}
BASES = {name for name, kind in ERRORS.items() if kind in KNOWN_ERRORS or name in {"ApiKeyRefused", "DownloadFailed"}}
"""The classes that others belong to, and that are not raised themselves."""

ROWS = {cells[0].strip("`"): cells for line in PAGE.splitlines() if (cells := line.strip("| ").split(" | "))[1:]}


def test_the_page_has_a_row_for_every_error_that_is_raised() -> None:
    assert len(ERRORS) > 35
    assert set(ERRORS) - BASES - set(ROWS) == set()


def test_the_classes_that_others_belong_to_are_named() -> None:
    assert [name for name in BASES if f"`{name}`" not in PAGE] == []


def test_the_page_names_no_error_that_does_not_exist() -> None:
    named = set(re.findall(r"`((?:[A-Z][a-z]+){2,})`", PAGE))
    assert named - set(ERRORS) == set()
    assert named >= set(ERRORS) - BASES


@pytest.mark.parametrize("name", sorted(set(ERRORS) - BASES))
def test_a_row_says_whether_the_step_is_repeated(name: str) -> None:
    error, meaning, by_itself, advice = ROWS[name]
    assert error == f"`{name}`"
    assert all(len(cell) >= 4 for cell in (meaning, by_itself, advice))
    assert ("step is repeated" in by_itself) == getattr(ERRORS[name], "retryable", False)
    assert ("`salted backfill` stops" in by_itself) == (name in FATAL_ERRORS)


def test_the_number_of_repetitions_is_that_of_the_code() -> None:
    assert f"by the step ({RETRY_POLICY.max_retries} more times, about {RETRY_POLICY.delay} s and" in PAGE


def test_the_kinds_of_ownership_on_the_page_are_those_of_the_table() -> None:
    assert f"`{EXPORT_HISTORY.to_user_string()}`" in PAGE
    check = next(each for each in ExportHistory.to_schema().columns["ownership"].checks if each.statistics)
    assert [name for name in check.statistics["values"] if name not in ROWS] == []
