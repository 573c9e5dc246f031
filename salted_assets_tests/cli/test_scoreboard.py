"""The scoreboard's table: plain means with the fair score beside them."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner

from salted_assets.cli import main
from salted_assets.cli.scoreboard import BOARD_AI_SCORES, explain_missing_fair, render, summarize
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import FairScore
from salted_assets.settings import Settings
from salted_assets_tests.support.rolling_rows import END, Engagements, build_daily

pytestmark = pytest.mark.slow


def fair_rows(*rows: dict[str, Any]) -> pa.Table:
    usual = {"end_date": END, "window_days": 7, "measure": "evaluation_reviewer"}
    return pa.Table.from_pylist([usual | row for row in rows], schema=arrow_schema(FairScore))


DAILY = build_daily(
    [
        Engagements(0, "a0", 4, "Ada", evaluations=(0.25, 0.75)),
        Engagements(1, "a0", 1, "Ada"),
        Engagements(0, "a1", 2, "Bob"),
    ]
)


def lines_of(fair: pa.Table | None) -> list[list[str]]:
    figures, _, _ = render(summarize(DAILY, fair)).partition("\n\n")
    return [line.split() for line in figures.splitlines()[3:]]


def test_ai_scores_have_a_table_of_their_own_whose_headings_are_whole_words() -> None:
    ada = {"empathy_mean": 4.25, "understanding_mean": None}
    rows = summarize(DAILY).to_pylist()
    board = render(pa.Table.from_pylist([rows[0] | ada, rows[1]], schema=summarize(DAILY).schema))
    _, title, scores = board.split("\n\n")
    first, second, _, of_ada, of_bob = scores.splitlines()
    assert title == "AI scores"
    assert first.split() == ["language"]
    assert second.split() == ["agent", *(name.rpartition("_")[2] for name in BOARD_AI_SCORES)]
    assert (of_ada.split()[0], of_ada.split()[1 + BOARD_AI_SCORES.index("empathy")]) == ("Ada", "4.2")
    assert of_bob.split() == ["Bob", *["-"] * len(BOARD_AI_SCORES)]
    assert max(map(len, board.splitlines())) <= 120


def test_the_fair_score_stands_before_the_plain_mean() -> None:
    estimate = {"fair_mean": 0.61, "fair_low": 0.5, "fair_high": 0.725, "shrunk_mean": 0.64}
    fair = fair_rows(
        {"agent_pid": "a0", **estimate},
        {"agent_pid": "a1", "fair_mean": 0.7},
        {"agent_pid": "a0", "measure": "empathy", "fair_mean": 4.0},
    )

    ada, bob = lines_of(fair)
    assert ada[:8] == ["Ada", "5", "1:00", "1:00", "61%", "(50-72%)", "64%", "50%"]
    assert bob[:6] == ["Bob", "2", "1:00", "1:00", "70%", "-"]


def test_without_fair_scores_there_are_dashes() -> None:
    ada, bob = lines_of(None)
    assert ada[:8] == ["Ada", "5", "1:00", "1:00", "-", "-", "50%", "(8)"]
    assert bob[:6] == ["Bob", "2", "1:00", "1:00", "-", "-"]


@pytest.mark.parametrize(
    ("datasets", "fair", "said"),
    [
        (("engagement", "turn"), None, "without engagements and reviews there are none (SALTED_DATASETS)"),
        (("engagement", "review"), None, f"`salted backfill {END} {END}` makes them"),
        (("engagement", "review"), fair_rows({"agent_pid": "a0", "measure": "empathy"}), "nobody was evaluated"),
        (("engagement", "review"), fair_rows({"agent_pid": "a0"}), ""),
    ],
)
def test_why_there_are_no_fair_scores_is_said(datasets: tuple[str, ...], fair: pa.Table | None, said: str) -> None:
    explained = explain_missing_fair(Settings.model_validate({"datasets": datasets}), fair, END, END)
    assert said in explained
    assert bool(explained) == bool(said)


@pytest.mark.parametrize(
    "command",
    [
        ["scoreboard", "--last", "1"],
        ["scorecard", "--agent", "Ada", "--output", "page.html"],
        ["reconcile", "figures.csv"],
        ["plan", "--reviews", "3"],
        ["plan", "--status"],
    ],
)
def test_where_single_people_are_not_shown_commands_refuse_them(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SALTED_AGENT_LEVEL", "team")
    (tmp_path / "figures.csv").write_text("day,measure,agent,value\n2024-01-31,engagement_count,Ada,3\n", "utf-8")

    result = CliRunner().invoke(main, command)

    assert (result.exit_code, "shows no single people (SALTED_AGENT_LEVEL=team)" in result.output) == (1, True)
    assert [path.name for path in tmp_path.iterdir()] == ["figures.csv"]
