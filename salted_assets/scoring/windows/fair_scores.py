"""The rows of `scores/fair`: the best estimate of each agent and measure, and what it is worth beside the others."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from datetime import date
from functools import cache
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from salted_assets.schemas.rolling_measures import FAIR_MEASURES, RollingMeasure, Scale
from salted_assets.schemas.scores.fair import FairScore
from salted_assets.schemas.scores.rolling import WINDOWS
from salted_assets.scoring.auto_answers import AutoAnswers, sum_auto_answers
from salted_assets.scoring.choices import RollingChoices
from salted_assets.scoring.day_rows import DayRows
from salted_assets.scoring.fair import (
    FAIR_ANSWER_COLUMNS,
    Agents,
    CaseMeasure,
    FairMeasure,
    FittedModels,
    HumanAnswers,
    Reason,
    cut_human_answers,
    fit_case_measures,
    fit_human_answers,
    on_one_core,
    order_answers,
    take_answers,
)
from salted_assets.scoring.human_answers import HumanAnswerRows, gather_human_answers
from salted_assets.scoring.memory import return_memory
from salted_assets.scoring.sql import framed
from salted_assets.scoring.stats import Floats, Indices, count_needed, pooled_variance, sample_mean
from salted_assets.scoring.windows.agent_sums import AgentSums, Sums, sum_agents
from salted_assets.scoring.windows.agent_windows import AgentWindow, describe_agents, find_window
from salted_assets.scoring.windows.anchored_scores import ANCHOR_ANSWER_COLUMNS, anchor_scores, find_work
from salted_assets.scoring.windows.day_buckets import buckets_of
from salted_assets.scoring.windows.fair_changes import count_replayed_days, find_agent_changes
from salted_assets.scoring.windows.measure_columns import build_table, unscale
from salted_assets.scoring.windows.plain_estimates import estimate_windows
from salted_assets.scoring.windows.question_changes import QUESTION_COLUMNS, find_affected_agents
from salted_assets.scoring.windows.segments import CASE_MEASURES, SegmentSums, sum_segments

HALF_WIDTH = 0.05
"""The half width of an interval that `evaluations_needed_count` is about."""

_EVALUATION = next(measure for measure in FAIR_MEASURES if measure.name == "evaluation_reviewer")

_ENOUGH = "evaluations not chosen on purpose"
"""Of which people are compared."""

_OF_PEOPLE = tuple(measure for measure in FAIR_MEASURES if measure.name.startswith("evaluation_reviewer"))

WINDOW_ANSWER_COLUMNS = tuple(dict.fromkeys((*FAIR_ANSWER_COLUMNS, *QUESTION_COLUMNS, *ANCHOR_ANSWER_COLUMNS)))
"""The columns of `scores/answer` that are read."""

NEWER_ANSWER_COLUMNS = tuple(name for name in WINDOW_ANSWER_COLUMNS if name not in FAIR_ANSWER_COLUMNS)
"""Those that only the 91 days need, the first of which is that of the first end date."""

WINDOW_ANSWERS = {"source": "reviewer"}
"""What rows of `scores/answer` have that count."""

_IS_OF_MEMBER = np.isin(list(Reason), (Reason.COMPARED, Reason.FEW_PEOPLE, Reason.NO_SPREAD))
"""Whether agents with this reason are of those who make the prior."""

_ESTIMATES = tuple(each.name for each in fields(FairMeasure) if each.name not in {"component", "reason"})


@dataclass
class _HumanAnswers:
    """The answers of all windows up to the last end date, and what their end dates share."""

    rows: HumanAnswerRows
    last: date
    models: FittedModels = field(default_factory=FittedModels)

    def cut(self, end_date: date, agent_pids: Sequence[str]) -> tuple[HumanAnswers, HumanAnswerRows]:
        """What the models read, and the rows of the longest window; after the last end date nothing else is kept."""
        answers = order_answers(self._cut_answers(end_date, agent_pids))
        return_memory()
        return answers, self.rows.within(end_date, max(WINDOWS))

    def _cut_answers(self, end_date: date, agent_pids: Sequence[str]) -> HumanAnswers:
        answers = cut_human_answers(self.rows, end_date, agent_pids, days=count_replayed_days(end_date))
        if end_date == self.last:
            self.rows = self.rows.within(end_date, max(WINDOWS)).copied()
        return_memory()
        return answers


def score_fair(
    agent_daily: DayRows,
    agent_segment_daily: DayRows,
    answers: DayRows | None,
    end_date: date,
    choices: RollingChoices,
    *,
    auto_answers: DayRows | None = None,
) -> pd.DataFrame:
    """One row per window, agent with an engagement in it, and measure of `FAIR_MEASURES` that anybody has in it.

    Takes rows of the 91 days to `end_date` in any order: of `scores/agent_daily` with at least `ROLLING_DAILY_COLUMNS`,
    of `scores/agent_segment_daily` with `ROLLING_SEGMENT_COLUMNS`; of `CHANGE_DAYS` days of `scores/answer` with
    `WINDOW_ANSWER_COLUMNS`, before the 91 days without `NEWER_ANSWER_COLUMNS` if so read, None where reviews are not
    exported, as are `auto_answers`, rows of the 91 days with `AUTO_ANSWER_COLUMNS`, without which nothing is anchored
    (`anchor_scores`). Gives the columns of `FairScore`, sorted
    by window, measure and agent; no engagement gives no row.

    Evaluations by human reviewers are estimated by `fit_human_answers`, handle times and AI scores by
    `fit_case_measures`, all in the main channel of the 91 days; other measures by `estimate_windows`, in that of the
    window. An agent is reliable who is compared (`Reason`) and whose reliability reaches the choice. Changes are those
    of `find_agent_changes`.

    Six agents with 25 engagements each, who differ by more than chance:

    >>> from salted_assets.schemas.base import arrow_schema
    >>> from salted_assets.schemas.scores import AgentSegmentDaily, AgentDaily
    >>> day = date(2024, 1, 31)
    >>> rows = [{"start_date": day, "agent_pid": f"a{agent}", "engagement_count": 25, "empathy_count": 25,
    ...          "empathy_sum": 25.0 * agent, "empathy_sum_of_squares": 25.0 * agent**2 + 24} for agent in range(6)]
    >>> segments = pa.Table.from_pylist(rows, schema=arrow_schema(AgentSegmentDaily))
    >>> frame = score_fair(segments.select(arrow_schema(AgentDaily).names), segments, None, day, RollingChoices())
    >>> best = frame[(frame["measure"] == "empathy") & (frame["window_days"] == 7)].iloc[5]
    >>> [round(float(best[name]), 2) for name in ("fair_mean", "fair_low", "shrunk_mean", "reliability_ratio")]
    [5.0, 4.6, 4.98, 0.99]
    >>> bool(best["is_reliable"]), int(best["group_count"]), float(best["group_mean"])
    (True, 6, 2.5)
    """
    (table,) = score_fair_windows(
        agent_daily, agent_segment_daily, answers, [end_date], choices, auto_answers=auto_answers
    )
    return framed(table, FairScore)


def score_fair_windows(
    agent_daily: DayRows,
    agent_segment_daily: DayRows,
    answers: DayRows | None,
    end_dates: Sequence[date],
    choices: RollingChoices,
    *,
    auto_answers: DayRows | None = None,
) -> Iterator[pa.Table]:
    """The rows that `score_fair` has of each end date, in order; rows of days are gone through once.

    Takes the rows of all these windows. What an end date has does not depend on which others there are.
    """
    human = (
        None
        if answers is None
        else _HumanAnswers(gather_human_answers(answers, WINDOW_ANSWER_COLUMNS), max(end_dates, default=date.min))
    )
    return_memory()
    buckets = buckets_of(max(WINDOWS)).stop
    summed = sum_agents(agent_daily, end_dates, bucket_count=buckets)
    segmented = sum_segments(agent_segment_daily, end_dates)
    answered = repeat(None, len(end_dates)) if auto_answers is None else sum_auto_answers(auto_answers, end_dates)
    for end_date, sums, segments, auto in zip(end_dates, summed, segmented, answered, strict=True):
        yield _score_windows(sums, segments.of(sums.agent_pids), human, auto, end_date, choices)


def _score_windows(  # noqa: PLR0917 - what each source has
    sums: AgentSums,
    segments: SegmentSums,
    human: _HumanAnswers | None,
    auto: AutoAnswers | None,
    end_date: date,
    choices: RollingChoices,
) -> pa.Table:
    windows = [find_window(sums, segments.assignments, days) for days in WINDOWS]
    group = np.full(len(sums.agent_pids), -1)
    group[windows[-1].present] = windows[-1].group
    agents = Agents(sums.agent_pids, group)
    return_memory()
    # numpy leaves the interpreter to others while it computes; more at once would take too much memory.
    with on_one_core(), ThreadPoolExecutor(1) as pool:
        cases = pool.submit(_fit_cases, sums, segments, agents, choices)
        evaluations = {}
        anchored: Mapping[int, Mapping[str, npt.NDArray[Any]]] = {}
        if human is not None:
            # Both models want the order of these answers: so it is made once.
            answers, newest = human.cut(end_date, sums.agent_pids)
            fair = fit_human_answers(
                take_answers(answers, answers.age_days < max(WINDOWS)), agents, min_count=choices.min_evaluations
            )
            evaluations[_EVALUATION.name] = fair.windows
            return_memory()
            changes = find_agent_changes(answers, agents, end_date, human.models)
            del answers
            return_memory()
            affected = find_affected_agents(newest, end_date)
            if auto is not None:
                work = find_work(segments.assignments, windows[-1], len(sums.agent_pids))
                anchored = anchor_scores(
                    newest, auto, end_date, agents, work, fair.reviewers, min_count=choices.min_evaluations
                )
        fitted = cases.result() | evaluations
    plain = [measure for measure in FAIR_MEASURES if measure.name not in fitted]
    estimated = estimate_windows(sums, windows, plain, choices)
    tables = []
    for window, estimates in zip(windows, estimated, strict=True):
        who = describe_agents(end_date, sums, segments.assignments, window)
        scored = {measure: _score(measure, sums, window, choices, estimates, fitted) for measure in FAIR_MEASURES}
        for measure in _OF_PEOPLE if human is not None else ():
            pids = who["agent_pid"].to_pylist()
            scored[measure]["has_changed_questions"] = np.array([pid in affected[window.days] for pid in pids], bool)
        if human is not None and window.days == min(WINDOWS):
            scored[_EVALUATION] |= changes.at(window.present)
        scored[_EVALUATION] |= {name: values[window.present] for name, values in anchored.get(window.days, {}).items()}
        tables.append(build_table(FairScore, who, scored))
    return pa.concat_tables(tables)


def _fit_cases(
    sums: AgentSums, segments: SegmentSums, agents: Agents, choices: RollingChoices
) -> dict[str, Mapping[int, FairMeasure]]:
    """Each of `CASE_MEASURES` in each window."""
    measures = (
        CaseMeasure(
            segments.take(measure),
            {days: sums.day_sums_of(measure, days) for days in WINDOWS},
            choices.min_units_of(measure),
            is_log=measure.scale is Scale.LOG,
        )
        for measure in CASE_MEASURES
    )
    return dict(zip((measure.name for measure in CASE_MEASURES), fit_case_measures(measures, agents), strict=True))


def _score(  # noqa: PLR0917 - where estimates come from, by kind of measure
    measure: RollingMeasure,
    sums: AgentSums,
    window: AgentWindow,
    choices: RollingChoices,
    plain: Mapping[RollingMeasure, FairMeasure],
    fitted: Mapping[str, Mapping[int, FairMeasure]],
) -> dict[str, npt.NDArray[Any]]:
    """The measure's columns for the window's agents; `fitted` has estimates of all agents by measure and window."""
    now = sums.sums_of(measure, window.days).at(window.present)
    min_count = choices.min_units_of(measure)
    if measure in plain:
        estimate, group = plain[measure], window.group
    else:
        estimate = fitted[measure.name][window.days].at(window.present)
        group = estimate.component + 1
    columns = {name: getattr(estimate, name) for name in _ESTIMATES}
    columns["measure_count"] = now.counts
    mean = unscale(measure, sample_mean(now.counts, now.totals))
    columns["expected_mean"] = mean - estimate.difference_to_expected
    enough = _ENOUGH if measure is _EVALUATION and measure.name in fitted else None
    columns |= _describe_comparison(measure, estimate, group, choices, enough)
    if measure.per == "evaluation" and measure.scale is Scale.PLAIN:
        is_member = now.counts >= min_count
        within, _ = pooled_variance(*Sums(*(np.where(is_member, part, 0.0) for part in now)), group)
        columns["evaluations_needed_count"] = _count_evaluations_needed(within)
    return columns


def _describe_comparison(
    measure: RollingMeasure, estimate: FairMeasure, group: Indices, choices: RollingChoices, enough: str | None
) -> dict[str, npt.NDArray[Any]]:
    """Whether agents may be compared, else why not, and with whom: those with the same index in `group`.

    `enough` are the values of which it takes the least number, where not all count.
    """
    is_compared = estimate.reason == Reason.COMPARED
    is_member = _IS_OF_MEMBER[estimate.reason]
    is_sure = is_compared & (np.nan_to_num(estimate.reliability_ratio) >= choices.min_reliability)
    reasons = _list_reasons(measure.unit_of_count, choices.min_units_of(measure), enough, choices.min_reliability)
    reason = reasons[np.where(is_compared & ~is_sure, len(Reason), estimate.reason)]
    return {
        "is_reliable": is_sure,
        "not_comparable_reason": reason,
        "component": np.where(estimate.component < 0, np.nan, estimate.component),
        "group_count": np.bincount(group, weights=is_member)[group],
    }


@cache
def _list_reasons(units: str, min_count: int, enough: str | None, min_reliability: float) -> npt.NDArray[np.object_]:
    """Why agents are not comparable, by `Reason`, and at last that not enough is known."""
    unsure = f"reliability under {min_reliability:g}: too little is known to tell the agents of the group apart"
    return np.array([*(reason.describe(units, min_count, enough) for reason in Reason), unsure], object)


def _count_evaluations_needed(within_variance: Floats) -> Floats:
    """By the spread that is usual in the group; NaN where there is none."""
    variances, index = np.unique(within_variance, return_inverse=True)
    needed = count_needed(np.sqrt(np.where(variances > 0, variances, np.nan)), HALF_WIDTH)
    return np.where(np.isfinite(needed), needed, np.nan)[index]
