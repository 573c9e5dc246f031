"""`scores/agent_rolling`, `scores/team_rolling`: windows of 7, 28 and 91 days."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial

import dagster as dg

from salted_assets.defs.asset_checks.scores import WindowTally
from salted_assets.defs.asset_keys import score_key
from salted_assets.defs.assets.score_building import (
    LAST_DAY,
    score_asset,
    tallied_frames,
    window_frames,
)
from salted_assets.defs.io_managers import ScoreFrame, ScoreFrames
from salted_assets.defs.resources import WarehouseResource
from salted_assets.history.score_files import read_score_windows
from salted_assets.schemas.rolling_measures import ROLLING_MEASURES
from salted_assets.schemas.scores import WINDOWS, AgentRolling, TeamRolling
from salted_assets.scoring.not_for_persons import (
    drop_persons,
    drop_teams_of_one,
    list_engagement_columns,
    sum_for_teams,
)
from salted_assets.scoring.windows.agent_parts import ROLLING_DAILY_COLUMNS
from salted_assets.scoring.windows.agent_rolling import score_agent_windows
from salted_assets.scoring.windows.day_buckets import DAYS_READ
from salted_assets.scoring.windows.segments import ROLLING_LABEL_COLUMNS
from salted_assets.scoring.windows.team_rolling import score_team_windows
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse

_BYTES_PER_ROW = 15_000
"""Of sums by bucket, which an end date holds until it is scored."""

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
        is_of_persons=True,
    )
    def agent_rolling(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> ScoreFrames:
        return _frames(context, warehouse, partial(_score_agents, settings.not_for_persons))

    return agent_rolling


def _score_agents(excluded: Sequence[str], warehouse: Warehouse, end_dates: Sequence[date]) -> Iterator[ScoreFrame]:
    daily = read_score_windows(warehouse, "agent_daily", end_dates, DAYS_READ, ROLLING_DAILY_COLUMNS)
    segments = read_score_windows(warehouse, "agent_segment_daily", end_dates, max(WINDOWS), ROLLING_LABEL_COLUMNS)
    tally = WindowTally("agent_rolling")
    # days of before the setting may still have what is excluded
    of_persons = (drop_persons(rows, excluded) for rows in tally.count(daily))
    return tallied_frames(tally, end_dates, score_agent_windows(of_persons, segments, end_dates))


def _build_team_rolling(settings: Settings) -> dg.AssetsDefinition:
    @score_asset(
        settings,
        TeamRolling,
        "team_rolling",
        partition=LAST_DAY,
        deps=(*_UPSTREAM, score_key("engagement")) if settings.not_for_persons else _UPSTREAM,
        is_of_persons=True,
    )
    def team_rolling(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> ScoreFrames:
        return _frames(context, warehouse, partial(_score_teams, settings.not_for_persons))

    return team_rolling


def _score_teams(excluded: Sequence[str], warehouse: Warehouse, end_dates: Sequence[date]) -> Iterator[ScoreFrame]:
    """The frames; what agents have no sums of is added up from engagements, for teams of several."""
    daily = read_score_windows(warehouse, "agent_daily", end_dates, DAYS_READ, ROLLING_DAILY_COLUMNS)
    segments = read_score_windows(warehouse, "agent_segment_daily", end_dates, DAYS_READ, ROLLING_LABEL_COLUMNS)
    tally = WindowTally("team_rolling")
    if not excluded:
        return tallied_frames(tally, end_dates, score_team_windows(tally.count(daily), segments, end_dates))
    columns = list_engagement_columns(excluded)
    engagements = read_score_windows(warehouse, "engagement", end_dates, DAYS_READ, columns)
    teams = score_team_windows(sum_for_teams(tally.count(daily), engagements, excluded), segments, end_dates)
    return tallied_frames(tally, end_dates, (drop_teams_of_one(rows, excluded) for rows in teams))


def _frames(
    context: dg.AssetExecutionContext,
    warehouse: WarehouseResource,
    score: Callable[[Warehouse, Sequence[date]], Iterator[ScoreFrame]],
) -> ScoreFrames:
    opened = warehouse.open()
    return window_frames(
        context,
        opened,
        partial(score, opened),
        window_days=DAYS_READ,
        rows_of="agent_daily",
        bytes_per_row=_BYTES_PER_ROW,
    )


def _describe_measures() -> str:
    """The measures as a Markdown table."""
    lines = ["| measure | meaning | made as | ranked |", "|---|---|---|---|"]
    lines += [
        f"| `{measure.name}` | {measure.what} | {measure.scale.value} over {measure.unit_of_count} "
        f"| {'yes' if measure.is_ranked else 'no'} |"
        for measure in ROLLING_MEASURES
    ]
    return "\n".join(lines)
