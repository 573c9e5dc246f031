"""The steps of a figure as they are shown."""

from itertools import accumulate

import pytest

from salted_assets.explain.agent_figure import QA_SCORE, ValueWords
from salted_assets.explain.agent_figure.measures import find_measure
from salted_assets.explain.agent_figure.steps import Derivation, Step, StepKind

STEP = StepKind("cases", "these cases are easier", "these cases are harder")
VALUES = (0.003894, -0.006867, 0.016156, 0.013817, -0.025483, -0.007594)
PLAIN = 0.696667


@pytest.mark.parametrize("shrinks", [True, False])
def test_steps_lead_to_the_fair_score_and_the_best_guess_as_both_are_shown(*, shrinks: bool) -> None:
    """Rounded over the whole way, those of this figure would lead to a fair score of 69.9."""
    values = VALUES if shrinks else VALUES[:-1]
    levels = [PLAIN, *(PLAIN + total for total in accumulate(values))]
    shrunk_from = levels[-2] if shrinks else None
    found = Derivation(PLAIN, tuple(Step(STEP, value) for value in values), levels[-1], shrunk_from=shrunk_from)
    words = ValueWords.of(find_measure(QA_SCORE))
    shown = [words.round(PLAIN) + total for total in accumulate(found.round_steps(words))]
    assert shown[len(VALUES) - 2] == pytest.approx(69.8)
    assert shown[-1] == pytest.approx(words.round(levels[-1]))
