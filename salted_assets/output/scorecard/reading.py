"""Reads the scores behind scorecards: what the windows of several days share is read and summed up once."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from itertools import chain

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.history.disputed_versions import read_disputed_versions
from salted_assets.history.score_files import read_score_day, score_damage_named, write_score_scan
from salted_assets.output.scorecard.card_days import create_card_days, split_by_card
from salted_assets.output.scorecard.comparison import COMPARED
from salted_assets.output.scorecard.disputes import READ_DISPUTES
from salted_assets.output.scorecard.evaluations import SUMMED as EVALUATION_SUMS
from salted_assets.output.scorecard.evaluations import load_evaluations
from salted_assets.output.scorecard.far_apart import READ_PAIRS
from salted_assets.output.scorecard.inputs import (
    ALARM_DAYS,
    CALIBRATION_COLUMNS,
    EVALUATION,
    FAIR_COLUMNS,
    FAIR_KEY,
    MEASURES,
    PLAIN_COLUMNS,
    TREND_DAYS,
    TREND_SUMS,
    WINDOW_DAYS,
    ScorecardInputs,
)
from salted_assets.output.scorecard.measure_trends import READ_RESOLUTIONS, WEEKLY_SUMS
from salted_assets.output.scorecard.news import SINCE
from salted_assets.output.scorecard.pass_rates import READ_OUTCOMES
from salted_assets.output.scorecard.questions import QUESTION_COLUMNS, READ_RECENT
from salted_assets.output.scorecard.restated import RestatedReader
from salted_assets.output.scorecard.reviewer_work import READ_WORK
from salted_assets.output.scorecard.targets import PASS_SCORE
from salted_assets.scoring.sql import sum_in_order
from salted_assets.scoring.windows.measure_columns import label_column
from salted_assets.scoring.windows.segments import find_main_labels, labels_as_recorded
from salted_assets.warehouse import Warehouse, WarehouseDamaged

_DAILY_SUMS = (
    "engagement_count",
    f"{EVALUATION}_engagement_count",
    *("handle_time_ms_count", "handle_time_ms_sum"),
    *(f"handle_time_log_{part}" for part in ("count", "sum", "sum_of_squares")),
)
_WHOLE = ("_count", "handle_time_ms_sum")


def _add_up(names: Iterable[str]) -> str:
    """Sums of columns of `trend_person_day` as SQL; those of whole numbers are exact in any order."""
    sums = ((name, f"sum({name})" if name.endswith(_WHOLE) else sum_in_order(name)) for name in names)
    return ", ".join(f"coalesce({total}, 0)::DOUBLE AS {name}" for name, total in sums)


_SUMS = _add_up((*_DAILY_SUMS, *EVALUATION_SUMS))
_WEEK_SUMS = _add_up(WEEKLY_SUMS)
_PEOPLE = ", ".join(
    f"count(DISTINCT agent_pid) FILTER (WHERE {name}_count > 0) AS {name}_agent_count" for name in TREND_SUMS
)
_DAILY_COLUMNS = ("start_date", "agent_pid", "is_bot", "resolution_counts", *_DAILY_SUMS, *WEEKLY_SUMS)
_SEGMENT_COLUMNS = ("start_date", "agent_pid", "team", "engagement_count")
_MEASURES = pa.array(MEASURES)
_LENIENCY_COLUMNS = ["reviewer_pid", "reviewer_name", "leniency", "leniency_low", "leniency_high"]
_SHARED = ("agent_daily", "answer", "engagement", "agent_segment_daily")
COMPARED_BY = {
    "agent_rolling": PLAIN_COLUMNS,
    "fair": (*FAIR_KEY, *FAIR_COLUMNS),
    "reviewer_calibration": CALIBRATION_COLUMNS,
}
"""The scores of the day itself that its page is made of, with what is read of them."""

_OF_DAY = COMPARED_BY | {"agent_question": QUESTION_COLUMNS}
"""All that is read of the day itself: a page is made without those by question too."""

_COMPARED_BEFORE = {
    "agent_rolling": (*(*FAIR_KEY, "agent_name", "team", "channel_type", "is_bot"),),
    "fair": (*FAIR_KEY, *COMPARED, "not_comparable_reason", "change_direction", "change_since"),
}
"""What is read of the day of the card before."""


def read_inputs(
    warehouse: Warehouse, end_date: date, *, low_threshold: float, pass_score: float = PASS_SCORE
) -> ScorecardInputs:
    """Read what the scorecard of `end_date` needs; scores that are not there give frames without rows.

    Raises WarehouseDamaged for a file that cannot be read.
    """
    with open_scores(warehouse, [end_date], low_threshold=low_threshold, pass_score=pass_score) as scores:
        return scores.read(end_date)


@contextmanager
def open_reader(
    warehouse: Warehouse, days: Sequence[date], *, low_threshold: float, pass_score: float = PASS_SCORE
) -> Iterator[Callable[[date], ScorecardInputs]]:
    """What reads the inputs of each of the days: together where all files are whole, else each day for itself.

    So a damaged file keeps only those days from their page whose windows reach it.
    """
    thresholds = {"low_threshold": low_threshold, "pass_score": pass_score}
    with ExitStack() as stack:
        try:
            scores = stack.enter_context(open_scores(warehouse, days, **thresholds))
        except WarehouseDamaged:
            yield lambda day: read_inputs(warehouse, day, **thresholds)
        else:
            yield scores.read


def has_scores(warehouse: Warehouse, day: date) -> bool:
    """Whether the scores that a scorecard of the day compares people by are there."""
    return all(warehouse.exists(warehouse.table_path(("scores", name), day)) for name in COMPARED_BY)


@contextmanager
def open_scores(
    warehouse: Warehouse, days: Sequence[date], *, low_threshold: float, pass_score: float = PASS_SCORE
) -> Iterator["ScorecardScores"]:
    """The scores of the scorecards of these days, as they are now: sums by day, held in memory.

    Raises WarehouseDamaged for a file that cannot be read.
    """
    last = max(days)
    start, window_start = (min(days) - timedelta(days=length - 1) for length in (TREND_DAYS, WINDOW_DAYS))
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        with score_damage_named(warehouse, _SHARED, start, last):
            load_evaluations(connection, warehouse, start, window_start, last, low_threshold)
            daily = write_score_scan(connection, warehouse, "agent_daily", start, last, _DAILY_COLUMNS)
            connection.execute(
                f"CREATE TEMP TABLE person_day AS SELECT * FROM {daily} LEFT JOIN evaluation_day "  # noqa: S608 - our own names
                "USING (start_date, agent_pid) WHERE is_bot IS NOT TRUE"
            )
            segments = write_score_scan(connection, warehouse, "agent_segment_daily", start, last, _SEGMENT_COLUMNS)
            connection.execute(_TEAM_DAYS.format(segments=segments))
        queries = _QUERIES | {"outcomes": READ_OUTCOMES.format(pass_score=pass_score)}
        if _load_disputed_versions(connection, warehouse, start):
            queries |= {"disputes": READ_DISPUTES}
        yield ScorecardScores(connection, warehouse, days, queries)


def _load_disputed_versions(connection: duckdb.DuckDBPyConnection, warehouse: Warehouse, start: date) -> bool:
    """Make the table `disputed_version`. A card is made without them where a table of reviews cannot be read."""
    try:
        versions = read_disputed_versions(connection, warehouse, start)
    except WarehouseDamaged:
        return False
    connection.register("disputed_version", versions)
    return True


class ScorecardScores:
    """Scores behind the scorecards of these days, see `open_scores`.

    `queries` are asked for many cards at once, for DuckDB takes longer to plan one than to answer it: they give by
    their name the rows of each card of the table `card`, whose `end_date` they have and are ordered by first.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        warehouse: Warehouse,
        days: Sequence[date],
        queries: Mapping[str, str],
    ) -> None:
        self._connection = connection
        self._warehouse = warehouse
        self._days = sorted(set(days))
        self._queries = queries
        self._found: dict[date, dict[str, pa.Table]] = {}
        self._before: dict[date, pd.DataFrame] = {}
        self._restated = RestatedReader(warehouse)

    def read(self, end_date: date) -> ScorecardInputs:
        """What the scorecard of one of the days needs. Raises WarehouseDamaged for a file that cannot be read."""
        with score_damage_named(self._warehouse, _OF_DAY, end_date, end_date):
            rows, fair, calibration, questions = (
                read_score_day(self._warehouse, name, end_date, columns) for name, columns in _OF_DAY.items()
            )
        rolling = _compared(rows, fair)
        self._before[end_date] = _of_news(rolling)
        if end_date not in self._found:
            self._found = self._ask_from(end_date)
        found = {name: table.to_pandas() for name, table in self._found.pop(end_date).items()}
        calibration = calibration.sort_by([(name, "ascending") for name in ("source", "reviewer_pid", "question_pid")])
        return ScorecardInputs(
            end_date=end_date,
            days_present=len(found["centre"]),
            rolling=rolling,
            before=self._read_before(end_date - SINCE),
            restated=self._restated.read(end_date - SINCE),
            questions=questions.to_pandas(),
            calibration=calibration.to_pandas(),
            leniency=_list_leniency(calibration),
            **({"disputes": None} | found),
        )

    def _ask_from(self, first: date) -> dict[date, dict[str, pa.Table]]:
        """The answers to all queries, for the day and as many after it as fit memory together."""
        following = self._days[bisect_left(self._days, first) :]
        longest = max(self._count("person_day"), self._count("person_answer"), 1)
        days = following[: max(_ROWS_AT_ONCE // longest, 1)]
        create_card_days(self._connection, days)
        for name in ("person_day", "team_day"):
            self._connection.execute(_OF_TREND.format(name=name))
        self._connection.register("week_team", self._find_week_teams())
        found: dict[date, dict[str, pa.Table]] = {day: {} for day in days}
        for name, query in self._queries.items():
            # by way of Arrow: DuckDB's own way to pandas calls what pandas has deprecated
            for day, rows in split_by_card(self._connection.sql(query).to_arrow_table(), days).items():
                found[day][name] = rows
        return found

    def _count(self, table: str) -> int:
        ((count,),) = self._connection.execute(f"SELECT count(*) FROM {table}").fetchall()  # noqa: S608 - our own names
        return int(count)

    def _read_before(self, day: date) -> pd.DataFrame:
        """What the card of an earlier day said of who stands out; kept, for the cards of a range share these."""
        if day not in self._before:
            with score_damage_named(self._warehouse, _COMPARED_BEFORE, day, day):
                rows, fair = (
                    read_score_day(self._warehouse, name, day, columns) for name, columns in _COMPARED_BEFORE.items()
                )
            self._before[day] = _of_news(_compared(rows, fair))
        return self._before[day]

    def _find_week_teams(self) -> pa.Table:
        """The main team of each agent's week, by `end_date`, `last_day` and `agent_pid`; no row where unknown."""
        table = self._connection.sql(_WEEK_TEAMS).to_arrow_table()
        weeks = table["week"].to_numpy().astype(np.int64)
        labels = labels_as_recorded()
        teams, team = labels.sort(labels.index(table["team"]))
        different, first = np.unique(weeks, return_index=True)
        main = find_main_labels(weeks, team, table["engagements"].to_numpy(), owner_count=different.size)
        of_week = table.take(first).select(["end_date", "last_day", "agent_pid"])
        return of_week.append_column("team", label_column(teams, main)).filter(pc.is_valid(label_column(teams, main)))


_ROWS_AT_ONCE = 1_000_000
"""Rows by agent and day, or answers, of all cards that are read together, at most."""

_TEAM_DAYS = """
    CREATE TEMP TABLE team_day AS
    SELECT start_date, agent_pid, team, sum(engagement_count)::BIGINT AS engagement_count FROM {segments} GROUP BY ALL
"""
_OF_TREND = """
    CREATE OR REPLACE TEMP TABLE trend_{name} AS
    SELECT {name}.*, end_date, end_date - ((end_date - start_date) // 7 * 7)::INTEGER AS last_day
    FROM {name} JOIN card ON start_date BETWEEN trend_start AND end_date
"""
_WEEK_TEAMS = """
    SELECT *, dense_rank() OVER (ORDER BY end_date, last_day, agent_pid) - 1 AS week
    FROM (
        SELECT end_date, last_day, agent_pid, team, sum(engagement_count)::DOUBLE AS engagements
        FROM trend_team_day GROUP BY ALL
    )
    ORDER BY end_date, last_day, agent_pid, team
"""
_IN_WINDOW = "FROM trend_person_day JOIN card USING (end_date) WHERE start_date >= window_start"
_OF_WEEK = f"count(DISTINCT start_date) AS day_count, {_PEOPLE}, {_SUMS} FROM trend_person_day"
_LOW = """
    SELECT end_date, low_evaluation.* EXCLUDE (form)
    FROM low_evaluation JOIN card ON start_date BETWEEN window_start AND end_date
    WHERE {which}
    ORDER BY end_date, start_time DESC, engagement_pid, evaluation
"""
_QUERIES = {
    "centre": f"SELECT end_date, start_date, {_SUMS} {_IN_WINDOW} GROUP BY ALL ORDER BY ALL",
    "weeks": f"SELECT end_date, last_day, {_WEEK_SUMS}, {_OF_WEEK} GROUP BY ALL ORDER BY ALL",
    "resolutions": READ_RESOLUTIONS,
    "team_weeks": (
        f"SELECT end_date, last_day, team, count(DISTINCT agent_pid) AS agent_count, {_OF_WEEK} "
        "JOIN week_team USING (end_date, last_day, agent_pid) "
        "GROUP BY end_date, last_day, team ORDER BY end_date, team, last_day"
    ),
    "by_agent": f"SELECT end_date, agent_pid, {_SUMS} {_IN_WINDOW} GROUP BY ALL ORDER BY end_date, agent_pid",
    "low_forms": _LOW.format(which="form"),
    "low_singles": _LOW.format(which="NOT form"),
    "question_answers": READ_RECENT,
    "work": READ_WORK,
    "far_apart": READ_PAIRS,
}


def _list_leniency(calibration: pa.Table) -> pd.DataFrame:
    """A row per reviewer with an interval, the strictest first: in each row of a reviewer it is alike."""
    is_known = pc.and_(pc.equal(calibration["source"], "reviewer"), pc.is_valid(calibration["leniency_low"]))
    rows: pd.DataFrame = calibration.filter(is_known).select(_LENIENCY_COLUMNS).to_pandas()
    by_reviewer = rows.groupby("reviewer_pid", as_index=False).max()
    named = by_reviewer.assign(reviewer_name=by_reviewer["reviewer_name"].fillna(by_reviewer["reviewer_pid"]))
    return named.sort_values(["leniency", "reviewer_pid"], kind="stable", ignore_index=True)


def _compared(rolling: pa.Table, fair: pa.Table) -> pd.DataFrame:
    """The rows that a card shows, with what the fair score says of them."""
    return _shown(rolling).merge(_shown(fair), how="left", on=list(FAIR_KEY))


def _of_news(rows: pd.DataFrame) -> pd.DataFrame:
    """Those that tell who stands out, and of whom there is an alarm, with what is read of an earlier card."""
    columns = list(dict.fromkeys(chain(*_COMPARED_BEFORE.values())))
    return rows.loc[rows["measure"] == EVALUATION, columns]


def _shown(rows: pa.Table) -> pd.DataFrame:
    """The rows of the window of measures that a card shows, and of the week those that tell an alarm of change."""
    window, measure = rows["window_days"], rows["measure"]
    of_window = pc.and_(pc.equal(window, WINDOW_DAYS), pc.is_in(measure, _MEASURES))
    of_week = pc.and_(pc.equal(window, ALARM_DAYS), pc.equal(measure, EVALUATION))
    frame: pd.DataFrame = rows.filter(pc.or_(of_window, of_week)).to_pandas()
    return frame
