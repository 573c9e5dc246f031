"""What goes wrong most, by question: the share of worst answers with its reasons, for all, by team or by agent."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from salted_assets.scoring.stats import Interval, difference_of_intervals, wilson_interval
from salted_assets.scoring.stats.samples import divide

QUESTION_COLUMNS = (*("agent_pid", "is_bot", "question_pid", "question_name", "source", "scored_count", "worst_count"),)
"""What is read of `scores/agent_question`."""

MIN_ANSWERS = 5
"""Scored answers below which nothing is said of a share or of its trend."""

READ_RECENT = """
    SELECT
        agent_pid, question_pid, answer_reason, start_date >= DATE '{recent}' AS is_recent,
        count(*)::DOUBLE AS scored_count, count(*) FILTER (WHERE is_worst)::DOUBLE AS worst_count
    FROM person_answer
    WHERE is_scored AND start_date BETWEEN DATE '{first}' AND DATE '{last}'
    GROUP BY ALL ORDER BY ALL
"""
"""Reviewers' scored answers by agent, question, reason and whether they are of the days from `recent` on."""

_QUESTION = ["group", "question_pid"]


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
    grouped = _group(questions, group_of)
    names = questions.dropna(subset=["question_name"]).groupby("question_pid")["question_name"].first()
    people, auto = (_add_up(grouped[grouped["source"] == source], _QUESTION) for source in ("reviewer", "auto"))
    rows = people[people["scored_count"] > 0].reset_index()
    rows["question_name"] = rows["question_pid"].map(names)
    share = wilson_interval(rows["worst_count"], rows["scored_count"])
    rows[["worst_ratio", "worst_low", "worst_high"]] = np.column_stack(share)
    rows["others_ratio"] = _share_others(rows, questions)
    rows = rows.merge(_find_reasons(recent, group_of), how="left", on=_QUESTION)
    rows = rows.merge(_measure_change(recent, group_of), how="left", on=_QUESTION)
    auto = auto.assign(auto_ratio=divide(auto["worst_count"], auto["scored_count"]), auto_count=auto["scored_count"])
    rows = rows.merge(auto[["auto_ratio", "auto_count"]], how="left", left_on=_QUESTION, right_index=True)
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


def _group(rows: pd.DataFrame, group_of: Mapping[str, str]) -> pd.DataFrame:
    """The rows of agents of a group; texts stay texts where there is no row."""
    grouped = rows.assign(group=rows["agent_pid"].map(group_of)).dropna(subset=["group"])
    return grouped.astype({"group": object, "question_pid": object})


def _add_up(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    return rows.groupby(by, dropna=False)[["scored_count", "worst_count"]].sum().astype(float)


def _share_others(rows: pd.DataFrame, questions: pd.DataFrame) -> np.ndarray:
    """The share of worst answers of all agents who are not of a row's group."""
    everyone = _add_up(questions[questions["source"] == "reviewer"], ["question_pid"]).reindex(rows["question_pid"])
    scored, worst = (everyone[name].to_numpy() - rows[name].to_numpy(float) for name in ("scored_count", "worst_count"))
    return divide(worst, scored)


def _find_reasons(recent: pd.DataFrame, group_of: Mapping[str, str]) -> pd.DataFrame:
    given = _group(recent, group_of).dropna(subset=["answer_reason"])
    counts = given[given["worst_count"] > 0].groupby([*_QUESTION, "answer_reason"], dropna=False)["worst_count"].sum()
    ordered = counts.reset_index().sort_values(["worst_count", "answer_reason"], ascending=[False, True], kind="stable")
    most = ordered.groupby(_QUESTION, dropna=False, sort=False).head(1)
    return most.rename(columns={"answer_reason": "worst_reason", "worst_count": "worst_reason_count"})


def _measure_change(recent: pd.DataFrame, group_of: Mapping[str, str]) -> pd.DataFrame:
    given = _group(recent, group_of)
    sides = [_add_up(given[given["is_recent"] == side], _QUESTION) for side in (True, False)]
    index = sides[0].index.intersection(sides[1].index)
    now, before = (
        wilson_interval(*(side.loc[index, name].to_numpy() for name in ("worst_count", "scored_count")))
        for side in sides
    )
    enough = np.logical_and(*(side.loc[index, "scored_count"].to_numpy() >= MIN_ANSWERS for side in sides))
    change = Interval(*(np.where(enough, part, np.nan) for part in difference_of_intervals(now, before)))
    columns = dict(zip(("change", "change_low", "change_high"), change, strict=True))
    return pd.DataFrame(columns, index=index).reset_index()
