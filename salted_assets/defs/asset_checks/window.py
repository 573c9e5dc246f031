"""The check `window` of `raw/export`: whether each export of a day is that of the day's window."""

import dagster as dg

from salted_assets.defs.asset_checks.outcome import ERROR, WARN, CheckOutcome, explain
from salted_assets.landing import Manifest

WINDOW_CHECK = "window"

_ASKS = (
    "No engagement starts at or after the end of the window, as in an export of another window, or where times are "
    "local ones without a zone. Turns and reviews may be later. An export that was adopted, or requested in place of "
    "one, and does not fit fails; else it is a warning."
)
_DOUBTFUL = (
    "Compare some of the day's start times with the vendor's application. If they are local times, the files lack the "
    "zone: ask the vendor. Else materialize raw/export with refresh set."
)
_MISFIT = (
    "Do not trust the day: its rows may be those of another one. Materialize raw/export with refresh set, when no "
    "other program requests exports of the account."
)


def build_window_check_spec(key: dg.AssetKey, partitions: dg.PartitionsDefinition[str]) -> dg.AssetCheckSpec:
    """The spec of the check, one evaluation a day."""
    return dg.AssetCheckSpec(WINDOW_CHECK, asset=key, description=_ASKS, partitions_def=partitions)


def check_window(manifest: Manifest) -> CheckOutcome:
    """Whether the exports that a day was landed from fit its window; it passes where none had engagements to tell."""
    fits = [delivery.window_fit for delivery in manifest.deliveries]
    is_misfit = any(fit.outcome == "misfits" for fit in fits)
    messages = [fit.message for fit in fits if fit.message]
    counted = [delivery.engagement_starts for delivery in manifest.deliveries]
    starts = [each for each in counted if each is not None]
    return CheckOutcome(
        WINDOW_CHECK,
        passed=not messages,
        severity=ERROR if is_misfit else WARN,
        metadata={
            "engagements_in_window": sum(each.within_count for each in starts),
            "engagements_before_window": sum(each.before_count for each in starts),
            "engagements_after_window": sum(each.after_count for each in starts),
            "starts_not_read": sum(each.unread_count for each in starts),
            "adopted_exports": sum(delivery.is_adopted for delivery in manifest.deliveries),
            **explain(bool(messages), "; ".join(messages), _MISFIT if is_misfit else _DOUBTFUL),
        },
    )
