"""What is planted in the simulated centre can be found in what it delivers, where `truth_of` says that it is."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from salted_assets.simulator import SimulatorOptions, truth_of
from salted_assets.simulator.data.contact_centre import LAPSE_LEVEL, LAPSES_FROM
from salted_assets.simulator.data.review_sessions import FOCUSED_BELOW
from salted_assets_tests.support.simulators import csv_bytes

pytestmark = pytest.mark.slow

BUILT_IN = SimulatorOptions()
TRUTH = truth_of(BUILT_IN)
OFTEN_REVIEWED = "Customer Care North"
FIRST_DAY = datetime(2024, 1, 8, tzinfo=UTC)
FIRST_CHANGE = datetime(2024, 5, 20, tzinfo=UTC)


@cache
def delivered(dataset: str, start: datetime, days: int) -> pd.DataFrame:
    """What came in the end of the days from `start` on, without what came late of those before."""
    end = start + timedelta(days=days)
    data = csv_bytes(dataset, start, end, end + timedelta(days=30), BUILT_IN)
    rows = pd.read_csv(BytesIO(data), keep_default_na=False, na_values=[""])
    times = {"review": "engagement_start_time", "engagement": "start_time"}
    if dataset not in times:
        return rows
    rows["start"] = pd.to_datetime(rows[times[dataset]])
    rows["day"] = rows["start"].dt.date
    return rows[rows["start"] >= start].copy()


@cache
def answers(start: datetime = FIRST_DAY, days: int = 28) -> pd.DataFrame:
    """Answers with a score of completed reviews of whole engagements."""
    rows = delivered("review", start, days)
    rows["answer"] = (rows["answer_score"] - rows["worst_score"]) / (rows["best_score"] - rows["worst_score"])
    return rows[(rows["status"] == "Completed") & rows["turn_pid"].isna() & rows["answer"].notna()]


def given_by(source: str, start: datetime = FIRST_DAY, days: int = 28) -> pd.DataFrame:
    rows = answers(start, days)
    return rows[rows["type"] == source]


def teams_of_people() -> "pd.Series[str]":
    agents = delivered("agent", FIRST_DAY, 28)
    return agents[agents["type"] != "Bot"].set_index("pid")["team"]


def without_agents(values: pd.DataFrame) -> pd.DataFrame:
    """Each engagement's values less the means of its agent."""
    return values - values.groupby("agent_pid").transform("mean")


def test_forty_people_work_in_teams_of_six_to_fourteen_over_channels_and_queues() -> None:
    work = delivered("engagement", FIRST_DAY, 28).query("type == 'Agent'")
    queues = work.groupby("agent_pid")[["queue", "channel_type"]].nunique()

    assert len(teams_of_people()) == 40
    assert teams_of_people().value_counts().between(6, 14).all()
    assert (queues["queue"] >= 4).all()
    assert (queues["channel_type"] >= 2).mean() > 0.9


@pytest.mark.parametrize("start", [FIRST_DAY, datetime(2024, 9, 2, tzinfo=UTC)])
def test_most_people_are_reviewed_four_to_ten_times_a_month_and_one_team_often(start: datetime) -> None:
    people = teams_of_people()
    counts = given_by("Reviewer", start).groupby("agent_pid")["engagement_pid"].nunique()
    counts = counts.reindex(people.index, fill_value=0)
    often = people == OFTEN_REVIEWED

    assert counts[~often].between(4, 10).mean() > 0.65
    assert counts[~often].between(2, 15).all()
    assert counts[often].min() >= 20


def test_people_and_the_automatic_reviewer_agree_in_part_on_the_questions_that_they_share() -> None:
    people, auto = given_by("Reviewer").query("sampling == 'Random'"), given_by("Auto")
    keys = ["agent_pid", "engagement_pid", "question_pid"]
    pairs = people.merge(auto, on=keys, suffixes=("_people", "_auto"))
    both = pairs.groupby(keys[:2])[["answer_people", "answer_auto"]].mean()

    found = without_agents(both).corr().to_numpy()[0, 1]

    assert len(both) > 200
    assert 0.5 < found < 0.7


