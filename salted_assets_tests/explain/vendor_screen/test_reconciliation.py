"""Figures of the vendor's screen beside ours, over days whose differences are known, and what the command says."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from salted_assets.cli import main
from salted_assets.explain.vendor_screen import (
    MEASURES,
    Compared,
    Reconciler,
    Unreconcilable,
    VendorFigure,
    read_figures,
)
from salted_assets.history import HistoryReader
from salted_assets.schemas.scores import AgentDaily, Answer, EngagementScore
from salted_assets.scoring.agents import score_agents_daily
from salted_assets.scoring.answers import (
    REVIEW_COLUMNS,
    REVIEWED_ENGAGEMENT_COLUMNS,
    score_answers,
)
from salted_assets.scoring.choices import ScoringChoices
from salted_assets.scoring.counted_engagements import AGENT_COLUMNS
from salted_assets.scoring.engagements import ENGAGEMENT_COLUMNS, score_engagements
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.scoring_rows import DAY, agent, at, engagement, review, write
from salted_assets_tests.support.scoring_runs import as_arrow, listed

BEFORE, AFTER = DAY - timedelta(days=1), DAY + timedelta(days=1)
CHOICES = ScoringChoices()
LONG = {"engagement_time": 600_000, "wrap_up_time": 60_000}

ENGAGEMENTS = {
    BEFORE: [engagement(f"b{number}", start_time=at(23, 30, BEFORE), agent_pid="a2") for number in range(3)],
    DAY: [
        engagement("e1", conversation_id="c1", empathy=4.0, **LONG),
        engagement("e2", conversation_id="c1", start_time=at(10), engagement_time=300_000, empathy=5.0),
        engagement("e3", start_time=at(23, 40), agent_pid="a2", agent_name="Bo", conversation_id="c2", **LONG),
        engagement("e4", start_time=at(12), agent_pid="bot", agent_name="Nova", conversation_id="c3"),
        engagement("e5", start_time=at(13), status="In Progress", engagement_time=2_000_000),
        engagement("e6", start_time=at(14), agent_pid="a3", agent_name="Bo", conversation_id="c4", **LONG),
        *(engagement(f"q{n}", type="Queue", agent_pid=None, agent_name=None) for n in range(7)),
    ],
    AFTER: [engagement("f1", start_time=at(9, 0, AFTER))],
}
LEFT_OUT = (
    "filtered type or status: 8 engagements of the day do not count here (7 Queue Completed, 1 Agent In Progress)"
)
OWN_DAY = "zone: days here are of UTC (this one from 2024-01-31 00:00 UTC)"
REVIEWS = [
    review("r1", review_session_id="s1", answer_score=8.0),
    review("r2", review_session_id="s1", answer_score=9.0),
    review("r3", review_session_id="s2", status="Deleted"),
    review("r4", engagement_pid="e2", status="Deleted"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory whose `data/demo` has three days of tables and of the scores that are made of them."""
    folder = tmp_path_factory.mktemp("reconciling")
    warehouse = Warehouse(str(folder / "data" / "demo"))
    agents = [agent("a1"), agent("a2"), agent("a3"), agent("bot", type="Bot")]
    for day, rows in ENGAGEMENTS.items():
        requested_at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1, hours=3)
        write(warehouse, "engagement", day, requested_at, rows)
        write(warehouse, "review", day, requested_at, REVIEWS if day == DAY else [])
        write(warehouse, "agent", day, requested_at, agents)
    for day in ENGAGEMENTS:
        answers, scores = score(warehouse, day)
        for name, table in {"answer": answers, "engagement": scores}.items():
            with warehouse.create(warehouse.table_path(("scores", name), day)) as path:
                pq.write_table(table, path)
    return folder


def score(warehouse: Warehouse, day: date) -> tuple[pa.Table, pa.Table]:
    reader = HistoryReader(warehouse, "UTC")
    agents = reader.read_range("agent", [day], AGENT_COLUMNS).rows
    reviewed = reader.read_range("engagement", [day], REVIEWED_ENGAGEMENT_COLUMNS).rows
    answers = score_answers(reviewed, None, reader.read_range("review", [day], REVIEW_COLUMNS).rows, agents, CHOICES)
    rows = reader.read_range("engagement", [day], ENGAGEMENT_COLUMNS).rows
    scores = score_engagements(rows, None, answers, agents, CHOICES)
    return as_arrow(answers, Answer), as_arrow(scores, EngagementScore)


