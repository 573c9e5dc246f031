"""Intervals of plain means of bounded scores: of people in a group, and of single people without one."""

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.accuracy.goals import BOUNDED_COVERAGE, BOUNDED_COVERAGE_BY_COUNT, WITHOUT_INTERVAL, Figure
from benchmarks.accuracy.measures import Accuracy, coverage_by_count, measure
from benchmarks.accuracy.references import Estimate, as_estimate, plain_t
from benchmarks.accuracy.scenarios import ANSWERS, SCENARIOS, SEED, People
from benchmarks.accuracy.section import Row, Section, Table, digits
from salted_assets.scoring.stats import Floats, bounded_mean_interval, wilson_interval

SIZES = (8, 30)
COUNTS = (3, 5, 10, 20, 30)
SAMPLES_A_WORLD = 20
_SCENARIOS = ("A", "B", "D", "G")

_TEXT = """\
The score interval of bounded means beside Student's t, with the plain mean as the centre of both. People in groups \
have 3 to 30 evaluations and share the group's dispersion. Single people are a group of one; their samples have 3, \
5, 10, 20 and 30 evaluations. `without` is the share that has no interval; such people count neither in coverage nor \
in width.

Of the spread of a single person three to five evaluations tell hardly anything: the score interval is then wide, and \
of most kinds covers more than 95 %. In a group the others tell. `known spread` is the score interval of who knows \
how much such evaluations vary: the best that one of this form can be. Without that knowledge few values do not tell \
forms of five questions from yes and no, which vary five times as much. Intervals that count on less were tried (1 / \
c drawn towards that of yes and no in place of c, more degrees of freedom): those that cover at most .97 of forms \
cover .90 with three values from Beta(2, 2), and .87 with ten forms of which a tenth fails altogether. So the goal is \
not reached."""


def _draw_perfect(rng: np.random.Generator, shape: tuple[int, int], share: float) -> Floats:
    return np.where(rng.random(shape) < share, 1.0, rng.random(shape))


Sampler = Callable[[np.random.Generator, tuple[int, int]], Floats]
SINGLES: dict[str, tuple[float, float, Sampler]] = {
    "forms of 5, each question done well with .9": (
        0.9,
        0.9 * 0.1 / ANSWERS,
        lambda rng, shape: rng.binomial(ANSWERS, 0.9, shape) / ANSWERS,
    ),
    "forms of 5, p ~ Beta(9.3, .7)": (
        0.93,
        0.93 * 0.07 * (1 + (ANSWERS - 1) / 11) / ANSWERS,
        lambda rng, shape: rng.binomial(ANSWERS, rng.beta(9.3, 0.7, shape)) / ANSWERS,
    ),
    "80 % perfect, else uniform": (0.9, 0.8 + 0.2 / 3 - 0.9**2, lambda rng, shape: _draw_perfect(rng, shape, 0.8)),
    "95 % perfect, else uniform": (
        0.975,
        0.95 + 0.05 / 3 - 0.975**2,
        lambda rng, shape: _draw_perfect(rng, shape, 0.95),
    ),
    "one yes/no at .85": (0.85, 0.85 * 0.15, lambda rng, shape: (rng.random(shape) < 0.85).astype(float)),  # noqa: PLR2004
}
"""The true mean and variance of a single person's evaluations, and how they are drawn."""


def bounded(people: People) -> Estimate:
    """The plain mean with the score interval of bounded means."""
    return as_estimate(bounded_mean_interval(*people.sums, people.group), people.truth.shape)


def known_spread(name: str, people: People) -> Estimate:
    """The score interval of who knows how much the evaluations of this kind of single people vary."""
    mean, variance, _ = SINGLES[name]
    count, total, _ = people.sums
    limits = wilson_interval(total, count, design_effect=variance / (mean * (1 - mean)))
    return as_estimate(limits, people.truth.shape)