def test_focused_reviews_are_of_engagements_below_a_low_automatic_score_and_random_ones_of_any() -> None:
    auto = given_by("Auto").groupby("engagement_pid")["answer"].mean()
    chosen = given_by("Reviewer").groupby("engagement_pid")["sampling"].first()
    scores = pd.DataFrame({"auto": auto.reindex(chosen.index), "sampling": chosen})
    focused, random = (scores[scores["sampling"] == sampling]["auto"] for sampling in ("Focused", "Random"))

    assert len(focused) > 50
    assert (focused < FOCUSED_BELOW).all()
    assert (auto < FOCUSED_BELOW).sum() > 5 * len(focused)
    assert random.mean() == pytest.approx(auto.mean(), abs=0.03)


def test_forms_differ_by_language_and_share_questions_with_one_another() -> None:
    languages = delivered("engagement", FIRST_DAY, 28).set_index("pid")["language"]
    people = given_by("Reviewer").assign(language=lambda rows: rows["engagement_pid"].map(languages))
    known = people[people["language"].notna()]
    forms = {
        (str(language), str(form)): frozenset(rows["question_pid"])
        for (language, form), rows in known.groupby(["language", "form_id"])
    }

    assert len({form for _, form in forms}) == len(forms)
    assert {language for language, _ in forms} == {"en", "de", "es", "cs"}
    assert len(frozenset.union(*forms.values())) > max(len(questions) for questions in forms.values())
    assert frozenset.intersection(*forms.values())


def test_evaluations_are_done_on_working_days_within_ten_days() -> None:
    ends = pd.to_datetime(delivered("engagement", FIRST_DAY, 28).set_index("pid")["end_time"])
    people = given_by("Reviewer").query("verified.isna()").drop_duplicates("review_session_id")
    done = pd.to_datetime(people["review_time"])
    days = (done - people["engagement_pid"].map(ends)).dt.total_seconds() / 86_400
    weekend = done.dt.day_of_week >= 5

    assert weekend.mean() < 0.1
    assert (people["start"].dt.day_of_week >= 5).mean() > 0.08
    assert days.between(0, 10).all()
    assert (days > 6).sum() > 5


def test_surveys_are_answered_over_ten_days() -> None:
    ends = pd.to_datetime(delivered("engagement", FIRST_DAY, 28).set_index("pid")["end_time"])
    surveys = given_by("Customer").query("verified.isna()").drop_duplicates("review_session_id")
    days = (pd.to_datetime(surveys["review_time"]) - surveys["engagement_pid"].map(ends)).dt.total_seconds() / 86_400

    assert days.between(0, 10).all()
    assert 0.05 < (days > 3).mean() < 0.5


def test_what_the_automatic_reviewer_gives_follows_level_luck_and_queue() -> None:
    queues = delivered("engagement", FIRST_DAY, 28).set_index("pid")["queue"]
    auto = given_by("Auto").groupby(["agent_pid", "day", "engagement_pid"])["answer"].mean().reset_index()
    auto["queue"] = auto["engagement_pid"].map(queues).map(TRUTH.queue_shifts)
    auto["level"] = auto["agent_pid"].map(TRUTH.mean_levels(date(2024, 1, 8), date(2024, 2, 4)))
    luck = {day: TRUTH.luck_on(day) for day in auto["day"].unique()}
    auto["luck"] = [luck[day][agent] for day, agent in zip(auto["day"], auto["agent_pid"], strict=True)]
    facets = auto[["level", "luck", "queue"]]
    slopes = np.linalg.lstsq((facets - facets.mean()).to_numpy(), auto["answer"] - auto["answer"].mean(), rcond=None)[0]

    # A little below 1, for scores end at 1.
    assert slopes == pytest.approx(np.full(3, 0.85), abs=0.15)
    assert min(TRUTH.queue_shifts.values()) < -0.08


