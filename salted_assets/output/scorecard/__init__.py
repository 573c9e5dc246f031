"""The scorecard: one HTML file per day for the quality manager, with plots, a table and plain words.

Here: what it shows (`content`), how it is drawn (`drawing`, `plots`) and laid out (`page`).
Not here: any score or statistic (`scoring`, `statistics`); where the file is kept (`assets`).
"""

from salted_assets.output.scorecard.content import Scorecard, build_scorecard, list_weekly_means, render_page
from salted_assets.output.scorecard.gathering import Material, gather
from salted_assets.output.scorecard.plots import draw_sparkline

__all__ = [
    "Material",
    "Scorecard",
    "build_scorecard",
    "draw_sparkline",
    "gather",
    "list_weekly_means",
    "render_page",
]
