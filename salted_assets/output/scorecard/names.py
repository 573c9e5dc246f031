"""Names by which people can be told apart on a page."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain

from salted_assets.output.scorecard.records import Records, is_null, keep_first

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


def build_agent_names(*lists: Records) -> dict[str, str]:
    """By pid the names of the agents of all rows, as `name_apart` gives them; a pid is the name of one without.

    Each row has `agent_pid`, `agent_name` and `team`. Of an agent in several the first row that has a name counts.
    """
    named_first = sorted(chain(*lists), key=lambda row: is_null(row["agent_name"]))
    agents = {row["agent_pid"]: row for row in keep_first(named_first, "agent_pid") if not is_null(row["agent_pid"])}
    names = {pid: pid if is_null(row["agent_name"]) else row["agent_name"] for pid, row in agents.items()}
    return name_apart(names, {pid: "" if is_null(row["team"]) else row["team"] for pid, row in agents.items()})


def with_agent_names(rows: Records, names: Mapping[str, str]) -> Records:
    """The rows with `agent_name` as the names by pid have it."""
    return [row | {"agent_name": names.get(row["agent_pid"])} for row in rows]


def _find_shared(names: Mapping[str, str]) -> set[str]:
    counts = Counter(names.values())
    return {pid for pid, name in names.items() if counts[name] > 1}


def _find_length(pids: Sequence[str]) -> int:
    """The fewest characters of pids that tell them apart, `_PID_SHOWN` at least."""
    longest = max(map(len, pids), default=0)
    return next(
        (size for size in range(_PID_SHOWN, longest) if len({pid[:size] for pid in pids}) == len(pids)), longest
    )
