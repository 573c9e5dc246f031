"""The anchored score of agents in each window: people's evaluations, corrected by auto reviews of all engagements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from salted_assets.schemas.scores.fair import FEWEST_IN_GROUP
from salted_assets.schemas.scores.rolling import WINDOWS
from salted_assets.scoring.auto_answers import AnswerSums, AutoAnswers
from salted_assets.scoring.fair import Agents, ReviewerEffects
from salted_assets.scoring.human_answers import HumanAnswerRows
from salted_assets.scoring.stats import (
    AnchorOutcome,
    Floats,
    Indices,
    anchor_means,
    divide,
    estimate_dependence,
    shrink_means,
    sum_days,
    sum_pairs,
)
from salted_assets.scoring.windows.agent_windows import AgentWindow
from salted_assets.scoring.windows.day_buckets import buckets_of
from salted_assets.scoring.windows.segments import Assignments

ANCHOR_ANSWER_COLUMNS = (
    *("start_date", "agent_pid", "source", "is_scored", "engagement_pid", "channel_type", "reviewer_pid"),
    *("question_pid", "form_id", "target", "is_random_or_all", "score", "weight", "auto_score"),
)
"""The columns of human answers in `scores/answer` that are read."""

NOTHING_IN_COMMON = "people and the auto reviewer answer no question about whole engagements in common"
REASONS = {
    AnchorOutcome.NO_VALUE: "no evaluation of questions in common that was not chosen on purpose",
    AnchorOutcome.FEW_OTHERS: "the others have too few evaluations to tell how auto reviews go with people's",
    AnchorOutcome.NO_RELATION: "auto reviews do not go with people's evaluations here",
}
"""Why auto reviews tell nothing of an agent."""


@dataclass(frozen=True)
class Work:
    """Of each agent the main channel, None where it is not known, and the engagements in it by window."""

    channels: Sequence[str | None]
    engagements: Mapping[int, Floats]


class _Rows(NamedTuple):
    """Answers about whole engagements in an agent's main channel, as indexes and numbers."""

    agent: Indices
    question: Indices
    form: Indices
    engagement: Indices
    age_days: Indices
    is_drawn: npt.NDArray[np.bool_]
    score: Floats
    auto_score: Floats
    weight: Floats

    def take(self, rows: npt.NDArray[np.bool_]) -> "_Rows":
        """These rows alone."""
        return _Rows(*(part[rows] for part in self))  # type: ignore[arg-type]  # of the same kinds


class _Usual(NamedTuple):
    """Auto answers of a window: of each agent and question, and what stands for one that is not there, by group."""

    sums: AnswerSums
    is_there: npt.NDArray[np.bool_]
    instead: Floats


def find_work(assignments: Assignments, longest: AgentWindow, people: int) -> Work:
    """The work of so many agents, those of the assignments, whose main channels are those of the longest window."""
    main = np.full(people, -1)
    main[longest.present] = longest.channel
    is_main = (assignments.channel >= 0) & (assignments.channel == main[assignments.agent])
    agent = assignments.agent[is_main]

    def count(days: int) -> Floats:
        engagements = assignments.engagements[buckets_of(days)].sum(axis=0)[is_main]
        return np.asarray(np.bincount(agent, weights=engagements, minlength=people), np.float64)

    channels = [assignments.channels[channel] if channel >= 0 else None for channel in main]
    return Work(channels, {days: count(days) for days in WINDOWS})


def anchor_scores(  # noqa: PLR0917 - two sources, and what is known of agents and reviewers
    human: HumanAnswerRows,
    auto: AutoAnswers,
    end_date: date,
    agents: Agents,
    work: Work,
    reviewers: ReviewerEffects,
    *,
    min_count: int,
) -> dict[int, dict[str, npt.NDArray[Any]]]:
    """For each window the anchored columns of `FairScore`, an element for each agent.

    Unit is the engagement in the agent's main channel. y is the weighted mean of the human answers less the effect of
    each one's reviewer, f that of the auto answers, both over the questions of the form that people and the auto
    reviewer answered in the group's window; forms with the same such questions are one, and an agent has that of most
    own evaluations. An auto answer that is not there is the group's mean; of a question that is answered only where
    something is found it is the other end of the scale. Only engagements that were drawn count (Random or All); with
    `min_count` of them an agent is one of those whom others are shrunk towards. The rest is `anchor_means` and
    `shrink_means`; degrees of freedom are those of `estimate_dependence`.
    """
    rows, questions = _gather(human.within(end_date, max(WINDOWS)), end_date, agents, work, reviewers)
    channel_of = {pid: channel for pid, channel in zip(agents.pids, work.channels, strict=True) if channel is not None}
    with_channel = [pid in channel_of for pid in agents.pids]
    found = {}
    for days in WINDOWS:
        sums = auto.sum_up(days, channel_of, questions)
        everybody = AnswerSums(*(np.zeros((len(agents.pids), len(questions))) for _ in sums))
        for whole, part in zip(everybody, sums, strict=True):
            whole[with_channel] = part
        usual = _describe_auto(everybody, agents.group)
        own = rows.take((rows.age_days < days) & usual.is_there[agents.group[rows.agent], rows.question])
        found[days] = _anchor_window(own, usual, agents, work.engagements[days], min_count)
    return found


