"""What a figure rests on is read alike, however the rows lie in files."""

from datetime import UTC, datetime, time
from pathlib import Path

import pyarrow as pa

from salted_assets.explain.agent_figure import QA_SCORE, AgentFigure, Comparison, Estimate
from salted_assets.explain.agent_figure.evidence import read_evaluations
from salted_assets.explain.agent_figure.measures import find_measure
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.evaluated_agents import Evaluated, build_answers
from salted_assets_tests.support.rolling_rows import END
from salted_assets_tests.support.scorecard_rows import write_days

SCORES = (0.3, 0.7, 0.6, 0.9, 0.7, 0.3)
WEIGHTS = (0.1, 0.1, 0.7, 0.1, 0.3, 1.0)
"""The weighted mean is rounded in two ways, by the order in which its parts are summed up."""

FIGURE = AgentFigure(
    *("a0", "Agent 0", find_measure(QA_SCORE), 7, END, 1, Estimate(0.5, None, None), None, None),
    *(Comparison("not compared", None), None),
)


def score_of(warehouse: Warehouse, order: list[int]) -> float:
    (row,) = build_answers([Evaluated("a0", 0, "e-1", "r0", {"q0": 1.0})]).to_pylist()
    weighted = [row | {"pid": f"r{at}", "score": SCORES[at], "weight": WEIGHTS[at]} for at in order]
    write_days(warehouse, "answer", pa.Table.from_pylist(weighted, schema=arrow_schema(SCORE_MODELS["answer"])))
    engagement = {"start_date": END, "engagement_pid": "e-1", "agent_pid": "a0"}
    started = engagement | {"start_time": datetime.combine(END, time(9), UTC)}
    schema = pa.schema([field.with_nullable(True) for field in arrow_schema(SCORE_MODELS["engagement"])])
    write_days(warehouse, "engagement", pa.Table.from_pylist([started], schema=schema))
    (found,) = read_evaluations(warehouse, FIGURE, name_reviewers=False)
    return found.score


def test_the_score_of_an_evaluation_is_rounded_alike_whatever_the_order_of_its_answers(tmp_path: Path) -> None:
    orders = [list(range(6)), [5, 4, 3, 2, 1, 0], [0, 5, 2, 1, 4, 3]]
    found = {score_of(Warehouse(str(tmp_path / str(number))), order) for number, order in enumerate(orders)}
    assert len(found) == 1
