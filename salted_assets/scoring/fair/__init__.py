"""The fair score: what agents are worth beside each other when questions, reviewers and kinds of work are taken off.

Here: the models, pure functions from arrays to arrays. Not here: tables, plain means (`scoring.stats`), files.
"""

from salted_assets.scoring.fair.answer_rows import order_answers, take_answers
from salted_assets.scoring.fair.fitted import FittedModels
from salted_assets.scoring.fair.frozen import DailyEvaluations, add_up_days
from salted_assets.scoring.fair.human_answers import fit_human_answers, fit_reviewers
from salted_assets.scoring.fair.inputs import Agents, HumanAnswers, StratumSums
from salted_assets.scoring.fair.positive import on_one_core
from salted_assets.scoring.fair.reading import FAIR_ANSWER_COLUMNS, cut_human_answers, read_human_answers
from salted_assets.scoring.fair.results import FairAnswers, FairMeasure, Reason, ReviewerEffects
from salted_assets.scoring.fair.strata import CaseMeasure, fit_case_measures, fit_strata

__all__ = [
    "FAIR_ANSWER_COLUMNS",
    "Agents",
    "CaseMeasure",
    "DailyEvaluations",
    "FairAnswers",
    "FairMeasure",
    "FittedModels",
    "HumanAnswers",
    "Reason",
    "ReviewerEffects",
    "StratumSums",
    "add_up_days",
    "cut_human_answers",
    "fit_case_measures",
    "fit_human_answers",
    "fit_reviewers",
    "fit_strata",
    "on_one_core",
    "order_answers",
    "read_human_answers",
    "take_answers",
]
