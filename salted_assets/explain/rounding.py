"""Rounded parts that add up to their rounded sum, by largest remainders."""

import math
from collections.abc import Sequence


def round_to_sum(parts: Sequence[float], digits: int, total: float | None = None) -> list[float]:
    """The parts rounded, so that they add up to the rounded `total`, which is their sum unless it is given.

    Each part is rounded down, and those that lost most get one unit of the last digit more (the method of the largest
    remainder). Of equal remainders the first gets it. Units that no part has lost are given, or taken, in the same
    order; without parts there is nothing to round.

    >>> round_to_sum([0.34, 0.33, 0.33], 1), round_to_sum([-0.26, 0.13, 0.13], 1)
    ([0.4, 0.3, 0.3], [-0.2, 0.1, 0.1])
    """
    if not parts:
        return []
    unit = 10**digits
    scaled = [part * unit for part in parts]
    floors = [math.floor(part) for part in scaled]
    # rounded before it is scaled: 6.949999999999999 * 10 is 69.5, and pages show 6.9
    missing = round(round(math.fsum(parts) if total is None else total, digits) * unit) - sum(floors)
    order = sorted(range(len(parts)), key=lambda index: floors[index] - scaled[index])
    every, some = divmod(missing, len(parts))
    for rank, index in enumerate(order):
        floors[index] += every + (rank < some)
    return [whole / unit for whole in floors]
