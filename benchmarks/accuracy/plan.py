"""The review plan: how wide intervals are with planned reviews and with those drawn by volume, and planned means."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.accuracy.centre import LAST_DAY, export_centre, score_centre
from benchmarks.accuracy.goals import PLAN_WIDTH, PLANNED_MEAN_BIAS, Figure
from benchmarks.accuracy.scenarios import SEED
from benchmarks.accuracy.section import Row, Section, Table, digits
from salted_assets.scoring.review_plan import (
    Candidate,
    PoolVariances,
    allocate_reviews,
    draw_engagements,
    estimate_planned_mean,
)
from salted_assets.scoring.stats import Floats, Indices, bounded_mean_interval, pooled_variance, shrink
from salted_assets.simulator import SimulatorOptions, truth_of

PLANNED, BY_VOLUME, DAYS = 60, 120, 28
_MIN_COUNT = 5
_WORLDS_A_FRAME = 10
BEGUN, FROM_NOTHING = STATES = ("beside those of 28 days", "from nothing")

_TEXT = f"""\
The simulated centre of the section below, seed 1: its people, the engagements of each in the main channel in the \
{DAYS} days to its last, the evaluations by reviewers among them that were not chosen on purpose, true levels, and the \
variance of evaluations within agents of its channels. In each world evaluations are drawn out of these. \
Then {PLANNED} reviews are planned, by the counts and by variances out of the world's own evaluations, and beside it \
{BY_VOLUME} are drawn out of all engagements alike, as a quality team does that samples the centre's calls. `widest` \
is the widest interval of all agents, its mean over worlds: of plain means (of an agent without evaluation the whole \
scale), and of best guesses (where there is none, that of the plain mean). Once reviews come beside those of {DAYS} \
days, once there are none yet, so that no tau is known and numbers follow 1 / n.

A best guess is no narrower than what is known of how much agents differ, which {BY_VOLUME} reviews tell better than \
{PLANNED} wherever they fall; of it `uncertain` leaves the part that a plan can change: the largest root of \
1 / (1 / tau^2 + n / s^2), with the true tau of each channel.

**Means across agents.** Every engagement of the frame has a score, and the planned ones are drawn as `salted plan` \
draws them, by another seed in each world: the bias of the mean with weights 1 / probability in each channel, beside \
its Monte-Carlo standard error and the bias of the plain mean, which is where evaluations were planned most."""


@dataclass(frozen=True)
class Frame:
    """The agents of the centre: engagements and evaluations of the days, true levels, channels, variance within."""

    engagements: Indices
    evaluated: Indices
    level: Floats
    channel: Indices
    within: Floats

    @property
    def between(self) -> Floats:
        """The variance of true levels within each agent's channel."""
        count, total, squares = (np.bincount(self.channel, self.level**power) for power in (0, 1, 2))
        return np.asarray(((squares - total**2 / count) / (count - 1))[self.channel])


def read_frame(seed: int = 1) -> Frame:
    """The frame of the centre of this seed; agents without a known level are left out."""
    options = SimulatorOptions(seed=seed)
    engagement, review = export_centre(options)
    first = LAST_DAY - timedelta(days=DAYS - 1)
    levels = truth_of(options).mean_levels(first, LAST_DAY)
    is_recent = pc.greater_equal(pc.cast(engagement["start_time"], pa.date32()), pa.scalar(first))
    is_theirs = pc.is_in(engagement["agent_pid"], pa.array(list(levels)))
    recent = engagement.filter(pc.and_(is_recent, is_theirs))
    counted = recent.group_by(["agent_pid", "channel_type"]).aggregate([([], "count_all")])
    counted = counted.sort_by([("count_all", "ascending"), ("channel_type", "ascending")])
    main = {row["agent_pid"]: (row["channel_type"], row["count_all"]) for row in counted.to_pylist()}
    pids = sorted(main)
    answers = score_centre(engagement, review)
    own = pc.equal(
        answers["channel_type"], pa.array([main.get(pid, ("",))[0] for pid in answers["agent_pid"].to_pylist()])
    )
    means = answers.filter(pc.and_(own, answers["is_random_or_all"])).group_by(
        ["agent_pid", "engagement_pid", "start_date"]
    )
    rows = means.aggregate([("score", "mean")]).to_pylist()
    agent = np.array([pids.index(row["agent_pid"]) for row in rows], np.int64)
    score = np.array([row["score_mean"] for row in rows])
    channel = np.unique([main[pid][0] for pid in pids], return_inverse=True)[1].astype(np.int64)
    count, total, squares = (np.bincount(agent, part, len(pids)) for part in (np.ones(score.size), score, score**2))
    is_in_days = np.array([row["start_date"] >= first for row in rows])
    return Frame(
        engagements=np.array([main[pid][1] for pid in pids]),
        evaluated=np.bincount(agent[is_in_days], minlength=len(pids)),
        level=np.array([levels[pid] for pid in pids]),
        channel=channel,
        within=pooled_variance(count, total, squares, channel)[0],
    )


@dataclass(frozen=True)
class Sums:
    """Of each agent the evaluations, the sum of their scores, and that of squares."""

    count: Floats
    total: Floats
    squares: Floats

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(self.count + other.count, self.total + other.total, self.squares + other.squares)


def evaluate(frame: Frame, count: npt.NDArray[np.int64], rng: np.random.Generator) -> Sums:
    """Sums of so many evaluations of each agent, normal around the true level."""
    deviation = np.sqrt(frame.within)
    mean = frame.level + deviation * rng.normal(size=count.size) / np.sqrt(np.maximum(count, 1))
    scatter = frame.within * np.where(count > 1, rng.chisquare(np.maximum(count - 1, 1)), 0)
    return Sums(count.astype(np.float64), count * mean, np.where(count > 0, count * mean**2 + scatter, 0.0))


