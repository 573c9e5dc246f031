"""Which scores are out of date, by what the footers of the files say, and which of them to ask for when.

Here: what a score records of the files that it was made of, the comparison with the files as they are now, and the plan
of what to ask for next. Not here: what a score is (`scoring`), runs, sensors and commands (`defs`, `cli`).

A score also records by which version of its formula and which settings it was made; where these are others now, it is
out of date as well.

Nothing is compared by clocks. Every table and score file has an id of its own, and a score records the ids of the files
that it is about to read *before* it reads them. So a footer never claims a file that was not read; where a file is
replaced meanwhile, or a slower writer puts an older score over a newer one, what is recorded differs from what is
there, and the score is out of date. The day is then asked for again, until the two agree.
"""

from salted_assets.history.input_versions import InputVersions
from salted_assets.history.restatement.input_index import InputIndex
from salted_assets.history.restatement.planning import Attempts, Limits, Request, plan_requests, split_into_ranges
from salted_assets.history.restatement.staleness import (
    Layout,
    OutdatedWindow,
    StaleDay,
    Staleness,
    find_outdated_windows,
    find_stale_days,
    find_stale_windows,
    list_complete_days,
)

__all__ = [
    "Attempts",
    "InputIndex",
    "InputVersions",
    "Layout",
    "Limits",
    "OutdatedWindow",
    "Request",
    "StaleDay",
    "Staleness",
    "find_outdated_windows",
    "find_stale_days",
    "find_stale_windows",
    "list_complete_days",
    "plan_requests",
    "split_into_ranges",
]
