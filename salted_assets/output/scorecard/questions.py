"""What goes wrong most, by question: the share of worst answers with its reasons, for all, by team or by agent."""

from collections import defaultdict
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import pandas as pd

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


def compare_questions(questions: pd.DataFrame, recent: pd.DataFrame, group_of: Mapping[str, str]) -> pd.DataFrame:
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
    share = wilson_interval(counts[1], counts[0])
    now, before = (_as_arrays([sides.get((*key, side), _NOTHING) for key in keys]) for side in (True, False))
    change = difference_of_intervals(wilson_interval(now[1], now[0]), wilson_interval(before[1], before[0]))
    is_known = np.minimum(now[0], before[0]) >= MIN_ANSWERS
    given = [min(((-n, reason) for reason, n in reasons.get(key, {}).items()), default=(None, None)) for key in keys]
    rows = pd.DataFrame(
        {
            "group": pd.Series([group for group, _ in keys], dtype=object),
            "question_pid": pd.Series([question for _, question in keys], dtype=object),
            "question_name": pd.Series([names.get(question) for _, question in keys], dtype=object),
            "scored_count": counts[0],
            "worst_count": counts[1],
            **dict(zip(("worst_ratio", "worst_low", "worst_high"), share, strict=True)),
            "others_ratio": divide(all_counts[1] - counts[1], all_counts[0] - counts[0]),
            "worst_reason": pd.Series([reason for _, reason in given], dtype=object),
            "worst_reason_count": [np.nan if count is None else -count for count, _ in given],
            **{
                name: np.where(is_known, part, np.nan)
                for name, part in zip(("change", "change_low", "change_high"), change, strict=True)
            },
            "auto_ratio": divide(auto_counts[1], auto_counts[0]),
            "auto_count": np.where(auto_counts[0] > 0, auto_counts[0], np.nan),
        }
    )
    order = ["worst_low", "worst_ratio", "question_name", "group"]
    return rows.sort_values(order, ascending=[False, False, True, True], kind="stable").reset_index(drop=True)


def find_to_coach(rows: pd.DataFrame, per_agent: int = 3) -> pd.DataFrame:
    """Of rows of `compare_questions` by agent those to coach, for each agent at most so many, the surest first.

    These are questions with `MIN_ANSWERS` answers, two worst ones and a larger share than the others have, by how far
    the lower limit of the share lies beyond that of the others. `is_above` says that it does lie beyond: by luck alone
    one in forty of all looked at does.
    """
    known = rows[(rows["scored_count"] >= MIN_ANSWERS) & (rows["worst_count"] > 1)]
    known = known[known["worst_ratio"] > known["others_ratio"]]
    distance = known["worst_low"] - known["others_ratio"]
    order = ["distance", "worst_count", "question_name", "group"]
    known = known.assign(distance=distance, is_above=distance > 0).sort_values(
        order, ascending=[False, False, True, True], kind="stable"
    )
    return known.groupby("group", sort=False).head(per_agent).drop(columns="distance").reset_index(drop=True)


def find_strengths(rows: pd.DataFrame) -> pd.DataFrame:
    """Of rows of `compare_questions` by agent those with `MIN_ANSWERS` answers whose share surely is below the others'.

    The farther below, the earlier: by how far the upper limit of the share lies below that of the others.
    """
    known = rows[rows["scored_count"] >= MIN_ANSWERS]
    known = known.assign(distance=known["others_ratio"] - known["worst_high"])
    order = ["distance", "question_name", "group"]
    ordered = known[known["distance"] > 0].sort_values(order, ascending=[False, True, True], kind="stable")
    return ordered.drop(columns="distance").reset_index(drop=True)


def _add_up_questions(
    questions: pd.DataFrame, group_of: Mapping[str, str]
) -> tuple[dict[_Key, _Counts], dict[_Key, _Counts], dict[str | None, _Counts], dict[str | None, str]]:
    """Scored and worst answers of people and of auto by group and question, of all people, and names of questions."""
    people: dict[_Key, _Counts] = defaultdict(_zero)
    auto: dict[_Key, _Counts] = defaultdict(_zero)
    everyone: dict[str | None, _Counts] = defaultdict(_zero)
    names: dict[str | None, str] = {}
    columns = ("agent_pid", "question_pid", "question_name", "source", "scored_count", "worst_count")
    for agent, question, name, source, *counts in zip(*(questions[column].tolist() for column in columns), strict=True):
        group = group_of.get(agent)
        if name:
            names.setdefault(question, name)
        if source == "reviewer":
            _add(everyone[question], counts)
        if group is not None and source in {"reviewer", "auto"}:
            _add((people if source == "reviewer" else auto)[group, question], counts)
    return people, auto, everyone, names


def _add_up_recent(
    recent: pd.DataFrame, group_of: Mapping[str, str]
) -> tuple[dict[tuple[str, str | None, bool], _Counts], dict[_Key, dict[str, float]]]:
    """Scored and worst answers by group, question and whether they are recent, and worst answers by their reason."""
    sides: dict[tuple[str, str | None, bool], _Counts] = defaultdict(_zero)
    reasons: dict[_Key, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    columns = ("agent_pid", "question_pid", "answer_reason", "is_recent", "scored_count", "worst_count")
    for agent, question, reason, is_recent, *counts in zip(*(recent[name].tolist() for name in columns), strict=True):
        group = group_of.get(agent)
        if group is not None:
            _add(sides[group, question, is_recent], counts)
            if counts[1] and isinstance(reason, str):
                reasons[group, question][reason] += counts[1]
    return sides, reasons


def _zero() -> _Counts:
    return [0.0, 0.0]


def _add(to: _Counts, counts: _Counts) -> None:
    to[0] += counts[0]
    to[1] += counts[1]


def _as_arrays(counts: list[_Counts]) -> np.ndarray:
    """The scored answers of each, and the worst ones."""
    return np.array(counts, float).reshape(-1, 2).T