def plan_reviews(frame: Frame, known: Sums) -> npt.NDArray[np.int64]:
    """How many of each agent, by the counts and by the variances of the world's own evaluations."""
    shrunk = shrink(known.count, known.total, known.squares, frame.channel, min_count=_MIN_COUNT)
    variances = {
        str(channel): PoolVariances(float(within), float(between))
        for channel, within, between in zip(frame.channel, shrunk.within_variance, shrunk.between_variance, strict=True)
        if np.isfinite(within) and np.isfinite(between)
    }
    candidates = [
        Candidate(f"{number:03}", str(frame.channel[number]), int(known.count[number]), int(engagements))
        for number, engagements in enumerate(frame.engagements)
    ]
    numbers = allocate_reviews(candidates, variances, PLANNED)
    return np.array([numbers.get(each.agent_pid, 0) for each in candidates])


def find_widest(frame: Frame, sums: Sums) -> tuple[float, float, float]:
    """The widest interval of plain means and of best guesses, and what is most uncertain where tau is known."""
    plain = bounded_mean_interval(sums.count, sums.total, sums.squares, frame.channel)
    plain_width = np.where(sums.count > 0, plain.high - plain.low, 1.0)
    shrunk = shrink(sums.count, sums.total, sums.squares, frame.channel, min_count=2)
    guess_width = np.where(np.isfinite(shrunk.value), shrunk.high - shrunk.low, plain_width)
    uncertain = np.sqrt(1 / (1 / frame.between + sums.count / frame.within))
    return float(plain_width.max()), float(guess_width.max()), float(uncertain.max())


def compare_widths(frame: Frame, state: str, worlds: int) -> dict[str, Floats]:
    """The means over worlds of what `find_widest` gives, of both ways of choosing whom to review."""
    rng = np.random.default_rng([SEED, 11, STATES.index(state)])
    share = frame.engagements / frame.engagements.sum()
    found: dict[str, list[tuple[float, ...]]] = {"planned": [], "by volume": []}
    for _ in range(worlds):
        known = evaluate(frame, frame.evaluated * (state == BEGUN), rng)
        planned = evaluate(frame, plan_reviews(frame, known), rng)
        by_volume = evaluate(frame, rng.multinomial(BY_VOLUME, share), rng)
        found["planned"].append(find_widest(frame, known + planned))
        found["by volume"].append(find_widest(frame, known + by_volume))
    return {name: np.mean(widths, axis=0) for name, widths in found.items()}


def measure_means(frame: Frame, worlds: int) -> Iterator[tuple[int, float, float, float]]:
    """Of each channel the bias of the weighted mean, its Monte-Carlo error, and the bias of the plain mean."""
    rng = np.random.default_rng([SEED, 12])
    numbers = plan_reviews(frame, evaluate(frame, frame.evaluated, rng))
    for channel in np.unique(frame.channel):
        agents = np.flatnonzero((frame.channel == channel) & (numbers > 0))
        off = []
        for world in range(worlds):
            scores = [
                dict(
                    zip(range(size), frame.level[agent] + rng.normal(0, frame.within[agent] ** 0.5, size), strict=True)
                )
                for agent, size in zip(agents, frame.engagements[agents], strict=True)
            ]
            drawn = [
                [own[int(pid)] for pid in draw_engagements(map(str, own), numbers[agent], 1_000 * world + int(agent))]
                for agent, own in zip(agents, scores, strict=True)
            ]
            index = np.repeat(np.arange(agents.size), numbers[agents])
            flat = np.concatenate(drawn)
            truth = np.concatenate([list(own.values()) for own in scores]).mean()
            weighted = estimate_planned_mean(flat, frame.engagements[agents][index], index).value
            off.append((weighted - truth, flat.mean() - truth))
        weighted_off, plain_off = np.array(off).T
        yield int(channel), weighted_off.mean(), weighted_off.std(ddof=1) / worlds**0.5, plain_off.mean()


def measure_plan(worlds: int) -> Section:
    """Both comparisons."""
    frame = read_frame()
    widths = {state: compare_widths(frame, state, worlds) for state in STATES}
    means = list(measure_means(frame, max(worlds // _WORLDS_A_FRAME, 20)))
    rows: list[Row] = [("reviews come", "chosen", "reviews", "widest, plain mean", "widest, best guess", "uncertain")]
    for state, found in widths.items():
        for name, count in (("planned", PLANNED), ("by volume", BY_VOLUME)):
            rows.append((state, name, str(count), *map(digits, found[name])))
    of_means: list[Row] = [("channel", "agents", "bias", "its Monte-Carlo error", "bias of the plain mean")]
    for channel, bias, error, plain in means:
        agents = str(int((frame.channel == channel).sum()))
        of_means.append((str(channel + 1), agents, digits(bias, 4), digits(error, 4), digits(plain, 4)))
    ratios = {state: found["planned"] / found["by volume"] for state, found in widths.items()}
    figures = [
        Figure(
            f"plan, {state}: widest of {what}, {PLANNED} planned over {BY_VOLUME} by volume", float(ratio), PLAN_WIDTH
        )
        for state, both in ratios.items()
        for what, ratio in zip(("plain means", "best guesses", "what is uncertain"), both, strict=True)
    ]
    most = max(abs(bias) / error for _, bias, error, _ in means)
    figures.append(
        Figure("plan: bias of a channel's weighted mean in Monte-Carlo errors, largest", most, PLANNED_MEAN_BIAS)
    )
    return Section("Review plan", _TEXT, figures, [Table("", rows), Table("Means of channels out of a plan", of_means)])
