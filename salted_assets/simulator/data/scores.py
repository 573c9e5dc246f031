"""AI scores of engagements, out of the agent's ability and the case. Not here: evaluations (`reviews`).

Scale 0 to 100; more is better but for `severity`, which tells how bad the case is. Null where not relevant.
"""

import numpy as np

from salted_assets.simulator.data.conversations import Engagements
from salted_assets.simulator.data.population import QUEUES, World
from salted_assets.simulator.data.randomness import Dice, Flags, Integers, Numbers

_FILLED_SHARE = {
    "adaptability": 0.06,
    "adherence": 0.12,
    "clarity": 0.97,
    "completeness": 0.95,
    "customer_satisfaction": 0.92,
    "empathy": 0.85,
    "expressed_satisfaction": 0.3,
    "language_skills": 0.7,
    "persuasion": 0.05,
    "severity": 0.9,
    "understanding": 0.97,
}
_SALES_PERSUASION_SHARE = 0.8
_OF_THE_CASE = ("customer_satisfaction", "expressed_satisfaction")
_CORRECTION = 12
_SELLS = np.array([queue.form == "sales" for queue in QUEUES])


def ai_scores(world: World, engagements: Engagements, is_corrected: Flags) -> dict[str, tuple[Integers, Flags]]:
    """The eleven scores of agent engagements, each with flags where it is filled; corrected ones have one of them less.

    74 + 9 per unit of ability - 3 per unit of difficulty, with noise of 8 points. The two satisfactions feel skill less
    (5 points) and difficulty more (8); severity is 35 + 18 per unit of difficulty and knows no agent. At least one
    score is filled.
    """
    dice, figures = Dice(engagements.key), world.figures
    skill, empathy = figures.skill[engagements.agent], figures.empathy[engagements.agent]
    shared = 5 * dice.normal("shared")
    difficulty = engagements.difficulty
    scores: dict[str, tuple[Integers, Flags]] = {}
    for name, share in _FILLED_SHARE.items():
        if name == "severity":
            mean = 35 + 18 * difficulty
        elif name in _OF_THE_CASE:
            mean = 70 + 5 * skill - 8 * difficulty + shared
        else:
            mean = 74 + 9 * (empathy if name == "empathy" else skill) - 3 * difficulty + shared
        sells = _SELLS[engagements.queue] if name == "persuasion" else np.zeros(len(engagements), np.bool_)
        is_filled = dice.happens(f"has {name}", np.where(sells, _SALES_PERSUASION_SHARE, share))
        scores[name] = (_points(mean + 8 * dice.normal(name)), is_filled)
    has_none = ~np.logical_or.reduce([is_filled for _, is_filled in scores.values()])
    scores["clarity"] = (scores["clarity"][0], scores["clarity"][1] | has_none)
    return _corrected(scores, dice, is_corrected)


def _corrected(
    scores: dict[str, tuple[Integers, Flags]], dice: Dice, is_corrected: Flags
) -> dict[str, tuple[Integers, Flags]]:
    """One filled score of each corrected engagement is lower than the AI had it."""
    filled = np.column_stack([is_filled for _, is_filled in scores.values()])
    rank = dice.between("corrected score", 0, filled.sum(axis=1))
    is_it = filled & (np.cumsum(filled, axis=1) - 1 == rank[:, None]) & is_corrected[:, None]
    return {
        name: (np.where(is_it[:, place], _points(values - _CORRECTION), values), is_filled)
        for place, (name, (values, is_filled)) in enumerate(scores.items())
    }


def _points(values: Numbers | Integers) -> Integers:
    return np.rint(np.clip(values, 0, 100)).astype(np.int64)
