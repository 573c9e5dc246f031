"""The daily schedule, and the freshness that follows from it."""

from datetime import date

import pytest

from salted_assets.settings import Settings
from salted_assets_tests.support.platform import KNOWN_WARNINGS, build_defs

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

REAL = Settings(api_url="https://api.example.test", start_date=date(2024, 1, 1), timezone="Europe/Prague")


def test_daily_assets_are_stale_when_the_daily_run_is_overdue_and_never_with_the_simulator() -> None:
    late = REAL.model_copy(update={"schedule_hour": 22})
    for settings, hour in ((REAL, 6), (late, 2), (REAL.model_copy(update={"simulated": True}), None)):
        graph = build_defs(settings).resolve_asset_graph()
        for key in graph.get_all_asset_keys():
            node = graph.get(key)
            policy = node.freshness_policy
            if hour is None or node.partitions_def is None:
                assert policy is None, key
            else:
                expected = {"deadline_cron": f"0 {hour} * * *", "timezone": "Europe/Prague"}
                assert {name: getattr(policy, name) for name in expected} == expected
                assert policy.lower_bound_delta.total_seconds() == 4 * 3600  # type: ignore[union-attr]
