"""All that explains one published figure of an agent."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from salted_assets.explain.agent_figure.changes import FigureChange, WeekChange, read_changes, read_week_change
from salted_assets.explain.agent_figure.evidence import EngagementValue, Evaluation, read_evaluations, read_values
from salted_assets.explain.agent_figure.figure import AgentFigure, read_figure
from salted_assets.explain.agent_figure.steps import Derivation, derive
from salted_assets.warehouse import Warehouse


@dataclass(frozen=True)
class FigureExplanation:
    """A figure, the `evaluations` or engagements with their `values` that it rests on, its steps, and its changes.

    `changes` are those since the figure was first published, or since `since`; `week_change` leads from
    the figure of a week before to this one.
    """

    figure: AgentFigure
    evaluations: tuple[Evaluation, ...]
    values: tuple[EngagementValue, ...]
    derivation: Derivation
    changes: tuple[FigureChange, ...]
    since: datetime | None
    week_change: WeekChange | None


def explain_figure(  # noqa: PLR0917 - whose figure of what, for which days: each has its own type
    warehouse: Warehouse,
    zone: str,
    agent_pid: str,
    measure: str,
    end_date: date,
    window_days: int,
    excluded: Collection[str] = (),
    *,
    name_reviewers: bool = False,
    since: datetime | None = None,
) -> FigureExplanation:
    """Explain the figure of the agent as it is published now.

    `window_days` is one of `PERIODS`. `excluded` are the AI columns that are of no person, and reviewers are numbers
    unless `name_reviewers`. Nothing is written.
    Raises NotExplicable where there is no such figure, WarehouseDamaged for a file that cannot be read.
    """
    figure = read_figure(warehouse, agent_pid, measure, end_date, window_days, excluded)
    derivation = derive(warehouse, figure)
    return FigureExplanation(
        figure=figure,
        evaluations=read_evaluations(warehouse, figure, name_reviewers=name_reviewers),
        values=read_values(warehouse, figure),
        derivation=derivation,
        changes=read_changes(warehouse, zone, figure, since, derivation=derivation),
        since=since,
        week_change=read_week_change(warehouse, zone, figure),
    )
