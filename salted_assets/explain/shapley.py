"""Shapley values: what each of several causes that act at once adds, whatever the order in which they are named.

Shapley, L. S. (1953): A value for n-person games. Contributions to the Theory of Games II, 307-317.
"""

import math
from collections.abc import Callable, Sequence
from itertools import combinations

_MOST_APART = 3


def list_subsets(settings: Sequence[str]) -> list[tuple[str, ...]]:
    """The sets of changed settings that are computed to tell them apart, the smallest first.

    All of up to three; of more there would be too many, so there are none and all together.

    >>> list_subsets(["a", "b"])
    [(), ('a',), ('b',), ('a', 'b')]
    >>> len(list_subsets("abcd"))
    2
    """
    sizes = range(len(settings) + 1) if len(settings) <= _MOST_APART else (0, len(settings))
    return [chosen for size in sizes for chosen in combinations(settings, size)]


def share(players: Sequence[str], value: Callable[[frozenset[str]], float]) -> dict[str, float]:
    """Each player's mean contribution over all orders in which they could come; they add up to the whole difference.

    `value` is asked once for each set of players. No player gives nothing.

    >>> share(["a", "b"], lambda there: float(len(there) == 2))
    {'a': 0.5, 'b': 0.5}
    """
    names = sorted(players)
    count = len(names)
    worth = {
        frozenset(chosen): value(frozenset(chosen)) for size in range(count + 1) for chosen in combinations(names, size)
    }
    weight = [1 / (count * math.comb(count - 1, size)) for size in range(count)]
    return {
        name: math.fsum(
            weight[len(chosen)] * (worth[chosen | {name}] - worth[chosen]) for chosen in worth if name not in chosen
        )
        for name in names
    }
