"""The fair score on the simulated centre, whose truth the simulator tells, through its files, ingestion and answers."""

import io
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.accuracy.answers import plain_means
from benchmarks.accuracy.goals import CENTRE_CORRELATION_OVER_ORACLE, Figure
from benchmarks.accuracy.measures import correlation
from benchmarks.accuracy.section import Row, Section, Table, digits
from salted_assets.ingest import RawFile, read_table
from salted_assets.schemas import DATASET_MODELS
from salted_assets.scoring import ScoringChoices, score_answers
from salted_assets.scoring.fair import Agents, HumanAnswers, fit_human_answers, read_human_answers
from salted_assets.scoring.stats import Floats, Indices
from salted_assets.simulator import SimulatorOptions, Truth, truth_of
from salted_assets.simulator.data.exporting import write_files
from salted_assets.simulator.data.windows import Window, to_ms

LAST_DAY = date(2024, 6, 30)
WINDOWS = (28, 91)
_WORLDS_A_CENTRE, _FEWEST_CENTRES = 1_000, 2
_SETTLED_DAYS = 20

_TEXT = """\
The built-in simulator's centre of about 40 people: teams on several channels and queues, forms that share questions \
and differ by language, reviewers of known leniency, Focused reviews of what the automatic reviewer scored low, good \
and bad days, agents who get worse or better. Its export of the 91 days to 2024-06-30 is ingested and scored as any \
other; each centre is one seed of the simulator. The truth is an agent's mean level over the window. `plain` is the \
mean of all human evaluations; `fair` the fair mean; `oracle` the mean of evaluations less the true effects of \
question, reviewer, queue and choice, each with the weight that its true variance gives it. Correlations are within \
channels, over the agents of whom all are known."""


@dataclass(frozen=True)
class Centre:
    """Human answers of the longest window, what the simulator knows, and what an oracle takes off each answer."""

    answers: HumanAnswers
    agents: Agents
    truth: Truth
    facets: Floats

    def levels(self, days: int) -> Floats:
        """Each agent's true level over the window of so many days."""
        levels = self.truth.mean_levels(LAST_DAY - timedelta(days=days - 1), LAST_DAY)
        return np.array([levels[pid] for pid in self.agents.pids])


def draw_centre(seed: int) -> Centre:
    """The centre of this seed."""
    options = SimulatorOptions(seed=seed)
    truth = truth_of(options)
    rows = score_centre(*export_centre(options))
    pids = sorted(truth.levels_on(LAST_DAY).keys() & set(pc.unique(rows["agent_pid"]).to_pylist()))
    # by day, as answers come back from reading them: facets are paired with them row by row
    rows = rows.filter(pc.is_in(rows["agent_pid"], pa.array(pids))).sort_by("start_date")
    return Centre(
        answers=read_human_answers(rows, LAST_DAY, pids),
        agents=Agents(pids, _main_channels(rows, pids)),
        truth=truth,
        facets=_true_facets(rows, truth),
    )


def estimate_centre(centre: Centre, days: int) -> dict[str, Floats]:
    """Levels by each method; NaN of those without an evaluation that the method takes."""
    answers, count = centre.answers, len(centre.agents.pids)
    is_in_window = answers.age_days < days
    return {
        "plain": plain_means(_take(answers, is_in_window), count),
        "fair": fit_human_answers(answers, centre.agents, min_count=5).windows[days].fair_mean,
        "oracle": know_all_facets(centre, is_in_window),
    }


def know_all_facets(centre: Centre, is_in_window: npt.NDArray[np.bool_]) -> Floats:
    """The weighted mean of each agent's evaluations less all true facets, with weights out of true variances.

    Taken off are the effects of question, reviewer and queue, and of chosen evaluations what they truly are off on
    average. An answer weighs by the variance of its question, an evaluation by its own and that of its answers.
    """
    answers, known = centre.answers, centre.answers.score - centre.facets
    off = known - centre.levels(max(WINDOWS))[answers.agent]
    chosen_off = np.bincount(answers.is_chosen, weights=off) / np.bincount(answers.is_chosen)
    known, off = (part - chosen_off[answers.is_chosen.astype(int)] for part in (known, off))
    number, sums = np.bincount(answers.engagement), np.bincount(answers.engagement, weights=off)
    pairs = (number * (number - 1)).sum()
    of_evaluation = (sums @ sums - off @ off) / pairs
    of_question = np.bincount(answers.question, weights=off**2) / np.maximum(np.bincount(answers.question), 1)
    weight = 1 / np.maximum(of_question - of_evaluation, 1e-4)[answers.question] * is_in_window
    whole = np.bincount(answers.engagement, weights=weight)
    # Evaluation means with the weight 1 / (own variance + variance of the mean of their answers).
    share = weight / (1 + whole[answers.engagement] * of_evaluation)
    agents = len(centre.agents.pids)
    summed = np.bincount(answers.agent, weights=share, minlength=agents)
    level = np.bincount(answers.agent, weights=share * known, minlength=agents)
    return np.asarray(np.divide(level, summed, out=np.full(agents, np.nan), where=summed > 0))


