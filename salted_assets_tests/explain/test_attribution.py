"""Causes add up to the change of a mean, each that matters is named, and their order does not matter."""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.explain.attribution import Kind, Replacement, find_effects, to_parts
from salted_assets.explain.explanation import CausePart
from salted_assets.explain.row_changes import compare_rows, read_states
from salted_assets.explain.steps import Step, split_steps
from salted_assets.explain.units import Total, find_counted
from salted_assets.history import forget_rows
from salted_assets.schemas.row_change import AFTER, BEFORE, PROGRAM, rule_state
from salted_assets_tests.support import answer_worlds as worlds
from salted_assets_tests.support.answer_worlds import AGENT, DAYS, Review, Story, World, to_table

RULES = ("rule: exclude_disputed", "rule: exclude_unclear")
KINDS = pytest.mark.parametrize("kind", ["answer", "evaluation"])
WINDOWS = pytest.mark.parametrize("days", [(0,), DAYS], ids=["day", "window"])
FIRST = datetime(2024, 1, 10, tzinfo=UTC)

Order = Callable[[list[dict[str, object]]], object]


def keep(rows: list[dict[str, object]]) -> object:
    return rows


def compare(old: World, new: World, day: int, order: Order = keep) -> pa.Table:
    """What is kept of the day's answers in one world when they are replaced by another's."""
    settings = sorted(old.settings ^ new.settings)

    def between(*names: str) -> World:
        return replace(old, settings=old.settings ^ frozenset(names), program=new.program)

    states = {BEFORE: old}
    if settings or old.program != new.program:
        states |= {PROGRAM: between()} | {rule_state([name]): between(name) for name in settings}
        states[rule_state(settings)] = between(*settings)
    states[AFTER] = new
    tables = {}
    for state, world in states.items():
        rows = world.score(day)
        order(rows)
        tables[state] = to_table(rows)

    def find_moved(_added: pa.Array, _removed: pa.Array) -> list[str]:
        return [pid for pid in old.agents if old.days.get(pid, 0) != new.days.get(pid, 0)]

    return compare_rows("answer", tables, find_moved, is_erasure=old.erased != new.erased)


def replacement_of(
    old: World, new: World, day: int = 0, order: Order = keep, forgotten: Sequence[str] = ()
) -> Replacement:
    """What causes are told from: the rows that are kept, without the ids of engagements that were erased later."""
    kept = compare(old, new, day, order)
    kept = forget_rows(kept, pc.is_in(kept["engagement_pid"], value_set=pa.array(sorted(forgotten), pa.string())))
    settings = sorted(old.settings ^ new.settings)
    is_split = True if settings or old.program != new.program else None
    return Replacement(tuple(read_states(iter(kept.to_pylist()))), FIRST, tuple(settings), is_split)


def split(kind: str, story: Sequence[World], days: Sequence[int] = (0,), order: Order = keep) -> tuple[CausePart, ...]:
    """The causes of the mean's change: each world's answers replace those before, day by day, then the mean is made."""
    counted = find_counted(f"{kind}_reviewer")
    assert counted is not None
    replacements, steps, published_at = list[Replacement](), list[Step](), FIRST
    for hour, (old, new) in enumerate(pairwise(story)):
        at = FIRST + timedelta(hours=hour)
        for day in days:
            kept = replacement_of(old, new, day, order, sorted(story[-1].erased))
            replacements.append(replace(kept, replaced_at=at + timedelta(minutes=1 + day)))
        before, after = (mean(world.units(kind, days)) for world in (old, new))
        made_at = at + timedelta(minutes=10)
        if not is_same(before, after):
            steps.append(Step(before, after, published_at, made_at))
        published_at = made_at
    units = story[-1].units(kind, days)
    end = Total(math.fsum(units.values()), len(units))
    return split_steps(Kind.MEAN, counted, AGENT, end, steps, replacements, made_at=published_at)


def mean(units: dict[object, float]) -> float | None:
    return math.fsum(units.values()) / len(units) if units else None


def is_same(before: float | None, after: float | None) -> bool:
    return before is after if before is None or after is None else math.isclose(before, after, rel_tol=1e-9)


