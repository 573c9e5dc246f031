"""The checks `plausible` and `reconciles` of a day's score, from its file once it is written.

Values are held against bounds by the statistics in the file's footer. Sums are compared along the way from tables to
engagements, from these to a day's sums, and from those to windows: that of 7 days, whose days are few, against their
files, longer ones against what was read of their days. From raw files to tables the tables' own check `rejects`
compares.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from salted_assets.defs.asset_checks.outcome import ERROR, CheckOutcome, build_record, count, explain, table_metadata
from salted_assets.schemas.base import ColumnFacts, columns_of
from salted_assets.schemas.scores import SCORE_MODELS, WINDOWS, AgentDaily
from salted_assets.scoring.day_rows import split_days
from salted_assets.warehouse import Warehouse

SCORE_CHECKS = {
    "plausible": "There are rows where there were engagements, and no value is outside the bounds of its column.",
    "reconciles": "Sums agree with those of what the score is made of: with the newest rows of tables, with "
    "engagements, with answers, or with the sums of days of each window. Whether tables hold every record of the raw "
    "files says the check rejects of each table.",
}
"""The checks of every score, with what they ask."""

_PAGE_ASKS = (
    "There are agents where there were engagements, and what the page is made of was not replaced while it was made."
)

ENGAGEMENTS_IN_TABLES, REVIEWS_IN_TABLES = "engagements_in_tables", "reviews_in_tables"
"""Metadata of scores made of tables: the newest rows there that count, found without the score's own query."""

OF_WINDOWS = "handle_times_of_windows"
"""Metadata of windows: by their days the handle times of the days that were read for them."""

_SUMMED = ("engagement_count", "handle_time_ms_sum", "evaluation_reviewer_count")
_WINDOW_DAYS = 7
_WINDOWED = {"agent_rolling": "handle_time_ms", "team_rolling": "handle_time_ms", "fair": "handle_time_geometric_ms"}
"""Scores of windows, each with the measure whose counts are compared."""

_COUNTED = {"handle_time_ms": "handle_time_ms_count", "handle_time_geometric_ms": "handle_time_log_count"}
"""The columns of a day that have these counts."""

_PARTS = {
    "agent_question": (("worst_count", "scored_count"), ("scored_count", "answer_count")),
    "settlement": (("day_count", "learning_day_count"),),
    "auto_reviewer_drift": (("engagement_count", "both_count"),),
}
"""Counts of one row of which the first is a part of the second, where rows are of windows of many days."""

_REVIEWERS = ("reviewer", "auto")
"""The sources of reviews that `reviewer_calibration` has rows of."""

_COMPLETED, _SCORED = "completed reviews", "completed reviews with a score"

_Reviews = Counter[tuple[str, str | None, str]]
"""Reviews by source, reviewer and which of the two they are."""

_ROUNDING = 1e-9


@dataclass(frozen=True)
class SumPair:
    """A sum of the score and that of what it is made of; of parts the first is at most the second."""

    what: str
    here: int
    there: int
    is_part: bool = False

    @property
    def agrees(self) -> bool:
        """Whether the two are as they should be."""
        return self.here <= self.there if self.is_part else self.here == self.there


