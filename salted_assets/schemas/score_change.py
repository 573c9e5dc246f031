"""The table of figures that were published and have been replaced, and which figures of which scores it keeps."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from salted_assets.schemas.base import Integer, Number, Table, Text, Timestamp, columns_of, derived
from salted_assets.schemas.engagement import AI_SCORES
from salted_assets.schemas.measures import REVIEW_SOURCES
from salted_assets.schemas.scores import AgentDaily, AgentRolling, FairScore
from salted_assets.schemas.scores.fair import FAIR_KEY

CHANGE_EVENTS = ("changed", "appeared", "disappeared")
"""What became of a figure: it is another one, or its row was not there before, or is not there now."""

_SCORES = ("scores/agent_daily", "scores/agent_rolling", "scores/fair")


@dataclass(frozen=True)
class PublishedFigures:
    """The figures of a score table that are kept when they are replaced, and the columns that identify a row."""

    key: tuple[str, ...]
    figures: tuple[str, ...]


def _with_count(name: str) -> tuple[str, str]:
    return f"{name}_mean", f"{name}_count"


_DAILY_FIGURES = (
    "engagement_count",
    "handle_time_ms_sum",
    "handle_time_ms_mean",
    *(column for score in AI_SCORES for column in _with_count(score)),
    *(column for source in REVIEW_SOURCES for column in _with_count(f"answer_{source}")),
    *(column for source in REVIEW_SOURCES for column in _with_count(f"evaluation_{source}")),
    *(column for participant in ("agent", "customer") for column in _with_count(f"sentiment_{participant}")),
)
_WINDOW_KEY = ("agent_pid", "window_days", "measure")
_DESCRIBING = {*FAIR_KEY, "days_present_count", "agent_name", "is_bot", "team", "channel_type", "unit", "unit_of_count"}

PUBLISHED_FIGURES: Mapping[str, PublishedFigures] = {
    "agent_daily": PublishedFigures(("agent_pid",), _DAILY_FIGURES),
    "agent_rolling": PublishedFigures(_WINDOW_KEY, ("mean", "mean_low", "mean_high")),
    "fair": PublishedFigures(
        _WINDOW_KEY, tuple(facts.name for facts in columns_of(FairScore) if facts.name not in _DESCRIBING)
    ),
}
"""By the last part of a score's key. Of `scores/fair` it is all but what describes the agent and the measure."""


def _sources(*columns: str) -> tuple[str, ...]:
    return tuple(f"{score}.{column}" for score in _SCORES for column in columns)


class ScoreChange(Table):
    """Figures that were published and have been replaced by others; differences within rounding are no changes."""

    agent_pid: Text = derived(
        "Agent whose figure it is.", sources=_sources("agent_pid"), nullable=False, personal="indirect"
    )
    window_days: Integer = derived(
        "Length of the window that ends on the day; null for a daily score.",
        sources=("scores/agent_rolling.window_days", "scores/fair.window_days"),
        unit="days",
    )
    measure: Text = derived(
        "Measure of the window; null for a daily score, whose columns name it.",
        sources=("scores/agent_rolling.measure", "scores/fair.measure"),
    )
    figure: Text = derived("Column of the score.", sources=_SCORES, nullable=False)
    event: Text = derived(f"What became of it: {', '.join(CHANGE_EVENTS)}.", sources=_SCORES, nullable=False)
    old: Number = derived("Figure before; true is 1, false 0.", sources=_SCORES, unit="unit of the figure")
    new: Number = derived("Figure after; true is 1, false 0.", sources=_SCORES, unit="unit of the figure")
    old_text: Text = derived("Before, of a column that is no number.", sources=("scores/fair",))
    new_text: Text = derived("After, of a column that is no number.", sources=("scores/fair",))
    published_at_utc: Timestamp = derived(
        "When the figure before had been published; null where its file does not say.", sources=_SCORES, unit="UTC"
    )
    replaced_at_utc: Timestamp = derived("When it was replaced.", sources=_SCORES, unit="UTC", nullable=False)
    old_file_id: Text = derived("Id of the file before; empty where it has none.", sources=_SCORES, nullable=False)
    new_file_id: Text = derived("Id of the file after.", sources=_SCORES, nullable=False)
    old_inputs: Text = derived("Ids of the files that the one before was made of, as JSON.", sources=_SCORES)
    new_inputs: Text = derived("Ids of the files that the one after was made of, as JSON.", sources=_SCORES)
    old_recipe: Text = derived("Formula version and settings of the file before, as JSON.", sources=_SCORES)
    new_recipe: Text = derived("Formula version and settings of the file after, as JSON.", sources=_SCORES)


def figure_type(score: str, figure: str) -> pa.DataType:
    """The Arrow type of a figure of `PUBLISHED_FIGURES`. Raises KeyError for another."""
    models = {"agent_daily": AgentDaily, "agent_rolling": AgentRolling, "fair": FairScore}
    return {facts.name: facts.arrow_type for facts in columns_of(models[score])}[figure]