def measure_centre(worlds: int) -> Section:
    """Correlation with the truth in both windows, over several centres."""
    centres = [draw_centre(seed) for seed in range(1, 1 + max(_FEWEST_CENTRES, worlds // _WORLDS_A_CENTRE))]
    rows: list[Row] = [("days", "centres", "method", "correlation with truth", "over the oracle's", "RMSE")]
    figures = []
    for days in WINDOWS:
        found = [_compare(centre, days) for centre in centres]
        means = {name: np.mean([each[name] for each in found], axis=0) for name in found[0]}
        best = means["oracle"][0]
        for name, (correlated, rmse) in means.items():
            rows.append((str(days), str(len(centres)), name, *map(digits, (correlated, correlated / best, rmse))))
        what = f"correlation over the oracle's, the simulated centre, {days} days"
        figures.append(Figure(what, float(means["fair"][0] / best), CENTRE_CORRELATION_OVER_ORACLE))
    return Section("The simulated centre", _TEXT, figures, [Table("", rows)])


def _compare(centre: Centre, days: int) -> dict[str, tuple[float, float]]:
    """Correlation and error of each method, all taken from the mean of the channel's agents."""
    estimates = estimate_centre(centre, days)
    known = np.isfinite(np.array(list(estimates.values()))).all(axis=0)
    group = np.unique(centre.agents.group[known], return_inverse=True)[1]

    def beside_channel(values: Floats) -> Floats:
        own = values[known]
        return np.asarray(own - (np.bincount(group, weights=own) / np.bincount(group))[group])

    truth = beside_channel(centre.levels(days))
    found = {}
    for name, estimate in estimates.items():
        own = beside_channel(estimate)
        found[name] = correlation(own[None, :], truth[None, :]), float(np.sqrt(np.mean((own - truth) ** 2)))
    return found


def export_centre(options: SimulatorOptions) -> tuple[pa.Table, pa.Table]:
    """Engagements and human reviews of the longest window, as they stand when all reviews have come."""
    engagement, review = export_settled(options, LAST_DAY - timedelta(days=max(WINDOWS) - 1), LAST_DAY)
    return engagement, review.filter(pc.equal(review["type"], "Reviewer"))


def export_settled(options: SimulatorOptions, first: date, last: date) -> tuple[pa.Table, pa.Table]:
    """Engagements of these days and their reviews, as they stand when all reviews have come."""
    start, end = (datetime.combine(day, time(), UTC) for day in (first, last + timedelta(days=1)))
    seen = end + timedelta(days=_SETTLED_DAYS)
    files = {"engagement": io.BytesIO(), "review": io.BytesIO()}
    write_files(files, Window(to_ms(start), to_ms(end), to_ms(seen)), options)
    engagement, review = (_ingest(dataset, file.getvalue()) for dataset, file in files.items())
    in_window = pc.and_(
        pc.greater_equal(engagement["start_time"], pa.scalar(start)), pc.less(engagement["start_time"], pa.scalar(end))
    )
    return engagement.filter(in_window), review


def _ingest(dataset: str, file: bytes) -> pa.Table:
    batches: list[pa.Table] = []
    for one_pass in read_table(DATASET_MODELS[dataset], [RawFile(f"{dataset}.csv", lambda: io.BytesIO(file))]).passes():
        batches = [batch.table for batch in one_pass]
    return pa.concat_tables(batches)


def score_centre(engagement: pa.Table, review: pa.Table) -> pa.Table:
    """Rows of `scores/answer` that the fair score reads, with the day on which each one's engagement started."""
    together = pa.scalar(LAST_DAY)
    at_once = [rows.append_column("start_date", pa.repeat(together, len(rows))) for rows in (engagement, review)]
    frame = score_answers(at_once[0], None, at_once[1], None, ScoringChoices())
    days = dict(
        zip(engagement["pid"].to_pylist(), pc.cast(engagement["start_time"], pa.date32()).to_pylist(), strict=True)
    )
    frame = frame.assign(start_date=[days[pid] for pid in frame["engagement_pid"]])
    return pa.Table.from_pandas(frame[frame["is_scored"]], preserve_index=False)


def _main_channels(rows: pa.Table, pids: list[str]) -> Indices:
    """The channel of most of each agent's answers."""
    counted = rows.group_by(["agent_pid", "channel_type"]).aggregate([([], "count_all")]).sort_by("count_all")
    main = dict(zip(counted["agent_pid"].to_pylist(), counted["channel_type"].to_pylist(), strict=True))
    return np.unique([main[pid] for pid in pids], return_inverse=True)[1].astype(np.int64)


def _true_facets(rows: pa.Table, truth: Truth) -> Floats:
    """What question, reviewer and queue truly add to each answer."""
    tables = {
        "question_pid": truth.question_ease,
        "reviewer_pid": truth.reviewer_leniency,
        "queue": truth.queue_shifts,
    }
    parts = [[table[value] for value in rows[name].to_pylist()] for name, table in tables.items()]
    return np.asarray(np.sum(parts, axis=0))


def _take(answers: HumanAnswers, kept: npt.NDArray[np.bool_]) -> HumanAnswers:
    arrays = {name: part[kept] for name, part in vars(answers).items() if isinstance(part, np.ndarray)}
    engagement = np.unique(arrays["engagement"], return_inverse=True)[1]
    strata = tuple(part[kept] for part in answers.strata)
    return HumanAnswers(**{**vars(answers), **arrays, "engagement": engagement, "strata": strata})
