"""What all tests share: their marks, and the signals and settings they run under."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("whole", max_examples=60, deadline=None)
settings.register_profile("quick", max_examples=4, deadline=None)
settings.register_profile("worlds", max_examples=500, deadline=None)  # for a figure of a whole goal; of one module
settings.load_profile("whole")  # `make check` asks for the other one; a number in a test's own settings stands in both


TESTS = Path(__file__).parent

LONGEST_FIRST = (
    "deploy/test_schedule.py",
    "end_to_end/test_damaged_days.py",
    "end_to_end/test_disk_faults.py",
    "browser/test_ui.py",
    "chaos/test_chaos.py",
    "deploy/test_celery.py",
    "deploy/test_container.py",
    "deploy/test_postgres.py",
    "deploy/test_two_accounts.py",
    "cli/test_interrupts.py",
    "defs/assets/test_scores.py",
    "cli/test_backfill.py",
    "defs/jobs/test_contact_export.py",
)
"""Modules that take minutes begin first and quick ones come last: no worker is left alone with one at a run's end."""


@pytest.fixture(autouse=True)
def settings_left_as_found() -> Iterator[None]:
    """Puts the variables of settings back after each test.

    Two patches of one variable that are not undone in the opposite order leave it set for the tests that follow.
    """
    before = _settings()
    yield
    for name in _settings().keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(autouse=True)
def umask_left_as_found() -> Iterator[None]:
    """Puts the umask back: a command that opens Dagster's home writes for its owner alone from then on."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


def _settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("SALTED_")}


def is_slow(path: Path) -> bool:
    """Whether a module of tests is marked slow as a whole, read from its source."""
    return re.search(r"^pytestmark = .*mark\.slow", path.read_text(encoding="utf-8"), re.MULTILINE) is not None


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave slow modules unread where they are not asked for: importing them takes longer than the tests that are."""
    is_unasked = config.option.markexpr == "not slow" and collection_path.name.startswith("test_")
    return (is_unasked and is_slow(collection_path)) or None


@pytest.hookimpl(trylast=True)  # after the shuffle
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {TESTS / name: rank for rank, name in enumerate(LONGEST_FIRST)}
    is_quick = {path: not is_slow(path) for path in {item.path for item in items}}
    items.sort(key=lambda item: (ranks.get(item.path, len(ranks)), is_quick[item.path]))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "slow: loads Dagster, starts processes or servers, or takes seconds; left out by `make check`"
    )
    # The tests are of this project, not of the deployment whose shell they are run from.
    for name in [*_settings(), "DAGSTER_HOME"]:
        os.environ.pop(name, None)
    # A shell that runs the tests in the background has SIGINT ignored. Dagster gives SIGTERM what SIGINT has, and every
    # process that a test starts inherits both: none of them could be ended by asking.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
