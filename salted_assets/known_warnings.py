"""Warnings of Dagster that we know of and hide, each with its reason. Not here: warnings about our own code."""

import warnings

import dagster as dg

HIDDEN: tuple[tuple[type[Warning], str], ...] = (
    (dg.BetaWarning, ".*backfill_policy.*"),  # chunked backfills: measured as the cheapest that keep each day's state
    (dg.BetaWarning, ".*include_sources.*"),  # raised by Dagster's own reading of a selection
    (
        dg.BetaWarning,
        ".*[cC]ode_?[rR]eference.*",
    ),  # links to an asset's code: without it nothing is lost but them
    (dg.PreviewWarning, ".*partitions_def.*"),  # checks on their partition: without it day 2 hides day 1
)


def hide_known_warnings() -> None:
    """Hide them for the rest of the process."""
    for category, message in HIDDEN:
        warnings.filterwarnings("ignore", message=message, category=category)