class ScoreChecks:
    """Looks at the days of one score. What it has read of other scores' days it keeps, so use one for a step."""

    def __init__(self, warehouse: Warehouse, name: str) -> None:
        self._warehouse, self._name = warehouse, name
        columns = columns_of(SCORE_MODELS[name])
        self._bounded = [facts for facts in columns if facts.minimum is not None or facts.maximum is not None]
        self._sums_of = lru_cache(maxsize=None)(self._read_sums)
        self._reviews_of = lru_cache(maxsize=None)(self._read_reviews)

    def check(
        self, file: pq.ParquetFile, day: date, metadata: Mapping[str, Any], *, is_current: Callable[[], bool]
    ) -> list[CheckOutcome]:
        """The outcomes on a day's file that was just written; `metadata` is that of its materialization.

        `is_current` is asked where sums differ: what was made of files that were replaced meanwhile is not compared.
        """
        row_count, outside = int(file.metadata.num_rows), find_outside(file, self._bounded)
        pairs = self._compare(file, day, metadata)
        if not all(pair.agrees for pair in pairs) and not is_current():
            pairs = []
        source_count = max((pair.there for pair in pairs if not pair.is_part), default=0)
        return [check_plausible(row_count, source_count, outside), check_sums(pairs)]

    def _compare(self, file: pq.ParquetFile, day: date, metadata: Mapping[str, Any]) -> list[SumPair]:
        name, row_count = self._name, int(file.metadata.num_rows)
        if name == "engagement":
            return [SumPair("engagements that count", row_count, metadata[ENGAGEMENTS_IN_TABLES])]
        if name == "answer":
            return [SumPair("reviews of engagements that count", row_count, metadata[REVIEWS_IN_TABLES])]
        if name in _WINDOWED:
            return self._compare_windows(file, day, _WINDOWED[name], metadata)
        if name == "reviewer_calibration":
            return self._compare_reviewers(file, day)
        if name in _PARTS:
            whole = [self._compare_answers(file, day)] if name == "agent_question" else []
            return [*_compare_parts(file, _PARTS[name]), *whole]
        engagements = self._sums_of("engagement", day, ("handle_time_ms", "evaluation_reviewer_count"))
        rows = file.read(list(_SUMMED))  # those that the file has
        summed = [column for column in _SUMMED if column in rows.column_names]
        ours = _sum_columns(rows, summed)
        theirs = (engagements[""], engagements["handle_time_ms"], engagements["evaluation_reviewer_count"])
        there = dict(zip(_SUMMED, theirs, strict=True))
        return [SumPair(what, ours[what], there[what]) for what in summed]

    def _compare_windows(
        self, file: pq.ParquetFile, day: date, measure: str, metadata: Mapping[str, Any]
    ) -> list[SumPair]:
        rows = file.read(["window_days", "measure", "measure_count"])
        rows = rows.filter(pc.equal(pc.cast(rows["measure"], "string"), measure))
        column = _COUNTED[measure]
        week = [self._sums_of("agent_daily", each, (column,))[column] for each in _list_window(day, _WINDOW_DAYS)]
        read = metadata.get(OF_WINDOWS, {})
        there = {_WINDOW_DAYS: sum(week)} | {days: read[f"{days}"] for days in WINDOWS[1:] if f"{days}" in read}
        here = {
            days: pc.sum(rows.filter(pc.equal(rows["window_days"], days))["measure_count"]).as_py() for days in there
        }
        return [SumPair(f"{column} of {days} days", int(here[days] or 0), count) for days, count in there.items()]

    def _compare_answers(self, file: pq.ParquetFile, day: date) -> SumPair:
        """Of `agent_question` the scored answers, against those of the window's days."""
        days = _list_window(day, max(WINDOWS))
        there = sum(self._sums_of("answer", each, ("is_scored",))["is_scored"] for each in days)
        here = _sum_columns(file.read(["scored_count"]), ["scored_count"])["scored_count"]
        return SumPair("scored answers", here, there)

    def _compare_reviewers(self, file: pq.ParquetFile, day: date) -> list[SumPair]:
        """Of `reviewer_calibration` the completed reviews and scores of each reviewer, against the window's answers.

        How many reviewers have other counts is said, and not which: an outcome names nobody.
        """
        rows = file.read(["source", "reviewer_pid", "completed_count", "score_count"])
        here = _count_by_reviewer(rows, rows["completed_count"], rows["score_count"])
        there: _Reviews = Counter()
        for each in _list_window(day, max(WINDOWS)):
            there.update(self._reviews_of(each))
        keys = here.keys() | there.keys()
        reviewers = {key[:2] for key in keys}
        apart = {key[:2] for key in keys if here[key] != there[key]}
        return [
            *(SumPair(what, _sum_reviews(here, what), _sum_reviews(there, what)) for what in (_COMPLETED, _SCORED)),
            SumPair("reviewers with as many as in their answers", len(reviewers - apart), len(reviewers)),
        ]

    def _read_reviews(self, day: date) -> _Reviews:
        """The completed reviews and scores of a day of answers by source and reviewer; none where it is not there."""
        try:
            with self._warehouse.open_parquet(self._warehouse.table_path(("scores", "answer"), day)) as file:
                rows = file.read(["source", "reviewer_pid", "status", "score"])
        except FileNotFoundError:
            return Counter()
        rows = rows.filter(pc.is_in(_texts(rows, "source"), value_set=pa.array(_REVIEWERS)))
        is_completed = pc.fill_null(pc.equal(_texts(rows, "status"), "completed"), fill_value=False)
        return _count_by_reviewer(rows, is_completed, pc.and_(is_completed, pc.is_valid(rows["score"])))

    def _read_sums(self, name: str, day: date, columns: tuple[str, ...]) -> Mapping[str, int]:
        """The sums of columns of a day of another score, and its rows under no name; 0 where it is not there."""
        try:
            with self._warehouse.open_parquet(self._warehouse.table_path(("scores", name), day)) as file:
                return {"": int(file.metadata.num_rows), **_sum_columns(file.read(list(columns)), columns)}
        except FileNotFoundError:
            return dict.fromkeys(("", *columns), 0)