def _gather(
    window: HumanAnswerRows,
    end_date: date,
    agents: Agents,
    work: Work,
    reviewers: ReviewerEffects,
) -> tuple[_Rows, list[str]]:
    texts = window.texts
    question, engagement = texts["question_pid"].present(), texts["engagement_pid"].present()
    agent = texts["agent_pid"].among(agents.pids)
    channel = texts["channel_type"].meaning(lambda text: text.strip().upper())
    numbers = {text: number for number, text in enumerate(channel.texts)}
    main = np.array([*(numbers.get(each or "", -1) for each in work.channels), -1], np.int64)
    effects = np.append(np.nan_to_num(reviewers.effect), 0.0)
    drawn = np.zeros(len(engagement.texts) + 1, bool)
    drawn[engagement.numbers[window.flags["is_random_or_all"]]] = True
    rows = _Rows(
        agent=agent,
        question=question.index,
        form=texts["form_id"].index + 1,
        engagement=engagement.index,
        age_days=end_date.toordinal() - window.day,
        is_drawn=drawn[engagement.numbers],
        score=window.numbers["score"] - effects[texts["reviewer_pid"].among(reviewers.pids)],
        auto_score=window.numbers["auto_score"],
        weight=window.numbers["weight"],
    )
    is_whole = np.asarray(texts["target"].among(["engagement"]) == 0, bool)
    is_own = (agent >= 0) & (agents.group[agent] >= 0) & (channel.numbers >= 0) & (channel.numbers == main[agent])
    return rows.take(is_whole & is_own & (rows.question >= 0)), question.texts


def _describe_auto(sums: AnswerSums, group: Indices) -> _Usual:
    groups = int(group.max(initial=0)) + 1
    of_group = [np.zeros((groups, sums.counts.shape[1])) for _ in sums]
    known = group >= 0
    for whole, part in zip(of_group, sums, strict=True):
        np.add.at(whole, group[known], part[known])
    counts, totals, found = of_group
    mean = np.nan_to_num(divide(totals, counts))
    is_found_only = (found > 0).any(axis=0)
    return _Usual(sums, counts > 0, np.where(is_found_only, mean < 0.5, mean))  # noqa: PLR2004 - the middle of 0..1


