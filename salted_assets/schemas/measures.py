"""What the scores measure: one list that the score tables' models and the formulas share.

Each measure and counter has its meaning, its unit and the delivered columns it is made from.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from salted_assets.schemas.engagement import AI_SCORES, Engagement

REVIEW_SOURCES: Mapping[str, str] = {
    "reviewer": "human reviewers",
    "auto": "the auto reviewers",
    "customer": "customers (surveys)",
    "agent": "the agents themselves (self-reviews)",
}
"""The review types of the vendor, in lower case, and who stands behind each; the four are never mixed."""

REPRESENTATIVE = "random_or_all"
"""Marks figures over reviews with sampling Random or All alone: the ones that were not chosen for a reason."""

TIMES = (
    "preparation_time",
    "engagement_time",
    "wrap_up_time",
    "hold_time",
    "focus_time",
    "invitation_time",
    "menu_time",
    "wait_time",
    "wait_for_customer_time",
    "total_time",
)
"""The vendor's durations of an engagement, all in ms; a score table adds the unit to the name."""


SENTIMENT = "sentiment"
"""The AI's score of a turn, which is summed by participant."""

AI_COLUMNS = (*AI_SCORES, SENTIMENT)
"""The vendor's columns that AI fills and that scores sum up."""


@dataclass(frozen=True)
class Measure:
    """A number that is summed up: `name` begins its columns, `sources` are where an engagement's number comes from.

    `per` says what is counted: each engagement gives at most one number, or several answers, evaluations or turns do.
    """

    name: str
    what: str
    unit: str
    sources: tuple[str, ...]
    per: str = "engagement"
    is_whole: bool = False


@dataclass(frozen=True)
class Counter:
    """A plain count for each engagement that is added up, such as answers that could not be scored."""

    name: str
    what: str
    unit: str
    sources: tuple[str, ...]


def delivered(dataset: str, *columns: str) -> tuple[str, ...]:
    """The sources that these columns of a vendor's dataset are, as `tables/engagement.empathy`."""
    return tuple(f"tables/{dataset}.{column}" for column in columns)


def scored(table: str, *columns: str) -> tuple[str, ...]:
    """The sources that these columns of a score table are, as `scores/answer.score`."""
    return tuple(f"scores/{table}.{column}" for column in columns)


_HANDLE_TIME_SOURCES = delivered("engagement", "preparation_time", "engagement_time", "wrap_up_time", "refused_columns")
_RESPONSE_SOURCES = delivered("turn", "engagement_pid", "participant", "turn_time", "refused_columns")
_TARGET_SOURCES = scored("answer", "engagement_pid", "source", "scoring_status")
_UNKNOWN_TURN_SOURCES = (*_TARGET_SOURCES, *scored("answer", "target"))
_VERIFIED_SOURCES = (*_TARGET_SOURCES, *scored("answer", "verified"))
_SAMPLING_SOURCES = (*_TARGET_SOURCES, *scored("answer", "sampling"))
_ANSWER_SOURCES = (*_TARGET_SOURCES, *scored("answer", "score"))
_EVALUATION_SOURCES = (*_ANSWER_SOURCES, *scored("answer", "evaluation", "weight"))
_CRITICAL_SOURCES = (*_TARGET_SOURCES, *scored("answer", "evaluation", "is_critical_failure"))
_REPRESENTATIVE_SOURCES = scored("answer", "is_random_or_all")


def _described(column: str) -> str:
    """The vendor column's own description, ready to stand within a sentence."""
    text = str(Engagement.to_schema().columns[column].description).rstrip(".")
    return text[0].lower() + text[1:] if not text.startswith("AI") else text


VALUE_MEASURES: tuple[Measure, ...] = (
    Measure(
        "handle_time_ms",
        "handle time (preparation + engagement + wrap-up)",
        "ms",
        _HANDLE_TIME_SOURCES,
        is_whole=True,
    ),
    Measure(
        "handle_time_log",
        "natural logarithm of the handle time in ms, of handle times above 0",
        "ln(ms)",
        _HANDLE_TIME_SOURCES,
    ),
    *(Measure(f"{time}_ms", _described(time), "ms", delivered("engagement", time), is_whole=True) for time in TIMES),
    Measure("cost", "cost of the engagement", "currency of the account", delivered("engagement", "cost")),
    Measure(
        "first_response_time_ms",
        "time from the customer's first turn to the agent's first turn at or after it",
        "ms",
        _RESPONSE_SOURCES,
        is_whole=True,
    ),
    *(Measure(score, _described(score), "vendor's scale", delivered("engagement", score)) for score in AI_SCORES),
)
"""Measures of which an engagement has one number, or none."""

SENTIMENT_MEASURES: tuple[Measure, ...] = tuple(
    Measure(
        f"sentiment_{participant}",
        f"sentiment of the turns taken by the {participant}",
        "vendor's scale",
        delivered("turn", "engagement_pid", "participant", SENTIMENT),
        per="turn",
    )
    for participant in ("agent", "customer")
)
"""Sentiment by participant, over turns."""

