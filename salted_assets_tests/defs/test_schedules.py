"""The daily schedule: when each day comes, in every zone, and which of the days that failed are asked for again."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.defs.retries import dagster_errors
from salted_assets.defs.schedules import build_daily_schedule, due_at, find_last_due_day, tick_minutes
from salted_assets.ingest import IngestError
from salted_assets.landing import DayNotExportable, LandingError
from salted_assets.landing.windows import Calendar
from salted_assets.salted_cx import ApiUnavailable, SaltedApiError
from salted_assets.settings import Settings
from salted_assets.warehouse import WarehouseLocked
from salted_assets_tests.support.platform import KNOWN_WARNINGS, QUIET, build_defs

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]


def find_zone(hour: int) -> str:
    """A zone in which it is this hour now. In the names of these zones the sign is turned round."""
    ahead = (hour - datetime.now(UTC).hour + 12) % 24 - 12
    return f"Etc/GMT{-ahead:+d}"


NIGHT = find_zone(3)
REAL = Settings(api_url="https://api.example.test", start_date=date(2024, 1, 1), timezone=NIGHT)
STEP = timedelta(minutes=15)


@cache
def changes_of_clocks() -> list[tuple[str, datetime]]:
    """Every change of a zone's clock in two years at a local hour of 0 to 3, before or after it: zone and instant."""
    return [
        (name, change)
        for name in sorted(available_timezones())
        for change in find_changes(ZoneInfo(name), datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC))
        if {(change + step).astimezone(ZoneInfo(name)).hour for step in (timedelta(), -STEP)} & {0, 1, 2, 3}
    ]


