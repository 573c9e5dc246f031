"""A plan of reviews out of the scores of some days."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa

from salted_assets.explain.review_plan.evaluated import create_evaluated
from salted_assets.history.review_plans import PlanFiles, stored_schema
from salted_assets.history.score_files import list_score_days, read_score_day, score_damage_named, write_score_scan
from salted_assets.scoring.review_plan import Candidate, PoolVariances, allocate_reviews, draw_engagements
from salted_assets.scoring.stats import shrink
from salted_assets.warehouse import Warehouse
from salted_assets.warehouse.scans import Connection, connect

VARIANCE_DAYS = 91
"""The days to the last one out of which variances are found, as those of the fair score are."""

_FAIR_COLUMNS = ("agent_pid", "agent_name", "is_bot", "team", "channel_type", "window_days", "measure", "component")
_ENGAGEMENT_COLUMNS = ("engagement_pid", "start_date", "start_time", "link", "agent_pid", "channel_type")
_ELIGIBLE = """
    SELECT engagement_pid, engagement.start_date, start_time, link, agent.agent_pid,
        evaluated.score IS NOT NULL AS was_evaluated
    FROM {engagements} AS engagement
    JOIN agent ON agent.agent_pid = engagement.agent_pid
        AND agent.channel IS NOT DISTINCT FROM nullif(upper(trim(engagement.channel_type)), '')
    LEFT JOIN evaluated USING (engagement_pid)
    -- one whose start was corrected is in scores of two days until those of the earlier one are made again
    QUALIFY row_number() OVER (PARTITION BY engagement_pid ORDER BY engagement.start_date DESC) = 1
    ORDER BY agent_pid, engagement_pid
"""
_SUMS = """
    SELECT agent_pid, count(*)::DOUBLE AS count, fsum(score ORDER BY score) AS total,
        fsum(score * score ORDER BY score) AS squares,
        count(*) FILTER (WHERE start_date >= $first) AS evaluated_count
    FROM evaluated WHERE is_random_or_all GROUP BY agent_pid