ENGAGEMENT_SENTIMENT_MEASURES: tuple[Measure, ...] = tuple(
    Measure(
        f"engagement_{measure.name}",
        f"an engagement's own mean of the {measure.what}",
        measure.unit,
        scored("engagement", f"{measure.name}_mean"),
    )
    for measure in SENTIMENT_MEASURES
)
"""Sentiment by participant, over engagements: the turns of one are not independent of each other, these are.

Its value for an engagement is the engagement's column that `sources` names.
"""


def _review_measures() -> tuple[Measure, ...]:
    measures = []
    for source, who in REVIEW_SOURCES.items():
        for suffix, restriction, extra in (
            ("", "", ()),
            (f"_{REPRESENTATIVE}", ", sampling Random or All alone", _REPRESENTATIVE_SOURCES),
        ):
            answer = f"score of an answer by {who}{restriction}: (answer - worst) / (best - worst)"
            evaluation = f"score of an evaluation by {who}{restriction}: mean over its scored answers"
            measures += [
                Measure(f"answer_{source}{suffix}", answer, "0..1", _ANSWER_SOURCES + extra, per="answer"),
                Measure(f"evaluation_{source}{suffix}", evaluation, "0..1", _EVALUATION_SOURCES + extra, "evaluation"),
            ]
    return tuple(measures)


REVIEW_MEASURES: tuple[Measure, ...] = _review_measures()
"""Answers and evaluations by source, once over every sampling and once over Random and All alone."""

EVALUATION_MEASURES: tuple[Measure, ...] = tuple(measure for measure in REVIEW_MEASURES if measure.per == "evaluation")
"""Evaluations alone: several of one engagement resemble each other, so that intervals go by engagements' own means."""

GROUPED_MEASURES: tuple[Measure, ...] = (*SENTIMENT_MEASURES, *REVIEW_MEASURES)
"""Measures of which an engagement has several numbers: it carries their count, sum, sum of squares and mean."""

TURN_COUNTERS: tuple[Counter, ...] = (
    Counter("turn_count", "turns, of all participants", "turns", delivered("turn", "engagement_pid")),
    Counter(
        "turn_agent_count", "turns taken by the agent", "turns", delivered("turn", "engagement_pid", "participant")
    ),
    Counter(
        "turn_customer_count",
        "turns taken by the customer",
        "turns",
        delivered("turn", "engagement_pid", "participant"),
    ),
)


def _review_counters() -> tuple[Counter, ...]:
    counters = []
    for source, who in REVIEW_SOURCES.items():
        counters += [
            Counter(
                f"answer_{source}_unscored_count",
                f"completed answers by {who} that give no score: one of the three points null, best equal to worst, "
                "or an answer outside its scale",
                "answers",
                _TARGET_SOURCES,
            ),
            Counter(
                f"answer_{source}_unreadable_count",
                f"completed answers by {who} of which one of the three points was refused or the vendor's reserved "
                "number: whether they would score is not known",
                "answers",
                _TARGET_SOURCES,
            ),
            *(
                Counter(
                    f"answer_{source}_{sampling}_count",
                    f"scored answers by {who} whose sampling is {sampling.capitalize()}",
                    "answers",
                    _SAMPLING_SOURCES,
                )
                for sampling in ("focused", "selected")
            ),
            *(
                Counter(
                    f"answer_{source}_{verification}_count",
                    f"answers by {who} with a score that are verified {verification.capitalize()}; they are in the "
                    "means unless a setting excludes them",
                    "answers",
                    _VERIFIED_SOURCES,
                )
                for verification in ("unclear", "disputed")
            ),
            Counter(
                f"answer_{source}_customer_turn_count",
                f"completed answers by {who} about a customer's turn, which say nothing of the agent and are left out",
                "answers",
                _TARGET_SOURCES,
            ),
            Counter(
                f"answer_{source}_unknown_turn_count",
                f"completed answers by {who} about a turn whose participant is not known here",
                "answers",
                _UNKNOWN_TURN_SOURCES,
            ),
            Counter(
                f"evaluation_{source}_failed_critical_count",
                f"evaluations by {who} with the worst answer on a critical question; null where the settings name none",
                "evaluations",
                _CRITICAL_SOURCES,
            ),
            Counter(
                f"evaluation_{source}_unreadable_count",
                f"evaluations by {who} with such an unreadable answer; their score is the mean over the others, null "
                "where there is no other",
                "evaluations",
                (*_TARGET_SOURCES, *scored("answer", "evaluation")),
            ),
        ]
    return (
        *counters,
        Counter(
            "answer_auto_incorrect_count",
            "completed auto answers that were dropped because somebody verified them Incorrect",
            "answers",
            _TARGET_SOURCES,
        ),
        Counter(
            "answer_auto_found_count",
            "auto answers to the questions that get a row only when something was found; null where the settings name "
            "none",
            "answers",
            _TARGET_SOURCES,
        ),
    )


REVIEW_COUNTERS: tuple[Counter, ...] = _review_counters()
