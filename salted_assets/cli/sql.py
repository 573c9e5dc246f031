"""The command `salted sql`."""

import csv
import json
import math
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, TextIO

import click
import duckdb

from salted_assets.cli.options import load_settings, open_warehouse
from salted_assets.output.catalog import default_catalog_path, open_catalog, write_catalog
from salted_assets.output.catalog.query import QueryRefused, ask, explained, restrict
from salted_assets.warehouse import Warehouse, WarehouseError

_TABLE_ROWS = 100
_BATCH_ROWS = 10_000
_LEAVE = {"exit", "quit", r"\q", ".exit", ".quit"}
_GREETING = """\
The catalog of {uri}, read-only. End each query with a semicolon; SHOW TABLES; lists the views, DESCRIBE agent_daily;
the columns of one, Ctrl-D leaves.\
"""

_Show = Callable[[duckdb.DuckDBPyRelation, TextIO], None]


@click.command()
@click.argument("query", required=False)
@click.option(
    "--format",
    "shape",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help=f"How the rows are shown: a table has the first {_TABLE_ROWS} alone.",
)
def sql(query: str | None, shape: str) -> None:
    """Ask the catalog: one query, or one after the other at a prompt. Nothing is changed.

    QUERY is read from standard input where it is -. Where there is no catalog yet, it is written first.
    """
    show, warehouse = _SHAPES[shape], open_warehouse(load_settings())
    try:
        with _open(warehouse) as catalog:
            if query is None and sys.stdin.isatty():
                click.echo(_GREETING.format(uri=warehouse.uri))
                _converse(catalog, show)
            else:
                _answer(catalog, sys.stdin.read() if query in {None, "-"} else str(query), show)
    except BrokenPipeError:
        # who reads has seen enough, as `head` has; click ends without a word
        raise
    except (QueryRefused, WarehouseError, OSError) as error:
        raise click.ClickException(str(error)) from None


def _open(warehouse: Warehouse) -> duckdb.DuckDBPyConnection:
    if not default_catalog_path(warehouse).is_file():
        write_catalog(warehouse)
    with explained():
        catalog = open_catalog(warehouse)
    restrict(catalog)
    return catalog


def _converse(catalog: duckdb.DuckDBPyConnection, show: _Show) -> None:
    """Read queries to their semicolons, and answer each; one that is refused ends nothing."""
    with suppress(ImportError):
        import readline  # noqa: F401, PLC0415 - lets `input` edit lines and recall them, where Python has it
    for query in _read_queries():
        try:
            _answer(catalog, query, show)
        except QueryRefused as error:
            click.echo(f"Error: {error}", err=True)


def _read_queries() -> Iterator[str]:
    lines: list[str] = []
    with suppress(EOFError):
        while True:
            line = input("      > " if lines else "salted> ").rstrip()
            if not lines and line.strip().rstrip(";") in _LEAVE:
                return
            lines += [line] if line else []
            if line.endswith(";"):
                yield "\n".join(lines)
                lines = []


def _answer(catalog: duckdb.DuckDBPyConnection, query: str, show: _Show) -> None:
    answer = ask(catalog, query)
    if answer is not None:
        with explained():
            show(answer, sys.stdout)
            sys.stdout.flush()


def _show_table(answer: duckdb.DuckDBPyRelation, out: TextIO) -> None:
    # what is read by another program, or kept, loses no column
    width = shutil.get_terminal_size().columns if out.isatty() else 10_000
    answer.show(max_width=width, max_rows=_TABLE_ROWS, null_value="")


def _write_csv(answer: duckdb.DuckDBPyRelation, out: TextIO) -> None:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(answer.columns)
    for row in _read_rows(answer):
        writer.writerow([json.dumps(cell) if isinstance(cell, list | dict) else cell for cell in row.values()])


def _write_json(answer: duckdb.DuckDBPyRelation, out: TextIO) -> None:
    """An array of objects, a line each."""
    separator = "["
    for row in _read_rows(answer):
        out.write(f"{separator}\n{json.dumps(row, ensure_ascii=False)}")
        separator = ","
    out.write("[]\n" if separator == "[" else "\n]\n")


_SHAPES: Mapping[str, _Show] = {
    "table": _show_table,
    "csv": _write_csv,
    "json": _write_json,
}


def _read_rows(answer: duckdb.DuckDBPyRelation) -> Iterator[dict[str, Any]]:
    for batch in answer.to_arrow_reader(_BATCH_ROWS):
        for row in batch.to_pylist():
            yield {name: _plain(cell) for name, cell in row.items()}


def _plain(cell: Any) -> Any:
    """The cell as CSV and JSON have it: times in ISO's form, no number that is none."""
    if isinstance(cell, Mapping):
        return {str(name): _plain(each) for name, each in cell.items()}
    if isinstance(cell, Sequence) and not isinstance(cell, str | bytes):
        return [_plain(each) for each in cell]
    if isinstance(cell, date | datetime | time):
        return cell.isoformat()
    if isinstance(cell, Decimal):
        return int(cell) if cell == cell.to_integral_value() else float(cell)
    if isinstance(cell, float) and not math.isfinite(cell):
        return None
    return cell if cell is None or isinstance(cell, str | int | float | bool) else str(cell)
