"""Figures of the vendor's own screen beside ours, and what differences come from.

Not here: how figures are made (`scoring`), what commands print.
"""

from salted_assets.explain.vendor_screen.day_figures import Unreconcilable
from salted_assets.explain.vendor_screen.measures import MEASURES, Kind, Measure, find_measure
from salted_assets.explain.vendor_screen.reconciliation import Compared, Reconciler
from salted_assets.explain.vendor_screen.typed_values import TypedValue, ValueRefused, parse_value
from salted_assets.explain.vendor_screen.vendor_figures import (
    EVERYBODY,
    TEMPLATE,
    FileRefused,
    VendorFigure,
    read_figures,
)

__all__ = [
    "EVERYBODY",
    "MEASURES",
    "TEMPLATE",
    "Compared",
    "FileRefused",
    "Kind",
    "Measure",
    "Reconciler",
    "TypedValue",
    "Unreconcilable",
    "ValueRefused",
    "VendorFigure",
    "find_measure",
    "parse_value",
    "read_figures",
]