@pytest.fixture(scope="module")
def reconciler(folder: Path) -> Reconciler:
    return Reconciler(Warehouse(str(folder / "data" / "demo")), "UTC")


def typed(measure: str, value: str, agent: str = "all", day: date = DAY) -> VendorFigure:
    ((figure,), wrong) = read_figures(f"day;measure;agent;value\n{day};{measure};{agent};{value}\n".encode())
    assert wrong == []
    return figure


def compare(reconciler: Reconciler, measure: str, value: str, agent: str = "all", day: date = DAY) -> Compared:
    return reconciler.compare(typed(measure, value, agent, day))


@pytest.mark.parametrize(
    ("measure", "value", "who"),
    [
        ("Agent Engagements", "5", "all"),
        ("Agent Conversations", "4", "all"),
        ("engagements", "2", "ada"),
        ("AHT", "8:00", "a1"),
        ("AHT", "9:30", "all"),
        ("total handle time", "0:38:00", "all"),
        ("ACW", "1:00", "a2"),
        ("empathy", "4,5", "Ada"),
        ("QA score", "85 %", "Ada"),
        ("evaluations", "1", "all"),
        ("answer_reviewer_count", "2", "all"),
        ("surveys", "0", "all"),
    ],
)
def test_what_is_ours_agrees(reconciler: Reconciler, measure: str, value: str, who: str) -> None:
    compared = compare(reconciler, measure, value, who)
    assert compared.agrees, compared
    assert (compared.found, compared.possible) == ([], [])


def test_our_figures_are_those_of_agent_daily(folder: Path, reconciler: Reconciler) -> None:
    _, scores = score(Warehouse(str(folder / "data" / "demo")), DAY)
    (ada,) = [row for row in listed(score_agents_daily(scores), AgentDaily) if row["agent_pid"] == "a1"]
    known = [measure for measure in MEASURES if measure.column in ada]
    assert len(known) > 25
    for measure in known:
        value = "1:00" if measure.kind.value == "time" else "1"
        _, ours = reconciler.compute(typed(measure.column, value, "a1"))
        assert ours == pytest.approx(ada[measure.column]), measure.column


@pytest.mark.parametrize(
    ("measure", "value", "reason"),
    [
        ("engagements", "6", f"{LEFT_OUT}; with type Agent of any status ours is the vendor's figure"),
        ("AHT", "14:16", f"{LEFT_OUT}; with type Agent of any status ours is the vendor's figure"),
        ("engagements", "13", "1 Agent In Progress); with all types and statuses ours is the vendor's figure"),
        ("engagements", "4", "bots: ours has 1 engagements of bots; without them it is the vendor's figure"),
        ("engagements", "7", f"{OWN_DAY}; that of UTC+00:30, UTC+01:00, UTC+01:30 gives the vendor's figure"),
        ("engagements", "99", "zone: the day of no other zone gives the vendor's figure"),
        ("AHT", "1:00", "1 engagement has no handle time here"),
        ("answer_reviewer_count", "4", "with 2 that are deleted ours is the vendor's figure"),
        ("evaluations", "3", "with 2 that are deleted ours is the vendor's figure"),
        ("evaluations", "3", "filtered or deleted: 2 answers of the day do not score here (2 deleted)"),
        ("engagements", "99", "not delivered: the export of 2024-01-31 itself is not landed"),
    ],
)
def test_a_difference_is_explained_out_of_the_data(
    reconciler: Reconciler, measure: str, value: str, reason: str
) -> None:
    compared = compare(reconciler, measure, value)
    assert not compared.agrees
    assert any(reason in found for found in compared.found), compared.found
    assert "a filter of the vendor's screen" in compared.possible


