"""What the scorecard says first: who stands out, who is not compared, and alarms of change, in sentences of HTML."""

from collections.abc import Iterator, Mapping
from datetime import date

import pandas as pd

from salted_assets.output.scorecard.agent_links import mark_agent
from salted_assets.output.scorecard.comparison import COMPARED, describe_side, list_names
from salted_assets.output.scorecard.table_cells import list_records


def summarize(evaluation: pd.DataFrame, alarms: Mapping[str, tuple[str, date]], people_count: int) -> Iterator[str]:
    """Sentences on the agents of a window, as HTML in which names lead to agents' pages where these are served.

    Takes the rows of the reviewers' evaluations, `with_sides`, by agent the direction of an alarm of change with the
    day since when, and how many people have an engagement. Without anybody there is nothing to say.
    """
    if not people_count:
        return
    compared = evaluation.dropna(subset=list(COMPARED))
    distance = (compared["shrunk_mean"] - compared["group_mean"]).abs()
    farthest_first = compared.assign(distance=distance).sort_values(
        ["distance", "agent_name"], ascending=[False, True], kind="stable"
    )
    for side in (-1, 1):
        rows = farthest_first[farthest_first["side"] == side]
        names = [
            f"{mark_agent(row['agent_pid'], row['agent_name'])} "
            f"({row['shrunk_mean']:.0%}, colleagues {row['group_mean']:.0%})"
            for row in list_records(rows)
        ]
        if names:
            yield f"{describe_side(side).capitalize()} the colleagues, more than luck explains: {list_names(names)}."
    if not len(compared):
        yield "Nobody is compared with others by the fair score; the table of agents says why."
    elif not compared["side"].any():
        yield f"Of {len(compared)} agents with a best guess, nobody is known to differ from the colleagues."
    elif others := int((compared["side"] == 0).sum()):
        yield f"Of the other {others} agents with a best guess, nobody is known to differ: do not rank them."
    if len(compared) and (left_out := people_count - len(compared)):
        yield f"No best guess for {left_out} of {people_count} agents; the table says why."
    names_of = dict(zip(evaluation["agent_pid"], evaluation["agent_name"], strict=True))
    alarmed = [
        f"{mark_agent(pid, names_of.get(pid, pid))} {what} since {since}"
        for pid, (what, since) in sorted(alarms.items())
    ]
    if alarmed:
        yield f"Alarms of change: {list_names(alarmed)}."
