"""A range of days of `scores/agent_daily` as a table for the terminal. Not here: formulas, files, ranking.

Rows are in the order of names: a handful of days is too little to rank people by.
"""

import duckdb
import pyarrow as pa

from salted_assets.tables.engagement import AI_SCORES

_NOT_MERITS = {"customer_satisfaction", "expressed_satisfaction", "severity"}
"""AI scores that describe the customer or the case; they are in the table of scores, not on the board."""

BOARD_AI_SCORES = tuple(name for name in AI_SCORES if name not in _NOT_MERITS)


def summarize(agent_daily: pa.Table) -> pa.Table:
    """One row per agent over all days given: means from sums and counts, null where nothing was counted.

    Columns: agent_name, is_bot, engagement_count, handle_time_ms_mean, evaluation_<source>_mean and _count for
    reviewer, auto and customer (0..1), and each AI score that speaks of the agent, on the vendor's scale.
    """
    weighted = [f"evaluation_{source}" for source in ("reviewer", "auto", "customer")]
    means = [_mean(name) for name in ("handle_time_ms", *weighted, *BOARD_AI_SCORES)]
    counts = [f"sum({name}_count)::bigint AS {name}_count" for name in weighted]
    with duckdb.connect() as connection:
        connection.register("agent_daily", agent_daily)
        return connection.sql(f"""
            SELECT max_by(agent_name, start_date) AS agent_name, max_by(is_bot, start_date) AS is_bot,
                sum(engagement_count)::bigint AS engagement_count, {", ".join([*means, *counts])}
            FROM agent_daily GROUP BY agent_pid ORDER BY is_bot NULLS FIRST, agent_name, agent_pid
        """).to_arrow_table()  # noqa: S608 - names of our own columns


def render(summary: pa.Table) -> str:
    """The summary as aligned text; a dash where nothing was counted."""
    header = ["agent", "engagements", "handle time", "reviewer (n)", "auto (n)", "survey (n)"]
    rows = [[*header, *(name.replace("_", " ") for name in BOARD_AI_SCORES)]]
    rows += [_cells(row) for row in summary.to_pylist()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(_pad(cell, width, left=not i) for i, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def _mean(name: str) -> str:
    return f"sum({name}_sum) / nullif(sum({name}_count), 0) AS {name}_mean"


def _cells(row: dict[str, object]) -> list[str]:
    name = str(row["agent_name"] or "(no name)") + (" (bot)" if row["is_bot"] else "")
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


def _pad(text: str, width: int, *, left: bool) -> str:
    return text.ljust(width) if left else text.rjust(width)
