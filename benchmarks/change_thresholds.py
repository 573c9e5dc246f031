"""Makes the thresholds of `salted_assets.scoring.change`: `python -m benchmarks.change_thresholds [--write]`.

For each allowance k, rate of evaluations and standard error of the level, agents who never change are simulated over a
year of four quarters, and the thresholds are sought at which they get the wanted false alarms on average: one of a fall
a year, one of a rise in five years. Then the whole procedure with the finished tables is run on agents with histories
of their own: how many false alarms they get, and how soon a fall is found. With `--write` the tables take the place of
those in the package.
"""

import math
import sys
import time
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import numpy as np

from salted_assets.scoring import change, change_thresholds
from salted_assets.scoring.change import DAYS_BEFORE, LEVEL_DAYS, Levels, find_changes, replay
from salted_assets.scoring.stats import Floats

REFERENCES = (0.1, 0.2, 0.3, 0.5)
RATES = (0.1, 0.2, 0.4, 1.0, 3.0)
STANDARD_ERRORS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.44)
AGENTS = 2_000
QUARTERS = 4
QUARTER_DAYS = 91
SEED = 20_240_131
WANTED = {"BETTER_THRESHOLDS": 0.2, "WORSE_THRESHOLDS": 1.0}
"""False alarms in an agent's year."""

_DEVIATION = 0.17

Table = list[list[list[float]]]


def simulate(generator: np.random.Generator, rate: float, days: int, agents: int = AGENTS) -> tuple[Floats, Floats]:
    """Numbers and sums of a day's standard normal evaluations, which come at random at `rate` a day."""
    counts = generator.poisson(rate, (agents, days)).astype(np.float64)
    return counts, generator.standard_normal(counts.shape) * np.sqrt(counts)


def find_thresholds(reference: float, rate: float, error: float) -> list[float]:
    """The thresholds of `WANTED` for one case."""
    generator = np.random.default_rng(SEED)
    quarters = []
    for _ in range(QUARTERS):
        counts, totals = simulate(generator, rate, DAYS_BEFORE + QUARTER_DAYS)
        # The level has as many evaluations as its standard error says, whatever the rate of those to come.
        before = np.full(counts.shape, 1 / (LEVEL_DAYS * error**2))
        levels = Levels(before, generator.standard_normal(before.shape) * np.sqrt(before))
        quarters.append((counts, totals, levels))
    deviation = change.ALLOWANCE / reference

    def count_alarms(threshold: float) -> float:
        """The logarithm of alarms in an agent's year, of one direction: it falls nearly as a line."""
        alarms = sum(
            replay(counts, totals * deviation, deviation, levels.scaled(deviation), threshold).alarm_count.sum()
            for counts, totals, levels in quarters
        )
        return math.log((alarms + 0.5) / 2 / (AGENTS * QUARTERS * QUARTER_DAYS / 365))

    return [_solve(count_alarms, math.log(wanted)) for wanted in WANTED.values()]


def _solve(function: Callable[[float], float], wanted: float) -> float:
    """Where a nearly straight falling function has a value (secant method)."""
    low, high = 2.0, 5.0
    below, above = function(low) - wanted, function(high) - wanted
    for _ in range(6):
        low, high, below = high, max(high + above * (high - low) / (below - above), 0.1), above
        if abs(high - low) < 0.02:  # noqa: PLR2004 - the noise of the simulation is larger
            break
        above = function(high) - wanted
    return round(high, 2)


def make_tables() -> list[Table]:
    """The tables of `WANTED`, each by k, rate and standard error."""
    found = {}
    for case in product(REFERENCES, RATES, STANDARD_ERRORS):
        found[case] = find_thresholds(*case)
        print(*case, *found[case], flush=True)  # noqa: T201 - a command
    return [
        [[[found[k, rate, error][index] for error in STANDARD_ERRORS] for rate in RATES] for k in REFERENCES]
        for index in range(len(WANTED))
    ]


def write(tables: Sequence[Table]) -> None:
    """Put the tables into the package."""
    lines = [f"REFERENCES = {REFERENCES}", '"""k: 0.05 over the standard deviation of an evaluation."""', ""]
    lines += [f"RATES = {RATES}", '"""Evaluations a day."""', "", f"STANDARD_ERRORS = {STANDARD_ERRORS}"]
    lines += ['"""Of the level, in standard deviations of an evaluation."""']
    for name, table in zip(WANTED, tables, strict=True):
        lines += ["", f"{name} = ("]
        for block in table:
            lines += ["    (", *(f"        {tuple(row)}," for row in block), "    ),"]
        lines += [")", '"""By k, rate and standard error, in standard deviations of an evaluation."""']
    doc = (change_thresholds.__doc__ or "").strip()
    text = f'"""{doc}\n"""\n\n' + "\n".join(lines) + "\n"
    Path(change_thresholds.__file__).write_text(text, encoding="utf-8")


def report(rate: float, drop: float) -> str:
    """What the finished procedure does: false alarms, and falls found, of agents with histories of their own."""
    generator = np.random.default_rng(SEED + 1)
    alarms, falls = 0, 0
    for _ in range(QUARTERS):
        counts, totals = simulate(generator, rate, DAYS_BEFORE + QUARTER_DAYS)
        found = find_changes(counts, totals * _DEVIATION, _DEVIATION)
        alarms += int(found.alarm_count.sum())
        falls += int(found.alarm_count[found.direction < 0].sum())
    shares = []
    for days in (14, 28):
        counts, totals = simulate(generator, rate, DAYS_BEFORE + QUARTER_DAYS)
        # The fall comes a month into the quarter: what was an alarm before it does not count as found.
        fallen = DAYS_BEFORE + 31
        totals[:, fallen:] -= counts[:, fallen:] * drop / _DEVIATION
        before = find_changes(counts[:, :fallen], totals[:, :fallen] * _DEVIATION, _DEVIATION).alarm_count
        until = fallen + days
        after = find_changes(counts[:, :until], totals[:, :until] * _DEVIATION, _DEVIATION)
        shares.append(float(((after.alarm_count > before) & (after.direction < 0)).mean()))
    years = AGENTS * QUARTERS * QUARTER_DAYS / 365
    return (
        f"{rate} a day, drop {drop}: {alarms / years:.2f} false alarms a year, {falls / years:.2f} of falls; "
        f"found in 14 and 28 days {shares[0]:.2f}, {shares[1]:.2f}"
    )


def main() -> None:
    """Make the tables, or say what those in the package do."""
    begun = time.perf_counter()
    if "--write" in sys.argv:
        write(make_tables())
        print(f"{time.perf_counter() - begun:.0f} s; run again without --write to see what it does")  # noqa: T201
        return
    for rate, drop in product((0.2, 0.4, 1.0), (0.08, 0.15)):
        print(report(rate, drop))  # noqa: T201


if __name__ == "__main__":
    main()
