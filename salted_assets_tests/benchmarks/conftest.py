"""The servers that the benchmark of workers needs."""

from salted_assets_tests.deploy.conftest import postgres, redis

__all__ = ["postgres", "redis"]
