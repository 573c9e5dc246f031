"""Causes add up to the change of a mean, each that matters is named, and their order does not matter."""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.explain.attribution import Kind, Replacement, find_effects, to_parts
from salted_assets.explain.explanation import CausePart, add_parts
from salted_assets.explain.row_changes import compare_rows, read_states
from salted_assets.explain.units import Total, find_counted
from salted_assets.schemas.row_change import AFTER, BEFORE, PROGRAM, rule_state
from salted_assets_tests.support import answer_worlds as worlds
from salted_assets_tests.support.answer_worlds import AGENT, Review, Story, World, to_table

RULES = ("rule: exclude_disputed", "rule: exclude_unclear")
KINDS = pytest.mark.parametrize("kind", ["answer", "evaluation"])


def find_none(_added: pa.Array, _removed: pa.Array) -> Sequence[str]:
    return ()


def replacement_of(
    old: World, new: World, order: Callable[[list[dict[str, object]]], object] = lambda rows: rows
) -> Replacement:
    """What is kept of one world's answers when they are replaced by another's."""
    settings = sorted(old.settings ^ new.settings)
    is_same = not settings and old.program == new.program

    def between(*names: str) -> World:
        changed = old.settings ^ frozenset(names)
        return World(old.reviews, old.agents, changed, new.program)

    states = {BEFORE: old}
    if not is_same:
        states |= {PROGRAM: between()} | {rule_state([name]): between(name) for name in settings}
        states[rule_state(settings)] = between(*settings)
    states[AFTER] = new
    tables = {}
    for state, world in states.items():
        rows = world.score()
        order(rows)
        tables[state] = to_table(rows)
    kept = compare_rows("answer", tables, find_none).to_pylist()
    found, is_split = tuple(read_states(iter(kept))), None if is_same else True
    return Replacement(found, datetime(2024, 1, 10, tzinfo=UTC), tuple(settings), is_split)


def split(kind: str, story: Sequence[World], **options: Callable[[list[dict[str, object]]], object]) -> list[CausePart]:
    counted = find_counted(f"{kind}_reviewer")
    assert counted is not None
    parts: list[CausePart] = []
    for old, new in pairwise(story):
        units = old.units(kind)
        start = Total(math.fsum(units.values()), len(units))
        parts += to_parts(Kind.MEAN, start, find_effects(replacement_of(old, new, **options), counted, AGENT))
    return list(add_parts(parts))


def mean(units: dict[object, float]) -> float:
    return math.fsum(units.values()) / len(units)


@KINDS
@given(story=worlds.stories())
def test_causes_add_up_to_the_change_whatever_happens_at_once(kind: str, story: Story) -> None:
    told = story.worlds()
    parts = split(kind, told)
    if not all(world.units(kind) for world in told):
        return
    points = math.fsum(part.points for part in parts if part.points is not None)
    assert math.isclose(points, mean(told[-1].units(kind)) - mean(told[0].units(kind)), abs_tol=1e-9)
    assert all(part.points is not None for part in parts)


@KINDS
@given(story=worlds.stories(), seed=st.integers(0, 99))
def test_the_order_of_rows_and_of_causes_changes_nothing(kind: str, story: Story, seed: int) -> None:
    told = story.worlds()
    assert split(kind, told) == split(kind, told, order=random.Random(seed).shuffle)


@KINDS
@given(planted=st.sets(st.sampled_from([*worlds.CAUSES, "program", *RULES]), min_size=1), n=st.integers(0, 4))
def test_each_planted_cause_is_named_with_its_engagement(kind: str, planted: set[str], n: int) -> None:
    """Each happens to an engagement of its own, whose answer differs from the mean."""
    old, new = worlds.plant(planted, n)
    parts = {part.cause: part for part in split(kind, [old, new])}
    assert set(parts) == planted
    assert all(part.points for part in parts.values())
    for cause in planted & set(worlds.CAUSES):
        assert parts[cause].engagement_pids == (f"of {cause}",)


def test_a_dispute_and_the_setting_that_leaves_disputes_out_are_told_apart() -> None:
    old, new = worlds.plant({"verified or disputed", "rule: exclude_disputed"}, 0)
    parts = {part.cause: part for part in split("answer", [old, new])}
    before, after = old.units("answer"), new.units("answer")
    ruled = {pid: score for pid, score in before.items() if pid != "disputed before"}
    assert parts["rule: exclude_disputed"].points == pytest.approx(mean(ruled) - mean(before))
    assert parts["verified or disputed"].points == pytest.approx(mean(after) - mean(ruled))


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
