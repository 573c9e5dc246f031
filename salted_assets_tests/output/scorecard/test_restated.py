"""What moved since the card of a week before was published: which agents, by how much, and by which causes."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from salted_assets.explain import changes_key
from salted_assets.explain.change_files import ChangeFile
from salted_assets.history import Footer
from salted_assets.history.table_files import write_frame
from salted_assets.output.scorecard.restated import RestatedReader
from salted_assets.output.scorecard.scorecard import PageOptions, build_scorecard, render_page
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.page_reader import Page
from salted_assets_tests.support.scorecard_rows import agent_rows, build_inputs

DAY = date(2024, 3, 24)
FIRST = datetime(2024, 3, 25, 3, tzinfo=UTC)


def keep(warehouse: Warehouse, score: str, day: date, rows: list[dict[str, Any]]) -> None:
    """Put rows into a file of what was replaced; what they do not say is null or empty."""
    file = ChangeFile(warehouse, score, warehouse.table_path(changes_key(score), day))
    usual = {"old_file_id": "o", "new_file_id": "n", "event": "changed", "published_at_utc": FIRST}
    own = [usual | {"replaced_at_utc": FIRST + timedelta(days=1)} | row for row in rows]
    file.rewrite(lambda stored: stored["new_file_id"].is_valid(), pa.Table.from_pylist(own, file.schema))


def moved(agent: str, old: float, new: float, **more: Any) -> dict[str, Any]:
    """That the agent's fair score became another one."""
    key = {"agent_pid": agent, "window_days": 28, "measure": "evaluation_reviewer", "figure": "fair_mean"}
    return key | {"old": old, "new": new} | more


def touched(agent: str, cause: str | None, number: int, **more: Any) -> dict[str, Any]:
    """One state of an answer that something happened to."""
    return {"agent_pid": agent, "cause": cause, "row_number": number, "state": "after", "source": "reviewer"} | more


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(str(tmp_path / "warehouse"))


def read(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    found = RestatedReader(warehouse).read(DAY)
    return [tuple(row) for row in found.to_numpy().tolist()]


def test_figures_that_moved_by_two_points_are_told_from_the_first_to_the_last(warehouse: Warehouse) -> None:
    again = {"replaced_at_utc": FIRST + timedelta(days=3)}
    rows = [
        moved("a", 0.70, 0.60),
        moved("a", 0.60, 0.68, **again),
        moved("b", 0.70, 0.50),
        moved("b", 0.50, 0.69, **again),
        moved("c", 0.9, 0.1, window_days=7),
        moved("d", 0.9, 0.1, measure="evaluation_auto"),
        moved("e", 0.9, 0.1, figure="fair_low"),
    ]
    keep(warehouse, "fair", DAY, rows)
    assert read(warehouse) == [("a", 0.70, 0.68, "others' evaluations, settings or formulas")]


def test_causes_are_counted_by_answers_of_the_window_since_it_was_published(warehouse: Warehouse) -> None:
    keep(warehouse, "fair", DAY, [moved("a", 0.70, 0.60)])
    before = {"replaced_at_utc": FIRST - timedelta(hours=1)}
    rows = [
        touched("a", "late", 1),
        touched("a", "edited, verified or disputed", 2),
        touched("a", "edited, verified or disputed", 2, state="before"),
        touched("a", "deleted or ignored", 3, **before),
        touched("a", None, 4),
        touched("a", "late", 5, source="auto"),
        touched("b", "late", 6),
    ]
    keep(warehouse, "answer", DAY - timedelta(days=27), rows)
    keep(warehouse, "answer", DAY, [touched("a", "late", 1)])
    keep(warehouse, "answer", DAY - timedelta(days=28), [touched("a", "moved", 1)])
    assert read(warehouse) == [("a", 0.70, 0.60, "2 late, 1 edited, 1 verified or disputed")]


def test_replacements_that_were_cut_off_before_the_score_are_none(warehouse: Warehouse) -> None:
    def leave(score: str, file_id: str) -> None:
        with warehouse.create(warehouse.table_path(("scores", score), DAY)) as path:
            write_frame(path, pa.table({"agent_pid": ["a"]}), Footer(file_id=file_id))

    keep(warehouse, "fair", DAY, [moved("a", 0.70, 0.60), moved("b", 0.70, 0.60, old_file_id="there")])
    late = [touched("a", "late", 1), touched("a", "edited", 2, old_file_id="there")]
    keep(warehouse, "answer", DAY, late)
    leave("fair", "there")
    leave("answer", "there")
    assert read(warehouse) == [("a", 0.70, 0.60, "1 late")]


def test_where_nothing_was_replaced_there_is_nothing(warehouse: Warehouse) -> None:
    assert read(warehouse) == []


def page_of(restated: list[dict[str, Any]], **options: Any) -> str:
    agents = [row for number in range(1, 8) for row in agent_rows(number)]
    card = build_scorecard(build_inputs(agents, restated=restated), PageOptions(0.5, **options), is_simulated=False)
    return render_page(card)


def test_the_card_lists_them_the_greatest_first_for_the_filter() -> None:
    rows = [
        {"agent_pid": "p1", "old": 0.71, "new": 0.66, "because": "2 late"},
        {"agent_pid": "p2", "old": 0.5, "new": 0.62, "because": "1 <edited>"},
        {"agent_pid": "gone", "old": 0.5, "new": 0.9, "because": "1 late"},
    ]
    page = Page(page_of(rows))
    cells = [row[1:] for row in page.rows("restated")[1:]]
    assert cells == [["50%", "62%", "+12", "1 <edited>"], ["71%", "66%", "-5", "2 late"]]
    assert {"data-agent": "p2"}.items() <= next(
        attributes for tag, attributes in page.tags if tag == "tr" and attributes.get("data-agent") == "p2"
    ).items()
    assert "No move of a fair QA score of it by two points or more is on record" in Page(page_of([])).visible()


def test_cards_of_teams_do_not_have_it() -> None:
    assert "2 late" not in page_of(
        [{"agent_pid": "p1", "old": 0.7, "new": 0.6, "because": "2 late"}], shows_agents=False
    )
