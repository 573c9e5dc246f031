"""Answers of human reviewers with known truth: what an agent, a question, a reviewer and the choice add to a score."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from salted_assets.scoring.fair import Agents, HumanAnswers
from salted_assets.scoring.stats import Floats, Indices


@dataclass(frozen=True)
class Evaluations:
    """Evaluations (engagements) and the forms that were used; one element in each array for an evaluation."""

    agent: Indices
    reviewer: Indices
    form: Indices
    is_chosen: npt.NDArray[np.bool_]
    age_days: Indices


@dataclass(frozen=True)
class Facets:
    """What is true: the agents' levels, and what questions, reviewers and the choice add.

    `forms` has a row of questions for each form. The standard deviations are those of an evaluation and of an answer.
    """

    level: Floats
    ease: Floats
    leniency: Floats
    forms: Indices
    chosen_shift: float
    evaluation_sd: float
    answer_sd: float

    def answer(self, rng: np.random.Generator, evaluations: Evaluations) -> HumanAnswers:
        """Answers to all questions of each evaluation's form; scores are not cut to 0..1."""
        width = self.forms.shape[1]
        number = np.arange(evaluations.agent.size)
        effect = rng.normal(0, self.evaluation_sd, number.size) + self.chosen_shift * evaluations.is_chosen
        effect += self.level[evaluations.agent] + self.leniency[evaluations.reviewer]
        question = self.forms[evaluations.form]
        score = effect[:, None] + self.ease[question] + rng.normal(0, self.answer_sd, question.shape)

        def each(values: Indices) -> Indices:
            return np.repeat(values, width)

        return HumanAnswers(
            agent=each(evaluations.agent),
            question=question.ravel(),
            reviewer=each(evaluations.reviewer),
            engagement=each(number),
            strata=(),
            is_chosen=np.repeat(evaluations.is_chosen, width),
            age_days=each(evaluations.age_days),
            score=score.ravel(),
            weight=np.ones(score.size),
            reviewer_pids=[f"reviewer {index:03}" for index in range(self.leniency.size)],
        )

    def without(self, answers: HumanAnswers) -> HumanAnswers:
        """The same answers less all that is not the agent's doing: what an oracle sees that knows every facet."""
        known = self.ease[answers.question] + self.leniency[answers.reviewer] + self.chosen_shift * answers.is_chosen
        return HumanAnswers(**{**vars(answers), "score": answers.score - known})


def plain_means(answers: HumanAnswers, agents: int) -> Floats:
    """The mean of each agent's evaluations, an evaluation being the mean of its answers."""
    count = np.bincount(answers.engagement)
    mean = np.bincount(answers.engagement, weights=answers.score) / count
    agent = np.zeros(count.size, np.int64)
    agent[answers.engagement] = answers.agent
    counts = np.bincount(agent, minlength=agents)
    return np.bincount(agent, weights=mean, minlength=agents) / np.where(counts > 0, counts, np.nan)


def additive_levels(answers: HumanAnswers, agents: int) -> Floats:
    """Agents' levels by least squares: agent + question + reviewer + chosen, all fixed, answers independent."""
    questions, reviewers = int(answers.question.max()) + 1, int(answers.reviewer.max()) + 1
    rows = np.arange(answers.score.size)
    design = np.zeros((rows.size, agents + questions + reviewers + 1))
    design[rows, answers.agent] = 1
    design[rows, agents + answers.question] = 1
    design[rows, agents + questions + answers.reviewer] = 1
    design[:, -1] = answers.is_chosen
    return np.asarray(np.linalg.lstsq(design, answers.score, rcond=None)[0][:agents])


def one_group(count: int) -> Agents:
    """Agents of one channel."""
    return Agents([f"agent {index:03}" for index in range(count)], np.zeros(count, np.int64))
