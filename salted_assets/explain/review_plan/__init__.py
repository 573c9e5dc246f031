"""Whom to listen to next: a plan is drawn out of scores, and what has become of it is read.

Not here: the formulas (`scoring.review_plan`), the files (`history.review_plans`), the text of pages.
"""

from salted_assets.explain.review_plan.drawing import DrawnPlan, Frame, NothingToDrawError, draw_plan
from salted_assets.explain.review_plan.evaluated import EVALUATED_COLUMNS, write_evaluated_query
from salted_assets.explain.review_plan.progress import (
    LastPlans,
    PlanProgress,
    find_last_plan,
    group_by_agent,
)

__all__ = [
    "EVALUATED_COLUMNS",
    "DrawnPlan",
    "Frame",
    "LastPlans",
    "NothingToDrawError",
    "PlanProgress",
    "draw_plan",
    "find_last_plan",
    "group_by_agent",
    "write_evaluated_query",
]