def test_a_day_without_scores_is_no_zero(reconciler: Reconciler) -> None:
    compared = compare(reconciler, "engagements", "0", day=date(2024, 3, 1))
    assert (compared.ours, compared.agrees) == (None, False)
    assert compared.found == [
        "not delivered: 2024-03-01 is not landed; `salted backfill 2024-03-01 2024-03-01` brings it"
    ]
    at_the_edge = compare(reconciler, "engagements", "9", day=AFTER)
    assert "a day of another zone could not be looked at: 2024-02-02 is not scored" in at_the_edge.found


@pytest.mark.parametrize(
    ("who", "said"), [("Zoe", "no agent 'Zoe' has engagements"), ("bo", "2 agents are called 'bo'")]
)
def test_an_agent_that_is_nobody_or_two_is_refused(reconciler: Reconciler, who: str, said: str) -> None:
    with pytest.raises(Unreconcilable, match=said):
        compare(reconciler, "AHT", "1:00", who)


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("SALTED_API_KEY", "SALTED_API_URL", "SALTED_WAREHOUSE", "SALTED_TIMEZONE", "SALTED_START_DATE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(folder)
    yield folder
    (folder / "figures.csv").unlink(missing_ok=True)


def reconcile(folder: Path, *lines: str) -> Result:
    (folder / "figures.csv").write_text("\n".join(["day,measure,agent,value", *lines]), encoding="utf-8")
    return CliRunner().invoke(main, ["reconcile", "figures.csv"])


def test_the_exit_code_says_whether_all_agree_and_wrong_lines_keep_none_back(here: Path) -> None:
    agreeing = reconcile(here, f"{DAY},engagements,all,5")
    assert (agreeing.exit_code, agreeing.stderr) == (0, "")
    assert "1 of 1 figures agree" in agreeing.stdout

    differing = reconcile(here, f"{DAY},engagements,all,5", f"{DAY},AHT,Ada,10:00")
    assert (differing.exit_code, differing.stderr) == (1, "")
    row = next(line for line in differing.stdout.splitlines() if "handle_time_ms_mean" in line)
    assert row.split() == [f"{DAY}", "handle_time_ms_mean", "Ada", "10:00", "8:00", "-2:00"]

    wrong = reconcile(here, f"{DAY},AHT,Bo,1:00", f"{DAY},luck,all,5", f"{DAY},engagements,all,5")
    assert wrong.exit_code == 2
    assert "1 of 1 figures agree" in wrong.stdout
    assert [line.partition(": ")[0] for line in wrong.stderr.splitlines()] == [
        "figures.csv, line 2",
        "figures.csv, line 3",
    ]


def test_a_template_is_printed_or_written_and_never_over_a_file(here: Path) -> None:
    printed = CliRunner().invoke(main, ["reconcile", "--template"])
    assert printed.stdout.startswith("day,measure,agent,value\n")
    assert CliRunner().invoke(main, ["reconcile", "--template", "-"]).stdout == printed.stdout
    assert not (here / "-").exists()
    written = CliRunner().invoke(main, ["reconcile", "--template", "figures.csv"])
    assert (written.exit_code, (here / "figures.csv").read_text(encoding="utf-8")) == (0, printed.stdout)
    again = CliRunner().invoke(main, ["reconcile", "--template", "figures.csv"])
    assert again.exit_code == 2
    assert "figures.csv cannot be written (File exists)" in again.stderr
    assert CliRunner().invoke(main, ["reconcile", "absent.csv"]).exit_code == 2
    assert "name a FILE" in CliRunner().invoke(main, ["reconcile"]).stderr


def test_differing_lines_of_a_day_open_each_file_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, open_parquet = list[str](), Warehouse.open_parquet

    def count(warehouse: Warehouse, path: str) -> Any:
        opened.append(path)
        return open_parquet(warehouse, path)

    monkeypatch.setattr(Warehouse, "open_parquet", count)
    wanted = ("AHT", "empathy", "QA score", "answer_customer_count", "evaluations", "surveys")
    figures = [typed(name, "1:07" if name == "AHT" else "1", who) for name in wanted for who in ("all", "a1", "a2")]
    reconciler = Reconciler(Warehouse(str(folder / "data" / "demo")), "UTC", figures)

    assert [reconciler.compare(figure).agrees for figure in figures].count(False) > 10
    assert any("answer" in path for path in opened)
    assert len(opened) == len(set(opened))
