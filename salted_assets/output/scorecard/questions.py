"""What goes wrong most, by question: the share of worst answers with its reasons, for all, by team or by agent."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from salted_assets.output.scorecard.records import Records, keep_first, order_records
from salted_assets.scoring.stats import difference_of_intervals, wilson_interval
from salted_assets.scoring.stats.samples import divide

QUESTION_COLUMNS = (*("agent_pid", "is_bot", "question_pid", "question_name", "source", "scored_count", "worst_count"),)
"""What is read of `scores/agent_question`."""

MIN_ANSWERS = 5
"""Scored answers below which nothing is said of a share or of its trend."""

READ_RECENT = """
    SELECT
        end_date, agent_pid, question_pid, answer_reason, start_date >= window_start AS is_recent,
        count(*)::DOUBLE AS scored_count, count(*) FILTER (WHERE is_worst)::DOUBLE AS worst_count
    FROM person_answer JOIN card ON start_date BETWEEN trend_start AND end_date
    WHERE is_scored
    GROUP BY ALL ORDER BY ALL
"""
"""Of each card reviewers' scored answers by agent, question, reason and whether they are of the card's window."""

_Key: TypeAlias = tuple[str, str | None]
_Counts: TypeAlias = list[float]
_NOTHING: _Counts = [0.0, 0.0]


def compare_questions(questions: Records, recent: Records, group_of: Mapping[str, str]) -> Records:
    """A row for each group of agents and question that reviewers gave the group a scored answer to.

    Takes rows of `scores/agent_question` with `QUESTION_COLUMNS`, those of `READ_RECENT` of the same days, and the
    group of each agent by pid: the agent itself, a team, or one for all; agents of no group are left out. Gives
    `group`, `question_pid`, `question_name`, `scored_count`, `worst_count`, the share of worst answers with Wilson's
    interval (`worst_ratio`, `worst_low`, `worst_high`), that of all agents in the other groups (`others_ratio`, NaN
    where there are none), the reason given most for a worst answer with its number (`worst_reason`, of equal ones the
    first in alphabetical order, `worst_reason_count`), the change as share of the recent days less that of the days
    before (`change`, `change_low`, `change_high`; Newcombe 1998, method 10; NaN where either has fewer than
    `MIN_ANSWERS` answers), and the share that auto reviewers gave (`auto_ratio`, `auto_count`). The surest come
    first: by the lower limit of the share. Shares are as reviewers gave them: not adjusted for who reviewed or what
    was chosen.
    """
    people, auto, everyone, names = _add_up_questions(questions, group_of)
    sides, reasons = _add_up_recent(recent, group_of)
    keys = [key for key, (scored, _) in people.items() if scored > 0]
    counts, auto_counts, all_counts = (
        _as_arrays(counts)
        for counts in (
            [people[key] for key in keys],
            [auto.get(key, _NOTHING) for key in keys],
            [everyone[question] for _, question in keys],
        )
    )
    now, before = (_as_arrays([sides.get((*key, side), _NOTHING) for key in keys]) for side in (True, False))
    change = difference_of_intervals(wilson_interval(now[1], now[0]), wilson_interval(before[1], before[0]))
    is_known = np.minimum(now[0], before[0]) >= MIN_ANSWERS
    given = [min(((-n, reason) for reason, n in reasons.get(key, {}).items()), default=(None, None)) for key in keys]
    columns: dict[str, Iterable[Any]] = {
        "group": [group for group, _ in keys],
        "question_pid": [question for _, question in keys],
        "question_name": [names.get(question) for _, question in keys],
        "scored_count": counts[0],
        "worst_count": counts[1],
        **dict(zip(("worst_ratio", "worst_low", "worst_high"), wilson_interval(counts[1], counts[0]), strict=True)),
        "others_ratio": divide(all_counts[1] - counts[1], all_counts[0] - counts[0]),
        "worst_reason": [reason for _, reason in given],
        "worst_reason_count": [np.nan if count is None else -count for count, _ in given],
        **{
            name: np.where(is_known, part, np.nan)
            for name, part in zip(("change", "change_low", "change_high"), change, strict=True)
        },
        "auto_ratio": divide(auto_counts[1], auto_counts[0]),
        "auto_count": np.where(auto_counts[0] > 0, auto_counts[0], np.nan),
    }
    values = (column.tolist() if isinstance(column, np.ndarray) else column for column in columns.values())
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]
    return order_records(rows, "-worst_low", "-worst_ratio", "question_name", "group")


def find_to_coach(rows: Records, per_agent: int = 3) -> Records:
    """Of rows of `compare_questions` by agent those to coach, for each agent at most so many, the surest first.

    These are questions with `MIN_ANSWERS` answers, two worst ones and a larger share than the others have, by how far
    the lower limit of the share lies beyond that of the others. `is_above` says that it does lie beyond: by luck alone
    one in forty of all looked at does.
    """
    known = [
        row | {"distance": row["worst_low"] - row["others_ratio"], "is_above": row["worst_low"] > row["others_ratio"]}
        for row in rows
        if row["scored_count"] >= MIN_ANSWERS and row["worst_count"] > 1 and row["worst_ratio"] > row["others_ratio"]
    ]
    return keep_first(order_records(known, "-distance", "-worst_count", "question_name", "group"), "group", per_agent)


def find_strengths(rows: Records) -> Records:
    """Of rows of `compare_questions` by agent those with `MIN_ANSWERS` answers whose share surely is below the others'.

    The farther below, the earlier: by how far the upper limit of the share lies below that of the others.
    """
    known = [
        row | {"distance": row["others_ratio"] - row["worst_high"]}
        for row in rows
        if row["scored_count"] >= MIN_ANSWERS and row["others_ratio"] > row["worst_high"]
    ]
    return order_records(known, "-distance", "question_name", "group")


def _add_up_questions(
    questions: Records, group_of: Mapping[str, str]
) -> tuple[dict[_Key, _Counts], dict[_Key, _Counts], dict[str | None, _Counts], dict[str | None, str]]:
    """Scored and worst answers of people and of auto by group and question, of all people, and names of questions."""
    people: dict[_Key, _Counts] = defaultdict(_zero)
    auto: dict[_Key, _Counts] = defaultdict(_zero)
    everyone: dict[str | None, _Counts] = defaultdict(_zero)
    names: dict[str | None, str] = {}
    for row in questions:
        group, question, source = group_of.get(row["agent_pid"]), row["question_pid"], row["source"]
        if isinstance(row["question_name"], str):
            names.setdefault(question, row["question_name"])
        if source == "reviewer":
            _add(everyone[question], row)
        if group is not None and source in {"reviewer", "auto"}:
            _add((people if source == "reviewer" else auto)[group, question], row)
    return people, auto, everyone, names


def _add_up_recent(
    recent: Records, group_of: Mapping[str, str]
) -> tuple[dict[tuple[str, str | None, bool], _Counts], dict[_Key, dict[str, float]]]:
    """Scored and worst answers by group, question and whether they are recent, and worst answers by their reason."""
    sides: dict[tuple[str, str | None, bool], _Counts] = defaultdict(_zero)
    reasons: dict[_Key, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row in recent:
        group, question, reason = group_of.get(row["agent_pid"]), row["question_pid"], row["answer_reason"]
        if group is not None:
            _add(sides[group, question, row["is_recent"]], row)
            if row["worst_count"] and isinstance(reason, str):
                reasons[group, question][reason] += row["worst_count"]
    return sides, reasons


def _zero() -> _Counts:
    return [0.0, 0.0]


def _add(to: _Counts, row: Mapping[Any, Any]) -> None:
    to[0] += row["scored_count"]
    to[1] += row["worst_count"]


def _as_arrays(counts: list[_Counts]) -> np.ndarray:
    """The scored answers of each, and the worst ones."""
    return np.array(counts, float).reshape(-1, 2).T
