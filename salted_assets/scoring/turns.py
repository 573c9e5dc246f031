"""What the turns say of an engagement: how many, by whom, in which mood, how soon. Not here: reviews of turns."""

import duckdb

from salted_assets.scoring.sql import summed_up

TURN_COLUMNS = ("pid", "engagement_pid", "turn_time", "participant", "sentiment")
"""The turn columns that the scores read."""

# A number for the engagement, and a letter for who spoke, keep millions of turns small and quick to group.
_TURNS_OF_COUNTED = """
    CREATE TEMP TABLE counted_turn AS
    SELECT
        counted.rowid::INTEGER AS engagement_number,
        CASE lower(trim(turn.participant)) WHEN 'agent' THEN 'a' WHEN 'customer' THEN 'c' ELSE '-' END AS speaker,
        turn.turn_time,
        CASE WHEN isfinite(turn.sentiment) THEN turn.sentiment END AS sentiment
    FROM turn JOIN counted ON turn.engagement_pid = counted.pid
"""

_FIRST_RESPONSES = """
    CREATE TEMP TABLE first_response AS
    WITH asked AS (
        SELECT engagement_number, min(turn_time) AS asked_time
        FROM counted_turn WHERE speaker = 'c' GROUP BY engagement_number
    )
    SELECT engagement_number, epoch_ms(min(turn_time)) - epoch_ms(any_value(asked_time)) AS first_response_time_ms
    FROM counted_turn JOIN asked USING (engagement_number)
    WHERE speaker = 'a' AND turn_time >= asked_time
    GROUP BY engagement_number
"""


def create_turn_facts(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables `turn_fact` and `first_response`, one row per counted engagement that has such turns.

    Reads `turn` and `counted`. Sentiment is summed over the turns of the participant that have one; turns by others
    than agent and customer are in the number of turns alone.
    """
    connection.execute(_TURNS_OF_COUNTED)
    connection.execute(_FIRST_RESPONSES)
    connection.table("counted_turn").aggregate(
        ", ".join(
            [
                "engagement_number",
                "count(*) AS turn_count",
                "count(*) FILTER (WHERE speaker = 'a') AS turn_agent_count",
                "count(*) FILTER (WHERE speaker = 'c') AS turn_customer_count",
                *summed_up("sentiment_agent", "sentiment", "speaker = 'a'"),
                *summed_up("sentiment_customer", "sentiment", "speaker = 'c'"),
            ]
        ),
        "engagement_number",
    ).create("turn_fact")