@KINDS
@WINDOWS
@given(story=worlds.stories())
def test_causes_add_up_to_the_change_whatever_happens_at_once(kind: str, days: Sequence[int], story: Story) -> None:
    told = story.worlds()
    means = [mean(world.units(kind, days)) for world in told]
    if None in means:
        return
    parts = split(kind, told, days)
    assert all(part.points is not None for part in parts)
    points = math.fsum(part.points for part in parts if part.points is not None)
    assert math.isclose(points, (means[-1] or 0) - (means[0] or 0), abs_tol=1e-9)


@KINDS
@given(story=worlds.stories(), seed=st.integers(0, 99))
def test_the_order_of_rows_and_of_causes_changes_nothing(kind: str, story: Story, seed: int) -> None:
    told = story.worlds()
    assert split(kind, told, DAYS) == split(kind, told, DAYS, order=random.Random(seed).shuffle)


@KINDS
@given(
    planted=st.sets(st.sampled_from([*worlds.CAUSES, "program", *RULES]), min_size=1),
    n=st.integers(0, 4),
    is_of_day=st.booleans(),
)
def test_each_planted_cause_is_named_with_its_engagement(
    kind: str, planted: set[str], n: int, *, is_of_day: bool
) -> None:
    """Each happens to an engagement of its own, whose answer differs from the mean. Erased ones have no id."""
    parts = {part.cause: part for part in split(kind, worlds.plant(planted, n, is_of_day=is_of_day))}
    assert set(parts) == planted
    assert all(part.points for part in parts.values())
    for cause in planted & set(worlds.CAUSES):
        assert parts[cause].engagement_pids == (() if cause == worlds.ERASED else (f"of {cause}",))


def test_an_engagement_that_moves_to_another_day_moved_on_both_and_moves_no_window_of_both() -> None:
    old, new = worlds.plant({"moved"}, 0, is_of_day=True)
    (left,), (came,) = split("answer", [old, new]), split("answer", [new, old])
    assert (left.cause, came.cause) == ("moved", "moved")
    assert left.points == pytest.approx(-(came.points or 0))
    assert split("answer", [old, new], DAYS) == ()


def test_a_dispute_and_the_setting_that_leaves_disputes_out_are_told_apart() -> None:
    old, new = worlds.plant({"verified or disputed", "rule: exclude_disputed"}, 0)
    parts = {part.cause: part for part in split("answer", [old, new])}
    before, after = old.units("answer"), new.units("answer")
    ruled = {pid: score for pid, score in before.items() if pid != "disputed before"}
    first, between, last = (mean(units) or 0.0 for units in (before, ruled, after))
    assert parts["rule: exclude_disputed"].points == pytest.approx(between - first)
    assert parts["verified or disputed"].points == pytest.approx(last - between)


def test_what_appears_or_disappears_has_no_points() -> None:
    counted = find_counted("answer_reviewer")
    assert counted is not None
    nobody, somebody = World({}, {"e1": AGENT}), World({"r1": Review("r1", "e1", "s", 0.5)}, {"e1": AGENT})
    for old, new, count in ((nobody, somebody, 0), (somebody, nobody, 1)):
        effects = find_effects(replacement_of(old, new), counted, AGENT)
        assert [part.points for part in to_parts(Kind.MEAN, Total(0.5 * count, count), effects)] == [None]


def test_without_the_states_between_a_change_of_the_rule_has_no_number() -> None:
    old, new = worlds.plant({"late", "rule: exclude_disputed"}, 0)
    counted = find_counted("answer_reviewer")
    assert counted is not None
    unknown = replace(replacement_of(old, new), is_split=False)
    units = old.units("answer")
    (effects,) = find_effects(unknown, counted, AGENT)
    (part,) = to_parts(Kind.MEAN, Total(math.fsum(units.values()), len(units)), [effects])
    assert (part.cause, part.points) == ("cannot be split", None)


def test_rows_that_changed_without_moving_the_mean_since_hinder_no_cause() -> None:
    known = {f"r{at}": Review(f"r{at}", "e1", f"{at}", score) for at, score in enumerate((0.2, 0.8))}
    late, later = Review("late", "e1", "late", 0.2), Review("later", "e1", "later", 0.4)
    story = [World(reviews, {"e1": AGENT}) for reviews in (known, known | {"late": late})]
    story.append(World(known | {"late": late, "later": later}, {"e1": AGENT}))
    (part,) = split("answer", story)
    assert part.cause == "late"
    assert part.points == pytest.approx(0.4 - 0.5)
