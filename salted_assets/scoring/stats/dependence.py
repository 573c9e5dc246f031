"""What values of one day have in common, and by how much that widens an interval: design effects."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from salted_assets.scoring.stats.samples import (
    Floats,
    Indices,
    as_floats,
    divide,
    group_totals,
    squared_deviations,
    zero_unknown,
)


class DaySums(NamedTuple):
    """What a person's days add up to; days without a value count for nothing. All of it adds up over parts of a window.

    `days` is the number of days with a value, `squared_counts` the sum of n_d^2 over them, and `squared_totals` that of
    (sum of the day's values)^2 / n_d.
    """

    days: Floats
    squared_counts: Floats
    squared_totals: Floats


class Dependence(NamedTuple):
    """For each person how much wider than by independent values the variance of the mean is, and on how many it rests.

    `correlation` is that of two values of one day of one person, pooled over the group. `freedom` are the degrees of
    freedom of the group's pooled variance; 0 where nobody has two values.
    """

    design_effect: Floats
    freedom: Floats
    correlation: Floats


def sum_days(person: Indices, count: npt.ArrayLike, total: npt.ArrayLike, *, person_count: int) -> DaySums:
    """Add up rows of which each is one day of one person, for people with the indexes 0 to `person_count` - 1.

    >>> days = sum_days(np.array([0, 0, 1]), [1, 3, 2], [0.5, 1.5, 2.0], person_count=2)
    >>> [part.tolist() for part in days]
    [[2.0, 1.0], [10.0, 4.0], [1.0, 2.0]]
    """
    counts, totals = as_floats(count), as_floats(total)
    parts = (counts > 0, counts**2, zero_unknown(divide(totals**2, counts)))
    return DaySums(*(as_floats(np.bincount(person, weights=part, minlength=person_count)) for part in parts))


def find_size_effect(unit_count: npt.ArrayLike, value_count: npt.ArrayLike, squared_sizes: npt.ArrayLike) -> Floats:
    """Design effect of a mean of all values, in which larger units count more: n (sum of m^2) / (sum of m)^2.

    m is the number of values of each of n units, such as the evaluations of an engagement, `squared_sizes` the sum of
    m^2. That is 1 + the squared coefficient of variation of the weights (Kish 1965, section 11.7). 1 for no value.

    >>> find_size_effect(10, 12, 9 + 9).tolist()
    1.25
    """
    effect = as_floats(unit_count) * as_floats(squared_sizes)
    return np.fmax(divide(effect, as_floats(value_count) ** 2), 1.0)


def estimate_dependence(
    count: npt.ArrayLike, total: npt.ArrayLike, sum_of_squares: npt.ArrayLike, days: DaySums, group: Indices
) -> Dependence:
    """Design effect of each person's mean: max(1, 1 + ICC (sum of n_d^2 / n - 1)), n_d the person's values of a day.

    Kish 1965, Survey Sampling, chapter 5, with unequal clusters. The ICC is that of days within people, pooled over the
    group, by the mean squares of the nested analysis of variance (Searle, Casella and McCulloch 1992, Variance
    Components, chapter 3): between = (MS of days - MS within days) / n0, ICC = between / (between + MS within days),
    cut at 0, n0 = (N - sum over people of sum of n_d^2 / n) / (days - people). Degrees of freedom: the lesser of the
    sum of n - 1 and of days - people, for values of one day are partly one.

    Where everybody has one day alone the ICC is not known: the design effect is 1, and all n - 1 count. Who has no
    value has the design effect 1.

    Two people of two days each, whose days differ by 1 and whose values of one day hardly do:

    >>> people = np.array([0, 0, 1, 1])
    >>> days = sum_days(people, [2, 2, 2, 2], [0.0, 2.0, 0.0, 2.0], person_count=2)
    >>> found = estimate_dependence([4, 4], [2.0, 2.0], [2.08, 2.08], days, np.zeros(2, int))
    >>> found.design_effect.round(3).tolist(), found.freedom.tolist(), found.correlation.round(3).tolist()
    ([1.923, 1.923], [2.0, 2.0], [0.923, 0.923])
    """
    counts, totals = as_floats(count), as_floats(total)
    values, people, agent_days = (group_totals(part, group) for part in (counts, counts > 0, days.days))
    scattered = group_totals(squared_deviations(counts, totals, sum_of_squares), group)
    own = zero_unknown(divide(totals**2, counts))
    of_days = np.clip(group_totals(days.squared_totals - own, group), 0, scattered)
    within_day = divide(scattered - of_days, np.maximum(values - agent_days, 0))
    own_size = zero_unknown(divide(days.squared_counts, counts))
    size = divide(values - group_totals(own_size, group), agent_days - people)
    between_days = np.maximum(divide(divide(of_days, agent_days - people) - within_day, size), 0)
    correlation = divide(between_days, between_days + within_day)
    known = zero_unknown(correlation)
    freedom = group_totals(np.maximum(counts - 1, 0), group)
    return Dependence(
        design_effect=np.where(counts > 0, np.maximum(1 + known * (own_size - 1), 1), 1.0),
        freedom=np.where(agent_days > people, np.minimum(freedom, agent_days - people), freedom),
        correlation=correlation,
    )
