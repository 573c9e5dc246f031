"""How much reviewers differ: a few of them hardly tell, and none who share no agent, so that a prior has a say.

Agents are fixed, so that a reviewer with agents of the own looks like their skill. A variance of 0, which restricted
maximum likelihood gives then, would take such a reviewer's leniency for the agents' doing, without an error.
"""

import numpy as np

from salted_assets.scoring.fair.normal_equations import Blocks, Eliminated
from salted_assets.scoring.stats import Floats

PRIOR_DEVIATION = 0.08
"""Of the half-normal prior of the reviewers' standard deviation, on 0..1."""

_NODES = np.linspace(0, 6 * PRIOR_DEVIATION, 2_401)[1:]
_PRIOR = -((_NODES / PRIOR_DEVIATION) ** 2) / 2
"""The logarithm of the half-normal density but for its constant, which no mean depends on."""


def average_reviewer_variance(own: Eliminated, blocks: Blocks, others: Floats, error: float) -> float:
    """The posterior mean of the variance between reviewers, who are the last random block, beside the error's.

    Their standard deviation has a half-normal prior (Gelman 2006, Bayesian Analysis 1) with scale 0.08: one in a
    hundred gives .25 more than usual ones. Its likelihood is the restricted one given all other variances, `others`
    of which are those of the other random blocks, beside the error's. So it is never 0; where no two reviewers share
    an agent it is the prior's, 0.0064; and of many reviewers it is what restricted maximum likelihood says. The mean is
    taken, for it is what effects vary by on average over all that their variance may be.
    """
    at = blocks.random[-1]
    before, reviewers = slice(0, at.start), slice(at.start, at.stop)
    prior = Blocks(blocks.fixed, blocks.random[:-1]).precisions(others)
    crossed = own.facets[before, reviewers]
    right = np.column_stack([crossed, own.values[before]])
    through = np.linalg.solve(own.facets[before, before] + np.diag(prior), right)
    known = own.facets[reviewers, reviewers] - crossed.T @ through[:, :-1]
    information, directions = np.linalg.eigh((known + known.T) / 2)
    information = np.maximum(information, 0)
    signal = (directions.T @ (own.values[reviewers] - crossed.T @ through[:, -1])) ** 2
    ratio = _NODES[:, None] ** 2 / error
    scale = 1 + ratio * information
    log_density = _PRIOR - (np.log(scale) - signal / error * ratio / scale).sum(axis=1) / 2
    weight = np.exp(log_density - log_density.max())
    return float(weight @ _NODES**2 / weight.sum() / error)