def _anchor_window(
    rows: _Rows, usual: _Usual, agents: Agents, engagements: Floats, min_count: int
) -> dict[str, npt.NDArray[Any]]:
    people = len(agents.pids)
    sets, row_set = _find_sets(rows, agents.group, usual.is_there.shape[1])
    drawn = rows.take(rows.is_drawn)
    main = _find_main_sets(drawn.agent, row_set[rows.is_drawn], drawn.engagement, people)
    own = drawn.take(main[drawn.agent] == row_set[rows.is_drawn])
    # Agents without a set are in a group of nobody else's.
    is_asked = np.append(sets, np.zeros((1, sets.shape[1]), bool), axis=0)[main]
    weight = np.zeros(sets.shape[1])
    np.maximum.at(weight, own.question, own.weight)
    of_agent = weight * is_asked
    share = np.nan_to_num(divide(of_agent, of_agent.sum(axis=1, keepdims=True)))
    instead = usual.instead[agents.group]
    missing = np.maximum(engagements[:, None] - usual.sums.counts, 0)
    every = divide(usual.sums.totals + missing * instead, usual.sums.counts + missing)
    predicted = np.where(main >= 0, (share * np.nan_to_num(every)).sum(axis=1), np.nan)
    agent, age, y, f = _sum_engagements(own, share, instead)
    pairs = sum_pairs(agent, y, f, person_count=people)
    group = np.where(main >= 0, main, len(sets))
    freedom = _count_freedom(agent, age, y, group)
    anchored = anchor_means(pairs, engagements, predicted, group, freedom=freedom)
    is_member = pairs.counts >= min_count
    shrunk = shrink_means(anchored.value, anchored.variance, group, is_member=is_member, freedom=anchored.freedom)
    # The group may be smaller than that of the fair score: where it would tell of single ones, nothing is said.
    is_large = np.bincount(group, weights=is_member)[group] >= FEWEST_IN_GROUP
    reasons = np.array([REASONS.get(outcome) for outcome in AnchorOutcome], object)[anchored.outcome]
    has_common = usual.is_there[agents.group].any(axis=1)
    is_nothing = (anchored.outcome == AnchorOutcome.NO_VALUE) & ~has_common
    return {
        "anchored_count": np.where(pairs.counts > 0, pairs.counts, np.nan),
        "anchored_mean": anchored.value,
        "anchored_low": anchored.low,
        "anchored_high": anchored.high,
        "anchored_shrunk_mean": np.where(is_large, np.clip(shrunk.value, 0, 1), np.nan),
        "anchored_weight": anchored.weight,
        "anchored_extra_count": anchored.extra_count,
        "anchored_reason": np.where(is_nothing, NOTHING_IN_COMMON, reasons),
    }


def _find_sets(rows: _Rows, group: Indices, questions: int) -> tuple[npt.NDArray[np.bool_], Indices]:
    """The different sets of questions that forms of groups have in common with the auto reviewer, and each row's."""
    if not rows.agent.size:
        return np.zeros((0, questions), bool), np.zeros(0, np.int64)
    forms = int(rows.form.max()) + 1
    code = group[rows.agent] * forms + rows.form
    different, index = np.unique(code, return_inverse=True)
    asked = np.zeros((different.size, questions), bool)
    asked[index, rows.question] = True
    with_group = np.column_stack([different // forms, asked])
    sets, of_form = np.unique(with_group, axis=0, return_inverse=True)
    return sets[:, 1:].astype(bool), of_form.reshape(-1)[index].astype(np.int64)


def _find_main_sets(agent: Indices, row_set: Indices, engagement: Indices, people: int) -> Indices:
    """Each agent's set of most engagements, of equal ones the first; -1 for none."""
    main = np.full(people, -1)
    if not agent.size:
        return main
    sets, engagements = int(row_set.max()) + 1, int(engagement.max()) + 1
    units = np.unique((agent * sets + row_set) * engagements + engagement) // engagements
    counts = np.bincount(units, minlength=people * sets).reshape(people, sets)
    return np.where(counts.any(axis=1), counts.argmax(axis=1), -1)


def _sum_engagements(rows: _Rows, share: Floats, instead: Floats) -> tuple[Indices, Indices, Floats, Floats]:
    """Of each engagement the agent, the age in days, people's score and the auto reviewer's."""
    different, first, index = np.unique(rows.engagement, return_index=True, return_inverse=True)
    agent = rows.agent[first]

    def add_up(values: Floats, at: Indices = index) -> Floats:
        return np.asarray(np.bincount(at, weights=values, minlength=different.size), np.float64)

    y = add_up(rows.weight * rows.score) / add_up(rows.weight)
    # Several reviewers of an engagement see the same auto answer: it counts once.
    _, once = np.unique(index * share.shape[1] + rows.question, return_index=True)
    own, question = rows.agent[once], rows.question[once]
    other = np.nan_to_num(rows.auto_score[once] - instead[own, question])
    f = (share * instead).sum(axis=1)[agent] + add_up(share[own, question] * other, index[once])
    return agent, rows.age_days[first], y, f


def _count_freedom(agent: Indices, age: Indices, y: Floats, group: Indices) -> Floats:
    """Degrees of freedom of each agent's group, for engagements of one day are partly one."""
    people = group.size
    count, total, squares = (np.bincount(agent, part, people) for part in (np.ones(y.size), y, y**2))
    days, index = np.unique(agent * max(WINDOWS) + age, return_inverse=True)
    day_count, day_total = (np.bincount(index, part, days.size) for part in (np.ones(y.size), y))
    of_days = sum_days(days // max(WINDOWS), day_count, day_total, person_count=people)
    return estimate_dependence(count, total, squares, of_days, group).freedom
