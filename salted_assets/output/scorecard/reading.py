"""Reads the scores behind scorecards: what the windows of several days share is read and summed up once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
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
from salted_assets.output.scorecard.reviewer_work import READ_WORK, describe_days
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
    with open_scores(warehouse, end_date, end_date, low_threshold=low_threshold, pass_score=pass_score) as scores:
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
            scores = stack.enter_context(open_scores(warehouse, min(days), max(days), **thresholds))
        except WarehouseDamaged:
            yield lambda day: read_inputs(warehouse, day, **thresholds)
        else:
            yield scores.read


def has_scores(warehouse: Warehouse, day: date) -> bool:
    """Whether the scores that a scorecard of the day compares people by are there."""
    return all(warehouse.exists(warehouse.table_path(("scores", name), day)) for name in COMPARED_BY)


@contextmanager
def open_scores(
    warehouse: Warehouse, first: date, last: date, *, low_threshold: float, pass_score: float = PASS_SCORE
) -> Iterator["ScorecardScores"]:
    """The scores of all scorecards from `first` to `last`, as they are now: sums by day, held in memory.

    Raises WarehouseDamaged for a file that cannot be read.
    """
    start, window_start = (first - timedelta(days=days - 1) for days in (TREND_DAYS, WINDOW_DAYS))
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
            connection.execute(f"CREATE TEMP TABLE segment_day AS FROM {segments}")
        has_versions = _load_disputed_versions(connection, warehouse, start)
        yield ScorecardScores(connection, warehouse, pass_score, has_versions=has_versions)


def _load_disputed_versions(connection: duckdb.DuckDBPyConnection, warehouse: Warehouse, start: date) -> bool:
    """Make the table `disputed_version`. A card is made without them where a table of reviews cannot be read."""
    try:
        versions = read_disputed_versions(connection, warehouse, start)
    except WarehouseDamaged:
        return False
    connection.register("disputed_version", versions)
    return True


class ScorecardScores:
    """Scores behind the scorecards of a range of days, see `open_scores`."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, warehouse: Warehouse, pass_score: float, *, has_versions: bool
    ) -> None:
        self._connection = connection
        self._warehouse = warehouse
        self._pass_score = pass_score
        self._has_versions = has_versions
        self._before: dict[date, pd.DataFrame] = {}
        self._restated = RestatedReader(warehouse)

    def read(self, end_date: date) -> ScorecardInputs:
        """What the scorecard of one of the days needs. Raises WarehouseDamaged for a file that cannot be read."""
        start, window_start = (end_date - timedelta(days=days - 1) for days in (TREND_DAYS, WINDOW_DAYS))
        week_start = end_date - timedelta(days=6)
        window = {"first": window_start, "last": end_date}
        trend = {"first": start, "last": end_date}
        with score_damage_named(self._warehouse, _OF_DAY, end_date, end_date):
            rows, fair, calibration, questions = (
                read_score_day(self._warehouse, name, end_date, columns) for name, columns in _OF_DAY.items()
            )
        rolling = _compared(rows, fair)
        self._before[end_date] = _of_news(rolling)
        for name in ("person_day", "segment_day"):
            self._connection.execute(_OF_TREND.format(name=name, start=start, end=end_date))
        in_window = f"FROM trend_person_day WHERE start_date >= DATE '{window_start}'"
        of_week = f"count(DISTINCT start_date) AS day_count, {_PEOPLE}, {_SUMS} FROM trend_person_day"
        self._connection.register("week_team", self._find_week_teams())
        self._connection.register("calibration", calibration)
        centre = self._frame(f"SELECT start_date, {_SUMS} {in_window} GROUP BY start_date ORDER BY start_date")
        return ScorecardInputs(
            end_date=end_date,
            days_present=len(centre),
            rolling=rolling,
            before=self._read_before(end_date - SINCE),
            restated=self._restated.read(end_date - SINCE),
            centre=centre,
            weeks=self._frame(f"SELECT last_day, {_WEEK_SUMS}, {of_week} GROUP BY last_day ORDER BY last_day"),
            resolutions=self._frame(READ_RESOLUTIONS),
            team_weeks=self._frame(
                f"SELECT last_day, team, count(DISTINCT agent_pid) AS agent_count, {of_week} JOIN week_team "
                "USING (last_day, agent_pid) GROUP BY last_day, team ORDER BY team, last_day"
            ),
            by_agent=self._frame(f"SELECT agent_pid, {_SUMS} {in_window} GROUP BY agent_pid ORDER BY agent_pid"),
            low_forms=self._list_low("form", window_start, end_date),
            low_singles=self._list_low("NOT form", window_start, end_date),
            questions=questions.to_pandas(),
            question_answers=self._frame(READ_RECENT.format(recent=window_start, **trend)),
            outcomes=self._frame(READ_OUTCOMES.format(pass_score=self._pass_score, **window)),
            work=self._frame(READ_WORK.format(**trend, **describe_days(end_date, window_start, week_start))),
            far_apart=self._frame(READ_PAIRS.format(**window)),
            disputes=self._frame(READ_DISPUTES.format(**trend)) if self._has_versions else None,
            calibration=self._frame("SELECT * FROM calibration ORDER BY source, reviewer_pid, question_pid"),
            leniency=self._frame(_LENIENCY),
        )

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
        """The main team of each agent's week, by `last_day` and `agent_pid`, without those of no known one."""
        table = self._connection.sql(_WEEK_TEAMS).to_arrow_table()
        weeks = table["week"].to_numpy().astype(np.int64)
        labels = labels_as_recorded()
        teams, team = labels.sort(labels.index(table["team"]))
        different, first = np.unique(weeks, return_index=True)
        main = find_main_labels(weeks, team, table["engagements"].to_numpy(), owner_count=different.size)
        of_week = table.take(first).select(["last_day", "agent_pid"])
        return of_week.append_column("team", label_column(teams, main)).filter(pc.is_valid(label_column(teams, main)))

    def _list_low(self, which: str, first: date, last: date) -> pd.DataFrame:
        return self._frame(_LOW.format(which=which, first=first, last=last))

    def _frame(self, query: str) -> pd.DataFrame:
        """The rows by way of Arrow: DuckDB's own way to pandas calls what pandas has deprecated."""
        frame: pd.DataFrame = self._connection.sql(query).to_arrow_table().to_pandas()
        return frame


