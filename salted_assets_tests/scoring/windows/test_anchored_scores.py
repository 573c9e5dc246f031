"""The anchored score: what people and the auto reviewer said of the same engagements, added up by hand."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from statistics import fmean
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.scores import Answer
from salted_assets.scoring.auto_answers import sum_auto_answers
from salted_assets.scoring.fair import Agents, ReviewerEffects
from salted_assets.scoring.human_answers import gather_human_answers
from salted_assets.scoring.stats import AnchorOutcome, Floats, anchor_means, sum_pairs
from salted_assets.scoring.windows.anchored_scores import (
    ANCHOR_ANSWER_COLUMNS,
    NOTHING_IN_COMMON,
    REASONS,
    Work,
    anchor_scores,
)
from salted_assets_tests.support.rolling_rows import END

Row = dict[str, Any]

PIDS = [f"a{number}" for number in range(7)]
ENGAGEMENTS = 30
EFFECTS = {"kind": 0.1, "strict": -0.1}


def answer(agent: int, number: int, question: str, score: float | None, **others: Any) -> Row:
    """An auto answer to a question about an agent's engagement of that number, three a day."""
    usual = {
        "start_date": END - timedelta(days=number // 3),
        "pid": f"{agent}-{number}-{question}-{others}",
        "engagement_pid": f"e{agent}-{number}",
        "agent_pid": PIDS[agent],
        "channel_type": "CHAT",
        "target": "engagement",
        "source": "auto",
        "status": "completed",
        "question_pid": question,
        "evaluation": "session s",
        "score": score,
        "weight": 1.0,
        "scoring_status": "scored",
        "is_scored": True,
        "is_random_or_all": True,
        "is_found_only": False,
    }
    return usual | others


def evaluated(agent: int, number: int, question: str, score: float, auto: float | None, **others: Any) -> Row:
    """A person's answer, with the auto reviewer's to the same."""
    given = {"source": "reviewer", "form_id": "f", "reviewer_pid": "kind", "auto_score": auto}
    return answer(agent, number, question, score, **(given | others))


def anchor(rows: Sequence[Row], *, channel: str = "CHAT") -> Row:
    """What is said of the agents over 28 days, each with 30 engagements."""
    table = pa.Table.from_pylist(list(rows), schema=arrow_schema(Answer))
    (auto,) = sum_auto_answers(table, [END])
    effects = np.array(list(EFFECTS.values()))
    found = anchor_scores(
        gather_human_answers(table, ANCHOR_ANSWER_COLUMNS),
        auto,
        END,
        Agents(PIDS, np.zeros(len(PIDS), np.int64)),
        Work([channel] * len(PIDS), dict.fromkeys((7, 28, 91), np.full(len(PIDS), float(ENGAGEMENTS)))),
        ReviewerEffects(list(EFFECTS), effects, effects, effects, np.zeros(2, np.int64)),
        min_count=3,
    )
    return found[28]


class Centre:
    """Seven agents' engagements, all with auto answers to two questions but for some, ten of them evaluated by people.

    `solved` is always answered, `rude` only where it is found.
    """

    def __init__(self) -> None:
        rng = np.random.default_rng(7)
        self.auto: dict[tuple[int, int, str], float] = {}
        self.rows: list[Row] = []
        for agent in range(len(PIDS)):
            for number in range(ENGAGEMENTS):
                if rng.random() < 0.9:
                    self.auto[agent, number, "solved"] = round(float(rng.random()), 2)
                if rng.random() < 0.3:
                    self.auto[agent, number, "rude"] = 0.0
        self.human = {
            (agent, number, question): float(
                np.clip(0.6 * self.auto.get((agent, number, question), 0.8) + 0.3 * rng.random(), 0, 1)
            )
            for agent in range(len(PIDS))
            for number in range(agent, ENGAGEMENTS, 3)
            for question in ("solved", "rude")
        }
        for (agent, number, question), score in self.auto.items():
            self.rows.append(answer(agent, number, question, score, is_found_only=question == "rude"))
        for (agent, number, question), score in self.human.items():
            auto = self.auto.get((agent, number, question))
            self.rows.append(evaluated(agent, number, question, score, auto, weight=2.0 if question == "rude" else 1.0))

    def expected(self) -> Floats:
        """The anchored means, by hand."""
        usual = fmean(score for (*_, question), score in self.auto.items() if question == "solved")

        def predict(agent: int, number: int) -> float:
            rude = self.auto.get((agent, number, "rude"), 1.0)  # no row: not found, the better end
            return (self.auto.get((agent, number, "solved"), usual) + 2 * rude) / 3

        people, y, f = [], [], []
        for agent, number in sorted({key[:2] for key in self.human}):
            people.append(agent)
            y.append(
                (self.human[agent, number, "solved"] + 2 * self.human[agent, number, "rude"]) / 3 - EFFECTS["kind"]
            )
            f.append(predict(agent, number))
        every = [fmean(predict(agent, number) for number in range(ENGAGEMENTS)) for agent in range(len(PIDS))]
        pairs = sum_pairs(np.array(people), y, f, person_count=len(PIDS))
        return anchor_means(pairs, ENGAGEMENTS, every, np.zeros(len(PIDS), np.int64)).value


@pytest.fixture(scope="module")
def centre() -> Centre:
    return Centre()


def test_means_are_those_of_engagements_by_hand(centre: Centre) -> None:
    found = anchor(centre.rows)
    np.testing.assert_allclose(found["anchored_mean"], centre.expected(), rtol=1e-12)
    assert found["anchored_count"].tolist() == [10, 10, 10, 9, 9, 9, 8]
    assert (found["anchored_weight"] > 0.3).all()
    assert (found["anchored_extra_count"] > 0).all()
    assert (found["anchored_low"] < found["anchored_mean"]).all()
    assert np.ptp(found["anchored_shrunk_mean"]) < np.ptp(found["anchored_mean"])
    assert set(found["anchored_reason"]) == {None}
    without_one = anchor([row for row in centre.rows if row["agent_pid"] != "a6"])
    assert np.isnan(without_one["anchored_shrunk_mean"]).all(), "six people: it would tell of single ones"


def test_the_order_of_rows_and_what_does_not_count_change_nothing(centre: Centre) -> None:
    odd = [
        evaluated(0, 20, "solved", 0.0, 1.0, channel_type="EMAIL"),
        evaluated(0, 20, "solved", 0.0, 1.0, target="agent turn"),
        evaluated(0, 20, "other", 0.0, None),
        evaluated(0, 28, "solved", 0.0, 1.0, is_random_or_all=False),
        evaluated(0, 90, "solved", 0.0, 1.0),
        answer(0, 20, "solved", 0.0, channel_type=" Email"),
        answer(0, 20, "solved", 0.0, status="pending"),
        answer(0, 20, "solved", 0.0, target="agent turn"),
        answer(0, 20, "other", None),
        answer(0, 90, "solved", 0.0),
    ]
    order = np.random.default_rng(1).permutation(len(centre.rows) + len(odd))
    rows = [*centre.rows, *odd]
    found, expected = anchor([rows[index] for index in order]), anchor(centre.rows)
    for name, values in expected.items():
        if values.dtype != object:
            np.testing.assert_allclose(found[name], values, rtol=1e-12, err_msg=name)


def test_an_engagement_that_was_chosen_on_purpose_does_not_count(centre: Centre) -> None:
    selected = [row | {"is_random_or_all": row["engagement_pid"] != "e0-3"} for row in centre.rows]
    assert anchor(selected)["anchored_count"].tolist()[:2] == [9, 10]


def test_a_second_reviewer_of_an_engagement_is_no_second_engagement(centre: Centre) -> None:
    again = [
        row | {"pid": f"{row['pid']}-2", "reviewer_pid": "strict", "score": row["score"] - 0.2}
        for row in centre.rows
        if row["source"] == "reviewer"
    ]
    found, expected = anchor([*centre.rows, *again]), anchor(centre.rows)
    np.testing.assert_allclose(found["anchored_mean"], expected["anchored_mean"], rtol=1e-12)
    np.testing.assert_allclose(found["anchored_low"], expected["anchored_low"], rtol=1e-9)


def test_an_agent_has_the_questions_of_most_evaluations_and_colleagues_who_have_them_too(centre: Centre) -> None:
    only_solved = [
        row | {"form_id": "g"}
        for row in centre.rows
        if row["source"] == "auto" or row["agent_pid"] != "a5" or row["question_pid"] == "solved"
    ]
    mixed = [row | {"form_id": "g" if row["agent_pid"] == "a5" else "f"} for row in only_solved]
    found, expected = (
        anchor(mixed),
        anchor([row for row in mixed if row["agent_pid"] != "a5" or row["source"] == "auto"]),
    )
    for name in ("anchored_mean", "anchored_weight"):
        np.testing.assert_array_equal(found[name][:5], expected[name][:5])
    assert found["anchored_reason"][5] == REASONS[AnchorOutcome.FEW_OTHERS]
    y = [row["score"] - 0.1 for row in mixed if row["agent_pid"] == "a5" and row["source"] == "reviewer"]
    assert found["anchored_mean"][5] == pytest.approx(fmean(y))


def test_why_nothing_is_told_is_said_in_words(centre: Centre) -> None:
    auto = [row for row in centre.rows if row["source"] == "auto"]
    human = [row for row in centre.rows if row["source"] == "reviewer"]
    defaults: dict[str, list[str]] = defaultdict(list)
    for name, rows in {
        "no auto": [row | {"auto_score": None} for row in human],
        "no drawn": [*auto, *(row | {"is_random_or_all": False} for row in human)],
        "opposite": [*auto, *(row | {"score": 1 - row["score"]} for row in human)],
        "nothing": [],
    }.items():
        found = anchor(rows)
        defaults[name] = sorted(set(found["anchored_reason"]))
        assert np.isnan(found["anchored_mean"]).all() == (name != "opposite")
    assert defaults == {
        "no auto": [NOTHING_IN_COMMON],
        "no drawn": [REASONS[AnchorOutcome.NO_VALUE]],
        "opposite": [REASONS[AnchorOutcome.NO_RELATION]],
        "nothing": [NOTHING_IN_COMMON],
    }
    assert set(anchor(centre.rows, channel="EMAIL")["anchored_reason"]) == {NOTHING_IN_COMMON}
