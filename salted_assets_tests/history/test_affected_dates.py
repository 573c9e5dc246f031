"""The start days that the rows of a partition affect, by whole batches and row by row."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from salted_assets.history import AffectedDates
from salted_assets.history.affected_dates import row_starts

MIDNIGHTS = [
    ("UTC", datetime(2024, 2, 1, tzinfo=UTC)),
    ("Europe/Prague", datetime(2024, 3, 30, 23, tzinfo=UTC)),
    ("America/St_Johns", datetime(2005, 10, 30, 2, 30, tzinfo=UTC)),
    ("America/Sao_Paulo", datetime(2017, 10, 15, 3, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
]
"""Among them one that comes twice, for a minute later the clock goes back an hour, and one before a day left out."""

minutes = st.one_of(st.sampled_from([-2, -1, 0, 1, 2, 59, 60, 61, 1438, 1439]), st.integers(-3_000, 3_000))
days_around = st.tuples(st.sampled_from(MIDNIGHTS), st.lists(st.one_of(minutes, minutes, st.none()), max_size=6))


def engagements(times: list[datetime | None]) -> pa.Table:
    return pa.table({"start_time": pa.array(times, pa.timestamp("us", tz="UTC"))})


def turns(times: list[datetime | None]) -> pa.Table:
    later = [None if time is None else time + timedelta(seconds=5) for time in times]
    relative = pa.array([5_000] * len(times), pa.int64())
    return pa.table({"turn_time": pa.array(later, pa.timestamp("us", tz="UTC")), "turn_time_relative_ms": relative})


@example((MIDNIGHTS[0], [1, 1439]), "turn")
@example((MIDNIGHTS[2], [-1, 0, 2]), "engagement")
@given(days_around, st.sampled_from(["engagement", "turn"]))
def test_a_batch_affects_the_days_of_its_rows_and_of_the_minutes_beside_a_turn(
    day: tuple[tuple[str, datetime], list[int | None]], dataset: str
) -> None:
    (zone, midnight), shifts = day
    times = [None if shift is None else midnight + timedelta(minutes=shift) for shift in shifts]
    rows = engagements(times) if dataset == "engagement" else turns(times)
    affected = AffectedDates(dataset, zone)
    affected.add(rows)

    known = [time for time in times if time is not None]
    reach = timedelta(minutes=1 if dataset == "turn" else 0)
    near = [time + shift for time in known for shift in (-reach, timedelta(0), reach)]
    assert affected.days == tuple(sorted({time.astimezone(ZoneInfo(zone)).date() for time in near}))
    days = [time.astimezone(ZoneInfo(zone)).date() for time in known]
    for one in days:
        assert affected.late_rows(one) == sum(other < one for other in days)
    assert ('"unknown": true' in affected.to_json()) is (row_starts(dataset, rows).null_count > 0)
