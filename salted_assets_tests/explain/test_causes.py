"""Why a figure of a day is another one, out of the files that replacements leave."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from salted_assets.explain import Explanation, causes_of_change, changes_key, prune_changes, record_changes
from salted_assets.explain.causes import NothingPublishedError, causes_since_window
from salted_assets.explain.replacements import read_replacements
from salted_assets.history import Footer, Recipe
from salted_assets.history.table_files import write_frame
from salted_assets.privacy.erasure_filter import ErasureFilter
from salted_assets.privacy.register import ErasedPids
from salted_assets.privacy.table_rewrite import TableRewrite
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.answer_worlds import AGENT, PEER, Review, World

DAY = date(2024, 1, 9)
FIRST = datetime(2024, 1, 10, 2, tzinfo=UTC)
START = World(
    {
        "r1": Review("r1", "e1", "session", 0.5),
        "r2": Review("r2", "e1", "session", 1.0),
        "r3": Review("r3", "e2", "session", 1.0),
    },
    {"e1": AGENT, "e2": AGENT, "e3": AGENT, "e4": PEER},
)
LATE = Review("r4", "e3", "session", 0.2)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(str(tmp_path / "warehouse"))


def write(
    warehouse: Warehouse, score: str, rows: Sequence[dict[str, Any]], made_at: datetime, formula: int = 1
) -> None:
    """Replace a day's score, as the writer of days does."""
    with warehouse.create(warehouse.table_path(("scores", score), DAY)) as path:
        write_whole(path, score, rows, made_at, formula)
        record_changes(warehouse, score, DAY, path)


def write_whole(path: Path, score: str, rows: Sequence[dict[str, Any]], made_at: datetime, formula: int = 1) -> None:
    fields = [field.with_nullable(True) for field in arrow_schema(SCORE_MODELS[score])]
    footer = Footer(file_id=f"{score} {made_at}", scored_at=made_at, inputs="{}", recipe=Recipe.of(formula, {}))
    write_frame(path, pa.Table.from_pylist(list(rows), pa.schema(fields)), footer)


def agent_row(world: World) -> dict[str, Any]:
    evaluations, answers = world.units("evaluation"), world.units("answer")
    found: dict[str, Any] = {"agent_pid": AGENT, "engagement_count": sum(who == AGENT for who in world.agents.values())}
    for name, units in (("evaluation", evaluations), ("answer", answers)):
        total = math.fsum(units.values())
        found |= {f"{name}_reviewer_sum": total, f"{name}_reviewer_count": len(units)}
        found[f"{name}_reviewer_mean"] = total / len(units) if units else None
    return found


def publish(warehouse: Warehouse, world: World, hour: int, *, formula: int = 1) -> None:
    """Make the day's answers, its engagements and the agent's sums, an hour apart."""
    made_at = FIRST + timedelta(hours=3 * hour)
    write(warehouse, "answer", world.score(), made_at)
    engagements = [{"engagement_pid": pid, "agent_pid": who, "empathy": 3.0} for pid, who in world.agents.items()]
    write(warehouse, "engagement", engagements, made_at + timedelta(hours=1))
    write(warehouse, "agent_daily", [agent_row(world)], made_at + timedelta(hours=2), formula)


def explain(
    warehouse: Warehouse, figure: str = "evaluation_reviewer_mean", since: datetime | None = None
) -> Explanation:
    return causes_of_change(warehouse, "UTC", "agent_daily", DAY, AGENT, figure=figure, since=since)


def points(explained: Explanation) -> dict[str, float | None]:
    return {part.cause: None if part.points is None else round(part.points, 9) for part in explained.parts}


def with_review(world: World, review: Review) -> World:
    return replace(world, reviews={**world.reviews, review.pid: review})


LATER = with_review(START, LATE)
DISPUTED = with_review(replace(LATER, settings=frozenset({"exclude_disputed"})), replace(LATE, verified="disputed"))


def test_a_late_review_moves_the_mean_by_its_distance_to_the_one_of_before(warehouse: Warehouse) -> None:
    publish(warehouse, START, 0)
    publish(warehouse, LATER, 1)
    explained = explain(warehouse)
    assert (explained.old, explained.published_at) == (0.875, FIRST + timedelta(hours=2))
    assert explained.replaced_at == FIRST + timedelta(hours=5)
    assert points(explained) == {"late": round((0.2 - 0.875) / 3, 9)}
    assert [(part.engagement_pids, part.row_count) for part in explained.parts] == [(("e3",), 1)]
    assert explained.notes == ()


def test_an_edit_of_one_answer_counts_by_its_weight_in_the_evaluation(warehouse: Warehouse) -> None:
    publish(warehouse, START, 0)
    publish(warehouse, with_review(START, replace(START.reviews["r1"], score=0.0)), 1)
    assert points(explain(warehouse)) == {"edited": -0.125}
    assert points(explain(warehouse, "answer_reviewer_mean")) == {"edited": round(-0.5 / 3, 9)}


