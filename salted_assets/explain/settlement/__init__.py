"""How much of a day's evaluations is still to come: learned from exports of earlier days, joined when a page is read.

Not here: the formulas (`scoring.settlement`), the text of pages.
"""

from salted_assets.explain.settlement.arrivals import Arrivals, read_arrivals
from salted_assets.explain.settlement.learning import settle_day
from salted_assets.explain.settlement.statements import (
    STATED_DAYS,
    SeenEvaluations,
    Statement,
    StoredSettlement,
    count_seen,
    read_settlement,
    write_own_statement,
    write_statement,
)
from salted_assets.explain.settlement.teaching import Teaching, find_teaching

__all__ = [
    "STATED_DAYS",
    "Arrivals",
    "SeenEvaluations",
    "Statement",
    "StoredSettlement",
    "Teaching",
    "count_seen",
    "find_teaching",
    "read_arrivals",
    "read_settlement",
    "settle_day",
    "write_own_statement",
    "write_statement",
]
