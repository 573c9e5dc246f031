"""Whether an export is that of its window, by where its engagements start.

The vendor selects engagements that started in the window, and rows that were updated in it: so older engagements may
be among them, but none that starts at or after the window's end. Turns and reviews tell nothing: they may be later.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Literal

from salted_assets.landing.windows import Window


@dataclass(frozen=True)
class EngagementStarts:
    """Engagements of an export by their start: before its window, in it, at its end or later, not to be read."""

    before_count: int
    within_count: int
    after_count: int
    unread_count: int

    def is_foreign_to_window(self) -> bool:
        """Whether an export of which it is not sure that it is ours looks like one of another window."""
        has_engagements = self.before_count + self.within_count + self.after_count + self.unread_count > 0
        return self.after_count > 0 or (has_engagements and not self.within_count)


CountStarts = Callable[[Callable[[], BinaryIO], Window], EngagementStarts | None]
"""Counts the engagements of a file, given as what opens it; None where the file cannot be read as one."""


@dataclass(frozen=True)
class WindowFit:
    """What is to be said of an export: nothing ("fits"), a warning, or that its day is not to be trusted ("misfits").

    `late_count` engagements start at or after the window's end.
    """

    outcome: Literal["fits", "doubtful", "misfits"] = "fits"
    late_count: int = 0
    message: str = ""


def assess_fit(export_id: str, starts: EngagementStarts | None, *, is_adopted: bool, replaces: str | None) -> WindowFit:
    """Assess an export by its engagements, by whether it was adopted, and by which adopted one it took the place of.

    An export of our own with late starts is doubtful: local times without a zone look like that. It misfits where it
    was requested because an earlier one did not fit, or was itself adopted.
    """
    is_sure = not is_adopted
    if starts is None or starts == EngagementStarts(0, 0, 0, 0):
        if is_sure:
            return WindowFit()
        return WindowFit(
            "doubtful",
            message=f"export {export_id} was found in the vendor's history after its request got no response, and no "
            "engagements tell whether it is that of the window",
        )
    if not (starts.after_count if is_sure else starts.is_foreign_to_window()):
        return WindowFit()
    found = f"{starts.after_count} engagements of export {export_id} start at or after the end of its window"
    if is_sure and replaces is None:
        reason = "local times without a zone look like that, or the vendor mixed up windows"
        return WindowFit("doubtful", starts.after_count, f"{found}: {reason}")
    if not starts.after_count:
        found = f"no engagement of export {export_id} starts in its window"
    again = f"it was requested after export {replaces} had not fitted either" if replaces else "it was adopted"
    return WindowFit("misfits", starts.after_count, f"{found}, and {again}")
