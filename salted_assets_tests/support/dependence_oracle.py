"""Design effects and score intervals once more, in plain Python, value by value. Not here: tests."""

import math
from collections.abc import Sequence

from scipy import stats

Person = Sequence[Sequence[float]]
"""A person's values, day by day."""


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def expected_dependence(people: Sequence[Person], person: Person) -> tuple[float, float]:
    """The design effect of the person and the degrees of freedom of the group, value by value."""
    flat = {index: [value for day in each for value in day] for index, each in enumerate(people) if each}
    days = [(index, day) for index, each in enumerate(people) for day in each]
    freedom = sum(len(values) - 1 for values in flat.values())
    if len(days) == len(flat):
        return 1.0, freedom
    between = math.fsum(len(day) * (mean(day) - mean(flat[index])) ** 2 for index, day in days)
    own = [value for day in person for value in day]
    within = math.fsum((value - mean(day)) ** 2 for _, day in days for value in day)
    values = sum(len(each) for each in flat.values())
    if values == len(days):
        return 1.0, freedom
    within /= values - len(days)
    usual = sum(sum(len(day) ** 2 for day in people[index]) / len(each) for index, each in flat.items())
    of_days = (between / (len(days) - len(flat)) - within) / ((values - usual) / (len(days) - len(flat)))
    of_days = of_days if of_days > 1e-12 else 0.0
    correlation = of_days / (of_days + within) if of_days + within > 0 else 0.0
    size = sum(len(day) ** 2 for day in person) / len(own) if own else 1
    return max(1.0, 1 + correlation * (size - 1)), min(freedom, len(days) - len(flat))


def expected_interval(
    people: Sequence[Person], person: Person, freedom: float, effect: float, centre: float | None = None
) -> tuple[float, float]:
    """Limits of the person's mean by Wilson's formula with pooled dispersion."""
    flat = [values for each in people if (values := [value for day in each for value in day])]
    own = [value for day in person for value in day]
    spare = sum(len(values) - 1 for values in flat)
    squares = math.fsum((value - mean(values)) ** 2 for values in flat for value in values)
    factor = stats.norm.ppf(0.975) ** 2
    if spare and squares > 1e-12:
        of_shares = math.fsum(
            (len(values) - 1) * (mean(values) * (1 - mean(values)) + squares / spare / len(values)) for values in flat
        )
        own_t = stats.t.ppf(0.975, spare)
        factor = min(own_t**2 * min(1, (squares + 0.25) / (of_shares + 0.25)), factor)
        factor *= (stats.t.ppf(0.975, freedom) / own_t) ** 2
    return score_limits(mean(own) if centre is None else centre, factor * effect / len(own))


def score_limits(centre: float, per_unit: float) -> tuple[float, float]:
    """Wilson's formula; `per_unit` is z^2 / n."""
    half = math.sqrt(per_unit * centre * (1 - centre) + per_unit**2 / 4)
    return (centre + per_unit / 2 - half) / (1 + per_unit), (centre + per_unit / 2 + half) / (1 + per_unit)
