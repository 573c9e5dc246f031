"""What all tests share: the marks that they carry. Not here: fixtures, which live beside the tests that use them."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: starts commands or servers of its own; left out of the inner loop")
