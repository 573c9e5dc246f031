"""`report/scorecard` as Dagster runs it, on score tables that were written by hand."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from salted_assets.defs.asset_keys import SCORECARD
from salted_assets.defs.assets import report
from salted_assets.defs.assets.report import build_scorecard_asset
from salted_assets.defs.resources import WarehouseResource
from salted_assets.history import FooterCache
from salted_assets.history.restatement import InputIndex
from salted_assets.output.scorecard import open_reader
from salted_assets.output.scorecard.inputs import TREND_DAYS
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.scoring.choices import RollingChoices
from salted_assets.scoring.reviewer_calibration import calibrate_reviewers
from salted_assets.scoring.windows.agent_rolling import score_agents_rolling
from salted_assets.scoring.windows.fair_scores import score_fair
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.platform import KNOWN_WARNINGS, QUIET
from salted_assets_tests.support.rolling_rows import (
    END,
    Engagements,
    Given,
    build_answers,
    build_daily,
    build_segments,
)
from salted_assets_tests.support.scorecard_rows import write_days

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

AGENTS = 8
STRICT, KIND = -0.1, 0.1


def evaluation(agent: int, shift: float, days_ago: int) -> float:
    return 0.3 + 0.05 * agent + shift + (0.03 if days_ago % 2 else -0.03)


def write_scores(warehouse: Warehouse) -> None:
    groups, answers = [], []
    for agent in range(AGENTS):
        for days_ago in range(21):
            shifts = {"strict": STRICT, "kind": KIND}
            scores = {who: evaluation(agent, shift, days_ago) for who, shift in shifts.items()}
            groups.append(Engagements(days_ago, f"a{agent}", 2, f"Agent {agent}", evaluations=tuple(scores.values())))
            answers += [
                Given(score + apart, who, f"a{agent}", question, f"e{agent} {days_ago}", who, days_ago)
                for who, score in scores.items()
                for question, apart in (("q0", 0.02), ("q1", -0.02 if days_ago % 3 else 0.02))
            ]
    for engagement, score in (("bad", 0.2), ("good", 0.8), ("machine", 0.2)):
        answers += [
            Given(score, agent="a9", question=question, engagement=engagement, is_bot=engagement == "machine")
            for question in ("q0", "q1")
        ]
    answers.append(Given(0.0, agent="a9", question="greeting", engagement="single"))
    daily, cases, answered = build_daily(groups), build_segments(groups), build_answers(answers)
    status = answered.schema.get_field_index("status")
    answered = answered.set_column(status, answered.schema.field(status), pa.repeat("completed", answered.num_rows))
    write_days(warehouse, "agent_daily", daily)
    write_days(warehouse, "agent_segment_daily", cases)
    write_days(warehouse, "answer", answered)
    write_days(warehouse, "agent_rolling", score_agents_rolling(daily, cases, END))
    write_days(warehouse, "fair", score_fair(daily, cases, answered, END, RollingChoices()))
    with duckdb.connect() as connection:
        write_days(
            warehouse, "reviewer_calibration", calibrate_reviewers(connection, connection.from_arrow(answered), END)
        )
    low: dict[str, Any] = {"start_date": END, "agent_pid": "a0", "agent_name": "Agent 0", "is_bot": False}
    low |= {"start_time": pd.Timestamp(END, tz="UTC")}
    rows = [
        low | {"engagement_pid": name, "link": f"https://platform.example/{name}", "is_bot": name == "machine"}
        for name in ("bad", "good", "machine", "single")
    ]
    write_days(warehouse, "engagement", pa.Table.from_pylist(rows, schema=arrow_schema(SCORE_MODELS["engagement"])))


def materialize(folder: Path, **given: str) -> dict[str, Any]:
    """Make the page of `END` by Dagster; gives what the UI shows of it."""
    settings = Settings.load({"SALTED_API_KEY": "key-of-the-tests", "SALTED_START_DATE": "2024-01-01", **given})
    warehouse = WarehouseResource(address=str(folder), simulated=False, timezone="UTC")
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            build_scorecard_asset(settings),
            resources={"warehouse": warehouse},
            partition_key=END.isoformat(),
            instance=instance,
            run_config=QUIET,
        )
        assert result.success
        (event,) = instance.fetch_materializations(SCORECARD, limit=2).records
        assert event.asset_materialization
        return {name: value.value for name, value in event.asset_materialization.metadata.items()}


@pytest.fixture(name="made", scope="module")
def fixture_made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("warehouse")
    write_scores(Warehouse(str(folder)))
    return folder, materialize(folder)


def test_the_ui_links_the_page_and_plots_its_figures(made: tuple[Path, dict[str, Any]]) -> None:
    folder, metadata = made
    page = folder / "report" / "scorecard" / f"date={END}" / "scorecard.html"
    assert metadata["page"] == str(page)
    assert metadata["file_bytes"] == page.stat().st_size
    assert (metadata["agents"], metadata["agents_comparable"], metadata["days_present"]) == (AGENTS, AGENTS, 21)
    assert (metadata["form_evaluations"], metadata["single_answers"]) == (AGENTS * 21 * 2, 0)
    assert metadata["week_handle_time_minutes"] == pytest.approx(1.0)
    assert metadata["week_evaluation_score"] == pytest.approx(0.475, abs=0.01)
    assert all(isinstance(metadata[name], int | float) for name in metadata if name.startswith("week_"))
    assert metadata["evaluations_below_threshold"] == 1
    assert isinstance(metadata["new_since_week_before"], int)
    assert "link" not in metadata


def test_a_score_that_is_replaced_once_it_was_read_is_not_recorded(
    made: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(made[0] / "scores", tmp_path / "scores")
    index = InputIndex(FooterCache(Warehouse(str(tmp_path)), "UTC"), [])
    before = index.of_window(("scores", "agent_daily"), END, TREND_DAYS).files["scores/agent_daily"]

    @contextmanager
    def open_and_lose_a_day(*given: Any, **options: Any) -> Iterator[Any]:
        with open_reader(*given, **options) as read:
            (tmp_path / "scores" / "agent_daily" / f"date={END}" / "part-0.parquet").unlink()
            yield read

    monkeypatch.setattr(report, "open_reader", open_and_lose_a_day)
    assert materialize(tmp_path)["made_of"]["scores/agent_daily"] == before


def test_where_pages_are_served_there_is_a_link_to_click(tmp_path: Path) -> None:
    metadata = materialize(tmp_path, SALTED_REPORTS_URL="https://reports.example.test/salted/")
    assert metadata["link"] == f"https://reports.example.test/salted/scorecard/date={END}/scorecard.html"
    assert metadata["page"].endswith(metadata["link"].removeprefix("https://reports.example.test/salted"))


def test_the_asset_leads_to_where_pages_are_served_now() -> None:
    served = Settings.load(
        {"SALTED_START_DATE": "2024-01-01", "SALTED_REPORTS_URL": "https://reports.example.test/salted/"}
    )
    (asset,) = build_scorecard_asset(served)
    assert asset.get_asset_spec().metadata["all_days"] == dg.UrlMetadataValue("https://reports.example.test/salted/")


def test_lines_lie_beside_the_page(made: tuple[Path, dict[str, Any]]) -> None:
    folder, metadata = made
    beside = folder / "report" / "scorecard" / f"date={END}"
    assert sorted(path.name for path in beside.iterdir()) == [
        "scorecard.html",
        "trend_evaluation_score.svg",
        "trend_handle_time_minutes.svg",
    ]
    assert "<polyline" in (beside / "trend_evaluation_score.svg").read_text()
    assert metadata["trend_evaluation_score"].startswith("![13 weeks](data:image/svg+xml;base64,")


def test_the_page_shows_people_reviewers_and_what_to_listen_to(made: tuple[Path, dict[str, Any]]) -> None:
    folder, metadata = made
    page = Path(metadata["page"]).read_text()
    assert "https://platform.example/bad" in page
    assert page.index("https://platform.example/single") > page.index('id="low-single"')
    assert "https://platform.example/good" not in page
    assert "https://platform.example/machine" not in page
    assert "strict: -10 points" in page
    assert "kind: +10 points" in page
    assert page.count(f"{AGENTS * 21} pairs") == 4, "of either reviewer with the other on two questions"
    assert page.count(f"North ({AGENTS} people)") == 2, "the team's score and its handle time"
    assert folder.name not in page


def test_without_any_score_there_is_a_page_too(tmp_path: Path) -> None:
    metadata = materialize(tmp_path)
    assert metadata["agents"] == metadata["form_evaluations"] == metadata["days_present"] == 0
    assert not [name for name in metadata if name.startswith(("week_", "trend_"))]
    beside = tmp_path / "report" / "scorecard" / f"date={END}"
    assert "<polyline" not in (beside / "trend_evaluation_score.svg").read_text()


def test_a_page_of_fewer_weeks_leaves_no_line_of_more(tmp_path: Path) -> None:
    write_scores(Warehouse(str(tmp_path)))
    materialize(tmp_path)
    line = tmp_path / "report" / "scorecard" / f"date={END}" / "trend_evaluation_score.svg"
    assert "<polyline" in line.read_text()
    for days_ago in range(7, 21):
        shutil.rmtree(tmp_path / "scores" / "agent_daily" / f"date={END - timedelta(days=days_ago)}")
    materialize(tmp_path)
    assert "<polyline" not in line.read_text()
