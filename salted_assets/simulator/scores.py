"""AI scores of an engagement, out of the agent's ability and the case. Not here: evaluations (`reviews`).

Scale 0 to 100; more is better but for `severity`, which tells how bad the case is. Null where not relevant.
"""

from random import Random

from salted_assets.simulator.population import Agent, Queue
from salted_assets.simulator.randomness import clamp, happens
from salted_assets.simulator.versions import Cell

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


def ai_scores(random: Random, agent: Agent, queue: Queue, difficulty: float) -> dict[str, Cell]:
    """The eleven scores: 74 + 9 per unit of ability - 3 per unit of difficulty, with noise of 8 points.

    The two satisfactions feel skill less (5 points) and difficulty more (8); severity is 35 + 18 per unit of
    difficulty and knows no agent. At least one score is filled.
    """
    skill, empathy = agent.ability.skill, agent.ability.empathy
    shared = random.gauss(0, 5)
    scores: dict[str, Cell] = {}
    for name, share in _FILLED_SHARE.items():
        sells = name == "persuasion" and queue.form == "sales"
        if not happens(random, _SALES_PERSUASION_SHARE if sells else share):
            scores[name] = None
        elif name == "severity":
            scores[name] = _points(random, 35 + 18 * difficulty)
        elif name in _OF_THE_CASE:
            scores[name] = _points(random, 70 + 5 * skill - 8 * difficulty + shared)
        else:
            scores[name] = _points(random, 74 + 9 * (empathy if name == "empathy" else skill) - 3 * difficulty + shared)
    if all(value is None for value in scores.values()):
        scores["clarity"] = _points(random, 74 + 9 * skill)
    return scores


def _points(random: Random, mean: float) -> int:
    return round(clamp(random.gauss(mean, 8), 0, 100))