def change_of(source: str, day: date, weeks: int = 4) -> "pd.Series[float]":
    """The mean answer of each agent in the weeks from the day on, less the one in as many before."""
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
    rows = given_by(source, moment - timedelta(weeks=weeks), 7 * 2 * weeks)
    means = rows.groupby([rows["start"] >= moment, "agent_pid"])["answer"].mean()
    change: pd.Series[float] = means.loc[True] - means.loc[False]
    return change


@pytest.mark.parametrize("name", ["worsening", "coaching"])
def test_one_agent_gets_worse_and_one_better_on_a_known_day(name: str) -> None:
    change = getattr(TRUTH, name)
    found = change_of("Auto", change.day)
    others = found.drop(change.pid)

    assert found[change.pid] - others.median() == pytest.approx(change.shift, abs=0.05)
    assert abs(found[change.pid] - others.median()) > (others - others.median()).abs().max()
    before, after = (TRUTH.levels_on(change.day + timedelta(days=days))[change.pid] for days in (-1, 0))
    assert after - before == pytest.approx(change.shift)


def test_the_automatic_reviewer_changes_in_silence_on_a_known_day_and_people_do_not() -> None:
    change = TRUTH.grader_change
    auto, people = (change_of(source, change.day).median() for source in ("Auto", "Reviewer"))

    assert 0.6 * change.shift < auto < change.shift
    assert abs(people) < 0.4 * change.shift
    assert given_by("Auto", datetime(2024, 5, 20, tzinfo=UTC), 56)["version"].unique().tolist() == [1]
    assert {change.pid} == set(given_by("Auto")["reviewer_pid"])


@pytest.mark.parametrize("last_day", [date(2024, 8, 26), date(2026, 11, 29), date(2027, 2, 28)])
def test_any_four_weeks_after_the_first_changes_have_a_fall_a_rise_and_another_grader(last_day: date) -> None:
    changes = TRUTH.changes(last_day - timedelta(days=27), last_day)
    people = {change.shift: change.pid for change in changes if change.pid != TRUTH.grader_change.pid}

    assert sorted(people) == [LAPSE_LEVEL, -LAPSE_LEVEL]
    assert set(teams_of_people()[list(people.values())]) == {OFTEN_REVIEWED}
    assert [abs(change.shift) for change in changes if change.pid == TRUTH.grader_change.pid] == [0.1]
    for shift, pid in people.items():
        before, after = (TRUTH.levels_on(day)[pid] for day in (last_day - timedelta(days=27), last_day))
        assert after - before == pytest.approx(shift)


def test_who_falls_and_who_is_coached_is_seen_in_what_is_delivered() -> None:
    changes = [change for change in TRUTH.changes(date(2024, 8, 1), date(2024, 8, 31)) if abs(change.shift) > 0.1]
    (day,) = {change.day for change in changes}
    found = change_of("Auto", day, weeks=2)

    usual = found.drop([change.pid for change in changes]).median()
    assert {change.pid: found[change.pid] - usual for change in changes} == pytest.approx(
        {change.pid: change.shift for change in changes}, abs=0.08
    )


def test_the_first_page_says_what_is_planted() -> None:
    page = (Path(__file__).parents[2] / "docs" / "start.md").read_text()
    changes = (TRUTH.worsening, TRUTH.coaching, TRUTH.grader_change)

    for said in (
        str(FOCUSED_BELOW),
        OFTEN_REVIEWED,
        str(LAPSES_FROM),
        *(change.day.isoformat() for change in changes if change),
    ):
        assert said in page, said


def test_an_account_too_small_for_the_changing_agents_has_none() -> None:
    small = truth_of(SimulatorOptions(agent_count=3))

    assert small.worsening is small.coaching is None
    assert small.moves == {}
