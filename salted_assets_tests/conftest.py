"""What all tests share: their marks, the signals they run under. Not here: fixtures (beside their tests)."""

import signal

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: starts commands or servers of its own; left out of the inner loop")
    # A shell that runs the tests in the background has SIGINT ignored. Dagster gives SIGTERM what SIGINT has, and every
    # process that a test starts inherits both: none of them could be ended by asking.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
