"""Which figures two versions of a day's score differ in."""

import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.explain import compare_figures
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import SCORE_MODELS

NUMBERS = st.none() | st.floats(-1e6, 1e6, allow_subnormal=False)
ROWS = st.dictionaries(
    st.tuples(st.sampled_from(["ann", "bob", "eve"]), st.sampled_from([7, 28]), st.sampled_from(["a", "b"])),
    st.tuples(NUMBERS, NUMBERS),
)


def build(score: str, rows: list[dict[str, Any]], without: set[str] = frozenset()) -> pa.Table:  # type: ignore[assignment]
    fields = [field.with_nullable(True) for field in arrow_schema(SCORE_MODELS[score]) if field.name not in without]
    return pa.Table.from_pylist(rows, pa.schema(fields))


def compare(score: str, old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    found = compare_figures(score, build(score, old), build(score, new)).to_pylist()
    return [tuple(value for value in row.values() if value is not None) for row in found]


def test_a_figure_that_is_another_one_is_kept_with_both_values() -> None:
    old = [{"agent_pid": "ann", "engagement_count": 3, "empathy_mean": 4.0}]
    new = [{"agent_pid": "ann", "engagement_count": 4, "empathy_mean": 4.0 + 1e-12}]
    assert compare("agent_daily", old, new) == [("ann", "engagement_count", "changed", 3.0, 4.0)]


def test_a_figure_that_comes_or_goes_is_a_change_and_zero_is_not_nothing() -> None:
    old = [{"agent_pid": "ann", "empathy_mean": 0.0, "clarity_mean": None, "severity_mean": 1.0}]
    new = [{"agent_pid": "ann", "empathy_mean": None, "clarity_mean": 0.0, "severity_mean": 1.0}]
    assert compare_figures("agent_daily", build("agent_daily", old), build("agent_daily", new)).to_pylist() == [
        dict.fromkeys(("window_days", "measure", "old_text", "new_text"))
        | {"agent_pid": "ann", "figure": figure, "event": "changed", "old": before, "new": after}
        for figure, before, after in (("clarity_mean", None, 0.0), ("empathy_mean", 0.0, None))
    ]


def test_an_agent_who_comes_or_goes_has_all_figures_appear_or_disappear() -> None:
    old = [{"agent_pid": "ann", "engagement_count": 3}, {"agent_pid": "bob", "engagement_count": 1}]
    new = [{"agent_pid": "eve", "engagement_count": 2}, {"agent_pid": "bob", "engagement_count": 1}]
    assert set(compare("agent_daily", old, new)) == {
        ("ann", "engagement_count", "disappeared", 3.0),
        ("eve", "engagement_count", "appeared", 2.0),
    }


def test_flags_texts_and_days_of_a_fair_score_are_kept_too() -> None:
    row = {"agent_pid": "ann", "window_days": 28, "measure": "evaluation_reviewer"}
    old = [row | {"is_reliable": True, "change_direction": "down"}]
    new = [row | {"is_reliable": False, "change_direction": "up"}]
    assert compare("fair", old, new) == [
        ("ann", 28, "evaluation_reviewer", "is_reliable", "changed", 1.0, 0.0),
        ("ann", 28, "evaluation_reviewer", "change_direction", "changed", "down", "up"),
    ]


def test_a_column_that_the_older_file_lacks_was_null() -> None:
    rows = [{"agent_pid": "ann", "engagement_count": 3, "empathy_mean": 4.0}]
    old = build("agent_daily", [{"agent_pid": "ann", "engagement_count": 3}], {"empathy_mean"})
    (found,) = compare_figures("agent_daily", old, build("agent_daily", rows)).to_pylist()
    assert (found["figure"], found["old"], found["new"]) == ("empathy_mean", None, 4.0)


def test_no_figures_are_kept_of_other_scores() -> None:
    with pytest.raises(KeyError):
        compare_figures("queue_daily", build("queue_daily", []), build("queue_daily", []))


@pytest.mark.parametrize("nothing", [math.nan, math.inf])
def test_what_is_no_number_is_none(nothing: float) -> None:
    old = [{"agent_pid": "ann", "empathy_mean": nothing, "clarity_mean": 1.0, "severity_mean": nothing}]
    new = [{"agent_pid": "ann", "empathy_mean": 1.0, "clarity_mean": nothing, "severity_mean": None}]
    assert compare("agent_daily", old, new) == [
        ("ann", "clarity_mean", "changed", 1.0),
        ("ann", "empathy_mean", "changed", 1.0),
    ]


@given(old=ROWS, new=ROWS, order=st.randoms(use_true_random=False))
def test_changes_are_those_of_a_plain_comparison_in_whatever_order_the_rows_are(
    old: dict[Any, Any], new: dict[Any, Any], order: Any
) -> None:
    def table(rows: dict[Any, Any]) -> pa.Table:
        items = list(rows.items())
        order.shuffle(items)
        names = ("agent_pid", "window_days", "measure", "mean", "mean_low")
        return build("agent_rolling", [dict(zip(names, (*key, *values), strict=True)) for key, values in items])

    found = compare_figures("agent_rolling", table(old), table(new)).to_pylist()
    expected = {
        (*key, figure): (before, after)
        for key in old.keys() | new.keys()
        for figure, before, after in zip(
            ("mean", "mean_low"), old.get(key, (None, None)), new.get(key, (None, None)), strict=True
        )
        if not is_same(before, after)
    }
    assert {
        (row["agent_pid"], row["window_days"], row["measure"], row["figure"]): (row["old"], row["new"]) for row in found
    } == expected
    assert len(found) == len(expected)


def is_same(before: float | None, after: float | None) -> bool:
    if before is None or after is None:
        return before is after
    return math.isclose(before, after, rel_tol=1e-9, abs_tol=1e-12)
