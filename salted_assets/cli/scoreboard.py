"""The command `salted scoreboard`: a range of days of `scores/agent_daily` as a table for the terminal.

Rows are in the order of names: a handful of days is too little to rank people by.
"""

from collections.abc import Sequence
from datetime import date

import click
import duckdb
import pyarrow as pa

from salted_assets.cli.options import open_warehouse, with_days
from salted_assets.defs.io_managers import read_days
from salted_assets.landing.windows import list_days
from salted_assets.schemas.engagement import AI_SCORES
from salted_assets.settings import Settings
from salted_assets.warehouse import WarehouseError

_NOT_MERITS = {"customer_satisfaction", "expressed_satisfaction", "severity"}
"""AI scores that describe the customer or the case; they are in the table of scores, not on the board."""

BOARD_AI_SCORES = tuple(name for name in AI_SCORES if name not in _NOT_MERITS)

_SHORT = {"language_skills": "lang-uage", "understanding": "under-stand.", "adaptability": "adapt-ability"}
_SHORT |= {"completeness": "complete-ness", "persuasion": "persua-sion", "adherence": "adher-ence"}
_HEADER = (
    [
        "",
        "engage-",
        "handle",
        "reviewer",
        "auto",
        "survey",
        *(_SHORT.get(n, n).partition("-")[0] for n in BOARD_AI_SCORES),
    ],
    ["agent", "ments", "time", "(n)", "(n)", "(n)", *(_SHORT.get(n, n).partition("-")[2] for n in BOARD_AI_SCORES)],
)


@click.command()
@with_days
def scoreboard(settings: Settings, first: date, last: date) -> None:
    """Print what the agents did on the days FIRST to LAST, from the scores in the warehouse."""
    warehouse = open_warehouse(settings)
    try:
        scores = read_days(warehouse, ("scores", "agent_daily"), list_days(first, last), may_be_missing=True)
    except FileNotFoundError:
        raise click.ClickException(f"no day from {first} to {last} is scored; run `salted backfill` first") from None
    except WarehouseError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"\nAgents, {first} to {last}{' (simulated data)' if settings.simulated else ''}\n")
    click.echo(render(summarize(scores)))
    click.echo(
        "\nEvaluations are means in 0..1 with their number; AI scores are on the vendor's scale. Few evaluations say "
        f"little.\nTables: {warehouse.uri}/tables, scores: {warehouse.uri}/scores (Parquet, one folder a day)"
    )


def summarize(agent_daily: pa.Table) -> pa.Table:
    """One row per agent over all days given: means from sums and counts, null where nothing was counted.

    Columns: agent_pid, agent_name, is_bot, engagement_count, handle_time_ms_mean, evaluation_<source>_mean and _count
    for reviewer, auto and customer (0..1), and each AI score that speaks of the agent, on the vendor's scale.
    """
    weighted = [f"evaluation_{source}" for source in ("reviewer", "auto", "customer")]
    means = [_mean(name) for name in ("handle_time_ms", *weighted, *BOARD_AI_SCORES)]
    counts = [f"sum({name}_count)::bigint AS {name}_count" for name in weighted]
    with duckdb.connect() as connection:
        connection.register("agent_daily", agent_daily)
        return connection.sql(f"""
            SELECT agent_pid, max_by(agent_name, start_date) AS agent_name, max_by(is_bot, start_date) AS is_bot,
                sum(engagement_count)::bigint AS engagement_count, {", ".join([*means, *counts])}
            FROM agent_daily GROUP BY agent_pid ORDER BY is_bot NULLS FIRST, agent_name, agent_pid
        """).to_arrow_table()  # noqa: S608 - names of our own columns


def render(summary: pa.Table) -> str:
    """The summary as aligned text, a dash where nothing was counted, with part of the ID where a name is shared."""
    names = [row["agent_name"] for row in summary.to_pylist()]
    board = [_cells(row, is_shared=names.count(row["agent_name"]) > 1) for row in summary.to_pylist()]
    rows = [*_HEADER, *board]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [_align(row, widths) for row in rows]
    return "\n".join([*lines[: len(_HEADER)], "-" * sum(widths, 2 * len(widths) - 2), *lines[len(_HEADER) :]])


def _mean(name: str) -> str:
    return f"sum({name}_sum) / nullif(sum({name}_count), 0) AS {name}_mean"


def _cells(row: dict[str, object], *, is_shared: bool) -> list[str]:
    name = str(row["agent_name"] or "(no name)")
    name += f" [{str(row['agent_pid'])[:4]}]" if is_shared else ""
    name += " (bot)" if row["is_bot"] else ""
    evaluations = [
        f"{row[f'evaluation_{source}_mean']:.2f} ({row[f'evaluation_{source}_count']})"
        if row[f"evaluation_{source}_count"]
        else "-"
        for source in ("reviewer", "auto", "customer")
    ]
    scores = ["-" if (mean := row[f"{score}_mean"]) is None else f"{mean:.1f}" for score in BOARD_AI_SCORES]
    return [name, str(row["engagement_count"]), _clock(row["handle_time_ms_mean"]), *evaluations, *scores]


def _clock(milliseconds: object) -> str:
    if not isinstance(milliseconds, float):
        return "-"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    return f"{minutes}:{seconds:02}"


def _align(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
    return "  ".join(cells).rstrip()