def test_several_replacements_are_split_each_and_those_before_an_instant_left_out(warehouse: Warehouse) -> None:
    publish(warehouse, START, 0)
    publish(warehouse, LATER, 1)
    publish(warehouse, DISPUTED, 2)
    late = round((0.2 - 0.875) / 3, 9)
    assert points(explain(warehouse)) == {"late": late, "verified or disputed": -late}
    assert points(explain(warehouse, since=FIRST + timedelta(hours=6))) == {"verified or disputed": -late}
    assert points(explain(warehouse, "evaluation_reviewer_count")) == {"late": 1.0, "verified or disputed": -1.0}


def test_an_engagement_that_goes_to_a_colleague_is_told_on_both_sides(warehouse: Warehouse) -> None:
    publish(warehouse, START, 0)
    publish(warehouse, replace(START, agents={**START.agents, "e1": PEER}), 1)
    assert points(explain(warehouse)) == {"moved": 0.125}
    assert points(explain(warehouse, "engagement_count")) == {"moved": -1.0}


def test_a_window_is_split_by_the_days_behind_it_and_one_that_moved_on_says_so(warehouse: Warehouse) -> None:
    def write_window(end: date, mean: float, count: int, hour: int) -> None:
        row = {"agent_pid": AGENT, "window_days": 7, "measure": "evaluation_reviewer", "mean": mean}
        made_at = FIRST + timedelta(hours=3 * hour - 0.5)
        with warehouse.create(warehouse.table_path(("scores", "agent_rolling"), end)) as path:
            write_whole(path, "agent_rolling", [{**row, "measure_count": count}], made_at)
            record_changes(warehouse, "agent_rolling", end, path)

    # three other evaluations of other days, of 0.5 each
    publish(warehouse, START, 0)
    write_window(DAY, (2 * 0.875 + 3 * 0.5) / 5, 5, 1)
    publish(warehouse, LATER, 1)
    write_window(DAY, (2 * 0.875 + 3 * 0.5 + 0.2) / 6, 6, 2)
    publish(warehouse, DISPUTED, 2)
    write_window(DAY + timedelta(days=2), 0.9, 2, 4)

    measure = "evaluation_reviewer"
    told = causes_of_change(
        warehouse, "UTC", "agent_rolling", DAY, AGENT, figure="mean", measure=measure, window_days=7
    )
    late = round((0.2 - 0.65) / 6, 9)
    assert points(told) == {"late": late}
    ask = partial(causes_since_window, warehouse, "UTC", measure=measure, window_days=7, since_day=DAY)
    since = ask(DAY + timedelta(days=2), AGENT)
    assert (since.old, since.new) == (0.65, 0.9)
    assert points(since) == {"the window moved on": 0.25, "late": late, "verified or disputed": -late}
    with pytest.raises(NothingPublishedError, match="of 2024-01-10 has no evaluation_reviewer"):
        ask(DAY + timedelta(days=1), AGENT)


def test_new_formulas_of_the_sums_are_the_program(warehouse: Warehouse) -> None:
    publish(warehouse, START, 0)
    with warehouse.create(warehouse.table_path(("scores", "agent_daily"), DAY)) as path:
        write_whole(path, "agent_daily", [{**agent_row(START), "evaluation_reviewer_mean": 0.8}], FIRST)
    publish(warehouse, LATER, 1, formula=2)
    assert points(explain(warehouse)) == {"late": round((0.2 - 0.875) / 3, 9), "program": 0.075}


def test_a_change_whose_rows_were_not_kept_has_no_number(warehouse: Warehouse) -> None:
    publish(warehouse, START, 0)
    publish(warehouse, LATER, 1)
    warehouse.delete(warehouse.table_path(changes_key("answer"), DAY))
    explained = explain(warehouse)
    assert points(explained) == {"cannot be split": None}
    assert "were not kept" in explained.notes[0]


def test_what_was_never_published_is_said_and_what_did_not_change_has_no_causes(warehouse: Warehouse) -> None:
    publish(warehouse, START, 0)
    assert explain(warehouse).parts == ()
    with pytest.raises(NothingPublishedError, match="has no evaluation_reviewer_mean of agent nobody"):
        causes_of_change(warehouse, "UTC", "agent_daily", DAY, "nobody", figure="evaluation_reviewer_mean")
    with pytest.raises(ValueError, match="keeps no replaced figures of team"):
        causes_of_change(warehouse, "UTC", "agent_daily", DAY, AGENT, figure="team")