"""


class NothingToDrawError(LookupError):
    """No scores, no engagements to draw from, or fewer than reviews were asked for; the message says which."""


@dataclass(frozen=True)
class Frame:
    """The days whose engagements can be drawn, how many reviews are wanted, and by which number they are drawn."""

    first: date
    last: date
    review_count: int
    seed: int


@dataclass(frozen=True)
class DrawnPlan:
    """A plan before it is stored: its rows in the columns of `ReviewPlan`, then `team`, `start_time` and `link`.

    `unknown_channels` are those in which it is not known of a group how much its agents differ, in order.
    Of the frame's days without scores nothing can be drawn.
    """

    plan_id: str
    rows: pa.Table
    unknown_channels: Sequence[str]
    unscored_day_count: int

    @property
    def stored(self) -> pa.Table:
        """The rows as they are stored."""
        return self.rows.select(stored_schema().names)


@dataclass(frozen=True)
class _Agent:
    name: str | None
    team: str | None
    channel_type: str | None
    pool: str


def draw_plan(warehouse: Warehouse, zone: str, frame: Frame, *, min_evaluations: int, now: datetime) -> DrawnPlan:
    """Draw a plan of reviews out of the scores of the frame's days; nothing is written.

    An engagement can be drawn that counts as the work of a person, in the main channel that `scores/fair` of the last
    day has for the agent over 91 days. Pools are those with whom that score compares: a channel, and there those whom
    common questions connect; an agent without evaluations is in the largest of the channel. Evaluations are means of
    an engagement by human reviewers, of those not chosen on purpose; what is drawn already and not done counts as if it
    were, since it is asked for. Variances are of the 91 days to the last one, pooled over agents with at least
    `min_evaluations`. The same seed and files give the same plan, but for its id and time.

    Raises NothingToDrawError, and WarehouseDamaged for a file that cannot be read.
    """
    agents = _read_agents(warehouse, frame)
    start = frame.last - timedelta(days=VARIANCE_DAYS - 1)
    with (
        connect() as connection,
        score_damage_named(warehouse, ("answer", "engagement"), min(start, frame.first), frame.last),
    ):
        create_evaluated(connection, warehouse, min(start, frame.first), frame.last)
        connection.register("agent", _to_table(agents))
        sums = connection.sql(_SUMS, params={"first": frame.first}).to_arrow_table().to_pylist()
        eligible = _read_eligible(connection, warehouse, frame)
    pending = _count_pending(warehouse, zone, eligible, frame)
    variances = _find_variances(agents, sums, min_evaluations)
    evaluated = {row["agent_pid"]: row["evaluated_count"] for row in sums}
    candidates = [
        Candidate(pid, agents[pid].pool, evaluated.get(pid, 0) + pending.get(pid, 0), len(rows))
        for pid, rows in eligible.items()
    ]
    _ensure_enough(candidates, frame)
    numbers = allocate_reviews(candidates, variances, frame.review_count)
    plan_id = f"{now:%Y%m%dT%H%M%SZ}-{uuid4().hex[:8]}"
    has_each = frame.review_count >= len(candidates)
    rows = []
    for each in sorted(candidates, key=lambda each: each.agent_pid):
        count = numbers.get(each.agent_pid, 0)
        own = evaluated.get(each.agent_pid, 0)
        reason = _give_reason(
            own,
            each.evaluated_count - own,
            is_first=has_each and count == 1,
            is_known=_is_known(variances, each.pool),
        )
        shared = {"plan_id": plan_id, "drawn_at_utc": now, "seed": frame.seed, "reason": reason}
        shared |= {"first_date": frame.first, "last_date": frame.last, "evaluated_count": own}
        rows += [shared | row for row in _draw(agents[each.agent_pid], eligible[each.agent_pid], count, frame.seed)]
    unknown = {each.pool.partition("|")[0] for each in candidates if not _is_known(variances, each.pool)}
    unscored = (
        (frame.last - frame.first).days + 1 - len(list_score_days(warehouse, "engagement", frame.first, frame.last))
    )
    return DrawnPlan(plan_id, pa.Table.from_pylist(rows, _build_schema()), sorted(unknown), unscored)


def _build_schema() -> pa.Schema:
    more = [("team", pa.string()), ("start_time", pa.timestamp("us", tz="UTC")), ("link", pa.string())]
    return pa.schema([*stored_schema(), *more])


def _read_agents(warehouse: Warehouse, frame: Frame) -> dict[str, _Agent]:
    """The people of the last day's fair scores, each with the pool."""
    if not warehouse.exists(warehouse.table_path(("scores", "fair"), frame.last)):
        raise NothingToDrawError(
            f"{frame.last} is not scored, so it is not known who worked then; `salted backfill {frame.last} "
            f"{frame.last}` does it, once the day has ended"
        )
    with score_damage_named(warehouse, ("fair",), frame.last, frame.last):
        rows = read_score_day(warehouse, "fair", frame.last, _FAIR_COLUMNS).to_pylist()
    people = {row["agent_pid"]: row for row in rows if row["window_days"] == VARIANCE_DAYS and not row["is_bot"]}
    component = {
        row["agent_pid"]: row["component"]
        for row in rows
        if row["window_days"] == VARIANCE_DAYS and row["measure"] == "evaluation_reviewer"
    }
    main = _find_main_components(people, component)
    return {
        pid: _Agent(row["agent_name"], row["team"], row["channel_type"], _pool_of(row, component.get(pid), main))
        for pid, row in people.items()
    }


def _normalize(channel_type: str | None) -> str:
    return (channel_type or "").strip().upper()


def _find_main_components(
    people: Mapping[str, Mapping[str, Any]], component: Mapping[str, int | None]
) -> dict[str, int]:
    """Each channel's component of most agents, of equal ones the first."""
    counts: dict[str, dict[int, int]] = {}
    for pid, row in people.items():
        if (number := component.get(pid)) is not None:
            of_channel = counts.setdefault(_normalize(row["channel_type"]), {})
            of_channel[number] = of_channel.get(number, 0) + 1
    return {channel: min(found, key=lambda each: (-found[each], each)) for channel, found in counts.items()}


def _pool_of(row: Mapping[str, Any], component: int | None, main: Mapping[str, int]) -> str:
    channel = _normalize(row["channel_type"])
    return f"{channel}|{main.get(channel, 0) if component is None else component}"


