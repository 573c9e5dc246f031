"""How a published figure comes from the plain mean to the best guess beside the colleagues, step by step."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.explain.agent_figure.figure import AgentFigure
from salted_assets.explain.agent_figure.measures import QA_SCORE, ValueWords
from salted_assets.explain.held_level import HeldLevel
from salted_assets.history.score_files import read_score_day, read_score_windows
from salted_assets.schemas.scores import WINDOWS
from salted_assets.scoring.fair import Agents, cut_human_answers
from salted_assets.scoring.fair.level_steps import LevelSteps, trace_level
from salted_assets.scoring.human_answers import HumanAnswerRows, gather_human_answers
from salted_assets.scoring.windows.fair_scores import WINDOW_ANSWER_COLUMNS, WINDOW_ANSWERS
from salted_assets.warehouse import Warehouse

_SAME = 1e-4
"""Differences of scores that are none: variances are found by iteration, which ends a little apart on each machine."""


@dataclass(frozen=True)
class StepKind:
    """A step by its name, and what it means where it adds and where it takes off."""

    name: str
    up: str
    down: str


_REVIEWERS = StepKind(
    "reviewers", "these reviewers are stricter than usual", "these reviewers are more lenient than usual"
)
_QUESTIONS = StepKind(
    "questions", "these questions are harder than the usual mix", "these questions are easier than the usual mix"
)
_CASES = StepKind(
    "cases",
    "such work (channel, queue, language) usually gets lower values",
    "such work (channel, queue, language) usually gets higher values",
)
_CHOSEN = StepKind(
    "chosen engagements",
    "some were picked for review on purpose, and such ones score lower",
    "some were picked for review on purpose, which says little of the others",
)
_WEIGHING = StepKind("weighing", *["a whole form tells more than a single answer, and counts more"] * 2)
_TOGETHER = StepKind("all corrections", *["reviewers, questions, cases, chosen engagements and weighing together"] * 2)
_SCALE = StepKind("scale", "no score is below 0%", "no score is above 100%")
_SHRINKAGE = StepKind(
    "shrinkage",
    "moved up towards the colleagues' mean, the farther the less is known",
    "moved down towards the colleagues' mean, the farther the less is known",
)


@dataclass(frozen=True)
class Step:
    """What a step adds, in the unit of the measure."""

    kind: StepKind
    value: float

    @property
    def name(self) -> str:
        """What it is called."""
        return self.kind.name

    def describe(self, rounded: float) -> str:
        """What it means, as it is shown after rounding."""
        if not rounded:
            return "as usual"
        return self.kind.up if rounded > 0 else self.kind.down


@dataclass(frozen=True)
class Derivation:
    """The steps from `start`, the plain mean, which add up to the `end`: the best guess, else the fair value.

    `note` says why there are fewer steps than usual, or that the figure cannot be traced any more. `shares` tell how
    much of the fair value each evaluation makes up, by the pid of its engagement and its own id; empty where no model
    weighs them. `held` is that model. `shrunk_from` is the fair value that the last step leads from to the best guess;
    None where there is no best guess.
    """

    start: float
    steps: tuple[Step, ...]
    end: float
    note: str = ""
    shares: Mapping[tuple[str, str], float] = field(default_factory=dict)
    held: HeldLevel | None = field(default=None, repr=False)
    shrunk_from: float | None = None

    @property
    def is_traced(self) -> bool:
        """Whether a model, fitted to the answers as they are, gave the figure."""
        return bool(self.shares)

    @property
    def levels(self) -> list[tuple[float, float]]:
        """Where each step begins and ends; rounding of sums stays in the last."""
        at = [self.start]
        for step in self.steps[:-1]:
            at.append(at[-1] + step.value)
        return list(pairwise([*at, self.end]))

    def round_steps(self, words: ValueWords) -> list[float]:
        """The steps as they are shown: they lead from the plain mean to the fair value, and on to the best guess."""
        values = [step.value for step in self.steps]
        if self.shrunk_from is None:
            return words.round_steps(self.start, values, self.end)
        to_fair = words.round_steps(self.start, values[:-1], self.shrunk_from)
        return [*to_fair, words.subtract(self.end, self.shrunk_from)]


def derive(warehouse: Warehouse, figure: AgentFigure) -> Derivation:
    """The steps of a published figure, exactly.

    Evaluations by reviewers are traced through the fair score's model (`trace_level`), fitted again to the same inputs;
    where it does not give what was published, the inputs have changed since, and only the sum of its steps is told. The
    fair values of other measures differ from the plain ones by the cases alone, if at all.
    Raises WarehouseDamaged for a file that cannot be read.
    """
    plain, fair = figure.plain.value, figure.fair
    if fair is None:
        return Derivation(plain, (), plain, "there is no fair value, so nothing is added or taken off")
    if figure.measure.name == QA_SCORE:
        found = _derive_traced(plain, fair.value, _trace(warehouse, figure), figure)
    else:
        by_cases = fair.value - plain
        is_same = math.isclose(fair.value, plain, abs_tol=1e-12)
        found = Derivation(plain, () if is_same else (Step(_CASES, by_cases),), fair.value)
    if figure.best_guess is None:
        return found
    end = figure.best_guess.value
    return replace(found, steps=(*found.steps, Step(_SHRINKAGE, end - fair.value)), end=end, shrunk_from=fair.value)


class _Traced(NamedTuple):
    steps: LevelSteps
    shares: dict[tuple[str, str], float]
    held: HeldLevel | None


def _derive_traced(plain: float, fair: float, traced: _Traced | None, figure: AgentFigure) -> Derivation:
    if traced is None or abs(traced.steps.fair - fair) > _SAME or abs(traced.steps.plain - plain) > _SAME:
        day = figure.end_date
        note = (
            "the evaluations or the settings have changed since this figure was published, so its single steps cannot "
            f"be told any more; `salted restate {day} {day}` makes it again"
        )
        return Derivation(plain, (Step(_TOGETHER, fair - plain),), fair, note)
    steps = traced.steps
    # what the iteration left between the two fits is no step of its own
    weighing = steps.weighing + fair - steps.fair - (plain - steps.plain)
    named = (
        (_REVIEWERS, steps.reviewers),
        (_QUESTIONS, steps.questions),
        (_CASES, steps.cases),
        (_CHOSEN, steps.chosen),
        (_WEIGHING, weighing),
        (_SCALE, steps.scale),
    )
    found = tuple(Step(kind, value) for kind, value in named if value)
    return Derivation(plain, found, fair, shares=traced.shares, held=traced.held)


def _trace(warehouse: Warehouse, figure: AgentFigure) -> _Traced | None:
    agents = _read_agents(warehouse, figure)
    tables = read_score_windows(
        warehouse, "answer", [figure.end_date], max(WINDOWS), WINDOW_ANSWER_COLUMNS, having=WINDOW_ANSWERS
    )
    rows = gather_human_answers(tables, WINDOW_ANSWER_COLUMNS).within(figure.end_date, max(WINDOWS))
    rows = _of_agents(rows, agents)
    evaluation, agent = rows.texts["evaluation"], list(agents.pids).index(figure.agent_pid)
    answers = cut_human_answers(rows, figure.end_date, agents.pids)
    traced = trace_level(answers, evaluation.index, agents, agent, window_days=figure.window_days)
    if traced is None:
        return None
    engagements, evaluations = rows.texts["engagement_pid"].present().texts, evaluation.texts
    shares = {(engagements[at], evaluations[own]): share for (at, own), share in traced.shares.items()}
    held = None if traced.held is None else HeldLevel.of(traced.held, rows, answers)
    return _Traced(traced.steps, shares, held)


def _of_agents(rows: HumanAnswerRows, agents: Agents) -> HumanAnswerRows:
    return rows.take(rows.texts["agent_pid"].among(agents.pids) >= 0)


def _read_agents(warehouse: Warehouse, figure: AgentFigure) -> Agents:
    """Who is compared with whom, by the main channel of the longest window, machines and people apart."""
    columns = ["window_days", "measure", "agent_pid", "channel_type", "is_bot"]
    rows = read_score_day(warehouse, "fair", figure.end_date, columns)
    is_wanted = pc.and_(pc.equal(rows["window_days"], max(WINDOWS)), pc.equal(rows["measure"], QA_SCORE))
    own = rows.filter(is_wanted).sort_by("agent_pid")
    kinds = pa.table(
        {"channel": own["channel_type"].fill_null(""), "is_bot": own["is_bot"].fill_null(False)}
    ).to_pylist()
    indexes: dict[tuple[str, bool], int] = {}
    group = [indexes.setdefault((kind["channel"], kind["is_bot"]), len(indexes)) for kind in kinds]
    return Agents(own["agent_pid"].to_pylist(), np.array(group, np.int64))
