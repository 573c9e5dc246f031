"""Which engagements count as an agent's work, and whether the agent is a machine."""

import duckdb
import pyarrow as pa

from salted_assets.schemas.agent import Agent
from salted_assets.schemas.engagement import Engagement
from salted_assets.scoring.choices import ScoringChoices
from salted_assets.scoring.sql import register, text_list

AGENT_COLUMNS = ("pid", "type")
"""The agent columns that the scores read."""

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

    It has `columns` of the engagements, `type` and `status` among them, `start_date`, and `is_bot`, null where the
    agent's type of that day is not known. Text is compared without regard to case.
    """
    register(connection, "engagement", engagement, Engagement, columns)
    register(connection, "agent", agent, Agent, AGENT_COLUMNS)
    connection.execute(_COUNTED, {"bots": text_list(choices.bot_agent_types)})
