"""Which engagements count as an agent's work, and whether the agent is a machine."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import duckdb
import numpy as np
import pyarrow as pa

from salted_assets.schemas.agent import Agent
from salted_assets.schemas.engagement import Engagement
from salted_assets.scoring.choices import ScoringChoices
from salted_assets.scoring.sql import register, text_list

AGENT_COLUMNS = ("pid", "type")
"""The agent columns that the scores read."""

NUMBER = "number"
"""The column with the index of an engagement among the rows that are given."""

_COUNTED = """
    CREATE TEMP TABLE counted AS
    SELECT
        engagement.*,
        list_contains($bots::VARCHAR[], nullif(lower(trim(agent_type.type)), '')) AS is_bot
    FROM engagement
    LEFT JOIN agent AS agent_type
        ON agent_type.pid = engagement.agent_pid AND agent_type.start_date = engagement.start_date
    WHERE lower(trim(engagement.type)) = 'agent' AND lower(trim(status)) = 'completed' AND trim(agent_pid) <> ''
"""


def create_counted(
    connection: duckdb.DuckDBPyConnection,
    engagement: pa.Table,
    agent: pa.Table | None,
    columns: tuple[str, ...],
    choices: ScoringChoices,
) -> None:
    """Make the table `counted`: the engagements of type Agent, status Completed, with an agent (vendor's model tips).

    It has `columns` of the engagements, `type`, `status` and `agent_pid` among them, `start_date`, as `number` the
    index of the row among the given ones, for what is only copied (see `copy_columns`), and `is_bot`, null where the
    agent's type of that day is not known. An agent has at most one row a day. Text is compared without regard to case.
    """
    numbered = engagement.append_column(NUMBER, pa.array(np.arange(engagement.num_rows)))
    register(connection, "engagement", numbered, Engagement, (*columns, NUMBER))
    register(connection, "agent", agent, Agent, AGENT_COLUMNS)
    connection.execute(_COUNTED, {"bots": text_list(choices.bot_agent_types)})


def copy_columns(rows: pa.Table, names: Sequence[str], numbers: pa.ChunkedArray) -> dict[str, pa.Array]:
    """These columns of the rows with these indexes, in their order: null where the index is null."""
    index = numbers.combine_chunks()
    with ThreadPoolExecutor(pa.cpu_count()) as pool:
        return dict(zip(names, pool.map(lambda name: _whole(rows[name]).take(index), names), strict=True))


def _whole(column: pa.ChunkedArray) -> pa.Array:
    plain = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    return plain.combine_chunks()
