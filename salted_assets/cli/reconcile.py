"""The command `salted reconcile`: figures of the vendor's screen, typed into a file, beside ours."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from salted_assets.cli.options import ensure_agents_shown, load_settings, open_warehouse
from salted_assets.explain.vendor_screen import (
    EVERYBODY,
    TEMPLATE,
    Compared,
    FileRefused,
    Kind,
    Reconciler,
    Unreconcilable,
    VendorFigure,
    read_figures,
)
from salted_assets.warehouse import WarehouseError

_AGREE, _DIFFER, _FILE_IS_WRONG = 0, 1, 2
_STANDARD_OUTPUT = Path("-")
_WORDS = 3
"""Columns of words, before those of numbers."""


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.option("--template", is_flag=True, help="Print a file to fill in (or write it to a FILE other than -) and stop.")
def reconcile(file: Path | None, *, template: bool) -> None:
    """Compare figures typed from the vendor's application with ours, and say what differences come from.

    FILE is a CSV with the columns day, measure, agent (or all) and value; docs/reconciling.md has the measures and how
    numbers may be written.
    Exits with 0 where all agree, with 1 where some differ, with 2 where the file or a line of it is wrong.
    """
    if template:
        _write_template(file)
        return
    if file is None:
        raise click.UsageError("name a FILE; --template prints one to fill in")
    settings = load_settings()
    try:
        figures, wrong = read_figures(file.read_bytes())
    except OSError as error:
        raise click.UsageError(f"{file} cannot be read ({error.strerror})") from None
    except FileRefused as error:
        raise click.UsageError(f"{file}: {error}") from None
    if any(figure.agent for figure in figures):
        ensure_agents_shown(settings, "figures of single agents are not compared: leave these lines out")
    compared: list[Compared] = []
    try:
        wrong += _compare(Reconciler(open_warehouse(settings), settings.timezone, figures), figures, compared)
    except WarehouseError as error:
        raise click.ClickException(str(error)) from None
    click.echo(
        f"{settings.warehouse}{' (simulated data)' if settings.simulated else ''}, days of {settings.timezone}\n"
    )
    for line in render(compared):
        click.echo(line)
    for problem in sorted(wrong, key=_line_of):
        click.echo(f"{file}, {problem}", err=True)
    sys.exit(_FILE_IS_WRONG if wrong else _AGREE if all(each.agrees for each in compared) else _DIFFER)


def render(compared: Iterable[Compared]) -> Iterator[str]:
    """A line for each figure, with its reasons below where it differs, and how many agree."""
    found = list(compared)
    rows = [("day", "measure", "agent", "vendor", "ours", "difference"), *map(_cells, found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    yield _align(rows[0], widths)
    for row, each in zip(rows[1:], found, strict=True):
        yield _align(row, widths)
        if not each.agrees:
            yield from (f"    {reason}" for reason in each.found)
            if each.possible:
                yield f"    possible: {'; '.join(each.possible)}"
    yield ""
    yield f"{sum(each.agrees for each in found)} of {len(found)} figures agree"


def _compare(reconciler: Reconciler, figures: Iterable[VendorFigure], compared: list[Compared]) -> Iterator[str]:
    """Compare each; gives what is wrong with those that cannot be."""
    for figure in figures:
        try:
            compared.append(reconciler.compare(figure))
        except Unreconcilable as error:
            yield f"line {figure.line}: {error}"


def _line_of(problem: str) -> int:
    return int(problem.partition(":")[0].removeprefix("line "))


def _write_template(file: Path | None) -> None:
    if file is None or file == _STANDARD_OUTPUT:
        click.echo(TEMPLATE, nl=False)
        return
    try:
        with file.open("x", encoding="utf-8") as written:
            written.write(TEMPLATE)
    except OSError as error:
        raise click.UsageError(f"{file} cannot be written ({error.strerror})") from None
    click.echo(f"{file}: fill in what the vendor's screen shows, then `salted reconcile {file}`")


def _cells(each: Compared) -> tuple[str, ...]:
    figure, ours = each.figure, each.ours
    kind = figure.measure.kind
    difference = "" if ours is None or each.agrees else _show(ours - figure.typed.value, kind, is_signed=True)
    return (
        f"{figure.day}",
        figure.measure.column,
        figure.agent or EVERYBODY,
        figure.text,
        "-" if ours is None else _show(ours, kind),
        "agrees" if each.agrees else difference or "none here",
    )


def _show(value: float, kind: Kind, *, is_signed: bool = False) -> str:
    sign = ("-" if value < 0 else "+") if is_signed else "-" if value < 0 else ""
    size = abs(value)
    if kind is Kind.COUNT:
        return f"{sign}{size:,.0f}"
    if kind is Kind.SHARE:
        return f"{sign}{size * 100:.1f} %"
    if kind is Kind.SCORE:
        return f"{sign}{size:.2f}"
    minutes, seconds = divmod(round(size / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}:{minutes:02}:{seconds:02}" if hours else f"{sign}{minutes}:{seconds:02}"


def _align(row: tuple[str, ...], widths: list[int]) -> str:
    words, numbers = row[:_WORDS], row[_WORDS:]
    cells = [word.ljust(width) for word, width in zip(words, widths, strict=False)]
    cells += [number.rjust(width) for number, width in zip(numbers, widths[_WORDS:], strict=True)]
    return "  ".join(cells).rstrip()
