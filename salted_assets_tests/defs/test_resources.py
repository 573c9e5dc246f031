"""What a deployment gives to landings: where engagements start, also of files that no table can be made of."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from salted_assets.defs.resources import count_engagement_starts
from salted_assets.landing.windows import Window
from salted_assets.settings import DATASETS
from salted_assets.simulator import DataFaults, Faults
from salted_assets_tests.support.landing_env import DAY, landing_env
from salted_assets_tests.support.platform import KNOWN_WARNINGS

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

WINDOW = Window(datetime(2024, 1, 31, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC))


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\xff\xfe"])
def test_a_file_that_cannot_be_loaded_has_no_starts(content: bytes) -> None:
    assert count_engagement_starts(lambda: io.BytesIO(content), WINDOW) is None


@pytest.mark.parametrize(
    "fault", [DataFaults(zero_bytes=("engagement",)), DataFaults(missing_columns={"engagement": ("pid",)})]
)
def test_a_file_that_cannot_be_loaded_is_landed_all_the_same(tmp_path: Path, fault: DataFaults) -> None:
    with landing_env(tmp_path) as env:
        env.simulator.set_faults(Faults(data=fault))

        [delivery] = env.landing(count_starts=count_engagement_starts).land(DAY, DATASETS).deliveries

        assert delivery.engagement_starts is None
        assert delivery.window_fit.outcome == "fits"
        env.check(delivery)
