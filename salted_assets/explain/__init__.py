"""What changed in a published figure, and why.

Here: the figures that scores had before they were replaced, kept beside the scores. Not here: when scores are made
again (`history.restatement`), their formulas (`scoring`), pages and commands that show it.
"""

from salted_assets.explain.change_files import changes_key, prune_changes, record_changes
from salted_assets.explain.figures import compare_figures

__all__ = ["changes_key", "compare_figures", "prune_changes", "record_changes"]
