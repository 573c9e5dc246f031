"""`scores/agent_rolling`, `scores/team_rolling`: windows of 7, 28 and 91 days. Not here: formulas (`scoring`)."""

from collections.abc import Iterator
from datetime import date, timedelta

import dagster as dg
import pyarrow as pa

from salted_assets.defs.asset_keys import score_key
from salted_assets.defs.assets.score_building import LAST_DAY, as_table, hand_over, score_asset
from salted_assets.defs.io_managers import Days
from salted_assets.defs.resources import WarehouseResource
from salted_assets.history.score_files import connect_for_windows, open_score_window, read_score_window
from salted_assets.schemas.rolling_measures import ROLLING_MEASURES
from salted_assets.schemas.scores import WINDOWS, AgentRolling, TeamRolling
from salted_assets.scoring.choices import RollingChoices
from salted_assets.scoring.reviewer_leniency import LENIENCY_COLUMNS
from salted_assets.scoring.windows.agent_rolling import score_agents_rolling
from salted_assets.scoring.windows.agent_sums import ROLLING_DAILY_COLUMNS
from salted_assets.scoring.windows.day_buckets import DAYS_READ
from salted_assets.scoring.windows.segments import ROLLING_LABEL_COLUMNS, ROLLING_SEGMENT_COLUMNS
from salted_assets.scoring.windows.team_rolling import score_teams_rolling
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse
from salted_assets.warehouse.scans import Connection, Relation

_PARTITION = """\
{last_day}

Thresholds:

{choices}

Measures:

{measures}"""


def build_rolling_scores(settings: Settings) -> list[dg.AssetsDefinition]:
    """The assets; none where engagements are not exported."""
    if "engagement" not in settings.datasets:
        return []
    return [_build_agent_rolling(settings), _build_team_rolling(settings)]


def _build_agent_rolling(settings: Settings) -> dg.AssetsDefinition:
    choices = RollingChoices(
        min_engagements=settings.min_engagements,
        min_evaluations=settings.min_evaluations,
        min_reliability=settings.min_reliability,
    )
    has_reviews = "review" in settings.datasets
    upstream = ["agent_daily", "agent_segment_daily", *(["answer"] if has_reviews else [])]

    @score_asset(
        settings,
        AgentRolling,
        "agent_rolling",
        partition=_PARTITION.format(last_day=LAST_DAY, choices=choices.describe(), measures=_describe_measures()),
        deps=[score_key(name) for name in upstream],
    )
    def agent_rolling(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.Output[Days[pa.Table]]:
        place = warehouse.open()

        def score(end: date) -> pa.Table:
            with connect_for_windows() as connection:
                answers = _open(connection, place, "answer", end, LENIENCY_COLUMNS) if has_reviews else None
                frame = score_agents_rolling(
                    _open(connection, place, "agent_daily", end, ROLLING_DAILY_COLUMNS, days=DAYS_READ),
                    _read_cases(place, end, ROLLING_SEGMENT_COLUMNS, days=max(WINDOWS)),
                    answers,
                    end,
                    choices,
                )
                return as_table(frame, AgentRolling)

        return hand_over(context, place, "agent_rolling", score, window_days=DAYS_READ)

    return agent_rolling


def _build_team_rolling(settings: Settings) -> dg.AssetsDefinition:
    @score_asset(
        settings,
        TeamRolling,
        "team_rolling",
        partition=LAST_DAY,
        deps=[score_key("agent_daily"), score_key("agent_segment_daily")],
    )
    def team_rolling(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.Output[Days[pa.Table]]:
        place = warehouse.open()

        def score(end: date) -> pa.Table:
            with connect_for_windows() as connection:
                frame = score_teams_rolling(
                    _open(connection, place, "agent_daily", end, ROLLING_DAILY_COLUMNS, days=DAYS_READ),
                    _read_cases(place, end, ROLLING_LABEL_COLUMNS, days=DAYS_READ),
                    _read_cases(place, end, ROLLING_SEGMENT_COLUMNS, days=max(WINDOWS)),
                    end,
                )
                return as_table(frame, TeamRolling)

        return hand_over(context, place, "team_rolling", score, window_days=DAYS_READ)

    return team_rolling


def _open(
    connection: Connection,
    place: Warehouse,
    name: str,
    end: date,
    columns: tuple[str, ...],
    *,
    days: int = max(WINDOWS),
) -> Relation:
    """The rows of a daily score of so many days, of those that have been scored."""
    return open_score_window(connection, place, name, end - timedelta(days=days - 1), end, columns)


def _read_cases(place: Warehouse, end: date, columns: tuple[str, ...], *, days: int) -> Iterator[pa.Table]:
    return read_score_window(place, "agent_segment_daily", end - timedelta(days=days - 1), end, columns)


def _describe_measures() -> str:
    """The measures as a Markdown table."""
    lines = ["| measure | meaning | made as | ranked |", "|---|---|---|---|"]
    lines += [
        f"| `{measure.name}` | {measure.what} | {measure.scale.value} over {measure.unit_of_count} "
        f"| {'yes' if measure.is_ranked else 'no'} |"
        for measure in ROLLING_MEASURES
    ]
    return "\n".join(lines)
