"""An agent's own causes in the fair QA score, by putting own answers back while the model of all is held fixed."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow.compute as pc

from salted_assets.explain.attribution import Replacement
from salted_assets.explain.explanation import PROGRAM_CHANGED, rule_cause
from salted_assets.explain.kept_row import KeptRow, Values
from salted_assets.explain.shapley import share
from salted_assets.history.score_files import read_score_windows
from salted_assets.schemas.row_change import BEFORE, KEPT_ROWS, PROGRAM, rule_state
from salted_assets.scoring.fair.inputs import HumanAnswers
from salted_assets.scoring.fair.level_steps import HeldModel
from salted_assets.scoring.human_answers import HumanAnswerRows, TextColumn
from salted_assets.scoring.windows.fair_scores import WINDOW_ANSWERS
from salted_assets.warehouse import Warehouse

_UNKNOWN = np.iinfo(np.int32).max


@dataclass(frozen=True)
class HeldLevel:
    """The model, and the indexes that questions, reviewers and kinds of work have in it by their texts."""

    model: HeldModel
    questions: Mapping[Any, int]
    reviewers: Mapping[Any, int]
    kinds: Mapping[tuple[Any, ...], tuple[int, ...]]

    @classmethod
    def of(cls, model: HeldModel, rows: HumanAnswerRows, answers: HumanAnswers) -> "HeldLevel":
        """Build from the rows of which `answers` are the arrays, in the same order."""
        texts = rows.texts
        kinds = zip(*(_list_texts(texts[name]) for name in ("channel_type", "queue", "language")), strict=True)
        strata = zip(*(stratum.tolist() for stratum in answers.strata), strict=True)
        return cls(
            model,
            dict(zip(_list_texts(texts["question_pid"]), answers.question.tolist(), strict=True)),
            dict(zip(_list_texts(texts["reviewer_pid"]), answers.reviewer.tolist(), strict=True)),
            dict(zip(kinds, strata, strict=True)),
        )

    def level(self, rows: Sequence[Values]) -> float | None:
        """The level by rows of `scores/answer` that count, of one agent and window; None where they give none."""
        if not rows:
            return None
        engagements = {pid: number for number, pid in enumerate({row["engagement_pid"] for row in rows})}
        unknown = (_UNKNOWN,) * len(self.model.fitted.strata)
        kinds = [self.kinds.get((row["channel_type"], row["queue"], row["language"]), unknown) for row in rows]
        return self.model.level(
            HumanAnswers(
                agent=np.zeros(len(rows), np.int64),
                question=np.array([self.questions.get(row["question_pid"], _UNKNOWN) for row in rows]),
                reviewer=np.array([self.reviewers.get(row["reviewer_pid"], _UNKNOWN) for row in rows]),
                engagement=np.array([engagements[row["engagement_pid"]] for row in rows]),
                strata=tuple(np.array(kinds).T),
                is_chosen=np.array([not row["is_random_or_all"] for row in rows]),
                age_days=np.zeros(len(rows), np.int64),
                score=np.array([row["score"] for row in rows]),
                weight=np.array([row["weight"] for row in rows]),
                reviewer_pids=[],
            )
        )


def _list_texts(column: TextColumn) -> list[str | None]:
    texts = [*column.texts, None]
    return [texts[number] for number in column.numbers.tolist()]


def share_level(
    held: HeldLevel,
    warehouse: Warehouse,
    window: Sequence[date],
    agent_pid: str,
    *,
    replacements: Sequence[Replacement],
    later: Sequence[Replacement],
) -> dict[str, float] | None:
    """What each cause of these replacements of the agent's answers, in order, did to the level; `later` is undone.

    None where the level is none in between, an erased customer's row cannot be put back, or a replacement cannot be
    split.
    """
    every = [*replacements, *later]
    if any(each.is_split is False or None in map(_pid_of, each.rows) for each in every):
        return None
    now = _read_own(warehouse, window, agent_pid)
    effects: dict[str, float] = {}
    for each in reversed(every):
        others = {pid: row for pid, row in now.items() if pid not in set(map(_pid_of, each.rows))}
        if each in replacements:
            found = _share(held, each, list(others.values()), agent_pid)
            if found is None:
                return None
            effects = {cause: effects.get(cause, 0.0) + found.get(cause, 0.0) for cause in effects | found}
        before = ((_pid_of(row), row.states.get(BEFORE)) for row in each.rows)
        now = others | {pid: values for pid, values in before if values is not None}
    return effects


def _read_own(warehouse: Warehouse, window: Sequence[date], agent_pid: str) -> dict[Any, Values]:
    tables = read_score_windows(
        warehouse, "answer", [max(window)], len(window), KEPT_ROWS["answer"].columns, having=WINDOW_ANSWERS
    )
    rows = (row for table in tables for row in table.filter(pc.equal(table["agent_pid"], agent_pid)).to_pylist())
    return {row["pid"]: row for row in rows}


def _share(held: HeldLevel, replacement: Replacement, others: list[Values], agent_pid: str) -> dict[str, float] | None:
    def find(pick: Callable[[KeptRow], Values | None]) -> float:
        rows = [*others, *(values for row in replacement.rows if (values := pick(row)) is not None)]
        level = held.level([row for row in rows if _is_counted(row, agent_pid)])
        return math.nan if level is None else level

    def find_state(state: str) -> float:
        return find(lambda row: row.states.get(state))

    effects: dict[str, float] = {}
    start = BEFORE
    if replacement.is_split:
        start = rule_state(replacement.settings)
        old, by_program, by_rule = map(find_state, (BEFORE, PROGRAM, start))
        effects = {PROGRAM_CHANGED: by_program - old, rule_cause(*replacement.settings): by_rule - by_program}
    causes: Collection[str] = frozenset[str]().union(*(row.find_causes(start) for row in replacement.rows))
    effects |= share(sorted(causes), lambda there: find(lambda row: row.mix(there, start)))
    if any(map(math.isnan, effects.values())):
        return None
    return {cause: points for cause, points in effects.items() if points}


def _is_counted(row: Values, agent_pid: str) -> bool:
    is_own = row["agent_pid"] == agent_pid and row["source"] == WINDOW_ANSWERS["source"]
    return is_own and row["scoring_status"] == "scored" and row["score"] is not None


def _pid_of(row: KeptRow) -> str | None:
    pid: str | None = next(values["pid"] for values in row.states.values())
    return pid
