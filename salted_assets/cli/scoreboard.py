"""The command `salted scoreboard`: a range of days of `scores/agent_daily` as a table for the terminal.

Beside the plain means stand the fair score and the best guess of the window that ends with the range. Rows are in the
order of names: a handful of days is too little to rank people by.
"""

from collections.abc import Sequence
from datetime import date

import click
import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.cli.options import ensure_agents_shown, open_warehouse, with_days
from salted_assets.defs.io_managers import read_days
from salted_assets.landing.windows import list_days
from salted_assets.output.scorecard.table_cells import write_clock, write_percent, write_percent_span
from salted_assets.schemas.engagement import AI_SCORES
from salted_assets.schemas.scores import WINDOWS
from salted_assets.settings import Settings, variable_of
from salted_assets.warehouse import Warehouse, WarehouseError

_NOT_MERITS = {"customer_satisfaction", "expressed_satisfaction", "severity"}
"""AI scores that describe the customer or the case; they are in the table of scores, not on the board."""

BOARD_AI_SCORES = tuple(name for name in AI_SCORES if name not in _NOT_MERITS)

_HEADER = (
    ("", "", "AHT,", "AHT,", "fair QA score", "best", "reviewer", "auto", "CSAT"),
    ("agent", "engagements", "mean", "typical", "(95%)", "guess", "(n)", "(n)", "(n)"),
)
_AI_HEADER = (
    ("", *(name.rpartition("_")[0] for name in BOARD_AI_SCORES)),
    ("agent", *(name.rpartition("_")[2] for name in BOARD_AI_SCORES)),
)

_FAIR_COLUMNS = ("fair_mean", "fair_low", "fair_high", "shrunk_mean")
_NO_FAIR = pa.schema(
    [("agent_pid", pa.string()), ("measure", pa.string()), *((name, pa.float64()) for name in _FAIR_COLUMNS)]
).empty_table()


@click.command()
@with_days
def scoreboard(settings: Settings, first: date, last: date) -> None:
    """Print what the agents did on the days FIRST to LAST, from the scores in the warehouse."""
    ensure_agents_shown(settings, "there is no scoreboard of agents")
    warehouse = open_warehouse(settings)
    try:
        scores = read_days(warehouse, ("scores", "agent_daily"), list_days(first, last), may_be_missing=True)
        fair = _read_fair(warehouse, first, last)
    except FileNotFoundError:
        raise click.ClickException(f"no day from {first} to {last} is scored; run `salted backfill` first") from None
    except WarehouseError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"\nAgents, {first} to {last}{' (simulated data)' if settings.simulated else ''}\n")
    click.echo(render(summarize(scores, fair)))
    if missing := explain_missing_fair(settings, fair, first, last):
        click.echo(f"\n{missing}")
    click.echo(
        f"\nCompare agents by the fair score, of the {_window_of(first, last)} days to {last}: what a usual reviewer "
        "would give for a usual mix of\nquestions. Evaluations are plain means with their number, single answers among "
        "them; AI scores are on the vendor's scale. Few\nevaluations say little. AHT is handle time, minutes:seconds: "
        "the mean, which a few long engagements move far, and the typical\ntime (geometric mean), by which agents are "
        "compared. The best guess draws the fair score towards the agent's group; a dash stands\nwhere too few of a "
        "group are known to compare them: `not_comparable_reason` of scores/fair says what is lacking.\n"
        f"Tables: {warehouse.uri}/tables, scores: {warehouse.uri}/scores (Parquet, one folder a day)"
    )


def summarize(agent_daily: pa.Table, fair: pa.Table | None = None) -> pa.Table:
    """One row per agent over all days given: means from sums and counts, null where nothing was counted.

    Columns: agent_pid, agent_name, is_bot, engagement_count, handle_time_ms_mean, handle_time_geometric_ms,
    evaluation_<source>_mean and _count
    for reviewer, auto and customer (0..1), and each AI score that speaks of the agent, on the vendor's scale; out of
    `fair`, rows of `scores/fair` of one day and window, fair_mean, fair_low, fair_high and shrunk_mean of the
    evaluations by reviewers, null where it has none.
    """
    weighted = [f"evaluation_{source}" for source in ("reviewer", "auto", "customer")]
    means = [_mean(name) for name in ("handle_time_ms", *weighted, *BOARD_AI_SCORES)]
    counts = [f"sum({name}_count)::bigint AS {name}_count" for name in weighted]
    estimates = _NO_FAIR if fair is None else fair
    with duckdb.connect() as connection:
        connection.register("agent_daily", agent_daily)
        connection.register("fair", estimates.select(["agent_pid", "measure", *_FAIR_COLUMNS]))
        return connection.sql(f"""
            SELECT * FROM (
                SELECT agent_pid, max_by(agent_name, start_date) AS agent_name, max_by(is_bot, start_date) AS is_bot,
                    sum(engagement_count)::bigint AS engagement_count,
                    exp(sum(handle_time_log_sum) / nullif(sum(handle_time_log_count), 0)) AS handle_time_geometric_ms,
                    {", ".join([*means, *counts])}
                FROM agent_daily GROUP BY agent_pid
            ) LEFT JOIN (SELECT * EXCLUDE (measure) FROM fair WHERE measure = 'evaluation_reviewer') USING (agent_pid)
            ORDER BY is_bot NULLS FIRST, agent_name, agent_pid
        """).to_arrow_table()  # noqa: S608 - names of our own columns


