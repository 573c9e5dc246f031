"""The rows of `scores/agent_question`: what an agent hears again and again, by question over a window."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import SCORING_STATUSES_OF_AGENT, AgentDaily, AgentQuestion, Answer
from salted_assets.scoring.day_rows import DayRows, pass_days, split_days, to_floats
from salted_assets.scoring.sql import framed
from salted_assets.scoring.stats import Floats, Indices
from salted_assets.scoring.stats.samples import divide
from salted_assets.scoring.text_index import Labels
from salted_assets.scoring.windows.group_sums import Groups, GroupSums

QUESTION_DAYS = 91
"""Days of the window."""

QUESTION_ANSWER_COLUMNS = (
    *("start_date", "engagement_pid", "agent_pid", "source", "question_pid", "question_name", "answer_reason", "score"),
    *("scoring_status", "is_scored", "is_worst", "is_found_only"),
)
"""The columns of `scores/answer` that are read."""

QUESTION_AGENT_COLUMNS = ("start_date", "agent_pid", "agent_name", "is_bot", "engagement_count")
"""The columns of `scores/agent_daily` that are read."""

_FOUND = "found"
_COUNTED = pa.array([*SCORING_STATUSES_OF_AGENT, _FOUND])
_SUMS = ("answer_count", "scored_count", "score_sum", "score_sum_of_squares", "worst_count", "is_found_only")


def score_agent_questions(answers: DayRows, agent_days: DayRows, end_date: date, days: Sequence[date]) -> pd.DataFrame:
    """One row per agent, question and source with an answer that says something of the agent, in a window of 91 days.

    Takes the rows of `scores/answer` and of `scores/agent_daily` of the window that ends on `end_date`, with at least
    `QUESTION_ANSWER_COLUMNS` and `QUESTION_AGENT_COLUMNS`, and the days of the window whose answers are there; no day
    gives no row. Answers say something of the agent when they are scored, unscored, left out by a setting as unclear or
    disputed, or found. Share of worst = scored answers at the worst end / scored answers. Found rate of a question that
    gets a row only when something is found = engagements with such a row / the agent's engagements that count, both
    over the days whose `scores/agent_daily` is there as well.
    """
    (table,) = score_question_windows(answers, agent_days, [end_date], days)
    return framed(table, AgentQuestion)


def score_question_windows(
    answers: DayRows, agent_days: DayRows, end_dates: Sequence[date], days: Sequence[date]
) -> Iterator[pa.Table]:
    """The rows that `score_agent_questions` has of each end date, in order; rows of days are gone through once.

    Takes the rows of all these windows. What an end date has does not depend on which others there are.
    """
    agents = _AgentDays(agent_days)
    sums = _QuestionSums(len(end_dates))

    def add(day: date, rows: pa.Table) -> None:
        takers = [index for index, end in enumerate(end_dates) if 0 <= (end - day).days < QUESTION_DAYS]
        if takers:
            sums.add(day, rows, takers, is_day_of_agents=day in agents.days)

    for index in pass_days(answers, Answer, end_dates, add):
        yield sums.take(index, end_dates[index], days, agents)


class _AgentDays:
    """The agents' days, by day: who had how many engagements, and what each is called."""

    def __init__(self, rows: DayRows) -> None:
        labels = Labels(str)
        self.days: set[date] = set()
        days, agents, names, bots, counts = [], [], [], [], []
        for day, table in split_days(rows, AgentDaily):
            self.days.add(day)
            days += [day.toordinal()] * table.num_rows
            agents.append(labels.index(table["agent_pid"]))
            names += table["agent_name"].to_pylist()
            bots += table["is_bot"].to_pylist()
            counts.append(to_floats(table["engagement_count"]))
        self._texts = labels.texts
        self._day = np.array(days, np.int64)
        self._agent = np.concatenate(agents) if agents else np.empty(0, np.int64)
        self._count = np.concatenate(counts) if counts else np.empty(0)
        self._names, self._bots = names, bots

    def describe(self, first: date, last: date, days: Sequence[date]) -> dict[str, tuple[str | None, bool | None, int]]:
        """Name, whether a machine, and engagements of each agent on these days, if they are from first to last."""
        rows = range(*np.searchsorted(self._day, (first.toordinal(), last.toordinal() + 1)).tolist())
        counted = {day.toordinal() for day in days}
        names: dict[int, str | None] = {}
        bots: dict[int, bool | None] = {}
        counts: dict[int, float] = defaultdict(float)
        for row in rows:
            if self._day[row] in counted:
                agent, name, is_bot = int(self._agent[row]), self._names[row], self._bots[row]
                names[agent] = name or names.get(agent)
                bots[agent] = is_bot if bots.get(agent) is None else bots[agent] or bool(is_bot)
                counts[agent] += self._count[row]
        return {self._texts[agent]: (names[agent], bots[agent], int(count)) for agent, count in counts.items()}


