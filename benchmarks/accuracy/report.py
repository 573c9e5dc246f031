"""What was measured as Markdown: for the terminal and for `docs/accuracy.md`."""

from collections.abc import Sequence
from importlib.metadata import version

from benchmarks.accuracy.goals import Figure
from benchmarks.accuracy.scenarios import SCENARIOS
from benchmarks.accuracy.section import Section
from benchmarks.ingest.report import render_rows

_PACKAGES = ("numpy", "scipy")

_PAGE = """\
# Accuracy

How right the estimates and intervals of [the scores](scores.md) are. Real people's true levels are never known, so \
people are simulated whose levels are: the formulas of `salted_assets/scoring` see the simulated evaluations alone, \
and what they say is held against the truth.

## Figures and goals

{met_count} of {figure_count} figures reach their goals, which were set before anything was measured. Figures are \
compared before they are rounded.

{figures}

## Scenarios

A world is one group of people, a scenario the recipe for worlds. The number of a person's evaluations is uniform on 3 \
to 30 unless it is said.

{scenarios}

{sections}

## How it is measured

- **Command**: `{command}`, {date}. It gives the same figures on every machine: worlds are drawn with fixed seeds, and \
all methods see the same ones.
- **Worlds**: {worlds:,} of each scenario and size; of groups of 300 people, of leniency and of "queues" a \
twentieth of them, of "facets" a fifth; of plain intervals in groups of 8 and of anchored means in groups of 6 four \
times as many; twenty samples of single people for each; of settlement a fortieth, each with 28 \
origins; of drift half as many quiet questions, a tenth drifting ones, and four seeds of each centre.
- **RMSE** is the root of the mean squared difference to the true level, **coverage** the share of 95 % intervals that \
hold the true level, **width** the mean difference of their limits. A coverage of .95 that was measured on 60,000 \
people is off by some .001, on 6,000 by some .003, more where people of one world are wrong together.
- **References**: `plain t`, the mean with Student's t interval; `grid Bayes`, a full Bayesian fit of the normal model \
with flat priors on a grid; `oracle`, who knows what no method can: how true levels are spread, and how evaluations \
arise.
- **Versions**: {versions}

## What is not covered

- Whether a form measures what matters. The truth here is what a usual reviewer would give on average.
- Scores of real centres: recipes resemble what contact centres see (few evaluations, many perfect ones, one poor \
agent), but no recipe is any centre. Where answers of one agent are worse on Mondays and nobody works on Sundays, the \
design effect of days sees it; where a whole team has a bad month, nothing here does.
- Intervals of percentiles and agreement: their formulas have tests of their own.
"""


def render_figures(figures: Sequence[Figure]) -> str:
    """Every figure beside its goal."""
    rows = [
        (figure.what, f"{figure.value:.3f}", str(figure.goal), "met" if figure.is_met else "**not met**")
        for figure in figures
    ]
    return render_rows([("figure", "measured", "goal", ""), *rows])


def render_section(section: Section) -> str:
    """A section of the page."""
    parts = [f"## {section.title}", section.text]
    for table in section.tables:
        parts += [f"{table.caption}:"] * bool(table.caption) + [render_rows(table.rows)]
    return "\n\n".join(parts)


def render_page(sections: Sequence[Section], *, worlds: int, command: str, date: str) -> str:
    """The page for the docs."""
    figures = [figure for section in sections for figure in section.figures]
    scenarios = [(each.name, each.levels, each.evaluations) for each in SCENARIOS.values()]
    return _PAGE.format(
        met_count=sum(figure.is_met for figure in figures),
        figure_count=len(figures),
        figures=render_figures(figures),
        scenarios=render_rows([("scenario", "true levels", "evaluations"), *scenarios]),
        sections="\n\n".join(map(render_section, sections)),
        command=command,
        date=date,
        worlds=worlds,
        versions=", ".join(f"{name} {version(name)}" for name in _PACKAGES),
    )
