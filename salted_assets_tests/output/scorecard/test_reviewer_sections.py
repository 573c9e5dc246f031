"""What reviewers did beside their goal, what they scored far apart, and their disputes, open and ended."""

from datetime import date
from typing import Any

import pandas as pd
import pytest

from salted_assets.output.scorecard.disputes import ROWS_MAX, build_disputes, find_end
from salted_assets.output.scorecard.far_apart import find_far_apart, tabulate_far_apart
from salted_assets.output.scorecard.records import list_records
from salted_assets.output.scorecard.reviewer_work import tabulate_work
from salted_assets.output.scorecard.table_cells import Table
from salted_assets_tests.support.scorecard_rows import build_inputs, disputed, scored_twice, worked


def written(table: Table) -> list[list[tuple[str, str]]]:
    return [[(cell.text, cell.note) for cell in row.cells] for row in table.rows]


def frame_of_work(*rows: dict[str, Any]) -> pd.DataFrame:
    return build_inputs([], work=list(rows)).work


def test_work_stands_beside_the_goal_and_who_is_farthest_behind_comes_first() -> None:
    done = worked("v1", week_form_count=5.0, form_count=20.0, pending_count=0.0, pending_since=None)

    assert written(tabulate_work(frame_of_work(done, worked("v2")), 5)) == [
        [
            *[("Reviewer v2", ""), ("3 of 5", "2 to go"), ("15 of 20", "5 to go"), ("4", "")],
            *[("2", "since 2024-03-20"), ("1", ""), ("0", "")],
        ],
        [
            *[("Reviewer v1", ""), ("5 of 5", "goal reached"), ("20 of 20", "goal reached"), ("4", "")],
            *[("0", ""), ("1", ""), ("0", "")],
        ],
    ]


def test_without_a_goal_nobody_is_behind() -> None:
    table = tabulate_work(
        frame_of_work(worked("v1"), worked("v2", form_count=1.0), worked("v3", reviewer_name=None)), None
    )

    assert [row[:3] for row in written(table)] == [
        [("Reviewer v1", ""), ("3", ""), ("15", "")],
        [("Reviewer v2", ""), ("3", ""), ("1", "")],
        [("v3", ""), ("3", ""), ("15", "")],
    ]


def test_engagements_scored_far_apart_are_listed_once_and_close_ones_are_not() -> None:
    rows = [
        scored_twice(),
        scored_twice(one_name="Xena"),
        scored_twice(engagement_pid="e2", distance=0.249),
        scored_twice(engagement_pid="e3", distance=0.25, question_count=1.0, link=None, start_time=pd.NaT),
    ]
    found = find_far_apart(list_records(build_inputs([], far_apart=rows).far_apart))

    assert written(tabulate_far_apart(found)) == [
        [
            *[("Agent 1", ""), ("Team 1", "Voice"), ("2024-03-30 09:12", ""), ("Vera, Walt", "Vera: 25%\nWalt: 75%")],
            *[("50 points", "mean of 4 questions"), ("Did the agent greet?", ""), ("open", "")],
        ],
        [
            *[("Agent 1", ""), ("Team 1", "Voice"), ("-", ""), ("Vera, Walt", "Vera: 25%\nWalt: 75%")],
            *[("25 points", "on 1 question"), ("Did the agent greet?", ""), ("e3", "")],
        ],
    ]
    row = tabulate_far_apart(found).rows[0]
    assert (row.agent, row.team, row.channel) == ("p1", "Team 1", "Voice")
    assert row.cells[-1].href == "https://platform.example/e1"


ENDED = {"is_disputed": False}


@pytest.mark.parametrize(
    ("values", "end"),
    [
        ({}, ""),
        (ENDED | {"score": 0.5}, "raised"),
        (ENDED | {"score": 0.0, "disputed_score": 0.25}, "lowered"),
        (ENDED, "kept"),
        ({"is_completed": False}, "removed"),
        (ENDED | {"is_completed": False}, "removed"),
        (ENDED | {"disputed_score": None}, "unknown"),
    ],
)
def test_how_a_dispute_ended(values: dict[str, Any], end: str) -> None:
    assert find_end(disputed(**values)) == end


def test_open_disputes_are_listed_and_the_ended_counted_by_reviewer() -> None:
    rows = [
        disputed(),
        disputed(**ENDED, score=1.0),
        disputed(**ENDED),
        disputed(**ENDED, disputed_score=None),
        disputed(**ENDED, is_completed=False, reviewer_name=None),
    ]
    found = build_disputes(rows)

    assert (found.open_count, found.ended_count, found.absent) == (1, 4, "")
    assert written(found.open) == [
        [
            *[("Agent 1", ""), ("Team 1", "Voice"), ("2024-03-10", ""), ("Did the agent greet?", ""), ("No", "0%")],
            *[("Vera", ""), ("open", "")],
        ]
    ]
    assert [[text for text, _ in row] for row in written(found.by_reviewer)] == [
        ["Vera", "1", "3", "50%", "1", "1", "0", "0"],
        ["v1", "0", "1", "100%", "0", "0", "0", "1"],
    ]


def test_of_many_open_disputes_the_oldest_are_shown_and_all_counted() -> None:
    rows = [disputed(disputed_since=date(2024, 3, 1)), *(disputed() for _ in range(ROWS_MAX))]
    found = build_disputes(rows)

    assert (found.open_count, len(found.open.rows)) == (ROWS_MAX + 1, ROWS_MAX)


def test_where_no_dispute_is_known_it_says_why() -> None:
    assert build_disputes(None).absent.startswith("A table of reviews cannot be read")
    assert build_disputes([]).absent.startswith("No answer of a reviewer")
