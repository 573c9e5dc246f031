"""The command `python -m benchmarks.accuracy`: all sections, one after the other, and the page."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from benchmarks.accuracy.dependence import measure_dependence
from benchmarks.accuracy.plain_intervals import measure_plain_intervals
from benchmarks.accuracy.report import render_figures, render_page, render_section
from benchmarks.accuracy.section import Section
from benchmarks.accuracy.shrunk_means import measure_shrunk_means

WORLDS = 2_000

SECTIONS: Mapping[str, Callable[[int], Section]] = {
    "shrunk": measure_shrunk_means,
    "plain": measure_plain_intervals,
    "dependence": measure_dependence,
}


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
    sections = []
    for name in only or SECTIONS:
        begun = time.perf_counter()
        section = SECTIONS[name](worlds)
        sections.append(section)
        click.echo(f"{render_section(section)}\n\n{render_figures(section.figures)}\n")
        click.echo(f"{name}: {time.perf_counter() - begun:.0f} s", err=True)
    if only:
        return
    command = f"python -m benchmarks.accuracy --worlds {worlds}"
    docs.mkdir(parents=True, exist_ok=True)
    page = render_page(sections, worlds=worlds, command=command, date=datetime.now(UTC).date().isoformat())
    (docs / "accuracy.md").write_text(page, encoding="utf-8")