_OF_TREND = """
    CREATE OR REPLACE TEMP TABLE trend_{name} AS
    SELECT *, DATE '{end}' - ((DATE '{end}' - start_date) // 7 * 7)::INTEGER AS last_day
    FROM {name} WHERE start_date BETWEEN DATE '{start}' AND DATE '{end}'
"""
_WEEK_TEAMS = """
    SELECT *, dense_rank() OVER (ORDER BY last_day, agent_pid) - 1 AS week
    FROM (
        SELECT last_day, agent_pid, team, sum(engagement_count)::DOUBLE AS engagements
        FROM trend_segment_day GROUP BY last_day, agent_pid, team
    )
    ORDER BY last_day, agent_pid, team
"""
_LOW = """
    SELECT * EXCLUDE (form) FROM low_evaluation
    WHERE {which} AND start_date BETWEEN DATE '{first}' AND DATE '{last}'
    ORDER BY start_time DESC, engagement_pid, evaluation
"""
_LENIENCY = """
    SELECT
        reviewer_pid, coalesce(max(reviewer_name), reviewer_pid) AS reviewer_name,
        -- alike in every row of a reviewer
        max(leniency) AS leniency, max(leniency_low) AS leniency_low, max(leniency_high) AS leniency_high
    FROM calibration
    WHERE source = 'reviewer' AND leniency_low IS NOT NULL
    GROUP BY reviewer_pid
    ORDER BY leniency, reviewer_pid
"""


def _compared(rolling: pa.Table, fair: pa.Table) -> pd.DataFrame:
    """The rows that a card shows, with what the fair score says of them."""
    return _shown(rolling).merge(_shown(fair), how="left", on=list(FAIR_KEY))


def _of_news(rows: pd.DataFrame) -> pd.DataFrame:
    """Those that tell who stands out, and of whom there is an alarm, with what is read of an earlier card."""
    columns = list(dict.fromkeys(chain(*_COMPARED_BEFORE.values())))
    return rows.loc[rows["measure"] == EVALUATION, columns]


def _shown(rows: pa.Table) -> pd.DataFrame:
    """The rows of the window, and of the week those that tell an alarm of change."""
    window, measure = rows["window_days"], rows["measure"]
    of_week = pc.and_(pc.equal(window, ALARM_DAYS), pc.equal(measure, EVALUATION))
    frame: pd.DataFrame = rows.filter(pc.or_(pc.equal(window, WINDOW_DAYS), of_week)).to_pandas()
    return frame