@dataclass(frozen=True)
class _Key:
    """Of each row of a window agent, question and source, as indexes; and what finds the row of such a key."""

    agent: Indices
    question: Indices
    source: Indices

    @classmethod
    def of(cls, groups: Groups) -> "_Key":
        """The keys of groups whose first labels are question and source."""
        return cls(groups.agent, *groups.labels[:2])

    def rows_of(self, other: "_Key") -> Indices:
        """For each key of the other its row here; each is there."""
        rows = {key: row for row, key in enumerate(self.tuples())}
        return np.array([rows[key] for key in other.tuples()], np.int64)

    def tuples(self) -> Iterator[tuple[int, ...]]:
        """Each key."""
        return zip(self.agent.tolist(), self.question.tolist(), self.source.tolist(), strict=True)


class _QuestionSums:
    """What answers add up to by agent, question and source, for each end date."""

    def __init__(self, windows: int) -> None:
        self._agents, self._questions, self._sources = Labels(str), Labels(str), Labels(str)
        self._reasons, self._engagements = Labels(str), Labels(str)
        self._sums = GroupSums(2, windows, 1, len(_SUMS))
        self._worst, self._found = GroupSums(3, windows, 1, 1), GroupSums(3, windows, 1, 1)
        self._names: dict[int, dict[str, int]] = defaultdict(dict)

    def add(self, day: date, rows: pa.Table, takers: Sequence[int], *, is_day_of_agents: bool) -> None:
        """Add a day's answers to these windows."""
        into = [(window, 0) for window in takers]
        question = self._questions.index(rows["question_pid"])
        self._note_names(day, question, rows["question_name"])
        is_counted = pc.fill_null(pc.is_in(rows["scoring_status"].cast(pa.string()), _COUNTED), False).to_numpy()
        is_scored, is_worst, is_found_only = (
            pc.fill_null(rows[name], False).to_numpy() for name in ("is_scored", "is_worst", "is_found_only")
        )
        is_worst = is_scored & is_worst
        score = np.where(is_scored, np.nan_to_num(to_floats(rows["score"])), 0.0)
        agent, source = self._agents.index(rows["agent_pid"]), self._sources.index(rows["source"])

        def add_up(sums: GroupSums, own: npt.NDArray[np.bool_], columns: Sequence[Floats], *more: Indices) -> None:
            labels = [label[own] for label in (question, source, *more)]
            sums.add(agent[own], labels, (np.asarray(column, np.float64)[own] for column in columns), into)

        add_up(self._sums, is_counted, [np.ones(score.size), is_scored, score, score**2, is_worst, is_found_only])
        reason = self._reasons.index(rows["answer_reason"])
        add_up(self._worst, is_worst & (reason >= 0), [np.ones(score.size)], reason)
        if is_day_of_agents:
            is_found = pc.fill_null(pc.equal(rows["scoring_status"].cast(pa.string()), _FOUND), False).to_numpy()
            engagement = self._engagements.index(rows["engagement_pid"].filter(pa.array(is_found)))
            every = np.full(score.size, -1)
            every[is_found] = engagement
            add_up(self._found, is_found, [np.ones(score.size)], every)

    def take(self, window: int, end: date, days: Sequence[date], agents: _AgentDays) -> pa.Table:
        """The rows of the window that ends on the day."""
        first = end - timedelta(days=QUESTION_DAYS - 1)
        present = [day for day in days if first <= day <= end]
        groups, worst, found = (each.take(window) for each in (self._sums, self._worst, self._found))
        key = _Key.of(groups)
        sums = dict(zip(_SUMS, groups.sums[0], strict=True)) if groups.sums else dict.fromkeys(_SUMS, np.empty(0))
        reasons = self._find_reasons(key, worst)
        found_count = np.bincount(key.rows_of(_Key.of(found)), minlength=key.agent.size)
        known = agents.describe(first, end, present)
        names = self._name_questions(first)
        pids, questions, sources = self._agents.texts, [*self._questions.texts, None], self._sources.texts
        rows = []
        for row, (agent, question, source) in enumerate(zip(key.agent, key.question, key.source, strict=True)):
            name, is_bot, engagements = known.get(pids[agent], (None, None, None))
            is_found_only = bool(sums["is_found_only"][row])
            reason, reason_count = reasons.get(row, (None, 0))
            rows.append(
                {
                    "agent_pid": pids[agent],
                    "agent_name": name,
                    "is_bot": is_bot,
                    "question_pid": questions[question],
                    "question_name": names.get(int(question)),
                    "source": sources[source],
                    "worst_reason": reason,
                    "worst_reason_count": reason_count,
                    "is_found_only": is_found_only,
                    "found_engagement_count": int(found_count[row]) if is_found_only else None,
                    "engagement_count": engagements,
                    "found_ratio": found_count[row] / engagements if is_found_only and engagements else None,
                }
            )
        return _build_table(rows, sums, end, present)

    def _note_names(self, day: date, question: Indices, names: pa.ChunkedArray) -> None:
        texts = names if pa.types.is_dictionary(names.type) else names.dictionary_encode()
        pairs = pa.table({"question": question, "name": texts.cast(pa.string())}).group_by(["question", "name"])
        for pair in pairs.aggregate([]).to_pylist():
            if pair["name"]:
                self._names[pair["question"]][pair["name"]] = day.toordinal()

    def _name_questions(self, first: date) -> dict[int, str]:
        """The name that each question had last; since the first day."""
        oldest = first.toordinal()
        newest = {
            question: max(((day, name) for name, day in names.items() if day >= oldest), default=None)
            for question, names in self._names.items()
        }
        return {question: found[1] for question, found in newest.items() if found is not None}

    def _find_reasons(self, key: _Key, worst: Groups) -> dict[int, tuple[str, int]]:
        """For each row that has any the reason that was given most, of equal ones the first by the alphabet."""
        texts = self._reasons.texts
        best: dict[int, tuple[int, str]] = {}
        counts = worst.sums[0][0].astype(int).tolist() if worst.sums else []
        for row, reason, count in zip(key.rows_of(_Key.of(worst)).tolist(), worst.labels[2], counts, strict=True):
            candidate = -count, texts[reason]
            best[row] = min(best.get(row, candidate), candidate)
        return {row: (reason, -count) for row, (count, reason) in best.items()}


def _build_table(rows: list[dict[str, Any]], sums: dict[str, Floats], end: date, present: Sequence[date]) -> pa.Table:
    schema = arrow_schema(AgentQuestion)
    counts = {name: pa.array(sums[name].astype(np.int64)) for name in ("answer_count", "scored_count", "worst_count")}
    means = {
        "score_mean": pa.array(divide(sums["score_sum"], sums["scored_count"]), from_pandas=True),
        "worst_ratio": pa.array(divide(sums["worst_count"], sums["scored_count"]), from_pandas=True),
    }
    plain = {name: pa.array(sums[name]) for name in ("score_sum", "score_sum_of_squares")}
    days = {
        "end_date": pa.repeat(pa.scalar(end, pa.date32()), len(rows)),
        "first_date": pa.repeat(pa.scalar(min(present, default=end), pa.date32()), len(rows)),
        "days_present_count": pa.repeat(len(present), len(rows)),
    }
    given = counts | means | plain | days
    others = {
        field.name: pa.array([row[field.name] for row in rows], field.type)
        for field in schema
        if field.name not in given
    }
    table = pa.table([(given | others)[name] for name in schema.names], schema=schema)
    return table.sort_by([(name, "ascending") for name in ("agent_pid", "question_pid", "source")])
