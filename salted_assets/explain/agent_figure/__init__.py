"""One published figure of an agent explained: what it rests on, its steps from the plain mean, and what changed.

Not here: the scores' formulas (`scoring`), how commands and pages show it.
"""

from salted_assets.explain.agent_figure.changes import (
    MOVED_TOO,
    PLAIN,
    FigureChange,
    SharedPart,
    WeekChange,
    describe_change,
    read_changes,
    read_week_change,
    share_points,
)
from salted_assets.explain.agent_figure.evidence import Answer, EngagementValue, Evaluation
from salted_assets.explain.agent_figure.exceptions import NotExplicable
from salted_assets.explain.agent_figure.explanation import FigureExplanation, explain_figure
from salted_assets.explain.agent_figure.figure import (
    ONE_DAY,
    PERIODS,
    AgentFigure,
    Anchored,
    Comparison,
    Estimate,
    read_figure,
)
from salted_assets.explain.agent_figure.measures import QA_SCORE, ValueWords, name_in_trade
from salted_assets.explain.agent_figure.sentences import (
    describe_anchored,
    describe_comparison,
    describe_extra,
    describe_figure,
)
from salted_assets.explain.agent_figure.steps import Derivation, Step, derive

__all__ = [
    "MOVED_TOO",
    "ONE_DAY",
    "PERIODS",
    "PLAIN",
    "QA_SCORE",
    "AgentFigure",
    "Anchored",
    "Answer",
    "Comparison",
    "Derivation",
    "EngagementValue",
    "Estimate",
    "Evaluation",
    "FigureChange",
    "FigureExplanation",
    "NotExplicable",
    "SharedPart",
    "Step",
    "ValueWords",
    "WeekChange",
    "derive",
    "describe_anchored",
    "describe_change",
    "describe_comparison",
    "describe_extra",
    "describe_figure",
    "explain_figure",
    "name_in_trade",
    "read_changes",
    "read_figure",
    "read_week_change",
    "share_points",
]
