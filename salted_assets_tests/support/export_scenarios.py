"""A few engagements with turns and reviews that are edited over some days, and the exports that were made of them.

A model of the vendor's newer page: an export's file has the rows whose engagement starts in its window, or that were
changed in it, in the state at the time it was requested.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from hypothesis import strategies as st

from salted_assets_tests.support.scoring_oracle import Export
from salted_assets_tests.support.scoring_rows import DAY, Row, agent, engagement, review, turn

DAYS = [DAY + timedelta(days=number) for number in range(4)]
_UNREADABLE = "unreadable"
"""Among a row's changes: the column whose cell the loader refuses, until the next change."""
_NEAR_MIDNIGHT = st.sampled_from([timedelta(hours=12), timedelta(hours=23, minutes=50), timedelta(minutes=10)])


@dataclass(frozen=True)
class EditedRow:
    """A row's columns when it was made, and edits in order of their times."""

    dataset: str
    pid: str
    made_at: datetime
    columns: Row
    edits: Sequence[tuple[datetime, Row]]

    def at(self, instant: datetime) -> tuple[datetime, Row]:
        """When the row last changed before the instant, and its columns then."""
        changed_at, columns = self.made_at, dict(self.columns)
        for edited_at, changes in self.edits:
            if edited_at <= instant:
                changed_at, columns = edited_at, columns | {_UNREADABLE: None} | changes
        return changed_at, columns


@dataclass(frozen=True)
class Scenario:
    """The rows that there are, and whether the vendor delivers `updated_at`."""

    edited_rows: Sequence[EditedRow]
    is_dated: bool

    def export(self, day: date, requested_at: datetime) -> Export:
        """What the export of the day delivers when it is requested then."""
        tables: dict[str, list[Row]] = {"engagement": [], "turn": [], "review": [], "agent": [agent()]}
        starts = {
            each.pid: each.at(requested_at)[1]["start_time"]
            for each in self.edited_rows
            if each.dataset == "engagement"
        }
        for edited in self.edited_rows:
            changed_at, columns = edited.at(requested_at)
            start = starts[columns.get("engagement_pid", edited.pid)]
            if edited.made_at <= requested_at and day in {start.date(), changed_at.date()}:
                tables[edited.dataset].append(self._row(edited, changed_at, columns, start))
        return day, requested_at, tables

    def _row(self, edited: EditedRow, changed_at: datetime, columns: Row, start: datetime) -> Row:
        columns |= {"updated_at": changed_at if self.is_dated else None}
        refused = columns.pop(_UNREADABLE, None)
        if refused is not None:
            columns |= {refused: None, "refused_columns": [refused]}
        if edited.dataset == "engagement":
            return engagement(edited.pid, **columns)
        if edited.dataset == "review":
            return review(edited.pid, engagement_start_time=start, **columns)
        since_start = (columns["turn_time"] - start) // timedelta(milliseconds=1)
        return turn(edited.pid, turn_time_relative_ms=since_start, **columns)


def night_after(day: date) -> datetime:
    """Three hours after the day's window, when its export is requested as a rule."""
    return datetime.combine(day + timedelta(days=1), time(3), UTC)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Up to three engagements of the first days, each with a turn and a review; starts move by a day or two."""
    edited_rows: list[EditedRow] = []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        start = datetime.combine(draw(st.sampled_from(DAYS[:3])), time(), UTC) + draw(_NEAR_MIDNIGHT)
        own = {"engagement_pid": f"e{number}"}
        heard = start + timedelta(minutes=1)
        said = {**own, "turn_time": heard, "sentiment": 0.5}
        edited_rows += [
            EditedRow("engagement", f"e{number}", start, {"start_time": start}, draw(_edits(start, _changes(start)))),
            EditedRow("turn", f"t{number}", heard, said, ()),
            EditedRow("review", f"r{number}", heard, {**own, "answer_score": 5.0}, draw(_edits(heard, _REVIEWED))),
        ]
    return Scenario(edited_rows, draw(st.booleans()))


_REVIEWED: st.SearchStrategy[Row] = st.sampled_from(
    [
        {"status": "Deleted"},
        {"answer_score": 10.0},
        {"verified": "Incorrect"},
        {_UNREADABLE: "answer_score"},
        {_UNREADABLE: "answer_score", "status": "Deleted"},
    ]
)


def _changes(start: datetime) -> st.SearchStrategy[Row]:
    moved: list[Row] = [{"start_time": start + timedelta(days=days)} for days in (-1, 1, 2)]
    others: list[Row] = [{"status": "In Progress"}, {"empathy": 4.0}, {"team": "South"}]
    unreadable: list[Row] = [{_UNREADABLE: column} for column in ("start_time", "wrap_up_time")]
    kinds: list[Row] = [*moved, *moved, *others, *unreadable]
    return st.sampled_from(kinds)


def _edits(made_at: datetime, changes: st.SearchStrategy[Row]) -> st.SearchStrategy[list[tuple[datetime, Row]]]:
    later = st.sampled_from([datetime.combine(day, time(20), UTC) for day in DAYS])
    edits = st.lists(st.tuples(later, changes), max_size=2, unique_by=lambda edit: edit[0])
    return edits.map(lambda drawn: sorted((edit for edit in drawn if edit[0] > made_at), key=lambda edit: edit[0]))


@st.composite
def orders(draw: st.DrawFn) -> list[tuple[date, datetime]]:
    """Exports of all days, some ordered again later, in the order in which their tables are materialized.

    That is any order, but for one thing: a day's later export takes the place of its earlier one.
    """
    nightly = [(day, night_after(day)) for day in DAYS]
    again = [(day, night_after(DAYS[-1]) + timedelta(hours=1 + place)) for place, day in enumerate(DAYS)]
    chosen = draw(st.permutations([*nightly, *(each for each in again if draw(st.booleans()))]))
    times = {day: sorted(requested_at for each, requested_at in chosen if each == day) for day in DAYS}
    return [(day, times[day].pop(0)) for day, _ in chosen]


def in_force(scenario: Scenario, ordered: Sequence[tuple[date, datetime]]) -> list[Export]:
    """The newest export of each day."""
    return [scenario.export(day, requested_at) for day, requested_at in dict(ordered).items()]
