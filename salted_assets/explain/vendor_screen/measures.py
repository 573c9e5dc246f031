"""What can be compared with the vendor's screen: each measure by our column and by the words for it there.

The vendor's built-in metrics have other names in accounts that renamed them; our column names are always understood.
"""

import re
from dataclasses import dataclass
from enum import Enum

from salted_assets.schemas.engagement import AI_SCORES
from salted_assets.schemas.measures import REVIEW_SOURCES


class Kind(Enum):
    """How a measure is written."""

    COUNT = "count"
    DURATION = "time"
    SHARE = "share"
    SCORE = "score"


class Basis(Enum):
    """What a measure is made of, which decides what a difference can come from."""

    ENGAGEMENTS = "engagements"
    REVIEWS = "reviews"


@dataclass(frozen=True)
class Measure:
    """A measure: our column, how it is written, its words on screens, and its SQL over `scores/engagement`.

    `review_source` is whose reviews it is made of; None of a measure of engagements.
    """

    column: str
    kind: Kind
    expression: str
    words: tuple[str, ...] = ()
    basis: Basis = Basis.ENGAGEMENTS
    review_source: str | None = None


def _build() -> list[Measure]:
    times = {
        "engagement_time": ("average engagement time", "engagement time", "talk time"),
        "preparation_time": ("preparation time",),
        "wrap_up_time": ("wrap-up time", "ACW", "after-call work"),
        "hold_time": ("hold time",),
        "wait_time": ("wait time",),
    }
    measures = [
        Measure(
            "engagement_count", Kind.COUNT, "count(*)", ("Agent Engagements", "engagements", "handled engagements")
        ),
        Measure(
            "conversation_count",
            Kind.COUNT,
            "count(DISTINCT conversation_id)",
            ("Agent Conversations", "conversations"),
        ),
        Measure(
            "handle_time_ms_mean",
            Kind.DURATION,
            "avg(handle_time_ms)",
            ("AHT", "average handle time", "average handling time", "handle time"),
        ),
        Measure("handle_time_ms_sum", Kind.DURATION, "sum(handle_time_ms)", ("total handle time",)),
        *(Measure(f"{name}_ms_mean", Kind.DURATION, f"avg({name}_ms)", words) for name, words in times.items()),
        *(Measure(f"{name}_mean", Kind.SCORE, f"avg({name})", (name,)) for name in AI_SCORES),
        *(_mean(f"sentiment_{who}", Kind.SCORE, (f"{who} sentiment",)) for who in ("agent", "customer")),
    ]
    means = {
        "reviewer": ("QA score", "quality score"),
        "auto": ("auto QA score",),
        "customer": ("CSAT", "survey score"),
    }
    counts = {"reviewer": ("evaluations", "QA evaluations"), "auto": ("auto evaluations",), "customer": ("surveys",)}
    for source in REVIEW_SOURCES:
        for what in ("evaluation", "answer"):
            is_evaluation = what == "evaluation"
            mean_words = means.get(source, ()) if is_evaluation else ()
            count_words = counts.get(source, ()) if is_evaluation else ()
            measures += [
                _mean(f"{what}_{source}", Kind.SHARE, mean_words, source),
                Measure(
                    f"{what}_{source}_count",
                    Kind.COUNT,
                    f"coalesce(sum({what}_{source}_count), 0)",
                    count_words,
                    Basis.REVIEWS,
                    source,
                ),
            ]
    return measures


def _mean(name: str, kind: Kind, words: tuple[str, ...], source: str | None = None) -> Measure:
    expression = f"sum({name}_sum) / nullif(sum({name}_count), 0)"
    basis = Basis.REVIEWS if source else Basis.ENGAGEMENTS
    return Measure(f"{name}_mean", kind, expression, words, basis, source)


MEASURES: tuple[Measure, ...] = tuple(_build())
"""All measures, in the order in which they are documented."""


def find_measure(text: str) -> Measure | None:
    """The measure that a person means, by our column or a screen's word, in whatever case and punctuation.

    >>> [found and found.column for found in map(find_measure, ("AHT", "Agent  engagements", "qa-score", "luck"))]
    ['handle_time_ms_mean', 'engagement_count', 'evaluation_reviewer_mean', None]
    """
    return _BY_WORD.get(_plain(text))


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))


_BY_WORD = {_plain(word): measure for measure in MEASURES for word in (measure.column, *measure.words)}
