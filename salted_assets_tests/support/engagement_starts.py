"""Where engagements of a landed file start, counted as a deployment counts them, without loading Dagster."""

from collections.abc import Callable
from typing import BinaryIO

from salted_assets.ingest import RawFile, count_starts
from salted_assets.landing import EngagementStarts
from salted_assets.landing.windows import Window


def count_engagement_starts(open_plain: Callable[[], BinaryIO], window: Window) -> EngagementStarts:
    return EngagementStarts(*count_starts(RawFile("engagements.csv", open_plain), window.start, window.end))
