"""What tests of landings share: a day of 25 hours, clients that die, another process."""

from collections.abc import Collection
from datetime import date

import pytest

from salted_assets.salted_cx import (
    ExportClient,
    ExportStatus,
)
from salted_assets.settings import DATASETS
from salted_assets_tests.support.landing_env import DAY, LandingEnv


class Interrupted(BaseException):
    """A run that is killed: nothing of ours catches it."""


class DyingClient(ExportClient):
    """A client whose run dies when it first waits."""

    def wait(self, export_id: str, datasets: Collection[str] = (), *, is_new: bool = False) -> ExportStatus:  # noqa: ARG002 - the client's signature
        raise Interrupted


def die_after_request(env: LandingEnv, *datasets: str, refresh: bool = False, day: date = DAY) -> None:
    landing = env.landing(connect=lambda: env.build_client(DyingClient))
    with pytest.raises(Interrupted):
        landing.land(day, datasets or DATASETS, refresh=refresh)
