"""What the scorecard says first: who stands out, who is not compared, and alarms of change, in sentences of HTML."""

from collections.abc import Iterator, Mapping
from datetime import date

from salted_assets.output.scorecard.agent_links import mark_agent
from salted_assets.output.scorecard.comparison import COMPARED, describe_side, list_names
from salted_assets.output.scorecard.records import Records, keep_known, order_records


def summarize(evaluation: Records, alarms: Mapping[str, tuple[str, date]], people_count: int) -> Iterator[str]:
    """Sentences on the agents of a window, as HTML in which names lead to agents' pages where these are served.

    Takes the rows of the reviewers' evaluations, `with_sides`, by agent the direction of an alarm of change with the
    day since when, and how many people have an engagement. Without anybody there is nothing to say.
    """
    if not people_count:
        return
    compared = keep_known(evaluation, COMPARED)
    distances = [row | {"distance": abs(row["shrunk_mean"] - row["group_mean"])} for row in compared]
    farthest_first = order_records(distances, "-distance", "agent_name")
    for side in (-1, 1):
        names = [
            f"{mark_agent(row['agent_pid'], row['agent_name'])} "
            f"({row['shrunk_mean']:.0%}, colleagues {row['group_mean']:.0%})"
            for row in farthest_first
            if row["side"] == side
        ]
        if names:
            yield f"{describe_side(side).capitalize()} the colleagues, more than luck explains: {list_names(names)}."
    others = sum(not row["side"] for row in compared)
    if not compared:
        yield "Nobody is compared with others by the fair score; the table of agents says why."
    elif others == len(compared):
        yield f"Of {len(compared)} agents with a best guess, nobody is known to differ from the colleagues."
    elif others:
        yield f"Of the other {others} agents with a best guess, nobody is known to differ: do not rank them."
    if compared and (left_out := people_count - len(compared)):
        yield f"No best guess for {left_out} of {people_count} agents; the table says why."
    names_of = {row["agent_pid"]: row["agent_name"] for row in evaluation}
    alarmed = [
        f"{mark_agent(pid, names_of.get(pid, pid))} {what} since {since}"
        for pid, (what, since) in sorted(alarms.items())
    ]
    if alarmed:
        yield f"Alarms of change: {list_names(alarmed)}."
