"""Repeat contacts: which further conversations of a contact count, against days typed by hand and plain Python."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.history.repeat_contacts import RepeatContact, build_repeat_contact_query
from salted_assets.schemas.base import arrow_schema
from salted_assets_tests.support.scoring_rows import Row, engagement, table

START = datetime(2024, 1, 10, 12, tzinfo=UTC)
WEEK = timedelta(days=7)


def find(rows: Sequence[Row], landed: Sequence[date] = ()) -> dict[str, Row]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'America/New_York'")
        connection.register("engagements", table("engagement", rows))
        connection.register("exports", pa.table({"date": pa.array(list(landed), pa.date32())}))
        found = connection.sql(build_repeat_contact_query("exports", "engagements")).to_arrow_table()
    given: list[Row] = found.cast(arrow_schema(RepeatContact)).to_pylist()
    return {row["engagement_pid"]: row for row in given}


def contact(pid: str, after: timedelta = timedelta(), conversation: str | None = None, **columns: Any) -> Row:
    usual = {"contact_pid": "c1", "conversation_id": conversation, "start_time": START + after}
    return engagement(pid, **{**usual, **columns})


def test_other_conversations_within_a_week_count_and_transfers_do_not() -> None:
    found = find(
        [
            contact("call", conversation="one", team="North"),
            contact("transferred", timedelta(minutes=5), "one"),
            contact("again", timedelta(days=2), "two"),
            contact("again transferred", timedelta(days=2, minutes=5), "two"),
            contact("at the end", WEEK, "three"),
            contact("too late", WEEK + timedelta(seconds=1), "four"),
            contact("another contact", timedelta(days=1), "five", contact_pid="c2"),
            contact("queue", timedelta(days=1), "six", type="Queue"),
            contact("not completed", timedelta(days=1), "seven", status="In Progress"),
            contact("nobody", timedelta(days=1), "eight", contact_pid=None),
        ]
    )
    assert set(found) == {
        "call",
        "transferred",
        "again",
        "again transferred",
        "at the end",
        "too late",
        "another contact",
    }
    call = found["call"]
    assert (call["repeat_conversation_count"], call["same_conversation_count"], call["team"]) == (2, 1, "North")
    assert call["first_repeat_time"] == START + timedelta(days=2)
    alone = found["another contact"]
    assert (alone["repeat_conversation_count"], alone["first_repeat_time"], alone["same_conversation_count"]) == (
        0,
        None,
        0,
    )


def test_an_engagement_without_a_conversation_is_one_of_its_own() -> None:
    found = find([contact("first"), contact("second", timedelta(hours=1)), contact("third", timedelta(hours=2), " ")])
    assert [found[pid]["repeat_conversation_count"] for pid in ("first", "second", "third")] == [2, 1, 0]


def test_a_week_is_complete_where_each_of_its_days_is_landed() -> None:
    days = [START.date() + timedelta(days=number) for number in range(8)]
    late = contact("late", start_time=START.replace(hour=23, minute=59))

    def is_complete(landed: Sequence[date]) -> bool:
        return bool(find([late], [*landed, *landed])["late"]["is_window_complete"])

    assert is_complete(days)
    assert not is_complete(days[:-1])
    assert not is_complete([*days[:3], *days[4:]])


@given(
    rows=st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from(["x", "y", "z", None]), st.integers(0, 20 * 24)), max_size=12
    )
)
def test_counts_are_those_of_plain_python(rows: list[tuple[str, str | None, int]]) -> None:
    made = [
        contact(str(number), timedelta(hours=hours), conversation, contact_pid=who)
        for number, (who, conversation, hours) in enumerate(rows)
    ]
    found = find(made)
    for one in made:
        further = [
            each
            for each in made
            if each["contact_pid"] == one["contact_pid"]
            and timedelta() < each["start_time"] - one["start_time"] <= WEEK
        ]
        own = one["conversation_id"] or one["pid"]
        others = {each["conversation_id"] or each["pid"] for each in further} - {own}
        assert found[one["pid"]]["repeat_conversation_count"] == len(others)
        assert found[one["pid"]]["same_conversation_count"] == sum(
            (each["conversation_id"] or each["pid"]) == own for each in further
        )