def find_changes(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    while start < end:
        after = start + timedelta(days=1)
        if start.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            moment = start
            while moment.astimezone(zone).utcoffset() == (moment + STEP).astimezone(zone).utcoffset():
                moment += STEP
            yield moment + STEP
        start = after


def test_there_are_changes_at_night_all_over_the_world() -> None:
    assert len({zone for zone, _ in changes_of_clocks()}) > 100


@given(
    change=st.deferred(lambda: st.sampled_from(changes_of_clocks())),
    hour=st.sampled_from([0, 1, 2, 3, 4, 12, 23]) | st.integers(0, 23),
    lag_minutes=st.sampled_from([0, 30, 60, 120, 180]) | st.integers(0, 3000),
)
def test_a_day_comes_at_the_later_of_its_hour_and_its_lag_and_is_never_refused(
    change: tuple[str, datetime], hour: int, lag_minutes: int
) -> None:
    zone, moment = ZoneInfo(change[0]), change[1]
    calendar = Calendar(zone, timedelta(minutes=lag_minutes))
    earliest = moment.astimezone(zone).date() - timedelta(days=2)
    came: dict[date, datetime] = {}
    for tick in ticks(moment - timedelta(days=3), moment + timedelta(days=5), tick_minutes(lag_minutes)):
        came.setdefault(find_last_due_day(calendar, hour, tick), tick)

    for day in (earliest + timedelta(days=number) for number in range(3)):
        # the first minute at which the clock on the wall shows the hour and the lag has passed since the day ended
        by_clock = first_minute(
            moment, lambda now, day=day: clock(now, zone) >= datetime.combine(after(day), time(hour))
        )
        ended = first_minute(moment, lambda now, day=day: clock(now, zone).date() > day)
        expected = max(by_clock, ended + timedelta(minutes=lag_minutes))
        assert due_at(calendar, hour, day) == expected
        if expected < moment + timedelta(days=5):
            assert came[day] == expected
            assert calendar.is_exportable(day, came[day])


def ticks(start: datetime, end: datetime, minutes: list[int]) -> Iterator[datetime]:
    hour = start.replace(minute=0)
    while hour < end:
        yield from (hour.replace(minute=minute) for minute in minutes)
        hour += timedelta(hours=1)


def after(day: date) -> date:
    return day + timedelta(days=1)


def clock(now: datetime, zone: ZoneInfo) -> datetime:
    return now.astimezone(zone).replace(tzinfo=None)


def first_minute(around: datetime, is_so: object) -> datetime:
    now = around - timedelta(days=5)
    while not is_so(now):  # type: ignore[operator]
        now += STEP
    return now


class Vendor:
    """Why an export fails, if it does."""

    error: Exception | None = None


@dg.asset(partitions_def=dg.DailyPartitionsDefinition("2024-01-01", timezone=NIGHT))
def landed() -> None:
    with dagster_errors():
        if Vendor.error is not None:
            raise Vendor.error


JOB = dg.define_asset_job("daily", [landed])
DEFS = dg.Definitions(assets=[landed], jobs=[JOB], executor=dg.in_process_executor)


def evaluate(schedule: dg.ScheduleDefinition, instance: dg.DagsterInstance, at: datetime) -> Sequence[dg.RunRequest]:
    """What the schedule asks for at a tick."""
    with dg.build_schedule_context(
        instance=instance, scheduled_execution_time=at, repository_def=DEFS.get_repository_def()
    ) as context:
        return schedule.evaluate_tick(context).run_requests or []


class Daemon:
    """Dagster's, ticking: it runs what the schedule asks for at once, unless its run key is known."""

    def __init__(self, instance: dg.DagsterInstance, settings: Settings) -> None:
        self.instance = instance
        self.schedule = build_daily_schedule(settings, JOB)
        self.keys: set[str] = set()

    def tick(self, at: datetime, *, tags: dict[str, str] | None = None) -> list[str]:
        """The days that are asked for, in order."""
        asked = []
        for request in evaluate(self.schedule, self.instance, at):
            assert request.run_key is not None
            assert request.run_key not in self.keys
            self.keys.add(request.run_key)
            ours = {"dagster/schedule_name": "daily_schedule", "dagster/run_key": request.run_key, **(tags or {})}
            DEFS.resolve_job_def("daily").execute_in_process(
                instance=self.instance, tags={**request.tags, **ours}, run_config=QUIET, raise_on_error=False
            )
            asked.append(request.tags["dagster/partition"])
        return asked


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    Vendor.error = None
    with dg.DagsterInstance.local_temp() as instance:
        yield Daemon(instance, REAL)
    Vendor.error = None


YESTERDAY = datetime.now(ZoneInfo(NIGHT)).date() - timedelta(days=1)
DUE = due_at(Calendar(ZoneInfo(NIGHT), timedelta(hours=2)), 2, YESTERDAY)
"""An hour or two ago, at whatever time the tests run: Dagster records their runs as of now."""


def later(hours: float) -> datetime:
    return datetime.now(UTC) + timedelta(hours=hours, minutes=1)


def ask_again(daemon: Daemon, hours: float) -> int:
    """How often yesterday is asked for so many hours after what was last run."""
    return daemon.tick(later(hours)).count(YESTERDAY.isoformat())


def test_a_day_is_asked_for_at_its_time_and_once(daemon: Daemon) -> None:
    assert daemon.tick(DUE - STEP) == []
    assert daemon.tick(DUE) == [YESTERDAY.isoformat()]
    assert daemon.tick(DUE + STEP) == []
    assert daemon.tick(DUE + timedelta(hours=23)) == []
    assert daemon.tick(DUE + timedelta(hours=24)) == [after(YESTERDAY).isoformat()]


def test_a_schedule_that_is_switched_on_late_waits_for_the_next_day(daemon: Daemon) -> None:
    assert daemon.tick(DUE + timedelta(hours=2)) == []
    assert daemon.tick(DUE + timedelta(hours=24)) == [after(YESTERDAY).isoformat()]


def test_days_that_no_tick_came_for_are_made_up_for_the_newest_first(daemon: Daemon) -> None:
    daemon.tick(DUE)
    asked = daemon.tick(DUE + timedelta(days=3, hours=5))
    assert asked == [(YESTERDAY + timedelta(days=number)).isoformat() for number in (3, 2, 1)]

    asked = daemon.tick(DUE + timedelta(days=6, hours=23))
    assert asked == [(YESTERDAY + timedelta(days=number)).isoformat() for number in (6, 5, 4)]


@pytest.mark.parametrize(
    "error", [ApiUnavailable("no answer"), WarehouseLocked("locked")], ids=lambda error: type(error).__name__
)
def test_a_day_that_failed_by_an_error_that_passes_is_repeated_hourly_three_times(
    daemon: Daemon, error: Exception
) -> None:
    Vendor.error = error
    assert daemon.tick(DUE) == [YESTERDAY.isoformat()]

    for _ in range(3):
        assert ask_again(daemon, 0.9) == 0
        assert ask_again(daemon, 1) == 1
    assert [ask_again(daemon, hours) for hours in (1, 2, 20)] == [0, 0, 0]


def test_a_day_that_is_made_at_its_second_try_is_not_asked_for_again(daemon: Daemon) -> None:
    Vendor.error = ApiUnavailable("no answer")
    daemon.tick(DUE)
    Vendor.error = None
    assert ask_again(daemon, 1) == 1
    assert ask_again(daemon, 2) == 0


@pytest.mark.parametrize(
    "error", [SaltedApiError("refused"), IngestError("header"), LandingError("damaged"), KeyError("a defect")], ids=repr
)
def test_a_permanent_error_is_never_repeated(daemon: Daemon, error: Exception) -> None:
    Vendor.error = error
    daemon.tick(DUE)
    assert [ask_again(daemon, hours) for hours in (1, 2, 20)] == [0, 0, 0]


def test_a_day_that_was_refused_as_too_early_is_asked_for_with_the_next_tick(daemon: Daemon) -> None:
    Vendor.error = DayNotExportable("2024-01-11 can be exported from 02:00 on")
    daemon.tick(DUE)
    Vendor.error = None
    assert ask_again(daemon, 0.25) == 1


def test_a_pause_that_the_vendor_asked_for_is_kept(daemon: Daemon) -> None:
    Vendor.error = ApiUnavailable("too many requests", retry_after_seconds=2.5 * 3600)
    daemon.tick(DUE)
    assert [ask_again(daemon, hours) for hours in (1, 2, 2.4, 2.5)] == [0, 0, 0, 1]


def test_a_pause_that_ends_beyond_the_calendar_stops_no_other_day(daemon: Daemon) -> None:
    Vendor.error = ApiUnavailable("closed", retry_after_seconds=8e12)
    daemon.tick(DUE)
    assert ask_again(daemon, 2) == 0
    Vendor.error = None
    assert daemon.tick(DUE + timedelta(hours=24)) == [after(YESTERDAY).isoformat()]


def test_a_run_that_dagster_will_repeat_itself_is_left_to_it(daemon: Daemon) -> None:
    Vendor.error = ApiUnavailable("no answer")
    daemon.tick(DUE, tags={"dagster/will_retry": "true"})
    assert ask_again(daemon, 2) == 0


def test_a_run_whose_process_died_is_repeated(daemon: Daemon) -> None:
    run = daemon.instance.create_run_for_job(
        DEFS.resolve_job_def("daily"),
        tags={
            "dagster/schedule_name": "daily_schedule",
            "dagster/run_key": YESTERDAY.isoformat(),
            "dagster/partition": YESTERDAY.isoformat(),
            "salted/request": f"day {YESTERDAY}",
        },
    )
    daemon.instance.report_run_failed(run)
    assert ask_again(daemon, 1) == 1


def test_refreshes_are_asked_for_with_their_day_and_repeated_as_refreshes() -> None:
    Vendor.error = ApiUnavailable("no answer")
    with dg.DagsterInstance.local_temp() as instance:
        settings = REAL.model_copy(update={"lookback_days": 1})
        schedule = build_daily_schedule(settings, JOB)
        first, refresh = evaluate(schedule, instance, DUE)
        for request in (first, refresh):
            tags = {"dagster/schedule_name": "daily_schedule", "dagster/run_key": str(request.run_key), **request.tags}
            DEFS.resolve_job_def("daily").execute_in_process(
                instance=instance, tags=tags, run_config=QUIET, raise_on_error=False
            )
        Vendor.error = None
        again = evaluate(schedule, instance, later(1))

    assert (first.run_key, refresh.run_key) == (
        f"{YESTERDAY}",
        f"{YESTERDAY} refreshes {YESTERDAY - timedelta(days=1)}",
    )
    repeated = [request for request in again if ", again " in str(request.run_key)]
    assert {request.run_key for request in repeated} == {f"{first.run_key}, again 1", f"{refresh.run_key}, again 1"}
    (refreshed,) = [request for request in repeated if "refreshes" in str(request.run_key)]
    assert refreshed.tags["salted/refreshed_by"] == YESTERDAY.isoformat()
    assert refreshed.tags["dagster/priority"] == "-1"


def test_accounts_that_share_an_instance_do_not_take_each_others_days_for_theirs() -> None:
    Vendor.error = None
    with dg.DagsterInstance.local_temp() as instance:
        north, south = (Daemon(instance, REAL.model_copy(update={"account": name})) for name in ("north", "south"))
        assert north.tick(DUE) == south.tick(DUE) == [YESTERDAY.isoformat()]
        assert north.tick(DUE + STEP) == south.tick(DUE + STEP) == []


def test_daily_assets_are_stale_when_the_daily_run_is_overdue_and_never_with_the_simulator() -> None:
    late = REAL.model_copy(update={"schedule_hour": 22})
    slow = REAL.model_copy(update={"export_lag_minutes": 200})
    simulated = REAL.model_copy(update={"simulated": True})
    for settings, hour in ((REAL, 6), (late, 2), (slow, 8), (simulated, None)):
        graph = build_defs(settings).resolve_asset_graph()
        for key in graph.get_all_asset_keys():
            node = graph.get(key)
            policy = node.freshness_policy
            if hour is None or node.partitions_def is None:
                assert policy is None, key
            else:
                expected = {"deadline_cron": f"0 {hour} * * *", "timezone": NIGHT}
                assert {name: getattr(policy, name) for name in expected} == expected
                assert policy.lower_bound_delta.total_seconds() == 4 * 3600  # type: ignore[union-attr]
