"""The rows of `scores/queue_daily`: how a queue went on a day."""

import numpy as np
import pandas as pd
import pyarrow as pa

from salted_assets.schemas.scores import QUEUE_KEY, QUEUE_MEASURES, QUEUE_SHARES, EngagementScore, QueueDaily
from salted_assets.scoring.engagement_sums import (
    ENGAGEMENT_COUNTS,
    SHARES_OF_LABELS,
    coverage_ratios,
    covered_counts,
    means_of,
    sums_of,
)
from salted_assets.scoring.sql import Rows, framed, related
from salted_assets.scoring.stats import Floats, Interval, geometric_mean_interval, mean_interval, wilson_interval

_FACTS = (
    "count(DISTINCT agent_pid) AS agent_count",
    "count(*) FILTER (WHERE is_bot) AS bot_engagement_count",
)


def score_queues_daily(engagement_scores: Rows) -> pd.DataFrame:
    """One row per queue, channel type and start day with at least one counted engagement, in `QueueDaily`'s columns.

    Takes rows of `EngagementScore`, of one day or of several, in any order; none gives no row. A queue or channel that
    is null is one of its own. Means come with Student's t interval over the engagements that have the value, those of
    evaluations over evaluations; handle times also as geometric mean with the t interval of their logarithms; shares
    with Wilson's interval. All are 95 % intervals, null where the data do not tell them.

    >>> from datetime import date
    >>> from salted_assets.schemas.base import arrow_schema
    >>> rows = [{"engagement_pid": f"e{ms}", "start_date": date(2024, 1, 31), "agent_pid": "a1", "queue": "Sales",
    ...          "wait_time_ms": ms} for ms in (1_000, 2_000, 3_000)]
    >>> queue = score_queues_daily(pa.Table.from_pylist(rows, schema=arrow_schema(EngagementScore))).iloc[0]
    >>> float(queue["wait_time_ms_mean"]), round(queue["wait_time_ms_mean_low"]), round(queue["wait_time_ms_mean_high"])
    (2000.0, -484, 4484)
    """
    expressions = [*QUEUE_KEY, *ENGAGEMENT_COUNTS, *_FACTS, *covered_counts(), *sums_of(QUEUE_MEASURES)]
    derived = ["*", *SHARES_OF_LABELS, *means_of(QUEUE_MEASURES), *coverage_ratios()]
    key = ", ".join(QUEUE_KEY)
    with related(engagement_scores, EngagementScore) as scores:
        summed = scores.aggregate(", ".join(expressions), key).project(", ".join(derived)).order(key).to_arrow_table()
    return framed(_with_intervals(summed), QueueDaily)


def _with_intervals(summed: pa.Table) -> pa.Table:
    def numbers(column: str) -> Floats:
        return np.asarray(summed[column].to_pandas(), dtype=np.float64)

    def family(name: str) -> tuple[Floats, Floats, Floats]:
        return numbers(f"{name}_count"), numbers(f"{name}_sum"), numbers(f"{name}_sum_of_squares")

    intervals: dict[str, Interval] = {
        **{f"{measure.name}_mean": mean_interval(*family(measure.name)) for measure in QUEUE_MEASURES},
        **{
            share: wilson_interval(numbers(successes), numbers(count))
            for share, (successes, count) in QUEUE_SHARES.items()
        },
    }
    geometric = geometric_mean_interval(*family("handle_time_log"))
    columns = {"handle_time_geometric_mean_ms": geometric.value}
    for name, interval in {**intervals, "handle_time_geometric_mean_ms": geometric}.items():
        columns |= {f"{name}_low": interval.low, f"{name}_high": interval.high}
    for name, values in columns.items():
        summed = summed.append_column(name, pa.array(values, pa.float64(), from_pandas=True))
    return summed
