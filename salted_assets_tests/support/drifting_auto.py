"""Answers of people beside the auto reviewer's, and what `scores/auto_reviewer_drift` has of them in plain Python."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import Answer
from salted_assets.scoring.auto_differences import DIFFERENCE_COLUMNS
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.plain_change import State, watch

Rows = list[dict[str, Any]]

FEWEST, LEAST_DEVIATION = 20, 0.05


def draw_answers(
    seed: int,
    first: date,
    days: int,
    *,
    rate: float = 1.5,
    shift: float = 0.0,
    since: date = date.max,
    language: str | None = None,
    questions: Sequence[str] = ("q1", "q2"),
) -> Rows:
    """Answers to each question, of which the auto reviewer scores the first one otherwise from a day on."""
    rows: Rows = []
    for ahead in range(days):
        day = first + timedelta(days=ahead)
        random = np.random.default_rng([seed, day.toordinal()])
        for number in range(int(random.poisson(rate))):
            own = str(random.choice(["de", "en", "cs"], p=[0.4, 0.4, 0.2]))
            queue = str(random.choice(["Billing", "Returns"]))
            is_drifting = day >= since and language in {None, own}
            for index, question in enumerate(questions):
                draws = np.random.default_rng([seed, day.toordinal(), number, int(question[1:])])
                quality, error = draws.normal(0.6, 0.1), draws.normal(0, 0.15)
                for reviewer in draws.choice(4, size=1 + int(draws.random() < 0.15), replace=False).tolist():
                    rows.append(
                        answer(
                            day,
                            f"{day}-{number}",
                            question,
                            quality + 0.06 * (reviewer - 1.5),
                            quality + error + (shift if is_drifting and index == 0 else 0.0),
                            reviewer=f"r{reviewer}",
                            language=own,
                            queue=queue,
                        )
                    )
    return rows


def answer(
    day: date, engagement: str, question: str, score: float | None, auto: float | None, **more: Any
) -> dict[str, Any]:
    """One human answer to what the auto reviewer answered, too."""
    row = {
        "start_date": day,
        "engagement_pid": engagement,
        "source": "reviewer",
        "is_scored": True,
        "target": "engagement",
        "reviewer_pid": more.pop("reviewer", "r0"),
        "question_pid": question,
        "question_name": f"Text of {question}",
        "queue": None,
        "language": None,
        "is_random_or_all": True,
        "score": score,
        "auto_score": auto,
    }
    return row | more


def write_answers(warehouse: Warehouse, rows: Rows) -> None:
    """The rows as partitions of `scores/answer`, with the columns alone that are read."""
    for day, own in groupby(rows, lambda row: row["start_date"]):
        with warehouse.create(warehouse.table_path(("scores", "answer"), day)) as path:
            pq.write_table(build_table(list(own)), path)


def build_table(rows: Rows) -> pa.Table:
    """The rows as `scores/answer` has them."""
    schema = arrow_schema(Answer)
    return pa.Table.from_pylist(rows, schema=pa.schema([schema.field(name) for name in DIFFERENCE_COLUMNS]))


def expect_states(rows: Rows, end: date) -> Mapping[tuple[str, str | None, str | None], tuple[State, float]]:
    """State and level deviation of each question, language and queue, counted one answer after the other."""
    quarter = date(end.year, 3 * ((end.month - 1) // 3) + 1, 1)
    first = quarter - timedelta(days=119)
    drawn = {row["engagement_pid"] for row in rows if row["is_random_or_all"]}
    of_question: dict[str, Rows] = defaultdict(list)
    for row in rows:
        if first <= row["start_date"] <= end and row["engagement_pid"] in drawn and row["auto_score"] is not None:
            of_question[row["question_pid"]].append(row)
    found = {}
    for question, own in of_question.items():
        found.update({(question, *place): state for place, state in _watch_question(own, first, end).items()})
    return found


def _watch_question(rows: Rows, first: date, end: date) -> dict[tuple[str | None, str | None], tuple[State, float]]:
    days = (end - first).days + 1
    per_day = [
        len({row["engagement_pid"] for row in rows if (row["start_date"] - first).days == day}) for day in range(days)
    ]
    enough = [day for day in range(119, days) if sum(per_day[day - 119 : day - 28]) >= FEWEST]
    start = enough[0] if enough else 119

    def is_frozen(row: Mapping[str, Any]) -> bool:
        day: date = row["start_date"]
        return start - 119 <= (day - first).days < start - 28

    effects, spent = _effects([row for row in rows if is_frozen(row)])
    of_engagement: dict[str, Rows] = defaultdict(list)
    for row in rows:
        of_engagement[row["engagement_pid"]].append(row)
    units = [
        (group[0], _mean([row["auto_score"] - row["score"] - effects.get(row["reviewer_pid"], 0.0) for row in group]))
        for group in of_engagement.values()
    ]
    whole = _deviation([value for row, value in units if is_frozen(row)], spent)
    places: list[tuple[str | None, str | None]] = [(None, None)]
    languages, queues = (sorted({row[name] for row, _ in units if row[name]}) for name in ("language", "queue"))
    places += [(each, None) for each in languages] + [(None, each) for each in queues]

    def belongs(row: Mapping[str, Any], place: tuple[str | None, str | None]) -> bool:
        own: tuple[str | None, str | None] = row["language"], row["queue"]
        return all(asked is None or asked == has for asked, has in zip(place, own, strict=True))

    def frozen_of(place: tuple[str | None, str | None]) -> list[float]:
        return [value for row, value in units if belongs(row, place) and is_frozen(row)]

    states = {}
    for place in places:
        counts, totals = [0.0] * days, [0.0] * days
        for row, value in units:
            if belongs(row, place):
                day = (row["start_date"] - first).days
                counts[day], totals[day] = counts[day] + 1, totals[day] + value
        alike = [
            other for other in places if (other[0] is None, other[1] is None) == (place[0] is None, place[1] is None)
        ]
        known = sum(len(frozen_of(other)) >= FEWEST for other in alike)
        alarms = 1.0 if place == (None, None) else 0.5 / max(known, 1)
        own = frozen_of(place)
        deviation = max(whole, _deviation(own, 0.0)) if place != (None, None) and len(own) >= FEWEST else whole
        taken = max(sum(counts[:91]) / 91 / 3, 1.0)
        state = watch(
            [count / taken for count in counts],
            [total / taken for total in totals],
            deviation / math.sqrt(taken),
            FEWEST / taken,
            alarms / 2,
        )
        states[place] = state, deviation
    return states


def _effects(rows: Rows) -> tuple[dict[str, float], float]:
    of_reviewer: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        of_reviewer[row["reviewer_pid"]].append(row["auto_score"] - row["score"])
    freedom = sum(len(values) - 1 for values in of_reviewer.values())
    squares = sum((value - _mean(values)) ** 2 for values in of_reviewer.values() for value in values)
    if len(of_reviewer) < 2 or not freedom or not squares:
        return {}, 0.0
    within = squares / freedom
    precision = {who: len(values) / within for who, values in of_reviewer.items()}
    means = {who: _mean(values) for who, values in of_reviewer.items()}
    summed = sum(precision.values())
    fixed = sum(precision[who] * means[who] for who in means) / summed
    scattered = sum(precision[who] * (means[who] - fixed) ** 2 for who in means)
    scale = summed - sum(each**2 for each in precision.values()) / summed
    between = max((scattered - (len(means) - 1)) / scale, 0.0)
    weight = {who: 1 / (between + 1 / precision[who]) for who in means}
    centre = sum(weight[who] * means[who] for who in means) / sum(weight.values())
    share = {who: between / (between + 1 / precision[who]) for who in means}
    return {who: share[who] * (means[who] - centre) for who in means}, sum(share.values())


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _deviation(values: Sequence[float], spent: float) -> float:
    if len(values) < 2:
        return LEAST_DEVIATION
    squares = sum((value - _mean(values)) ** 2 for value in values)
    left = max(len(values) - 1 - spent, 1.0)
    return max(math.sqrt(squares / left) + math.sqrt(squares / left / (2 * left)), LEAST_DEVIATION)
