"""Who can be compared with whom: agents whom common questions, or common work, connect."""

import numpy as np
import scipy

from salted_assets.scoring.numbering import number_values
from salted_assets.scoring.stats import Indices


def find_components(agent: Indices, group: Indices, link: Indices) -> Indices:
    """For each agent the index of the component, -1 for one without rows or group.

    A row says that an agent has to do with a link, as a question. Agents of one group who share a link are connected.
    Components are numbered in the order of their first agents.

    >>> find_components(np.array([0, 1, 1, 2, 3]), np.zeros(5, int), np.array([0, 0, 1, 2, 1])).tolist()
    [0, 0, 1, 0, -1]
    """
    known = group[agent] >= 0
    agents = agent[known]
    links, linked, _ = number_values(group[agents] * (int(link.max(initial=0)) + 1) + link[known])
    size = group.size + links.size
    table = scipy.sparse.coo_array((np.ones(agents.size), (agents, group.size + linked)), shape=(size, size))
    labels = scipy.sparse.csgraph.connected_components(table, directed=False)[1][: group.size]
    is_there = np.bincount(agents, minlength=group.size) > 0
    found = np.full(group.size, -1)
    if is_there.any():
        _, firsts, index = np.unique(labels[is_there], return_index=True, return_inverse=True)
        found[is_there] = np.argsort(np.argsort(firsts))[index]
    return found
