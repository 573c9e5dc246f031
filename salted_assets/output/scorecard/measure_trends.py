"""What customers, auto reviewers and turns say week by week, beside what reviewers do."""

import pandas as pd

from salted_assets.output.scorecard.evaluations import FORM
from salted_assets.output.scorecard.plot_sections import PlotSection
from salted_assets.output.scorecard.trend_plots import TrendPoint, plot_measure_trends
from salted_assets.output.scorecard.trends import find_incomplete_weeks, trend_of_means

_PERCENT = 100
_MEASURES = (
    (FORM, "QA score of reviewers' forms (%)", _PERCENT),
    ("evaluation_customer", "CSAT, customers' surveys (%)", _PERCENT),
    ("evaluation_auto", "QA score of auto reviews (%)", _PERCENT),
    ("engagement_sentiment_customer", "sentiment of customers (vendor's scale)", 1),
    ("engagement_sentiment_agent", "sentiment of agents (vendor's scale)", 1),
)

WEEKLY_SUMS = tuple(f"{name}_{part}" for name, _, _ in _MEASURES[1:] for part in ("count", "sum", "sum_of_squares"))
"""The sums of `scores/agent_daily` by week that the plot needs beside those of forms."""


def build_measure_trends(weeks: pd.DataFrame) -> PlotSection:
    """The plot of these figures one below the other, of all people; it says which there are none of."""
    trends = {label: _trend(weeks, name, factor) for name, label, factor in _MEASURES}
    shown = [(label, points) for label, points in trends.items() if len(points) > 1]
    absent = [label for label, points in trends.items() if len(points) < 2]  # noqa: PLR2004 - a line has two ends
    unknown = f"Not in two weeks: {', '.join(absent)}." if absent else ""
    incomplete = find_incomplete_weeks(weeks)
    return PlotSection(
        "What customers and machines say beside reviewers",
        "Each has its own scale and its own engagements: lines that part say that something changed in one of them, "
        "not which is right. The band is the 95% interval. Resolution is not here: which of the vendor's values mean "
        f"resolved is not known. {unknown}".strip(),
        plot_measure_trends("measures", shown, incomplete) if shown else None,
        "There are not two weeks of any of them yet.",
    )


def _trend(weeks: pd.DataFrame, name: str, factor: float) -> list[TrendPoint]:
    return [
        TrendPoint(point.last_day, *(factor * value for value in (point.mean, point.low, point.high)))
        for point in trend_of_means(weeks, name)
    ]
