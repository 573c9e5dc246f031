"""What the turns say of an engagement: how many, by whom, in which mood, how soon."""

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.scoring.sql import is_refused, summed_up
from salted_assets.scoring.text_index import number_texts

TURN_COLUMNS = ("engagement_pid", "turn_time", "participant", "sentiment", "refused_columns")
"""The turn columns that engagement scores read."""

_SPEAKERS = pa.array(["agent", "customer"])
_AGENT, _CUSTOMER = range(2)

_NUMBERED = pa.schema(
    {
        "start_date": pa.date32(),
        "engagement_number": pa.int32(),
        "speaker": pa.int32(),
        "turn_time": pa.timestamp("us", "UTC"),
        "sentiment": pa.float64(),
        "refused_columns": pa.list_(pa.string()),
    }
)

_SUMS = ", ".join(
    [
        "start_date",
        "engagement_number",
        "count(*) AS turn_count",
        f"count(*) FILTER (WHERE speaker = {_AGENT}) AS turn_agent_count",
        f"count(*) FILTER (WHERE speaker = {_CUSTOMER}) AS turn_customer_count",
        f"min(turn_time) FILTER (WHERE speaker = {_CUSTOMER}) AS asked_time",
        f"bool_or({is_refused('turn_time', 'participant')}) AS is_order_unknown",
        *summed_up("sentiment_agent", "sentiment", f"speaker = {_AGENT} AND isfinite(sentiment)"),
        *summed_up("sentiment_customer", "sentiment", f"speaker = {_CUSTOMER} AND isfinite(sentiment)"),
    ]
)

_FIRST_RESPONSES = f"""
    CREATE TEMP TABLE first_response AS
    SELECT
        start_date, engagement_number,
        epoch_ms(min(turn_time)) - epoch_ms(any_value(asked_time)) AS first_response_time_ms
    FROM turn JOIN turn_sum USING (start_date, engagement_number)
    WHERE speaker = {_AGENT} AND turn_time >= asked_time AND NOT is_order_unknown
    GROUP BY start_date, engagement_number
"""  # noqa: S608 - constants of ours

_JOINED = """
    SELECT engagement_pid, turn_sum.* EXCLUDE (engagement_number, asked_time, is_order_unknown), first_response_time_ms
    FROM turn_sum JOIN engagement USING (engagement_number)
    LEFT JOIN first_response USING (start_date, engagement_number)
"""


def sum_up_turns(turn: pa.Table) -> pa.Table:
    """One row per start day and engagement that has turns: their sums by the names that engagement scores have.

    Takes turns with at least `TURN_COLUMNS` and `start_date`, in any order; none gives no row. Sentiment is summed over
    the turns of the participant that have one; turns by others than agent and customer are in the number of turns
    alone. First response time runs from the customer's first turn to the agent's first turn at or after it; it is null
    where the time or the participant of a turn was refused, for that turn may have been the first.
    """
    pids, numbers = number_texts(turn["engagement_pid"], lambda texts: pa.array(range(len(texts)), pa.int32()))
    _, speakers = number_texts(turn["participant"], _speaker_of)
    numbered = pa.table(
        [turn["start_date"], numbers, speakers, turn["turn_time"], turn["sentiment"], turn["refused_columns"]],
        schema=_NUMBERED,
    )
    with duckdb.connect() as connection:
        connection.register("turn", numbered)
        every = pa.array(range(len(pids)), pa.int32())
        connection.register("engagement", pa.table({"engagement_pid": pids, "engagement_number": every}))
        connection.view("turn").aggregate(_SUMS, "start_date, engagement_number").create("turn_sum")
        connection.execute(_FIRST_RESPONSES)
        sums: pa.Table = connection.sql(_JOINED).to_arrow_table()
        return sums


def _speaker_of(texts: pa.Array) -> pa.Array:
    return pc.index_in(pc.utf8_lower(pc.utf8_trim_whitespace(texts)), value_set=_SPEAKERS)
