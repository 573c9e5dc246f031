"""What the checks of a delivered file say, without a run."""

from collections import Counter

import pytest

from salted_assets.defs.asset_checks.delivery import check_values
from salted_assets.defs.asset_checks.outcome import SUMMARY
from salted_assets.ingest import Statistics
from salted_assets_tests.support.platform import KNOWN_WARNINGS

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]


@pytest.mark.parametrize(("naive_times", "passed"), [({}, True), ({"start_time": 11, "end_time": 3}, False)])
def test_times_without_a_zone_are_a_warning_with_their_number(naive_times: dict[str, int], passed: bool) -> None:
    outcome = check_values("engagement", Statistics(naive_times=Counter(naive_times)))
    assert (outcome.passed, outcome.metadata["times_without_zone_read_as_utc"]) == (passed, sum(naive_times.values()))
    assert ("14 times without a zone" in outcome.metadata.get(SUMMARY, "")) is not passed
