"""Changes of evaluations out of human answers: what reviewers, questions and days to come must not do to an alarm."""

import doctest
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pytest

from salted_assets.scoring.change import DAYS_BEFORE
from salted_assets.scoring.fair import Agents, read_human_answers
from salted_assets.scoring.windows import fair_changes
from salted_assets.scoring.windows.fair_changes import CHANGE_DAYS, AgentChanges, days_since_quarter, find_agent_changes
from salted_assets_tests.support.rolling_rows import END, Given, build_answers

pytestmark = pytest.mark.slow

QUARTER = days_since_quarter(END)
AGENTS = [f"a{agent}" for agent in range(8)]
LENIENT = {"kind": 0.1, "usual": 0.0, "strict": -0.1}
HARD = {"q0": 0.0, "q1": -0.1, "q2": 0.1}


def simulate(fall: float = 0.0, *, fallen: int = 45, seed: int = 1) -> list[Given]:
    """An evaluation of three answers each day; the first agent falls so many days before the end."""
    random = np.random.default_rng(seed)
    answers = []
    for ago in range(DAYS_BEFORE + QUARTER):
        for index, agent in enumerate(AGENTS):
            # The kind one comes in the quarter's last month: that is no agent's doing.
            reviewer = "kind" if ago < 30 else str(random.choice(["usual", "strict", "kind"]))
            level = 0.6 + 0.02 * index + LENIENT[reviewer] - (fall if index == 0 and ago < fallen else 0)
            level += random.normal(0, 0.08)
            answers += [
                Given(
                    float(np.clip(level + hard + random.normal(0, 0.08), 0, 1)),
                    reviewer,
                    agent,
                    question,
                    f"{agent} {ago}",
                    days_ago=ago,
                )
                for question, hard in HARD.items()
            ]
    return answers


def find(answers: Sequence[Given], end: date = END) -> AgentChanges:
    agents = Agents(AGENTS, np.zeros(len(AGENTS), np.int64))
    human = read_human_answers(build_answers(answers), end, AGENTS, days=CHANGE_DAYS)
    return find_agent_changes(human, agents, end)


def test_a_fall_is_found_and_dated_and_a_kinder_reviewer_is_none() -> None:
    found = find(simulate(0.12))
    assert found.direction[0] == "worse"
    assert "better" not in found.direction.tolist()
    since = date.fromisoformat(str(found.since[0]))
    assert abs((since - (END - timedelta(days=44))).days) <= 6
    is_quiet = np.array([direction is None for direction in found.direction.tolist()])
    assert is_quiet.sum() >= 4
    assert (np.isnat(found.since) == is_quiet).all()
    assert (np.abs(found.statistic[is_quiet]) < 1).all()


def test_a_rise_is_better() -> None:
    assert find(simulate(-0.15)).direction[0] == "better"


def test_an_alarm_stays_when_days_are_added() -> None:
    answers = simulate(0.12)
    told: dict[int, tuple[str, str]] = {}
    for ago in range(40, -1, -8):
        end = END - timedelta(days=ago)
        found = find([given for given in answers if given.days_ago >= ago], end)
        for agent, earlier in told.items():
            assert (found.direction[agent], str(found.since[agent])) == earlier
        told |= {
            agent: (direction, str(found.since[agent]))
            for agent, direction in enumerate(found.direction.tolist())
            if direction is not None
        }
    assert 0 in told


def test_questions_that_come_later_are_left_out() -> None:
    answers = simulate()
    hard = [
        Given(0.0, given.reviewer, given.agent, "new", given.engagement, days_ago=given.days_ago)
        for given in answers
        if given.days_ago < 60 and given.question == "q0"
    ]
    expected, found = find(answers), find([*answers, *hard])
    assert found.direction.tolist() == expected.direction.tolist()
    np.testing.assert_allclose(found.statistic, expected.statistic, rtol=1e-9)


def test_nothing_is_said_without_answers() -> None:
    found = find([])
    assert found.direction.tolist() == [None] * len(AGENTS)
    assert np.isnan(found.statistic).all()


def test_worked_numbers_hold() -> None:
    result = doctest.testmod(fair_changes)
    assert result.attempted > 0
    assert result.failed == 0
