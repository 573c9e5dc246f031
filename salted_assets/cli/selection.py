"""Which assets `--select` means, and what to say of a selection that means none."""

import re
from collections.abc import Sequence
from difflib import get_close_matches

import dagster as dg

_NEAR = 0.5
_NAMES_SHOWN = 5


class SelectionRefused(ValueError):  # noqa: N818 - it says what happened, as its likes do
    """A selection cannot be read, or selects no daily asset; the message says which there are."""


def select_daily_assets(defs: dg.Definitions, selection: str) -> list[dg.AssetKey]:
    """The partitioned assets of a selection in Dagster's syntax, in order. Raises SelectionRefused for none."""
    graph = defs.resolve_asset_graph()
    daily = sorted(key for key in graph.get_all_asset_keys() if graph.get(key).partitions_def is not None)
    try:
        selected = dg.AssetSelection.from_string(selection).resolve(graph)
    except dg.DagsterInvalidSubsetError:
        # a name that is none, of which Dagster speaks in the words of its own code
        selected = set()
    except dg.DagsterError:
        raise SelectionRefused(
            f'{selection!r} is no selection of assets. Write a name such as tables/turn, key:"scores/*" or '
            "group:tables, several joined by `or`; `+` after one means what is made of it, too"
        ) from None
    if not selected:
        raise SelectionRefused(f"{selection!r} selects no asset. {_describe_near(selection, daily)}")
    if keys := [key for key in daily if key in selected]:
        return keys
    names = ", ".join(sorted(key.to_user_string() for key in selected))
    raise SelectionRefused(f"{selection!r} selects no daily asset: {names} has no days, and is made in the UI")


def _describe_near(selection: str, keys: Sequence[dg.AssetKey]) -> str:
    """The assets whose names, whole or without their first parts, are like a word of the selection; all if none is."""
    names = {name: key for key in keys for name in (key.to_user_string(), key.path[-1])}
    words = re.findall(r"\w[\w/]*", selection)
    near = [names[name] for word in words for name in get_close_matches(word, names, n=_NAMES_SHOWN, cutoff=_NEAR)]
    if near:
        return f"Near that name: {', '.join(dict.fromkeys(key.to_user_string() for key in near))}"
    return f"The daily assets are {', '.join(key.to_user_string() for key in keys)}"
