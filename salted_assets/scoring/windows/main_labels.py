"""In which team or channel an agent mostly worked in a period: the one rule, for windows and for the scorecard."""

import numpy as np

from salted_assets.scoring.stats import Floats, Indices
from salted_assets.scoring.text_index import Labels


def labels_as_recorded() -> Labels:
    """Labels as they were recorded, but for blank ones, which are not known."""
    return Labels(lambda text: text if text.strip() else "")


def find_main_labels(owner: Indices, label: Indices, engagements: Floats, *, owner_count: int) -> Indices:
    """For each owner the known label with most engagements, of equal ones the first; -1 for none.

    An owner is an agent, or an agent in a week. Arrays have an element for each
    combination, which may come in parts; `label` is an index into sorted labels, -1 where it is not known.

    >>> owner, label = np.array([0, 0, 0, 1, 2]), np.array([1, 0, 1, -1, 0])
    >>> find_main_labels(owner, label, np.array([2.0, 3.0, 2.0, 9.0, 0.0]), owner_count=3).tolist()
    [1, -1, -1]
    """
    known = label >= 0
    label_count = int(label.max(initial=-1)) + 1
    pairs, pair = np.unique(owner[known] * label_count + label[known], return_inverse=True)
    counts = np.bincount(pair, weights=engagements[known], minlength=pairs.size)
    main = np.full(owner_count, -1)
    # The smallest counts are written first, the largest last; of equal ones the first label last.
    order = np.lexsort((-pairs, counts))
    order = order[counts[order] > 0]
    main[pairs[order] // max(label_count, 1)] = pairs[order] % max(label_count, 1)
    return main
