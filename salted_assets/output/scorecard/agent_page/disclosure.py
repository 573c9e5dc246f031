"""What the page of one agent may tell of others: nothing of a single one, and no figure of a small group.

A page is for one agent, who knows the own figures and may see a colleague's page as well. So a figure of a group is
shown only where it still stands for five people once two of them have taken their own out of it, and each
measure has one group alone: between groups that lie within each other, the difference would be a small one's figure.
"""

import pandas as pd

from salted_assets.output.scorecard.table_cells import text_of
from salted_assets.schemas.scores.fair import FEWEST_IN_GROUP, GROUP_FIGURES


def hide_small_groups(windows: pd.DataFrame) -> pd.DataFrame:
    """The rows of `scores/fair` with `GROUP_FIGURES` null where the group has fewer than `FEWEST_IN_GROUP` people."""
    is_small = ~(windows["group_count"].astype(float) >= FEWEST_IN_GROUP)
    shown = windows.copy()
    for name in GROUP_FIGURES:
        shown[name] = windows[name].astype(float).mask(is_small)
    return shown


def label_reviewers(evaluations: pd.DataFrame, *, by_name: bool) -> list[str]:
    """Who made each of the evaluations: by name, or by a number that counts from the first evaluation of this page."""
    if by_name:
        names = zip(evaluations["reviewer_name"], evaluations["reviewer_pid"], strict=True)
        return [text_of(name) or text_of(pid) or "-" for name, pid in names]
    numbers: dict[str, int] = {}
    pids = [text_of(pid) for pid in evaluations["reviewer_pid"]]
    return [f"reviewer {numbers.setdefault(pid, len(numbers) + 1)}" if pid else "-" for pid in pids]
