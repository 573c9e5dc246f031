"""`scores/agent_rolling`, `scores/team_rolling`: windows of 7, 28 and 91 days."""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial

import dagster as dg
import pyarrow as pa

from salted_assets.defs.asset_keys import score_key
from salted_assets.defs.assets.score_building import (
    LAST_DAY,
    as_table,
    score_asset,
    score_frames,
)
from salted_assets.defs.io_managers import ScoreFrame, ScoreFrames
from salted_assets.defs.resources import WarehouseResource
from salted_assets.history.score_files import connect_for_windows, open_score_window, read_score_window
from salted_assets.schemas.rolling_measures import ROLLING_MEASURES
from salted_assets.schemas.scores import WINDOWS, AgentRolling, TeamRolling
from salted_assets.scoring.windows.agent_rolling import score_agents_rolling
from salted_assets.scoring.windows.agent_sums import ROLLING_DAILY_COLUMNS
from salted_assets.scoring.windows.day_buckets import DAYS_READ
from salted_assets.scoring.windows.segments import ROLLING_LABEL_COLUMNS
from salted_assets.scoring.windows.team_rolling import score_teams_rolling
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse
from salted_assets.warehouse.scans import Connection, Relation

_UPSTREAM = (score_key("agent_daily"), score_key("agent_segment_daily"))

_PARTITION = """\
{last_day}

Measures:

{measures}"""


def build_rolling_scores(settings: Settings) -> list[dg.AssetsDefinition]:
    """The assets; none where engagements are not exported."""
    if "engagement" not in settings.datasets:
        return []
    return [_build_agent_rolling(settings), _build_team_rolling(settings)]


def _build_agent_rolling(settings: Settings) -> dg.AssetsDefinition:
    @score_asset(
        settings,
        AgentRolling,
        "agent_rolling",
        partition=_PARTITION.format(last_day=LAST_DAY, measures=_describe_measures()),
        deps=_UPSTREAM,
    )
    def agent_rolling(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> ScoreFrames:
        opened = warehouse.open()
        return score_frames(context, opened, AgentRolling, partial(_score_agents, opened), window_days=DAYS_READ)

    return agent_rolling


def _score_agents(warehouse: Warehouse, end: date) -> ScoreFrame:
    with connect_for_windows() as connection:
        frame = score_agents_rolling(
            _open_daily(connection, warehouse, end), _read_segments(warehouse, end, days=max(WINDOWS)), end
        )
        return ScoreFrame(as_table(frame, AgentRolling))


def _build_team_rolling(settings: Settings) -> dg.AssetsDefinition:
    @score_asset(
        settings,
        TeamRolling,
        "team_rolling",
        partition=LAST_DAY,
        deps=_UPSTREAM,
    )
    def team_rolling(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> ScoreFrames:
        opened = warehouse.open()
        return score_frames(context, opened, TeamRolling, partial(_score_teams, opened), window_days=DAYS_READ)

    return team_rolling


def _score_teams(warehouse: Warehouse, end: date) -> ScoreFrame:
    with connect_for_windows() as connection:
        frame = score_teams_rolling(
            _open_daily(connection, warehouse, end), _read_segments(warehouse, end, days=DAYS_READ), end
        )
        return ScoreFrame(as_table(frame, TeamRolling))


def _open_daily(connection: Connection, warehouse: Warehouse, end: date) -> Relation:
    """The daily scores of the windows and of those before, of the days that have been scored."""
    first = end - timedelta(days=DAYS_READ - 1)
    return open_score_window(connection, warehouse, "agent_daily", first, end, ROLLING_DAILY_COLUMNS)


def _read_segments(warehouse: Warehouse, end: date, *, days: int) -> Iterator[pa.Table]:
    first = end - timedelta(days=days - 1)
    return read_score_window(warehouse, "agent_segment_daily", first, end, ROLLING_LABEL_COLUMNS)


def _describe_measures() -> str:
    """The measures as a Markdown table."""
    lines = ["| measure | meaning | made as | ranked |", "|---|---|---|---|"]
    lines += [
        f"| `{measure.name}` | {measure.what} | {measure.scale.value} over {measure.unit_of_count} "
        f"| {'yes' if measure.is_ranked else 'no'} |"
        for measure in ROLLING_MEASURES
    ]
    return "\n".join(lines)