def render(summary: pa.Table) -> str:
    """The summary as two aligned tables, figures and AI scores, no wider than 120 characters where names are short.

    A dash stands where nothing was counted, part of the ID where a name is shared.
    """
    rows = summary.to_pylist()
    names = [row["agent_name"] for row in rows]
    shown = [_name(row, is_shared=names.count(row["agent_name"]) > 1) for row in rows]
    figures = [[name, *_figures(row)] for name, row in zip(shown, rows, strict=True)]
    scores = [[name, *_ai_scores(row)] for name, row in zip(shown, rows, strict=True)]
    return f"{_render_table(_HEADER, figures)}\n\nAI scores\n\n{_render_table(_AI_HEADER, scores)}"


def _render_table(header: Sequence[Sequence[str]], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in (*header, *rows)) for column in range(len(header[0]))]
    lines = [_align(row, widths) for row in (*header, *rows)]
    return "\n".join([*lines[: len(header)], "-" * sum(widths, 2 * len(widths) - 2), *lines[len(header) :]])


def _window_of(first: date, last: date) -> int:
    """The shortest window that holds the days, or the longest there is."""
    return next((days for days in WINDOWS if days > (last - first).days), WINDOWS[-1])


def _read_fair(warehouse: Warehouse, first: date, last: date) -> pa.Table | None:
    """The fair scores of the last day in the window that holds the days; None where that day has none."""
    try:
        rows = read_days(warehouse, ("scores", "fair"), [last])
    except FileNotFoundError:
        return None
    return rows.filter(pc.equal(rows["window_days"], _window_of(first, last)))


def explain_missing_fair(settings: Settings, fair: pa.Table | None, first: date, last: date) -> str:
    """Why there are dashes in place of fair scores; nothing where there are some."""
    if not {"engagement", "review"} <= set(settings.datasets):
        return f"No fair scores: without engagements and reviews there are none ({variable_of('datasets')})."
    if fair is None:
        return f"No fair scores: those of {last} are not there. `salted backfill {last} {last}` makes them."
    if not pc.any(pc.equal(fair["measure"], "evaluation_reviewer")).as_py():
        return f"No fair scores: nobody was evaluated by a reviewer in the {_window_of(first, last)} days to {last}."
    return ""


def _mean(name: str) -> str:
    return f"sum({name}_sum) / nullif(sum({name}_count), 0) AS {name}_mean"


def _name(row: dict[str, object], *, is_shared: bool) -> str:
    name = str(row["agent_name"] or "(no name)")
    name += f" [{str(row['agent_pid'])[:4]}]" if is_shared else ""
    return name + (" (bot)" if row["is_bot"] else "")


def _figures(row: dict[str, object]) -> list[str]:
    evaluations = [
        f"{write_percent(row[f'evaluation_{source}_mean'])} ({row[f'evaluation_{source}_count']})"
        if row[f"evaluation_{source}_count"]
        else "-"
        for source in ("reviewer", "auto", "customer")
    ]
    figures = [
        str(row["engagement_count"]),
        write_clock(row["handle_time_ms_mean"]),
        write_clock(row["handle_time_geometric_ms"]),
        _fair(row),
        write_percent(row["shrunk_mean"]),
    ]
    return [*figures, *evaluations]


def _ai_scores(row: dict[str, object]) -> list[str]:
    return ["-" if (mean := row[f"{score}_mean"]) is None else f"{mean:.1f}" for score in BOARD_AI_SCORES]


def _fair(row: dict[str, object]) -> str:
    span = write_percent_span(row["fair_low"], row["fair_high"]).replace(" to ", "-")
    return f"{write_percent(row['fair_mean'])}{f' ({span})' if span else ''}"


def _align(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
    return "  ".join(cells).rstrip()
