"""Who differs from the colleagues: one rule over the fair score's estimates, which plots, lists and tables share."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from salted_assets.explain.agent_figure import describe_extra
from salted_assets.output.scorecard.records import Records, is_null, keep_known
from salted_assets.output.scorecard.table_cells import is_number, is_true, text_of

NAMES_MAX = 8

COMPARED = ("shrunk_mean", "shrunk_low", "shrunk_high", "group_mean", "fair_mean", "fair_low", "fair_high")
"""What is known of an agent who is compared."""


@dataclass(frozen=True)
class ChanceBand:
    """How far luck alone takes a fair mean from the colleagues' mean, by how many evaluations it is worth (95 %)."""

    counts: np.ndarray
    low: np.ndarray
    high: np.ndarray


def with_sides(rows: Records) -> Records:
    """The rows with a `side`: -1 below the colleagues, 1 above them, 0 not known to differ or not compared.

    An agent is on a side where the intervals of both the fair mean and the best guess lie there, so that neither plot
    says another thing than the other.
    """
    return [row | {"side": _find_side(row)} for row in rows]


def _find_side(row: Mapping[Any, Any]) -> int:
    if any(is_null(row[name]) for name in COMPARED):
        return 0
    is_above: bool = min(row["fair_low"], row["shrunk_low"]) > row["group_mean"]
    is_below: bool = max(row["fair_high"], row["shrunk_high"]) < row["group_mean"]
    return is_above - is_below


def only_people(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows without those of machines, by `is_bot`; whose type is not known is among the people."""
    return rows[~rows["is_bot"].fillna(value=False).astype(bool)]


def find_chance_band(rows: Records) -> ChanceBand | None:
    """The band around the colleagues' mean, at each agent as wide as the agent's own interval; None without agents.

    So an agent is outside where the own interval leaves out the colleagues' mean; where several have the same number,
    the band is as wide as it mostly is for them. Between agents it is straight, and beyond the first and the last it
    goes as the root of the number.
    """
    known = [row for row in keep_known(rows, ("effective_count", *COMPARED)) if row["effective_count"] > 0]
    if not known:
        return None
    widths: defaultdict[float, list[tuple[float, float]]] = defaultdict(list)
    for row, count in zip(known, np.round([row["effective_count"] for row in known], 1).tolist(), strict=True):
        widths[max(count, 0.1)].append((row["fair_mean"] - row["fair_high"], row["fair_mean"] - row["fair_low"]))
    counts = np.array(sorted(widths))
    before = np.geomspace(max(counts[0] / 4, min(1.0, counts[0])), counts[0], 12)[:-1]
    beyond = np.array([counts[-1] * 1.05])
    low, high = (
        np.concatenate([values[0] * np.sqrt(counts[0] / before), values, values[-1] * np.sqrt(counts[-1] / beyond)])
        for values in np.array([np.median(widths[count], axis=0) for count in counts.tolist()]).T
    )
    return ChanceBand(np.concatenate([before, counts, beyond]), low, high)


def is_outside_chance(row: dict[Any, Any]) -> bool:
    """Whether the interval of the fair mean leaves out the colleagues' mean: the agent lies outside the funnel."""
    if not all(is_number(row.get(name)) for name in COMPARED):
        return False
    return not float(row["fair_low"]) <= float(row["group_mean"]) <= float(row["fair_high"])


def describe_auto_worth(evaluation: Mapping[Any, Any]) -> str:
    """How many extra reviews the auto reviews are worth, in words; empty where they tell nothing."""
    if not is_number(evaluation.get("anchored_extra_count")) or text_of(evaluation.get("anchored_reason")):
        return ""
    return describe_extra(float(evaluation["anchored_extra_count"]))


def describe_comparison(row: dict[Any, Any]) -> tuple[str, str]:
    """What is known of an agent beside the colleagues, and what to mind about it, from a row `with_sides`."""
    reason, is_reliable = text_of(row.get("not_comparable_reason")), is_true(row.get("is_reliable"))
    state = describe_state(row)
    if row.get("side", 0):
        return f"stands out: {state} the colleagues", "" if is_reliable else "sure to differ, not by how much"
    if state:
        notes = ["outside the funnel, not sure among all agents", "" if is_reliable else reason]
        return f"{state} the colleagues", "\n".join(filter(None, notes))
    return ("can be compared", "not known to differ") if is_reliable else (reason or "no evaluation", "")


def describe_state(row: dict[Any, Any]) -> str:
    """Where an agent is beside the colleagues: below, above, perhaps either (outside the funnel alone), or nothing."""
    if side := row.get("side", 0):
        return describe_side(side)
    if is_outside_chance(row):
        return f"perhaps {describe_side(1 if row['fair_mean'] > row['group_mean'] else -1)}"
    return ""


def describe_side(side: int) -> str:
    """The side in a word."""
    return {-1: "below", 1: "above"}[int(side)]


def list_names(names: Sequence[str]) -> str:
    """The names, a few of them where there are many."""
    shown, rest = names[:NAMES_MAX], len(names) - NAMES_MAX
    return f"{', '.join(shown)} and {rest} more" if rest > 0 else ", ".join(shown)