def draw_singles(name: str, count: int, samples: int) -> People:
    """So many single people of one kind, each a world, with `count` evaluations."""
    mean, _, draw = SINGLES[name]
    rng = np.random.default_rng([SEED, list(SINGLES).index(name), count])
    values = draw(rng, (samples, count))[:, None, :]
    truth = np.full((samples, 1), mean)
    return People(truth, np.full((samples, 1), count), values, np.full((samples, 1), np.nan))


def measure_plain_intervals(worlds: int) -> Section:
    """People in groups by scenario and size, single people by kind and count."""
    figures, rows, by_count = [], [], []
    for name in _SCENARIOS:
        for size in SIZES:
            # The coverage of each count takes many people: groups of 8 in four times as many worlds.
            people = SCENARIOS[name].draw(worlds * max(1, 32 // size), size)
            limits = {"plain t": plain_t(people), "score": bounded(people)}
            of_counts = {method: coverage_by_count(each, people.truth, people.count) for method, each in limits.items()}
            for method, each in limits.items():
                accuracy = measure(each, people.truth)
                rows.append((name, str(size), method, *_cells(accuracy), *_extremes(of_counts[method])))
            figures.append((f"{name}, {size} people", measure(limits["score"], people.truth), of_counts["score"]))
    for name in SINGLES:
        kinds = {count: draw_singles(name, count, worlds * SAMPLES_A_WORLD) for count in COUNTS}
        found = {count: measure(bounded(people), people.truth) for count, people in kinds.items()}
        by_t = {count: measure(plain_t(people), people.truth) for count, people in kinds.items()}
        known = {count: measure(known_spread(name, people), people.truth) for count, people in kinds.items()}
        for method, of_kind in (("plain t", by_t), ("score", found), ("known spread", known)):
            by_count += [(name, str(count), method, *_cells(accuracy)) for count, accuracy in of_kind.items()]
        figures.append((f"single, {name}", _average(list(found.values())), {n: a.coverage for n, a in found.items()}))
    tables = [
        Table("People in groups", [_HEADER, *rows]),
        Table("Single people", [("evaluations", "n", "interval", "coverage", "width", "without"), *by_count]),
    ]
    return Section("Intervals of bounded means", _TEXT, list(_figures(figures)), tables)


_HEADER = ("scenario", "people", "interval", "coverage", "width", "without", "lowest coverage at one n", "highest")


def _cells(accuracy: Accuracy) -> Row:
    return digits(accuracy.coverage), digits(accuracy.width), digits(accuracy.share_without)


def _extremes(of_count: dict[int, float]) -> Row:
    low, high = min(of_count, key=of_count.__getitem__), max(of_count, key=of_count.__getitem__)
    return f"{of_count[low]:.3f} (n = {low})", f"{of_count[high]:.3f} (n = {high})"


def _average(each: list[Accuracy]) -> Accuracy:
    """Every count weighs the same."""
    return Accuracy(
        *(
            float(np.mean([getattr(one, name) for one in each]))
            for name in ("rmse", "bias", "coverage", "width", "share_without")
        )
    )


def _figures(cases: list[tuple[str, Accuracy, dict[int, float]]]) -> Iterator[Figure]:
    for kind in ("groups", "single people"):
        some = [case for case in cases if case[0].startswith("single") == (kind != "groups")]
        least, most = (pick(some, key=lambda case: case[1].coverage) for pick in (min, max))
        yield Figure(f"coverage over n 3 to 30, {kind}, lowest ({least[0]})", least[1].coverage, BOUNDED_COVERAGE)
        yield Figure(f"coverage over n 3 to 30, {kind}, highest ({most[0]})", most[1].coverage, BOUNDED_COVERAGE)
        name, _, of_count = min(some, key=lambda case: min(case[2].values()))
        count = min(of_count, key=of_count.__getitem__)
        yield Figure(
            f"coverage at each n, {kind}, lowest ({name}, n = {count})", of_count[count], BOUNDED_COVERAGE_BY_COUNT
        )
        without = max(case[1].share_without for case in some)
        yield Figure(f"share without interval, {kind}, highest", without, WITHOUT_INTERVAL)
