"""What customers, auto reviewers, turns and resolutions say week by week, beside what reviewers do."""

from salted_assets.output.scorecard.evaluations import FORM
from salted_assets.output.scorecard.plot_sections import PlotSection
from salted_assets.output.scorecard.records import Records
from salted_assets.output.scorecard.trend_plots import TrendPoint, plot_measure_trends
from salted_assets.output.scorecard.trends import find_incomplete_weeks, trend_of_means, trend_of_shares

_PERCENT = 100
_MEASURES = (
    (FORM, "QA score of reviewers' forms (%)", _PERCENT),
    ("evaluation_customer", "CSAT, customers' surveys (%)", _PERCENT),
    ("evaluation_auto", "QA score of auto reviews (%)", _PERCENT),
    ("engagement_sentiment_customer", "sentiment of customers (vendor's scale)", 1),
    ("engagement_sentiment_agent", "sentiment of agents (vendor's scale)", 1),
)
_RESOLVED = "resolved, of engagements with a resolution (%)"
_RESOLVED_PARTS = ("resolved_count", "resolution_judged_count")
_VALUES_MAX = 10

WEEKLY_SUMS = (
    *(f"{name}_{part}" for name, _, _ in _MEASURES[1:] for part in ("count", "sum", "sum_of_squares")),
    *_RESOLVED_PARTS,
)
"""The sums of `scores/agent_daily` by week that the plot needs beside those of forms."""

READ_RESOLUTIONS = """
    SELECT end_date, seen.key AS resolution, sum(seen.value)::DOUBLE AS engagement_count
    FROM (
        SELECT end_date, unnest(map_entries(resolution_counts::JSON::MAP(VARCHAR, BIGINT))) AS seen
        FROM trend_person_day
    )
    GROUP BY ALL ORDER BY end_date, engagement_count DESC, resolution
"""
"""Of each card the resolutions of all people's engagements, in lower case, the most frequent first."""


def build_measure_trends(weeks: Records, resolutions: Records) -> PlotSection:
    """The plot of these figures one below the other, of all people; it says which there are none of.

    `resolutions` are rows of `READ_RESOLUTIONS`: the values to choose from where no setting says what means resolved.
    """
    trends = {label: _in_unit(trend_of_means(weeks, name), factor) for name, label, factor in _MEASURES}
    is_judged = any(row["resolution_judged_count"] for row in weeks)
    if is_judged:
        trends[_RESOLVED] = _in_unit(trend_of_shares(weeks, *_RESOLVED_PARTS), _PERCENT)
    shown = [(label, points) for label, points in trends.items() if len(points) > 1]
    absent = [label for label, points in trends.items() if len(points) < 2]  # noqa: PLR2004 - a line has two ends
    unknown = f" Not in two weeks: {', '.join(absent)}." if absent else ""
    return PlotSection(
        "What customers and machines say beside reviewers",
        "Each has its own scale and its own engagements: lines that part say that something changed in one of them, "
        "not which is right. The band is the 95% interval. "
        f"{_explain_judged() if is_judged else _explain_unjudged([row['resolution'] for row in resolutions])}{unknown}",
        plot_measure_trends("measures", shown, find_incomplete_weeks(weeks)) if shown else None,
        "There are not two weeks of any of them yet.",
    )


def _explain_judged() -> str:
    return "Resolved is what the setting SALTED_RESOLVED_VALUES names; any other resolution counts as not resolved."


def _explain_unjudged(values: list[str]) -> str:
    """Why there is no share of resolved engagements, with the values that were seen."""
    if not values:
        return "How many were resolved is not here: no engagement has a resolution."
    further = f" and {len(values) - _VALUES_MAX} more" if len(values) > _VALUES_MAX else ""
    return (
        "How many were resolved is not here: the setting SALTED_RESOLVED_VALUES does not say which of the resolutions "
        f"seen ({', '.join(values[:_VALUES_MAX])}{further}) mean resolved."
    )


def _in_unit(points: list[TrendPoint], factor: float) -> list[TrendPoint]:
    return [
        TrendPoint(point.last_day, *(factor * value for value in (point.mean, point.low, point.high)))
        for point in points
    ]
