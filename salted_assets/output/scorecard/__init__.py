"""The scorecard: one HTML page a day for the quality manager, with plots, tables and plain words, and its local server.

Not here: any score or statistic (`scoring`), and when a page is made (`defs/assets/report`).
"""

from salted_assets.output.scorecard.inputs import ScorecardInputs
from salted_assets.output.scorecard.reading import has_scores, open_reader, read_inputs
from salted_assets.output.scorecard.scorecard import (
    Scorecard,
    build_scorecard,
    list_weekly_means,
    render_page,
)
from salted_assets.output.scorecard.trend_plots import draw_sparkline

__all__ = [
    "Scorecard",
    "ScorecardInputs",
    "build_scorecard",
    "draw_sparkline",
    "has_scores",
    "list_weekly_means",
    "open_reader",
    "read_inputs",
    "render_page",
]
