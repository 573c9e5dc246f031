"""The command `python -m benchmarks.accuracy`: all sections, each in a process of its own, and the page."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import click

from benchmarks.accuracy.anchored import measure_anchored
from benchmarks.accuracy.centre import measure_centre
from benchmarks.accuracy.change import measure_change
from benchmarks.accuracy.dependence import measure_dependence
from benchmarks.accuracy.drift import measure_drift
from benchmarks.accuracy.fair_scores import measure_fair_scores
from benchmarks.accuracy.handle_times import measure_handle_times
from benchmarks.accuracy.leniency import measure_leniency
from benchmarks.accuracy.plain_intervals import measure_plain_intervals
from benchmarks.accuracy.plan import measure_plan
from benchmarks.accuracy.report import render_figures, render_page, render_section
from benchmarks.accuracy.section import Section
from benchmarks.accuracy.settlement import measure_settlement
from benchmarks.accuracy.shrunk_means import measure_shrunk_means

WORLDS = 2_000

SECTIONS: Mapping[str, Callable[[int], Section]] = {
    "shrunk": measure_shrunk_means,
    "plain": measure_plain_intervals,
    "dependence": measure_dependence,
    "fair": measure_fair_scores,
    "anchored": measure_anchored,
    "plan": measure_plan,
    "queues": measure_handle_times,
    "leniency": measure_leniency,
    "change": measure_change,
    "drift": measure_drift,
    "settlement": measure_settlement,
    "centre": measure_centre,
}


def measure_section(name: str, worlds: int) -> Section:
    """One of `SECTIONS`."""
    begun = time.perf_counter()
    section = SECTIONS[name](worlds)
    click.echo(f"{name}: {time.perf_counter() - begun:.0f} s", err=True)
    return section


@click.command()
@click.option("--worlds", type=click.IntRange(min=20), default=WORLDS, show_default=True, help="Worlds of a scenario.")
@click.option(
    "--only", type=click.Choice(list(SECTIONS)), multiple=True, help="Measure these alone; no page is written."
)
@click.option("--docs", type=click.Path(path_type=Path), default=Path("docs"), show_default=True)
def main(worlds: int, only: Sequence[str], docs: Path) -> None:
    """Measure how right estimates and intervals are, and write accuracy.md below DOCS.

    With 2,000 worlds about ten minutes; 200 give a look in one.
    """
    if only:
        for name in only:
            _show(measure_section(name, worlds))
        return
    # Matrices are small: threads of one process would wait for each other, so each section has a process instead.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sections = []
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for section in pool.map(measure_section, SECTIONS, [worlds] * len(SECTIONS)):
            _show(section)
            sections.append(section)
    command = f"python -m benchmarks.accuracy --worlds {worlds}"
    docs.mkdir(parents=True, exist_ok=True)
    page = render_page(sections, worlds=worlds, command=command, date=datetime.now(UTC).date().isoformat())
    (docs / "accuracy.md").write_text(page, encoding="utf-8")


def _show(section: Section) -> None:
    click.echo(f"{render_section(section)}\n\n{render_figures(section.figures)}\n")