def _to_table(agents: Mapping[str, _Agent]) -> pa.Table:
    channels = [_normalize(agent.channel_type) or None for agent in agents.values()]
    return pa.table({"agent_pid": pa.array(agents, pa.string()), "channel": pa.array(channels, pa.string())})


def _read_eligible(connection: Connection, warehouse: Warehouse, frame: Frame) -> dict[str, list[dict[str, Any]]]:
    engagements = write_score_scan(connection, warehouse, "engagement", frame.first, frame.last, _ENGAGEMENT_COLUMNS)
    found: dict[str, list[dict[str, Any]]] = {}
    for row in connection.sql(_ELIGIBLE.format(engagements=engagements)).to_arrow_table().to_pylist():
        found.setdefault(row["agent_pid"], []).append(row)
    return found


def _count_pending(
    warehouse: Warehouse, zone: str, eligible: Mapping[str, list[dict[str, Any]]], frame: Frame
) -> dict[str, int]:
    """The engagements of each agent that an earlier plan drew and that nobody has evaluated yet."""
    days = [frame.first + timedelta(days=day) for day in range((frame.last - frame.first).days + 1)]
    drawn = set(PlanFiles(warehouse, zone).read_planned(days)["engagement_pid"].to_pylist())
    return {
        pid: sum(row["engagement_pid"] in drawn and not row["was_evaluated"] for row in rows)
        for pid, rows in eligible.items()
    }


def _find_variances(
    agents: Mapping[str, _Agent], sums: Sequence[Mapping[str, Any]], min_evaluations: int
) -> dict[str, PoolVariances]:
    """The variances of each pool in which they are known."""
    known = [row for row in sums if row["agent_pid"] in agents]
    pools = sorted({agents[row["agent_pid"]].pool for row in known})
    group = np.array([pools.index(agents[row["agent_pid"]].pool) for row in known], np.int64)
    if not known:
        return {}
    count, total, squares = (np.array([row[name] for row in known]) for name in ("count", "total", "squares"))
    shrunk = shrink(count, total, squares, group, min_count=min_evaluations)
    return {
        pools[number]: PoolVariances(float(within), float(between))
        for number, within, between in zip(group, shrunk.within_variance, shrunk.between_variance, strict=True)
        if np.isfinite(within) and np.isfinite(between)
    }


def _is_known(variances: Mapping[str, PoolVariances], pool: str) -> bool:
    return pool in variances and variances[pool].is_known


def _ensure_enough(candidates: Sequence[Candidate], frame: Frame) -> None:
    days = f"the days {frame.first} to {frame.last}"
    if not candidates:
        raise NothingToDrawError(
            f"no engagement of {days} can be drawn: none counts as the work of a person in the main channel. Are these "
            f"days scored? `salted backfill {frame.first} {frame.last}` does it"
        )
    there = sum(each.eligible_count for each in candidates)
    if frame.review_count > there:
        raise NothingToDrawError(
            f"{frame.review_count} reviews are more than the {there} engagements of {days}; ask for fewer, or name "
            "more days"
        )


def _draw(agent: _Agent, rows: Sequence[Mapping[str, Any]], count: int, seed: int) -> Iterator[dict[str, Any]]:
    by_pid = {row["engagement_pid"]: row for row in rows}
    of_agent = {
        "agent_name": agent.name,
        "team": agent.team,
        "channel_type": agent.channel_type,
        "probability": count / len(by_pid),
        "planned_count": count,
        "eligible_count": len(by_pid),
    }
    for pid in draw_engagements(by_pid, count, seed):
        yield {**by_pid[pid], **of_agent}


def _give_reason(evaluated_count: int, pending_count: int, *, is_first: bool, is_known: bool) -> str:
    so_far = f"{evaluated_count} by chance so far in these days"
    if pending_count:
        so_far = f"{so_far} and {pending_count} still to be done of earlier plans"
    if is_first:
        return f"{so_far}; one of each agent, so that means across agents stand for all"
    if is_known:
        return f"{so_far}; more of this agent narrow most what is not known"
    return f"{so_far}; how much agents differ is not known, so those with fewest come first"
