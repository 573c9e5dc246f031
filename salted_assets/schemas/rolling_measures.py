"""What rolling scores say of agents and teams: each daily measure, how it is averaged and whether it may be ranked."""

from dataclasses import dataclass
from enum import Enum

from salted_assets.schemas.engagement import AI_SCORES
from salted_assets.schemas.measures import (
    ENGAGEMENT_SENTIMENT_MEASURES,
    EVALUATION_MEASURES,
    REPRESENTATIVE,
    REVIEW_SOURCES,
    VALUE_MEASURES,
    Measure,
)


class Scale(Enum):
    """How a mean is made and how sure it is."""

    PLAIN = "mean, with a score interval where it lies in 0..1, else Student's t interval"
    LOG = "geometric mean, with Student's t interval on the log scale"
    SHARE = "share, with Wilson's interval"


@dataclass(frozen=True)
class RollingMeasure:
    """A measure of a window: `name` and `unit` as they stand in the tables, and the daily columns it is made from.

    `per` is what is counted: results of one engagement, or one evaluation, are not independent of each other.
    `squares` is None for a share, whose values are 0 and 1 and their own squares. `engagement_columns` are count, sum
    and sum of squares of the engagements' own means, where an engagement can have several values, and the sum of the
    squared numbers of these values: limits go by these.
    `is_compared_by_cases` says that the fair score tells the agent's part of it from that of the cases (channel, queue,
    language).
    """

    name: str
    what: str
    unit: str
    count: str
    total: str
    squares: str | None
    per: str = "engagement"
    scale: Scale = Scale.PLAIN
    is_ranked: bool = False
    is_compared_by_cases: bool = False
    engagement_columns: tuple[str, str, str, str] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of `scores/agent_daily` that are summed."""
        own = tuple(column for column in (self.count, self.total, self.squares) if column)
        return own + (self.engagement_columns or ())

    @property
    def is_bounded(self) -> bool:
        """Whether values lie in 0..1 by what they are, and are no shares."""
        return self.unit == "0..1"

    @property
    def unit_of_count(self) -> str:
        """What `measure_count` counts."""
        return f"{self.per}s"


CASE_SCORES = ("customer_satisfaction", "expressed_satisfaction", "severity")
"""AI scores that describe the customer or the case: shown, never ranked."""

_RANKED = {
    *(score for score in AI_SCORES if score not in CASE_SCORES),
    "engagement_sentiment_agent",
    *(f"evaluation_{source}{part}" for source in REVIEW_SOURCES for part in ("", f"_{REPRESENTATIVE}")),
} - {"evaluation_agent", f"evaluation_agent_{REPRESENTATIVE}"}

_HANDLE_TIME, _HANDLE_TIME_LOG = "handle_time_ms", "handle_time_log"

_VALUES = {_HANDLE_TIME, "wrap_up_time_ms", "hold_time_ms", "first_response_time_ms", *AI_SCORES}


def _of(measure: Measure) -> RollingMeasure:
    return RollingMeasure(
        name=measure.name,
        what=measure.what,
        unit=measure.unit,
        count=f"{measure.name}_count",
        total=f"{measure.name}_sum",
        squares=f"{measure.name}_sum_of_squares",
        per=measure.per,
        is_ranked=measure.name in _RANKED,
        is_compared_by_cases=measure.name in _RANKED and measure.name in AI_SCORES,
        engagement_columns=_engagement_columns(measure.name) if measure in EVALUATION_MEASURES else None,
    )


def _engagement_columns(name: str) -> tuple[str, str, str, str]:
    own = f"{name}_engagement"
    return f"{own}_count", f"{own}_mean_sum", f"{own}_mean_sum_of_squares", f"{own}_squared_count_sum"


def _of_handle_time_logs() -> RollingMeasure:
    what = next(measure.what for measure in VALUE_MEASURES if measure.name == _HANDLE_TIME)
    return RollingMeasure(
        name="handle_time_geometric_ms",
        what=f"{what}, of handle times above 0; one very long engagement hardly moves it",
        unit="ms",
        count=f"{_HANDLE_TIME_LOG}_count",
        total=f"{_HANDLE_TIME_LOG}_sum",
        squares=f"{_HANDLE_TIME_LOG}_sum_of_squares",
        scale=Scale.LOG,
        is_ranked=True,
        is_compared_by_cases=True,
    )


def _share(name: str, what: str, total: str, count: str, *, per: str = "engagement", is_ranked: bool) -> RollingMeasure:
    return RollingMeasure(name, what, "ratio", count, total, None, per, Scale.SHARE, is_ranked)


def _shares() -> tuple[RollingMeasure, ...]:
    return (
        _share(
            "service_level_met_ratio",
            "share of the judged engagements whose service level was met",
            "service_level_met_count",
            "service_level_judged_count",
            is_ranked=True,
        ),
        _share(
            "answer_auto_found_ratio",
            "share of the engagements in which an auto reviewer found something, by the questions that get a row only "
            "then",
            "answer_auto_found_engagement_count",
            "engagement_count",
            is_ranked=True,
        ),
        *(
            _share(
                f"evaluation_{source}_coverage_ratio",
                f"share of the engagements that have a scored evaluation by {who}",
                f"evaluation_{source}_engagement_count",
                "engagement_count",
                is_ranked=False,
            )
            for source, who in REVIEW_SOURCES.items()
        ),
        *(
            _share(
                f"evaluation_{source}_failed_critical_ratio",
                f"share of the evaluations by {who} with the worst answer on a critical question",
                f"evaluation_{source}_failed_critical_count",
                f"evaluation_{source}_count",
                per="evaluation",
                is_ranked=source != "agent",
            )
            for source, who in REVIEW_SOURCES.items()
        ),
    )


ROLLING_MEASURES: tuple[RollingMeasure, ...] = (
    _of_handle_time_logs(),
    *(_of(measure) for measure in VALUE_MEASURES if measure.name in _VALUES),
    *(_of(measure) for measure in ENGAGEMENT_SENTIMENT_MEASURES),
    *map(_of, EVALUATION_MEASURES),
    *_shares(),
)
"""Every measure of a window.

Turns and answers are left out, for those of one engagement or evaluation are not independent of each other, and so are
cost and the durations that agents do not decide on or the vendor does not define: `scores/agent_daily` has their sums.
"""

FAIR_MEASURES: tuple[RollingMeasure, ...] = tuple(measure for measure in ROLLING_MEASURES if measure.is_ranked)
"""The measures by which agents are compared: those of `scores/fair`."""
