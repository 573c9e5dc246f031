"""The turn dataset (`turns.csv`)."""

import pandas as pd
import pandera.pandas as pandera

from salted_assets.schemas.base import (
    DatasetTable,
    Integer,
    Number,
    TableFacts,
    Text,
    Timestamp,
    integer,
    milliseconds,
    number,
    text,
    timestamp,
)

TURN_TYPES = (
    "Application Action",
    "File",
    "Image",
    "Menu Back",
    "Menu Restart",
    "Menu Step",
    "Message",
    "Recording",
    "Talk",
    "Transaction",
    "Transcript",
    "Unknown",
)


class Turn(DatasetTable):
    """Messages, stretches of talk, menu steps, files and actions, each by one participant of an engagement."""

    pid: Text = text("Turn ID.", key=True)
    engagement_pid: Text = text("Engagement that the turn belongs to.", key=True)
    turn_time: Timestamp = timestamp("When the turn started.")
    turn_time_relative_ms: Integer = integer("Time from the start of the engagement to the turn.", unit="ms")
    response_to: Text = text("Turn that this turn answers.")
    participant: Text = text("Who took the turn.", known_values=("AGENT", "CUSTOMER"))
    type: Text = text("Turn type; some types have a duration, others are events.", known_values=TURN_TYPES)
    origin: Text = text("Whether the agent typed the turn or took a suggestion.", known_values=("Custom", "Suggested"))
    category: Text = text("Category of the turn, out of the account's own list.")
    duration: Integer = milliseconds(
        "Duration of spoken turns. The vendor's model page says seconds, its export page ms."
    )
    length: Integer = integer("Length of written turns; null for voice.", unit="characters", ge=0)
    sentiment: Number = number("Sentiment score on the vendor's scale, which is not published.", unit="score")
    confidence: Number = number("How sure a bot was of the answer it gave; scale not published.", unit="score")
    quality: Number = number("Quality score on the vendor's scale, which is not published.", unit="score")
    external_id: Text = text("ID in the source platform.")
    content: Text = text("Text of the turn.", personal="content")
    content_agent: Text = text("Text as the agent saw it.", personal="content")
    content_customer: Text = text("Text as the customer saw it.", personal="content")
    language_agent: Text = text("Language of `content_agent`.")
    language_customer: Text = text("Language of `content_customer`.")
    language_content: Text = text("Language of `content`, in which the turn was taken.")

    @pandera.dataframe_check(name="not_before_engagement")
    def _not_before_engagement(cls, turns: pd.DataFrame) -> "pd.Series[bool]":  # noqa: N805 - pandera's way
        return (turns["turn_time_relative_ms"] >= 0).fillna(True)

    class Config:
        metadata = {
            "salted": TableFacts(
                "turn", "turns.csv", "version of a turn delivered by the day's export", ("pid", "engagement_pid")
            )
        }
