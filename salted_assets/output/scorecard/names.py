"""Names by which people can be told apart on a page."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd

_PID_SHOWN = 4


def name_apart(names: Mapping[str, str], groups: Mapping[str, str] | None = None) -> dict[str, str]:
    """By pid the name; of namesakes with the group (such as the team) that tells them apart, else with their pid.

    >>> name_apart({"p1": "Ada", "p2": "Ada", "p3": "Eve"}, {"p1": "North", "p2": "South", "p3": "South"})
    {'p1': 'Ada (North)', 'p2': 'Ada (South)', 'p3': 'Eve'}
    >>> name_apart({"07c1": "Ada", "07d2": "Ada"})
    {'07c1': 'Ada [07c1]', '07d2': 'Ada [07d2]'}
    """
    shared = _find_shared(names)
    if not shared:
        return dict(names)
    grouped = {pid: f"{names[pid]} ({group})" for pid in shared if (group := (groups or {}).get(pid))}
    given = {pid: grouped.get(pid, name) for pid, name in names.items()}
    still = _find_shared(given)
    length = _find_length(sorted(still))
    return {pid: f"{names[pid]} [{pid[:length]}]" if pid in still else name for pid, name in given.items()}


def build_agent_names(*frames: pd.DataFrame) -> dict[str, str]:
    """By pid the names of the agents of all rows, as `name_apart` gives them; a pid is the name of one without.

    Each has `agent_pid`, `agent_name` and `team`. Of an agent in several the first row that has a name counts.
    """
    parts = [frame[["agent_pid", "agent_name", "team"]].astype(object) for frame in frames if len(frame)]
    if not parts:
        return {}
    agents = pd.concat(parts).dropna(subset=["agent_pid"])
    agents = agents.iloc[agents["agent_name"].isna().argsort(kind="stable")].drop_duplicates("agent_pid")
    pids = agents["agent_pid"].tolist()
    names = dict(zip(pids, agents["agent_name"].fillna(agents["agent_pid"]).tolist(), strict=True))
    teams = dict(zip(pids, agents["team"].fillna("").tolist(), strict=True))
    return name_apart(names, teams)


def with_agent_names(rows: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """The rows with `agent_name` as the names by pid have it."""
    return rows.assign(agent_name=rows["agent_pid"].map(dict(names)))


def _find_shared(names: Mapping[str, str]) -> set[str]:
    counts = Counter(names.values())
    return {pid for pid, name in names.items() if counts[name] > 1}


def _find_length(pids: Sequence[str]) -> int:
    """The fewest characters of pids that tell them apart, `_PID_SHOWN` at least."""
    longest = max(map(len, pids), default=0)
    return next(
        (size for size in range(_PID_SHOWN, longest) if len({pid[:size] for pid in pids}) == len(pids)), longest
    )