class WindowTally:
    """Counts what is read of days for windows, by other means than the scores do: for `reconciles` to compare."""

    def __init__(self, name: str) -> None:
        self._column = _COUNTED[_WINDOWED[name]]
        self._counts: dict[date, int] = {}

    def count(self, days: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """The rows of `scores/agent_daily`, counted while they are taken."""
        for rows in days:
            for day, own in split_days(rows.select(["start_date", self._column]), AgentDaily):
                self._counts[day] = _sum_columns(own, [self._column])[self._column]
            yield rows

    def describe(self, end_date: date) -> dict[str, Any]:
        """The metadata of a day whose windows were made of what was counted."""
        counts = {
            f"{days}": sum(self._counts.get(each, 0) for each in _list_window(end_date, days)) for days in WINDOWS
        }
        return {OF_WINDOWS: counts}


def build_score_check_specs(key: dg.AssetKey, partitions: dg.PartitionsDefinition[str]) -> list[dg.AssetCheckSpec]:
    """The specs of a score's checks, one evaluation a day each."""
    return [
        dg.AssetCheckSpec(name, asset=key, description=asks, partitions_def=partitions)
        for name, asks in SCORE_CHECKS.items()
    ]


def build_page_check_spec(key: dg.AssetKey, partitions: dg.PartitionsDefinition[str]) -> dg.AssetCheckSpec:
    """The spec of the check `plausible` of a page, one evaluation a day."""
    return dg.AssetCheckSpec("plausible", asset=key, description=_PAGE_ASKS, partitions_def=partitions)


def check_page(shown: Mapping[str, Any], replaced: Sequence[str]) -> CheckOutcome:
    """Whether a page with this metadata has agents where there were engagements, and is not older than its inputs.

    `replaced` are those of its inputs that were replaced while it was made.
    """
    problems = ["no agent, where there were engagements"] if shown["engagements"] and not shown["agents"] else []
    problems += [f"{count(len(replaced), 'input')} newer than the page"] if replaced else []
    return CheckOutcome(
        "plausible",
        passed=not problems,
        metadata={
            "agents": shown["agents"],
            "engagements": shown["engagements"],
            **explain(
                bool(problems),
                "; ".join(problems),
                "Materialize the page again, once nothing else scores its days. Without agents, see whether the "
                "engagements of its window are all of machines, or of agents without a name.",
            ),
        },
    )


def find_outside(file: pq.ParquetFile, columns: Sequence[ColumnFacts]) -> list[tuple[str, float, float]]:
    """The columns with values outside their bounds, each with its least and greatest value; read off the footer."""
    found = []
    names = {file.schema.column(index).name: index for index in range(len(file.schema))}
    for facts in columns:
        low, high = _range_of(file, names[facts.name])
        floor = facts.minimum is not None and low < facts.minimum - _ROUNDING
        ceiling = facts.maximum is not None and high > facts.maximum + _ROUNDING
        if floor or ceiling:
            found.append((facts.name, low, high))
    return found


def check_plausible(row_count: int, source_count: int, outside: Sequence[tuple[str, float, float]]) -> CheckOutcome:
    """Whether there are rows where there should be, and all values are within the bounds of their columns."""
    is_empty = not row_count and source_count > 0
    records = [build_record(column=name, least=f"{low:g}", greatest=f"{high:g}") for name, low, high in outside]
    problems = ["no row, where there were engagements"] if is_empty else []
    problems += [f"{count(len(outside), 'column')} with values out of bounds"] if outside else []
    return CheckOutcome(
        "plausible",
        passed=not problems,
        metadata={
            "rows": row_count,
            **table_metadata("out_of_bounds", records),
            **explain(
                bool(problems),
                "; ".join(problems),
                "A value out of its bounds comes from a cell that no rule had refused, or from a defect of the "
                "program. Look the column up in the tables; make the day again, and report it if it fails again.",
            ),
        },
    )


def check_sums(pairs: Sequence[SumPair]) -> CheckOutcome:
    """Whether the sums agree; it passes where there is nothing to compare with."""
    apart = [pair for pair in pairs if not pair.agrees]
    records = [build_record(sum=pair.what, here=pair.here, there=pair.there) for pair in pairs]
    return CheckOutcome(
        "reconciles",
        passed=not apart,
        severity=ERROR,
        metadata={
            "sums_compared": len(pairs),
            **table_metadata("sums", records),
            **explain(
                bool(apart),
                ", ".join(f"{pair.what}: {pair.here} here, {pair.there} in what it is made of" for pair in apart),
                "Materialize the day again, with what is upstream of it. If it fails again, it is a defect of the "
                "program: report it.",
            ),
        },
    )


def count_in_tables(
    engagements: pa.Table, reviews: pa.Table | None, days: Sequence[date]
) -> dict[date, dict[str, int]]:
    """Of each day the engagements of type Agent and status Completed that have an agent, and the reviews of these.

    Counted on the rows as they were read, by other means than the scores: for `reconciles` to compare.
    """
    counts: dict[date, dict[str, int]] = {}
    is_counted = pc.and_(_is(engagements, "type", "agent"), _is(engagements, "status", "completed"))
    agent = pc.utf8_trim_whitespace(_texts(engagements, "agent_pid"))
    counted = engagements.filter(pc.and_kleene(is_counted, pc.not_equal(agent, "")))
    for day in days:
        own = counted.filter(pc.equal(counted["start_date"], day))
        counts[day] = {ENGAGEMENTS_IN_TABLES: own.num_rows}
        if reviews is not None:
            of_day = reviews.filter(pc.equal(reviews["start_date"], day))
            named = pc.is_in(_texts(of_day, "engagement_pid"), value_set=_texts(own, "pid"))
            counts[day][REVIEWS_IN_TABLES] = int(pc.sum(named).as_py() or 0)
    return counts


def _range_of(file: pq.ParquetFile, column: int) -> tuple[float, float]:
    """The least and the greatest value of a column, as its statistics have it; an empty range where it has none."""
    low, high = float("inf"), float("-inf")
    for group in range(file.metadata.num_row_groups):
        statistics = file.metadata.row_group(group).column(column).statistics
        if statistics is not None and statistics.has_min_max:
            low, high = min(low, float(statistics.min)), max(high, float(statistics.max))
    return low, high


def _compare_parts(file: pq.ParquetFile, parts: Sequence[tuple[str, str]]) -> list[SumPair]:
    columns = sorted({column for pair in parts for column in pair})
    sums = _sum_columns(file.read(columns), columns)
    return [SumPair(f"{part} within {whole}", sums[part], sums[whole], is_part=True) for part, whole in parts]


def _count_by_reviewer(rows: pa.Table, completed: pa.ChunkedArray, scored: pa.ChunkedArray) -> _Reviews:
    """Sums of these columns by source, reviewer and what is counted."""
    counted = {_COMPLETED: pc.cast(completed, "int64"), _SCORED: pc.cast(scored, "int64")}
    who = {name: _texts(rows, name) for name in ("source", "reviewer_pid")}
    sums = pa.table(who | counted).group_by(list(who)).aggregate([(what, "sum") for what in counted])
    return Counter(
        {
            (row["source"], row["reviewer_pid"], what): int(row[f"{what}_sum"] or 0)
            for row in sums.to_pylist()
            for what in counted
        }
    )


def _sum_reviews(counts: _Reviews, what: str) -> int:
    return sum(counted for key, counted in counts.items() if key[2] == what)


def _list_window(end_date: date, day_count: int) -> list[date]:
    return [end_date - timedelta(days=ago) for ago in range(day_count)]


def _sum_columns(rows: pa.Table, columns: Sequence[str]) -> dict[str, int]:
    return {column: int(pc.sum(rows[column]).as_py() or 0) for column in columns}


def _is(rows: pa.Table, column: str, text: str) -> pa.ChunkedArray:
    return pc.equal(pc.utf8_lower(pc.utf8_trim_whitespace(_texts(rows, column))), text)


def _texts(rows: pa.Table, column: str) -> pa.ChunkedArray:
    return pc.cast(rows[column], pa.string())