def test_what_is_cut_off_between_the_rows_and_the_score_leaves_nothing_double(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    publish(warehouse, START, 0)
    for hour in (3, 4):
        write_whole(tmp_path / "new", "answer", DISPUTED.score(), FIRST + timedelta(hours=hour))
        recorded = record_changes(warehouse, "answer", DAY, tmp_path / "new")
        assert recorded is not None
        assert recorded.causes == {"late": 1}
    write_whole(tmp_path / "new", "agent_daily", [agent_row(LATER)], FIRST + timedelta(hours=5))
    record_changes(warehouse, "agent_daily", DAY, tmp_path / "new")
    explained = explain(warehouse)
    assert (explained.old, explained.new, explained.parts) == (0.875, 0.875, ())
    assert read_replacements(warehouse, "answer", DAY, AGENT) == []
    publish(warehouse, LATER, 2)
    assert points(explain(warehouse)) == {"late": round((0.2 - 0.875) / 3, 9)}
    pruned = prune_changes(warehouse, FIRST + timedelta(days=1))
    assert pruned.keys() >= {warehouse.table_path(changes_key(name), DAY) for name in ("answer", "agent_daily")}
    assert warehouse.list_files("changes") == []


def test_an_erased_customer_is_a_cause_and_leaves_no_id(warehouse: Warehouse) -> None:
    publish(warehouse, START, 0)
    publish(warehouse, LATER, 1)
    known = ErasedPids(b"key")
    erased = replace(known, engagements=frozenset({known.hash_pid("e1")}))
    keep = partial(record_changes, warehouse, is_erasure=True)
    rewrite = TableRewrite(warehouse, ErasureFilter(erased), "UTC", False, pytest.fail, keep)
    assert [file.path.split("/")[1] for file in rewrite.erase_scores()] == ["answer", "engagement"]
    assert list(rewrite.erase_kept_rows()) == []
    after = replace(LATER, agents={pid: who for pid, who in LATER.agents.items() if pid != "e1"})
    # an erasure is of now
    made_at = datetime.now(UTC) + timedelta(minutes=1)
    write(warehouse, "agent_daily", [agent_row(after)], made_at)

    explained = explain(warehouse)
    late = round((0.2 - 0.875) / 3, 9)
    assert points(explained) == {"late": late, "customer erased": round(0.6 - 0.875 - late, 9)}
    assert [part.engagement_pids for part in explained.parts if part.cause == "customer erased"] == [()]
    assert points(explain(warehouse, "engagement_count")) == {"customer erased": -1.0}
    for name in ("answer", "engagement"):
        with warehouse.open_parquet(warehouse.table_path(changes_key(name), DAY)) as file:
            assert "e1" not in file.read()["engagement_pid"].to_pylist()


@pytest.mark.parametrize("is_cut_inside", [True, False])
def test_changes_that_cannot_be_read_are_reported_and_hinder_no_erasure(
    warehouse: Warehouse, *, is_cut_inside: bool
) -> None:
    publish(warehouse, START, 0)
    publish(warehouse, LATER, 1)
    path = warehouse.table_path(changes_key("answer"), DAY)
    whole = warehouse.read_bytes(path)
    warehouse.write_bytes(path, whole[:4] + bytes(1200) + whole[1204:] if is_cut_inside else b"no table")
    known, problems = ErasedPids(b"key"), list[str]()
    erased = replace(known, engagements=frozenset({known.hash_pid("e1")}))
    keep = partial(record_changes, warehouse, is_erasure=True)
    rewrite = TableRewrite(warehouse, ErasureFilter(erased), "UTC", False, problems.append, keep)

    assert [file.path.split("/")[1] for file in rewrite.erase_scores()] == ["answer", "engagement"]
    assert list(rewrite.erase_kept_rows()) == []

    unkept, damaged = problems
    assert unkept.startswith(f"{warehouse.table_path(('scores', 'answer'), DAY)} was rewritten")
    assert damaged.startswith(f"{path} may hold rows of erased customers and cannot be read")
    with warehouse.open_parquet(warehouse.table_path(("scores", "answer"), DAY)) as file:
        assert "e1" not in file.read()["engagement_pid"].to_pylist()


def test_kept_rows_of_a_customer_who_is_erased_later_lose_their_ids_and_keep_their_points(
    warehouse: Warehouse,
) -> None:
    publish(warehouse, START, 0)
    publish(warehouse, LATER, 1)
    known = ErasedPids(b"key")
    erased = replace(known, engagements=frozenset({known.hash_pid("e3")}))
    before = explain(warehouse)
    for is_dry_run in (True, False):
        rewrite = TableRewrite(warehouse, ErasureFilter(erased), "UTC", is_dry_run, pytest.fail)
        (file,) = rewrite.erase_kept_rows()
        assert (file.path.split("/")[1], file.row_count) == ("answer", 1)
    after = explain(warehouse)
    assert points(after) == points(before)
    assert [part.engagement_pids for part in after.parts] == [()]


def test_a_compared_figure_that_only_a_peers_rows_moved_is_others_data(warehouse: Warehouse) -> None:
    def write_fair(fair: float, hour: float, settings: dict[str, Any], inputs: str) -> None:
        row = {"agent_pid": AGENT, "window_days": 28, "measure": "evaluation_reviewer", "fair_mean": fair}
        fields = [field.with_nullable(True) for field in arrow_schema(SCORE_MODELS["fair"])]
        made_at = FIRST + timedelta(hours=hour)
        footer = Footer(file_id=f"fair {hour}", scored_at=made_at, inputs=inputs, recipe=Recipe.of(1, settings))
        with warehouse.create(warehouse.table_path(("scores", "fair"), DAY)) as path:
            write_frame(path, pa.Table.from_pylist([row], pa.schema(fields)), footer)
            record_changes(warehouse, "fair", DAY, path)

    def ask(since: float = 0) -> dict[str, float | None]:
        instant = FIRST + timedelta(hours=since)
        asked = partial(causes_of_change, warehouse, "UTC", "fair", DAY, AGENT, since=instant)
        return points(asked(figure="fair_mean", measure="evaluation_reviewer", window_days=28))

    peer = with_review(START, Review("r9", "e4", "session", 0.1))
    publish(warehouse, START, 0)
    write_fair(0.8, 2.5, {}, "{}")
    publish(warehouse, peer, 1)
    write_fair(0.75, 5.5, {}, '{"scores/answer":{}}')
    assert ask() == {"others' data": -0.05}
    write_fair(0.7, 5.7, {"min_reliability": 0.5}, '{"scores/answer":{}}')
    assert ask() == {"others' data": -0.05, "rule: min_reliability": -0.05}
    publish(warehouse, with_review(peer, LATE), 2)
    write_fair(0.6, 8.5, {"min_reliability": 0.5}, "{}")
    assert ask(since=6) == {"cannot be split": None}


def test_a_compared_figure_of_engagements_follows_the_own_plain_mean_and_the_rest_is_others_data(
    warehouse: Warehouse,
) -> None:
    """The case-adjusted mean moves as the plain one by own rows, the best guess by its weight."""
    key = {"agent_pid": AGENT, "window_days": 7, "measure": "empathy"}

    def own_rows(values: Mapping[str, float], **more: float) -> list[dict[str, Any]]:
        return [{"engagement_pid": pid, "agent_pid": AGENT, "empathy": value} | more for pid, value in values.items()]

    def replace_all(values: Mapping[str, float], fair: float, shrunk: float, hour: int) -> None:
        made_at = FIRST + timedelta(hours=hour)
        mean = {"mean": math.fsum(values.values()) / len(values), "measure_count": len(values)}
        compared = {"fair_mean": fair, "shrunk_mean": shrunk, "shrink_weight": 0.8, "group_count": hour}
        write(warehouse, "engagement", own_rows(values), made_at)
        write(warehouse, "agent_rolling", [key | mean], made_at + timedelta(minutes=10))
        write(warehouse, "fair", [key | compared], made_at + timedelta(minutes=20))

    replace_all({"e1": 4.0, "e2": 2.0}, 3.5, 3.4, 0)
    replace_all({"e1": 3.0, "e2": 2.0, "e3": 1.0}, 2.8, 2.9, 1)

    def ask(figure: str, since: datetime | None = None) -> dict[str, float | None]:
        asked = partial(causes_of_change, warehouse, "UTC", "fair", DAY, AGENT, measure="empathy", window_days=7)
        return points(asked(figure=figure, since=since))

    late, revised = (1.0 - 3.0) / 3, (3.0 - 4.0) / 3
    assert ask("fair_mean") == {
        "late": round(late, 9),
        "AI values revised": round(revised, 9),
        "others' data": round(2.8 - 3.5 - late - revised, 9),
    }
    assert ask("group_count") == {"cannot be split": None}
    assert ask("shrunk_mean") == {
        "late": round(0.8 * late, 9),
        "AI values revised": round(0.8 * revised, 9),
        "others' data": round(2.9 - 3.4 - 0.8 * (late + revised), 9),
    }

    # what another measure of own engagements came to is no own change of this one
    write(
        warehouse,
        "engagement",
        own_rows({"e1": 3.0, "e2": 2.0, "e3": 1.0}, handle_time_ms=9),
        FIRST + timedelta(hours=2),
    )
    row = {"fair_mean": 2.7, "shrunk_mean": 2.9, "shrink_weight": 0.8}
    write(warehouse, "fair", [key | row], FIRST + timedelta(hours=3))
    assert ask("fair_mean", since=FIRST + timedelta(hours=2)) == {"others' data": round(2.7 - 2.8, 9)}
