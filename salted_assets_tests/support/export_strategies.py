"""Exports for Hypothesis: a few windows, ordered in any order, with versions of a few rows each."""

from collections.abc import Sequence
from datetime import timedelta

from hypothesis import strategies as st

from salted_assets.warehouse import Warehouse
from salted_assets_tests.support import scoring_oracle as oracle
from salted_assets_tests.support.scoring_rows import DAY, Row, agent, at, engagement, review, write

NEXT = DAY + timedelta(days=1)
LATER = DAY + timedelta(days=10)
STARTS = st.sampled_from([at(0), at(12), at(23, 59), at(0, day=NEXT), at(9, day=NEXT)])
UPDATES = st.sampled_from([None, at(10), at(22), at(10, day=NEXT)])
REFUSED = st.sampled_from([None, None, None, ["start_time"], ["engagement_time", "cost"], ["cost"]])
REFUSED_OF_REVIEW = st.sampled_from([None, None, ["answer_score"], ["status"], ["best_score", "confidence"]])
STATUSES = st.sampled_from(["Completed", "Completed", "Deleted", " rejected"])
DATASETS = ("engagement", "review", "agent")


@st.composite
def exports(draw: st.DrawFn) -> list[oracle.Export]:
    """Exports of one to three windows, in any order of ordering; each has all of `DATASETS`, with or without rows."""
    days = [DAY, NEXT, LATER][: draw(st.integers(1, 3))]
    orders = draw(st.permutations(range(len(days))))
    found: list[oracle.Export] = []
    for day, order in zip(days, orders, strict=True):
        rows = [
            without_refused(
                engagement(
                    pid,
                    start_time=draw(STARTS),
                    updated_at=draw(UPDATES),
                    team=f"{pid} {day}",
                    refused_columns=draw(REFUSED),
                )
            )
            for pid in draw(pids("e"))
        ]
        answers = [
            without_refused(
                review(
                    pid,
                    engagement_pid=f"e{pid[1]}",
                    engagement_start_time=None,
                    updated_at=draw(UPDATES),
                    comment=f"{pid} {day}",
                    status=draw(STATUSES),
                    refused_columns=draw(REFUSED_OF_REVIEW),
                )
            )
            for pid in draw(pids("r"))
        ]
        people = [
            agent(pid, updated_at=draw(UPDATES), team=draw(st.sampled_from(["North", "South", None])))
            for pid in draw(pids("a"))
        ]
        tables = {"engagement": rows, "review": answers, "agent": people}
        found.append((day, at(5, order, day=LATER + timedelta(days=1)), tables))
    return found


def without_refused(row: Row) -> Row:
    """The row as the loader writes it: what was refused is null."""
    return {**row, **dict.fromkeys(row["refused_columns"] or ())}


def pids(kind: str) -> st.SearchStrategy[list[str]]:
    return st.sets(st.sampled_from([f"{kind}1", f"{kind}2", f"{kind}3"])).map(sorted)


def write_exports(warehouse: Warehouse, delivered: Sequence[oracle.Export]) -> None:
    """Write the partitions of the exports, one export after the other."""
    for day, requested_at, tables in delivered:
        for dataset, rows in tables.items():
            write(warehouse, dataset, day, requested_at, rows)
