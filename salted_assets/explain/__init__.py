"""What changed in a published figure, and why.

Here: the figures and rows that scores had before they were replaced, kept beside the scores, and the causes told from
them. Not here: when scores are made again (`history.restatement`), their formulas (`scoring`), pages and commands that
show it.
"""

from salted_assets.explain.causes import NothingPublishedError, causes_of_change
from salted_assets.explain.change_files import changes_key, drop_undone, prune_changes
from salted_assets.explain.explanation import CausePart, Explanation
from salted_assets.explain.figures import compare_figures
from salted_assets.explain.moves import MovedEngagements
from salted_assets.explain.recording import (
    OldInputsGoneError,
    Recorded,
    Rescore,
    open_replacement,
    record_changes,
    record_replacement,
)

__all__ = [
    "CausePart",
    "Explanation",
    "MovedEngagements",
    "NothingPublishedError",
    "OldInputsGoneError",
    "Recorded",
    "Rescore",
    "causes_of_change",
    "changes_key",
    "compare_figures",
    "drop_undone",
    "open_replacement",
    "prune_changes",
    "record_changes",
    "record_replacement",
]
