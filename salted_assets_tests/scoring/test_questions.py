"""What agents hear over 91 days: an independent count, the window's edges, and the asset over files."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salted_assets.defs.assets.questions import build_agent_questions
from salted_assets.defs.io_managers import WarehouseIOManager
from salted_assets.defs.resources import WarehouseResource
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import SCORE_MODELS, AgentDaily, AgentQuestion, Answer
from salted_assets.scoring import ScoringChoices, score_agent_questions, score_agents_daily
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support import question_oracle as oracle
from salted_assets_tests.support.platform import KNOWN_WARNINGS
from salted_assets_tests.support.scoring_rows import DAY, Row, engagement, review
from salted_assets_tests.support.scoring_runs import as_arrow, assert_same, listed, score_rows
from salted_assets_tests.support.scoring_strategies import CHOICES, INPUTS

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

KEY = dg.AssetKey(["scores", "agent_question"])


def ago(days: int) -> date:
    return DAY - timedelta(days=days)


def ask(answers: pa.Table, agent_days: pa.Table, days: Sequence[date], end: date = DAY) -> pd.DataFrame:
    return score_agent_questions(answers, agent_days, end, days)


def asked(*reviews: Row, engagements: Sequence[Row] = (), **choices: Any) -> Row:
    """The first row of a window of one day."""
    rows = (list(engagements) or [engagement()], None, list(reviews), None)
    scored = score_rows(rows, ScoringChoices(**choices))
    assert scored.answers is not None
    agent_days = as_arrow(score_agents_daily(scored.engagements), AgentDaily)
    return listed(ask(as_arrow(scored.answers, Answer), agent_days, [DAY]), AgentQuestion)[0]


@settings(max_examples=6, deadline=None)
@given(
    inputs=st.lists(st.tuples(INPUTS, st.booleans()), min_size=1, max_size=3),
    choices=CHOICES,
    random=st.randoms(use_true_random=False),
)
def test_every_column_equals_the_count_in_plain_python(inputs: Any, choices: ScoringChoices, random: Any) -> None:
    answers, agent_days, days = [arrow_schema(Answer).empty_table()], [arrow_schema(AgentDaily).empty_table()], []
    for index, (rows, has_agent_day) in enumerate(inputs):
        scored = score_rows(rows, choices, ago(3 * index))
        if scored.answers is not None:
            answers.append(as_arrow(scored.answers, Answer))
            days.append(ago(3 * index))
        if has_agent_day:
            agent_days.append(as_arrow(score_agents_daily(scored.engagements), AgentDaily))
    tables = [pa.concat_tables(parts) for parts in (answers, agent_days)]
    result = listed(ask(tables[0], tables[1], days), AgentQuestion)
    assert_same(result, oracle.score_agent_questions(tables[0].to_pylist(), tables[1].to_pylist(), DAY, days))
    orders = [random.sample(range(table.num_rows), table.num_rows) for table in tables]
    shuffled = [table.take(pa.array(order, pa.int64())) for table, order in zip(tables, orders, strict=True)]
    assert_same(listed(ask(shuffled[0], shuffled[1], days), AgentQuestion), result)


def test_the_reason_given_most_for_worst_answers_is_named_and_ties_go_by_the_alphabet() -> None:
    reasons = ["rude", "late", "late", "rude", "vague"]
    worst = [review(f"r{n}", answer_score=0.0, answer_reason=reason) for n, reason in enumerate(reasons)]
    row = asked(*worst, review("r9", answer_score=10.0, answer_reason="vague"), review("r8", answer_score=0.0))
    assert (row["worst_reason"], row["worst_reason_count"]) == ("late", 2)
    assert (row["worst_count"], row["scored_count"], row["worst_ratio"]) == (6, 7, pytest.approx(6 / 7))
    assert asked(review(answer_score=0.0))["worst_reason"] is None


def test_a_question_answered_only_when_something_is_found_has_a_rate_over_engagements() -> None:
    engagements = [engagement(f"e{n}") for n in range(4)]
    found = [review(f"r{n}", type="Auto", question_pid="q1", engagement_pid=f"e{n % 2}") for n in range(3)]
    row = asked(*found, engagements=engagements, found_only_questions=("q1",))
    assert (row["found_engagement_count"], row["engagement_count"], row["found_ratio"]) == (2, 4, 0.5)
    assert (row["answer_count"], row["scored_count"], row["score_mean"]) == (3, 0, None)
    assert asked(*found, engagements=engagements)["found_ratio"] is None


def test_a_found_rate_is_over_the_days_whose_engagements_are_known() -> None:
    found = [review(type="Auto", question_pid="q1")]
    choices = ScoringChoices(found_only_questions=("q1",))
    days = [score_rows(([engagement(f"f{n}"), engagement()], None, found, None), choices, ago(n)) for n in (0, 1)]
    answers = pa.concat_tables([as_arrow(day.answers, Answer) for day in days if day.answers is not None])
    of_one_day = as_arrow(score_agents_daily(days[0].engagements), AgentDaily)
    (row,) = listed(ask(answers, of_one_day, [DAY, ago(1)]), AgentQuestion)
    assert (row["answer_count"], row["found_engagement_count"], row["found_ratio"]) == (2, 1, 0.5)
    (row,) = listed(ask(answers.slice(1), of_one_day, [ago(1)]), AgentQuestion)
    assert (row["found_engagement_count"], row["engagement_count"], row["found_ratio"]) == (0, None, None)


def test_answers_that_say_nothing_of_the_agent_make_no_row() -> None:
    rows = [review(status="Deleted"), review("r2", type="Auto", verified="Incorrect"), review("r3", type="Somebody")]
    scored = score_rows(([engagement()], None, rows, None), ScoringChoices())
    assert scored.answers is not None
    agent_days = as_arrow(score_agents_daily(scored.engagements), AgentDaily)
    assert len(AgentQuestion.validate(ask(as_arrow(scored.answers, Answer), agent_days, [DAY]))) == 0


def write_scores(warehouse: Warehouse, day: date, reviews: Sequence[Row]) -> None:
    scored = score_rows(([engagement()], None, reviews, None), ScoringChoices(), day)
    assert scored.answers is not None
    daily = score_agents_daily(scored.engagements)
    for name, frame in (("answer", scored.answers), ("agent_daily", daily)):
        with warehouse.create(warehouse.table_path(("scores", name), day)) as path:
            pq.write_table(as_arrow(frame, SCORE_MODELS[name]), path)


def materialize(folder: Path, day: date) -> tuple[list[Row], dict[str, Any]]:
    """The rows that the asset writes for a window, and the metadata that it shows."""
    settings = Settings(start_date=ago(200), warehouse=str(folder))
    resource = WarehouseResource(address=str(folder), simulated=False, timezone="UTC")
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [*build_agent_questions(settings)],
            partition_key=day.isoformat(),
            instance=instance,
            resources={
                "warehouse": resource,
                "io_manager": WarehouseIOManager(warehouse=resource, volume_tolerance=0.5),
            },
        )
        (record,) = instance.fetch_materializations(KEY, limit=1).records
    assert result.success
    assert record.asset_materialization is not None
    metadata = {name: value.value for name, value in record.asset_materialization.metadata.items()}
    warehouse = Warehouse(str(folder))
    with warehouse.open_parquet(warehouse.table_path(tuple(KEY.path), day)) as file:
        return file.read().to_pylist(), metadata


def test_a_window_is_91_days_long_and_days_that_are_not_there_are_left_out(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    for days, score in ((91, 0.0), (90, 10.0), (3, 5.0), (0, 5.0), (-1, 0.0)):
        write_scores(warehouse, ago(days), [review(answer_score=score)])
    write_scores(warehouse, ago(7), [])
    (row,), metadata = materialize(tmp_path, DAY)
    assert (row["end_date"], row["first_date"], row["days_present_count"]) == (DAY, ago(90), 4)
    assert (row["scored_count"], row["score_sum"], row["engagement_count"]) == (3, 2.0, 4)
    assert (metadata["days_present_count"], metadata["first_date"]) == (4, ago(90).isoformat())


def test_a_window_without_a_scored_day_is_written_without_rows(tmp_path: Path) -> None:
    rows, metadata = materialize(tmp_path, DAY)
    assert (rows, metadata["days_present_count"], "first_date" in metadata) == ([], 0, False)
