"""Answers of the auto reviewer about whole engagements, added up by agent, channel and question, day by day.

As they were first given, whatever their verification: people mark those Incorrect that they come across, which are
those of engagements that they reviewed. Not here: what people answered (`human_answers`).
"""

from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.schemas.scores.answer import Answer
from salted_assets.schemas.scores.rolling import WINDOWS
from salted_assets.scoring.day_rows import DayRows, pass_days, to_floats
from salted_assets.scoring.stats import Floats, Indices
from salted_assets.scoring.text_index import Labels, is_text
from salted_assets.scoring.windows.group_sums import GroupSums

AUTO_ANSWER_COLUMNS = (
    *("start_date", "agent_pid", "channel_type", "question_pid", "source", "status", "target", "score"),
    "is_found_only",
)
"""The columns of `scores/answer` that are read."""

AUTO_ANSWERS = {"source": "auto"}
"""What rows of `scores/answer` have that count."""

_COUNTED = {"source": "auto", "status": "completed", "target": "engagement"}


class AnswerSums(NamedTuple):
    """Scored answers by agent and question: number, sum of scores, number of those that are there only when found."""

    counts: Floats
    totals: Floats
    found: Floats


@dataclass(frozen=True)
class AutoAnswers:
    """Auto answers of the windows that end on one day, one element in each array for an agent, question and channel.

    Agents, questions and channels are indexes into their own lists. `sums` has those of the days of each of `WINDOWS`
    that no shorter one takes.
    """

    agent_pids: list[str]
    agent: Indices
    questions: list[str]
    question: Indices
    channels: list[str]
    channel: Indices
    sums: list[AnswerSums]

    def sum_up(self, days: int, agents: Mapping[str, str], questions: Sequence[str]) -> AnswerSums:
        """Arrays of agents x questions: of each agent what was answered in one channel, over a window.

        `agents` has the channel of each one.
        """
        index = {pid: number for number, pid in enumerate(agents)}
        channel_of = {pid: self.channels.index(channel) for pid, channel in agents.items() if channel in self.channels}
        agent = np.array([index.get(pid, -1) for pid in self.agent_pids] or [-1], np.int64)[self.agent]
        channel = np.array([channel_of.get(pid, -1) for pid in self.agent_pids] or [-1], np.int64)[self.agent]
        asked = {pid: number for number, pid in enumerate(questions)}
        question = np.array([asked.get(pid, -1) for pid in self.questions] or [-1], np.int64)[self.question]
        own = (agent >= 0) & (question >= 0) & (channel == self.channel)
        shape = len(index), len(questions)
        cell = agent[own] * shape[1] + question[own]
        parts = self.sums[: WINDOWS.index(days) + 1]

        def add_up(columns: tuple[Floats, ...]) -> Floats:
            summed = np.bincount(cell, weights=np.sum(columns, axis=0)[own], minlength=shape[0] * shape[1])
            return np.asarray(summed.reshape(shape), np.float64)

        return AnswerSums(*map(add_up, zip(*parts, strict=True)))


def sum_auto_answers(answers: DayRows, end_dates: Sequence[date]) -> Iterator[AutoAnswers]:
    """For each end date, in order, the answers of its windows, from rows of `scores/answer` with `AUTO_ANSWER_COLUMNS`.

    Other rows may come, too. An engagement's question has one answer, or as many as there are.
    """
    agents, questions, channels = Labels(str), Labels(str), Labels(lambda text: text.strip().upper())
    sums = GroupSums(2, len(end_dates), len(WINDOWS), len(AnswerSums._fields))

    def add(day: date, rows: pa.Table) -> None:
        ages = ((window, (end - day).days) for window, end in enumerate(end_dates))
        takers = [(window, bisect(WINDOWS, age)) for window, age in ages if 0 <= age < max(WINDOWS)]
        if takers:
            _add_day(sums, rows, (agents, questions, channels), takers)

    def take(window: int) -> AutoAnswers:
        groups = sums.take(window)
        parts = [AnswerSums(*columns) for columns in groups.sums]
        question, channel = groups.labels
        return AutoAnswers(agents.texts, groups.agent, questions.texts, question, channels.texts, channel, parts)

    yield from map(take, pass_days(answers, Answer, end_dates, add))


def _add_day(
    sums: GroupSums, rows: pa.Table, labels: tuple[Labels, Labels, Labels], takers: Sequence[tuple[int, int]]
) -> None:
    """Answers are added up by a number for each agent, question and channel first: a day may have half a million."""
    names = ("agent_pid", "question_pid", "channel_type")
    agent, question, channel = (label.index(rows[name]) for label, name in zip(labels, names, strict=True))
    width, height = len(labels[2]) + 1, len(labels[1]) + 1
    score = to_floats(rows["score"])
    is_scored = np.isfinite(score) & (question >= 0)
    for name, text in _COUNTED.items():
        is_scored &= is_text(rows[name], text)
    size = (len(labels[0]) * height + 1) * width
    # Other rows have the last number.
    code = np.where(is_scored, (agent * height + question) * width + channel + 1, size)
    is_found = pc.fill_null(rows["is_found_only"], False).to_numpy()
    columns = [
        np.asarray(each[:size], np.float64)
        for each in (
            np.bincount(code, minlength=size + 1),
            np.bincount(code, weights=score, minlength=size + 1),
            np.bincount(code[is_found], minlength=size + 1),
        )
    ]
    there = np.flatnonzero(columns[0])
    agent, question = np.divmod(there // width, height)
    sums.add(agent, [question, there % width - 1], [column[there] for column in columns], takers)
