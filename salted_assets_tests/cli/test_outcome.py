"""What is said of the days of a command."""

import signal
from datetime import date

import pytest

from salted_assets.cli.interrupts import Interrupted
from salted_assets.cli.outcome import Outcome

pytestmark = pytest.mark.slow


def test_days_that_a_signal_left_are_not_called_up_to_date() -> None:
    whole, left = date(2024, 1, 9), date(2024, 1, 10)
    outcome = Outcome(whole=[whole], up_to_date=[whole, left])
    with outcome.taking_in_interrupts([whole, left]):
        raise Interrupted(signal.SIGINT)
    assert (outcome.left, outcome.up_to_date) == ([left], [whole])
