"""From rows of the vendor's tables to scores, as the assets go about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from salted_assets.schemas.base import Table, arrow_schema
from salted_assets.scoring import ScoringChoices, score_answers, score_engagements, sum_up_turns
from salted_assets_tests.support.scoring_rows import DAY, Row, table


@dataclass(frozen=True)
class Scored:
    """The answers of a day, None where there are no reviews, and its engagement scores."""

    answers: pd.DataFrame | None
    engagements: pd.DataFrame


Rows = tuple[Sequence[Row], Sequence[Row] | None, Sequence[Row] | None, Sequence[Row] | None]
"""Engagements, turns, reviews and agents; a dataset that is None is not exported."""


def score_rows(rows: Rows, choices: ScoringChoices, day: date = DAY) -> Scored:
    """Score rows of one day."""
    engagement, turn, review, agent = (
        None if own is None else dated(table(dataset, own), day)
        for dataset, own in zip(("engagement", "turn", "review", "agent"), rows, strict=True)
    )
    answers = None if review is None else score_answers(engagement, turn, review, agent, choices)
    turns = None if turn is None else sum_up_turns(turn)
    return Scored(answers, score_engagements(engagement, turns, answers, agent, choices))


def dated(rows: pa.Table, day: date) -> pa.Table:
    """The rows as the reader gives them that belong to one start day."""
    return rows.append_column("start_date", pa.array([day] * rows.num_rows, pa.date32()))


def listed(frame: pd.DataFrame, model: type[Table]) -> list[Row]:
    """The frame's rows, by the types of its model."""
    rows: list[Row] = as_arrow(frame, model).to_pylist()
    return rows


def as_arrow(frame: pd.DataFrame, model: type[Table]) -> pa.Table:
    """The frame in the schema of its model, as files hold it."""
    return pa.Table.from_pandas(frame, schema=arrow_schema(model), preserve_index=False)


def assert_same(given_rows: Sequence[Row], expected_rows: Sequence[Row]) -> None:
    """Equal rows in the same order, decimals but for rounding."""
    assert len(given_rows) == len(expected_rows)
    for result, expected in zip(given_rows, expected_rows, strict=True):
        assert set(result) == set(expected)
        for name, value in expected.items():
            assert result[name] == near(value), name


def near(value: Any) -> Any:
    """The value itself, a decimal one but for rounding."""
    return pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True) if isinstance(value, float) else value
