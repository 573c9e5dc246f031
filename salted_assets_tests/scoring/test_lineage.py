"""What the score tables say of their columns: sources that exist, units, and no more read than is said."""

from collections.abc import Callable

import pandas as pd
import pytest

from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.base import columns_of
from salted_assets.schemas.lineage import list_sources
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.scoring import (
    AGENT_COLUMNS,
    ANSWER_COLUMNS,
    ENGAGEMENT_COLUMNS,
    QUESTION_AGENT_COLUMNS,
    QUESTION_ANSWER_COLUMNS,
    REVIEW_COLUMNS,
    REVIEWED_ENGAGEMENT_COLUMNS,
    REVIEWED_TURN_COLUMNS,
    TURN_COLUMNS,
    ScoringChoices,
    score_agent_segments_daily,
    score_agents_daily,
    score_queues_daily,
)
from salted_assets_tests.support.scoring_runs import score_rows

pytestmark = pytest.mark.slow

READ = {
    "answer": {
        "tables/engagement": REVIEWED_ENGAGEMENT_COLUMNS,
        "tables/turn": REVIEWED_TURN_COLUMNS,
        "tables/review": REVIEW_COLUMNS,
        "tables/agent": AGENT_COLUMNS,
    },
    "engagement": {
        "tables/engagement": ENGAGEMENT_COLUMNS,
        "tables/turn": TURN_COLUMNS,
        "tables/agent": AGENT_COLUMNS,
        "scores/answer": ANSWER_COLUMNS,
    },
    "agent_question": {"scores/answer": QUESTION_ANSWER_COLUMNS, "scores/agent_daily": QUESTION_AGENT_COLUMNS},
}
"""The columns that a score reads, as its asset asks for them."""

WHICH_ROWS_COUNT = {"tables/engagement.type", "tables/engagement.status", "scores/answer.start_date"}


def test_every_computed_column_names_real_sources_a_unit_and_its_own_description() -> None:
    known = {f"tables/{name}.{facts.name}" for name, model in DATASET_MODELS.items() for facts in columns_of(model)}
    for name, model in SCORE_MODELS.items():
        columns = columns_of(model)
        assert len({facts.description for facts in columns}) == len(columns)
        for facts in columns:
            sources = {f"{table}.{column}" for table, column in list_sources("scores", name)[facts.name]}
            assert sources, facts.name
            assert sources <= known, facts.name
            assert facts.unit or str(facts.arrow_type) in ("string", "bool"), facts.name
        known |= {f"scores/{name}.{facts.name}" for facts in columns}


@pytest.mark.parametrize("name", READ)
def test_the_scores_read_what_the_lineage_says_and_no_more(name: str) -> None:
    expected = {f"{table}.{column}" for table, columns in READ[name].items() for column in columns}
    said = {source for facts in columns_of(SCORE_MODELS[name]) for source in facts.sources}
    assert said | (WHICH_ROWS_COUNT & expected) == expected


@pytest.mark.parametrize(
    ("name", "add_up"),
    [
        ("agent_daily", score_agents_daily),
        ("agent_segment_daily", score_agent_segments_daily),
        ("queue_daily", score_queues_daily),
    ],
)
def test_nothing_counted_gives_no_row_in_the_full_schema(
    name: str, add_up: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    scored = score_rows(([], None, [], None), ScoringChoices())
    assert scored.answers is not None
    assert len(SCORE_MODELS["answer"].validate(scored.answers)) == 0
    assert len(SCORE_MODELS["engagement"].validate(scored.engagements)) == 0
    assert len(SCORE_MODELS[name].validate(add_up(scored.engagements))) == 0
