"""What a day's scorecard is made from: frames out of the score tables, summed up as far as SQL does it best."""

from dataclasses import dataclass
from datetime import date

import pandas as pd

from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.engagement import AI_SCORES
from salted_assets.schemas.measures import REPRESENTATIVE
from salted_assets.schemas.scores import SCORE_MODELS

WINDOW_DAYS = 28
ALARM_DAYS = 7
TREND_DAYS = 91
EVALUATION = "evaluation_reviewer"
HANDLE_TIME = "handle_time_geometric_ms"
CUSTOMER = "evaluation_customer"
MEASURES = (EVALUATION, f"{EVALUATION}_{REPRESENTATIVE}", HANDLE_TIME, CUSTOMER, *AI_SCORES)
"""Those that a card shows of agents; an agent of a window has a row of each."""

TREND_SUMS = ("form_evaluation", "handle_time_log")
"""What is drawn week by week of all people and of teams, by the names of their sums."""

_AGREEMENT = (
    *("count", "exact_ratio", "exact_low", "exact_high"),
    *("ac2", "ac2_low", "ac2_high", "kappa", "low", "high"),
)
CALIBRATION_COLUMNS = (
    *("source", "reviewer_pid", "reviewer_name", "question_pid", "question_name", "completed_count"),
    *(f"agreement_{whom}_{part}" for whom in ("reviewer", "auto") for part in _AGREEMENT),
    *(f"leniency{end}" for end in ("", "_low", "_high")),
    *(f"verified_{verification}_count" for verification in ("correct", "incorrect", "unclear")),
    *("precision_ratio", "precision_low", "precision_high"),
)
PLAIN_COLUMNS = (
    *("window_days", "agent_pid", "agent_name", "is_bot", "team", "channel_type", "engagement_count"),
    *("measure", "measure_count", "mean", "trend", "trend_low", "trend_high"),
)
FAIR_KEY = ("window_days", "agent_pid", "measure")
_PLAIN, _FAIR = (arrow_schema(SCORE_MODELS[name]).names for name in ("agent_rolling", "fair"))
FAIR_COLUMNS = tuple(name for name in _FAIR if name not in _PLAIN)


@dataclass(frozen=True)
class ScorecardInputs:
    """The frames behind one scorecard.

    `rolling` holds the rows of agent_rolling of the end day that the page shows, with what the fair score says of
    them, `before` what of them tells news of the card a week earlier, `restated` what of that card's figures has moved
    since; `centre` the sums of all people by day of the
    window, `weeks` by week over `TREND_DAYS`, the last one ending on the end day, `resolutions` how often each
    occurs in these, `team_weeks` the same sums by team with the number of its people, `by_agent` by agent over the
    window; `low_forms` and `low_singles` the evaluations of the window below the threshold, newest first; `questions`
    the rows of agent_question of the end day, `question_answers` reviewers' answers of its days by agent, question,
    reason and whether they are of the window;
    `outcomes`, `work`, `far_apart` and `disputes` what the sections of these names read (no disputes where the
    exports' versions cannot be read); `calibration` the rows of reviewer_calibration of the end day, `leniency` a row
    per reviewer out of them.

    `weeks` and `team_weeks` say of how many days of the week there are scores (`day_count`), and how many people have a
    value of each of `TREND_SUMS` (`<name>_agent_count`).

    In a week a person's team is the one with most of the person's engagements, as in team_rolling, so the last week is
    its window of 7 days. Weeks are added up from days, not read from its earlier partitions: days are always restated.
    Sums of evaluations are of whole forms and of single answers apart, see `evaluations`.
    """

    end_date: date
    days_present: int
    rolling: pd.DataFrame
    before: pd.DataFrame
    restated: pd.DataFrame
    centre: pd.DataFrame
    weeks: pd.DataFrame
    resolutions: pd.DataFrame
    team_weeks: pd.DataFrame
    by_agent: pd.DataFrame
    low_forms: pd.DataFrame
    low_singles: pd.DataFrame
    questions: pd.DataFrame
    question_answers: pd.DataFrame
    outcomes: pd.DataFrame
    work: pd.DataFrame
    far_apart: pd.DataFrame
    disputes: pd.DataFrame | None
    calibration: pd.DataFrame
    leniency: pd.DataFrame
