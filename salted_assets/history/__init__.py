"""The newest version of every row, out of many exports.

Here: what a table partition notes on the start days that its rows touch, and the reader that finds the newest versions
of a start day's rows. Not here: what is scored (`scoring`), who writes partitions, Dagster.
"""

from salted_assets.history.reader import HistoryFacts, HistoryReader, Newest
from salted_assets.history.touches import TouchedDays, touched_days

__all__ = ["HistoryFacts", "HistoryReader", "Newest", "TouchedDays", "touched_days"]
