"""Made-up explanations of an agent's figure, as the agent's page is given them."""

from datetime import UTC, date, datetime

from salted_assets.explain.agent_figure import (
    AgentFigure,
    Comparison,
    Derivation,
    Estimate,
    FigureChange,
    Step,
    WeekChange,
)
from salted_assets.explain.agent_figure.steps import StepKind
from salted_assets.explain.explanation import CausePart, Explanation
from salted_assets.output.scorecard.agent_page.origin import OriginInputs
from salted_assets.schemas.rolling_measures import ROLLING_MEASURES

DAY = date(2024, 3, 31)
REVIEWERS = StepKind("reviewers", "stricter <b>", "more lenient")
SHRINKAGE = StepKind("shrinkage", "moved up", "moved down")
MEASURE = next(measure for measure in ROLLING_MEASURES if measure.name == "evaluation_reviewer")


def explanation(figure: str, old: float, new: float, *parts: CausePart) -> Explanation:
    """A change of a figure of the agent with these causes."""
    return Explanation(
        score="agent_rolling",
        day=DAY,
        agent_pid="p1",
        figure=figure,
        old=old,
        new=new,
        parts=parts,
        published_at=datetime(2024, 4, 1, tzinfo=UTC),
        notes=("Not known before 2024-03-01.",),
    )


LATE = explanation(
    "mean", 0.6004, 0.5714, CausePart("late", -0.0352, ("e1", "e2"), 5), CausePart("rule: exclude_unclear", 0.0062)
)


def build_origin_inputs(*, week: WeekChange | None = None, best: float | None = 0.6127) -> OriginInputs:
    """How the agent's figure came about: reviewers as a step and, with a best guess, shrinkage; and a change since."""
    guess = None if best is None else Estimate(best, 0.5, 0.7)
    figure = AgentFigure(
        "p1",
        "Agent 1",
        MEASURE,
        28,
        DAY,
        12,
        Estimate(0.5714, 0.5, 0.6),
        Estimate(0.5921, 0.5, 0.7),
        guess,
        Comparison("compared", None),
        None,
    )
    steps = [Step(REVIEWERS, 0.5921 - 0.5714), *([Step(SHRINKAGE, best - 0.5921)] if best is not None else [])]
    fair = 0.5921
    derivation = Derivation(0.5714, tuple(steps), best or fair, shrunk_from=None if best is None else fair)
    return OriginInputs(figure, derivation, (FigureChange("plain mean", LATE),), week)
