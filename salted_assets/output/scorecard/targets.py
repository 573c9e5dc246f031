"""What an account has set out to reach, and whether a share is known to reach it."""

from dataclasses import dataclass

PASS_SCORE = 0.8


@dataclass(frozen=True)
class Targets:
    """From which score a form passes; the least pass rate, the largest auto-fail rate and each reviewer's forms a week.

    None where the account has not set it.
    """

    pass_score: float = PASS_SCORE
    pass_rate: float | None = None
    auto_fail_rate: float | None = None
    weekly_evaluations: int | None = None


def judge_rate(low: float, high: float, target: float | None, *, is_most: bool = False) -> str:
    """Whether the share within these limits reaches the target, which is the least or, where `is_most`, the largest.

    >>> judge_rate(0.82, 0.9, 0.8), judge_rate(0.7, 0.9, 0.8), judge_rate(0.02, 0.05, 0.01, is_most=True)
    ('reached', 'not sure', 'missed')
    """
    if target is None:
        return ""
    reached, missed = (high <= target, low > target) if is_most else (low >= target, high < target)
    return "reached" if reached else "missed" if missed else "not sure"
