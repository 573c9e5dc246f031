"""The assets of windows as Dagster runs them, on scores that were made from a simulator's exports."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from salted_assets.defs.asset_keys import score_key
from salted_assets.defs.assets.fair import build_fair_score
from salted_assets.defs.assets.rolling import build_rolling_scores
from salted_assets.defs.assets.scores import build_score_assets
from salted_assets.defs.io_managers import WarehouseIOManager
from salted_assets.defs.resources import build_warehouse
from salted_assets.schemas.base import Table, arrow_schema
from salted_assets.schemas.rolling_measures import ROLLING_MEASURES
from salted_assets.schemas.scores import AgentRolling, FairScore, TeamRolling
from salted_assets.settings import Settings
from salted_assets.simulator import SimulatorOptions
from salted_assets_tests.support.platform import KNOWN_WARNINGS, QUIET, Platform, running_platform
from salted_assets_tests.support.spoiled_files import spoil

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

FIRST, LAST, NEXT, EXCLUDING = "2024-01-09", "2024-01-11", "2024-01-12", "2024-01-13"
DAILY = '+(key:"scores/agent_daily" or key:"scores/agent_segment_daily")'
NAMES = ("agent_rolling", "team_rolling", "fair")


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    options = SimulatorOptions(agent_count=9, engagements_per_agent=5, key="key-of-the-tests")
    with running_platform(tmp_path_factory.mktemp("platform"), options) as platform:
        assert platform.materialize_range(FIRST, LAST, DAILY).success
        for day in (FIRST, LAST, NEXT):
            assert materialize(platform, day).success
        yield platform


def definitions(settings: Settings) -> dg.Definitions:
    warehouse = build_warehouse(settings)
    return dg.Definitions(
        assets=[*build_score_assets(settings), *missing(settings)],
        resources={"warehouse": warehouse, "io_manager": WarehouseIOManager(warehouse=warehouse, volume_tolerance=0.5)},
        executor=dg.in_process_executor,
    )


def missing(settings: Settings) -> list[dg.AssetsDefinition]:
    known = {asset.key for asset in build_score_assets(settings)}
    built = [*build_rolling_scores(settings), *build_fair_score(settings)]
    return [asset for asset in built if asset.key not in known]


def materialize(platform: Platform, day: str, **changed: Any) -> Any:
    return (
        definitions(platform.settings.model_copy(update=changed))
        .resolve_implicit_global_asset_job_def()
        .execute_in_process(
            instance=platform.instance,
            partition_key=day,
            asset_selection=[score_key(name) for name in NAMES],
            raise_on_error=False,
            run_config=QUIET,
        )
    )


def read(platform: Platform, name: str, day: str) -> pa.Table:
    return pq.read_table(platform.table(score_key(name), day), partitioning=None)


def test_a_window_sums_up_the_days_that_are_there(platform: Platform) -> None:
    days = ["2024-01-09", "2024-01-10", "2024-01-11"]
    daily = pa.concat_tables([read(platform, "agent_daily", day) for day in days])
    rolling = read(platform, "agent_rolling", LAST)
    for column, measure in (("empathy_count", "empathy"), ("evaluation_auto_count", "evaluation_auto")):
        for window in (7, 28, 91):
            is_it = (pc.field("measure") == measure) & (pc.field("window_days") == window)
            shown = rolling.filter(is_it)
            assert pc.sum(shown["measure_count"]) == pc.sum(daily[column])
            assert set(shown["days_present_count"].to_pylist()) == {3}
    assert pc.max(read(platform, "agent_rolling", FIRST)["days_present_count"]).as_py() == 1
    assert set(rolling["agent_pid"].to_pylist()) == set(daily["agent_pid"].to_pylist())


@pytest.mark.parametrize(
    ("name", "model"), [("agent_rolling", AgentRolling), ("team_rolling", TeamRolling), ("fair", FairScore)]
)
def test_the_files_have_the_columns_of_their_models_and_the_ui_shows_them(
    platform: Platform, name: str, model: type[Table]
) -> None:
    for day in (FIRST, LAST, NEXT):
        rows = read(platform, name, day)
        assert rows.schema.names == arrow_schema(model).names
        model.validate(rows.to_pandas(types_mapper=pd.ArrowDtype), lazy=True)
        assert platform.metadata(score_key(name), day)["dagster/partition_row_count"] == rows.num_rows > 0


def test_a_day_that_is_not_scored_yet_has_a_window_of_the_days_before(platform: Platform) -> None:
    assert pc.max(read(platform, "agent_rolling", NEXT)["days_present_count"]).as_py() == 3
    week = pc.field("window_days") == 7
    counts = [pc.sum(read(platform, "agent_rolling", day).filter(week)["measure_count"]) for day in (LAST, NEXT)]
    assert counts[0] == counts[1]


def test_the_fair_score_counts_what_windows_count(platform: Platform) -> None:
    keys = ["window_days", "measure", "agent_pid", "measure_count"]
    agents = read(platform, "agent_rolling", LAST)
    ranked = agents.filter(agents["is_ranked"]).select(keys)
    fair = read(platform, "fair", LAST).select(keys)
    order = [(key, "ascending") for key in keys]
    assert fair.num_rows > 0
    assert fair.sort_by(order).equals(ranked.sort_by(order))


def test_the_anchored_score_is_of_engagements_that_people_and_the_auto_reviewer_answered(platform: Platform) -> None:
    days = [read(platform, "answer", day) for day in (FIRST, "2024-01-10", LAST)]
    answers = pa.concat_tables(days).filter(pc.field("target") == "engagement")
    auto = set(answers.filter(pc.field("source") == "auto")["question_pid"].to_pylist())
    human = answers.filter((pc.field("source") == "reviewer") & pc.field("is_scored")).to_pylist()
    common = [row for row in human if row["question_pid"] in auto]
    assert common
    assert all(row["auto_score"] is not None for row in common)
    assert {row["auto_score"] for row in human if row["question_pid"] not in auto} == {None}
    drawn = {(row["agent_pid"], row["engagement_pid"]) for row in common if row["is_random_or_all"]}

    rows = read(platform, "fair", LAST).filter(pc.field("window_days") == 28).to_pylist()
    counts = {row["agent_pid"]: row["anchored_count"] for row in rows if row["measure"] == "evaluation_reviewer"}
    assert any(counts.values())
    for agent, count in counts.items():
        assert (count or 0) <= sum(pid == agent for pid, _ in drawn), "other channels and forms are left out"
    assert {row["anchored_mean"] for row in rows if row["measure"] != "evaluation_reviewer"} == {None}


def test_teams_count_what_their_agents_count(platform: Platform) -> None:
    agents, teams = read(platform, "agent_rolling", LAST), read(platform, "team_rolling", LAST)
    assert pc.sum(agents["measure_count"]) == pc.sum(teams["measure_count"])


def test_what_is_not_for_persons_is_of_no_agent_and_the_same_of_teams(platform: Platform) -> None:
    # the daily scores are of before the setting; both days have the same three days in their windows
    assert materialize(platform, EXCLUDING, not_for_persons=("empathy", "sentiment")).success

    excluded = pc.field("measure").isin(["empathy", "engagement_sentiment_agent", "engagement_sentiment_customer"])
    for name in ("agent_rolling", "fair"):
        rows = read(platform, name, EXCLUDING)
        assert rows.filter(excluded).num_rows == 0
        assert (
            rows.num_rows + read(platform, name, NEXT).filter(excluded).num_rows == read(platform, name, NEXT).num_rows
        )
    keys = ["window_days", "measure", "team", "measure_count", "mean", "mean_low"]
    several = excluded & (pc.field("agent_count") > 1)
    usual = read(platform, "team_rolling", NEXT).filter(several).select(keys)
    assert usual.num_rows > 0
    assert read(platform, "team_rolling", EXCLUDING).filter(excluded).select(keys).equals(usual)


@pytest.mark.parametrize("table", ["agent_daily", "agent_segment_daily"])
def test_a_daily_score_of_spoiled_pages_is_named(platform: Platform, table: str) -> None:
    warehouse = build_warehouse(platform.settings).open()
    path = warehouse.table_path(("scores", table), date.fromisoformat(FIRST))
    content = warehouse.read_bytes(path)
    spoil(warehouse, path)
    try:
        result = materialize(platform, LAST)
    finally:
        warehouse.write_bytes(path, content)
    failures = {event.step_key: event.step_failure_data for event in result.all_events if event.is_step_failure}
    assert set(failures) == {f"scores__{name}" for name in NAMES}
    assert all(path in failure.error_display_string for failure in failures.values())


def test_descriptions_list_thresholds_and_measures() -> None:
    settings = Settings.load({"SALTED_MIN_EVALUATIONS": "7"})
    (fair,) = build_fair_score(settings)
    (spec,) = fair.specs
    assert "`min_evaluations` = `7`" in str(spec.description)
    (rolling, *_), *_ = (asset.specs for asset in build_rolling_scores(settings))
    assert all(f"| `{measure.name}` |" in str(rolling.description) for measure in ROLLING_MEASURES)


@pytest.mark.parametrize(
    ("datasets", "upstream"),
    [
        ("review,agent", None),
        ("engagement", {"agent_daily", "agent_segment_daily"}),
        ("engagement,review", {"agent_daily", "agent_segment_daily", "answer"}),
    ],
)
def test_datasets_that_are_not_exported_are_not_asked_for(datasets: str, upstream: set[str] | None) -> None:
    settings = Settings.load({"SALTED_DATASETS": datasets})
    if upstream is None:
        assert [*build_rolling_scores(settings), *build_fair_score(settings)] == []
        return
    (fair,) = build_fair_score(settings)
    (spec,) = fair.specs
    assert {dep.asset_key.path[-1] for dep in spec.deps} == upstream
