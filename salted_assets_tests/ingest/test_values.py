"""Wrong values land and are flagged; personal data can be left out; every table goes the same way."""

import traceback

import pandas as pd
import pandera.pandas as pandera
import pytest

from salted_assets.ingest import CheckFailure
from salted_assets.ingest.checks import Checker
from salted_assets.schemas import DATASET_MODELS
from salted_assets.schemas.agent import Agent
from salted_assets.schemas.base import DatasetTable, columns_of, csv_header
from salted_assets.schemas.customer import Customer
from salted_assets.schemas.engagement import Engagement
from salted_assets.schemas.review import Review
from salted_assets.schemas.turn import Turn
from salted_assets_tests.support.ingesting import header, read_whole, record, refused

BROKEN: list[tuple[type[DatasetTable], dict[str, str], str, str | None]] = [
    (Agent, {"status": "Gone"}, "known_value", "status"),
    (Agent, {"type": "user group"}, "known_value", "type"),
    (Agent, {"hourly_cost": "-0.5"}, "greater_than_or_equal_to", "hourly_cost"),
    (Agent, {"engagement_cost": "-1"}, "greater_than_or_equal_to", "engagement_cost"),
    (Engagement, {"channel_type": "PIGEON"}, "known_value", "channel_type"),
    (Engagement, {"type": "Person"}, "known_value", "type"),
    (
        Engagement,
        {"start_time": "2024-01-31T12:00:01Z", "end_time": "2024-01-31T12:00:00Z"},
        "start_time_not_after_end_time",
        None,
    ),
    (Engagement, {"order_agent_engagements": "-1"}, "greater_than_or_equal_to", "order_agent_engagements"),
    (Turn, {"participant": "BOT"}, "known_value", "participant"),
    (Turn, {"type": "Shout"}, "known_value", "type"),
    (Turn, {"origin": "Stolen"}, "known_value", "origin"),
    (Turn, {"length": "-1"}, "greater_than_or_equal_to", "length"),
    (Turn, {"turn_time_relative_ms": "-1"}, "not_before_engagement", None),
    (Review, {"status": "Lost"}, "known_value", "status"),
    (Review, {"sampling": "Lottery"}, "known_value", "sampling"),
    (Review, {"type": "Robot"}, "known_value", "type"),
    (Review, {"verified": "true"}, "known_value", "verified"),
    (Review, {"worst_score": "0", "best_score": "5", "answer_score": "6"}, "answer_score_within_scale", None),
    (Review, {"worst_score": "5", "best_score": "0", "answer_score": "-1"}, "answer_score_within_scale", None),
]

IMPOSSIBLE: list[tuple[type[DatasetTable], str, str, str]] = [
    *[
        (Engagement, name, "-1", "a negative duration")
        for name in csv_header(Engagement)
        if name.endswith("_time") and not name.endswith("start_time") and name != "end_time"
    ],
    (Turn, "duration", "-9223372036854775808", "a negative duration"),
    *[
        (model, name, time, "a time outside the years 2000 to 2099")
        for model, name in ((Engagement, "start_time"), (Turn, "turn_time"), (Review, "review_time"))
        for time in ("0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1999-12-31T23:59:59.999Z")
    ],
    (Turn, "turn_time", "2100-01-01T00:00:00Z", "a time outside the years 2000 to 2099"),
    (Turn, "turn_time", "9999-12-31T23:59:59Z", "a time outside the years 2000 to 2099"),
]

SOUND: list[tuple[type[DatasetTable], dict[str, str]]] = [
    (Agent, {"status": "ACTIVE", "type": "user", "hourly_cost": "0"}),
    (Engagement, {"start_time": "2024-01-31T12:00:00Z", "end_time": "2024-01-31T12:00:00Z", "channel_type": "CHAT"}),
    (Engagement, {"start_time": "2024-01-31T12:00:00Z"}),
    (Turn, {"participant": "Agent", "type": "menu step", "turn_time_relative_ms": "0"}),
    (Review, {"worst_score": "5", "best_score": "0", "answer_score": "2.5"}),
    (Review, {"worst_score": "5", "answer_score": "2.5"}),
    (Review, {"worst_score": "0", "best_score": "0", "answer_score": "0"}),
    (Customer, {"type": "anything"}),
]


@pytest.mark.parametrize(("model", "cells", "rule", "column"), BROKEN, ids=[f"{b[0].__name__}-{b[1]}" for b in BROKEN])
def test_a_wrong_value_lands_and_is_flagged(
    model: type[DatasetTable], cells: dict[str, str], rule: str, column: str | None
) -> None:
    result = read_whole(model, header(model) + record(model, pid="fine") + record(model, pid="wrong", **cells))

    assert result.table["pid"].to_pylist() == ["fine", "wrong"]
    assert all(result.table[name][1].is_valid for name in cells)
    assert result.statistics.check_failures == [CheckFailure(rule, column, 1, [("wrong", 2)])]


@pytest.mark.parametrize("chunk_bytes", [16, 1 << 20])
@pytest.mark.parametrize(
    ("model", "name", "cell", "reason"), IMPOSSIBLE, ids=[f"{i[0].__name__}-{i[1]}-{i[2]}" for i in IMPOSSIBLE]
)
def test_an_impossible_value_is_refused_with_its_reason(
    model: type[DatasetTable], name: str, cell: str, reason: str, chunk_bytes: int
) -> None:
    data = header(model) + record(model, pid="fine") + record(model, pid="wrong", **{name: cell})

    result = read_whole(model, data, chunk_bytes=chunk_bytes)

    assert result.table[name].to_pylist() == [None, None]
    assert result.table["refused_columns"].to_pylist() == [None, [name]]
    assert [(row["column"], row["raw_value"], row["reason"]) for row in result.rejects.to_pylist()] == [
        (name, cell, reason)
    ]
    assert result.statistics.check_failures == []


@pytest.mark.parametrize("time", ["2000-01-01T00:00:00Z", "2099-12-31T23:59:59.999999Z"])
def test_the_first_and_the_last_possible_time_are_read(time: str) -> None:
    result = read_whole(Turn, header(Turn) + record(Turn, turn_time=time))

    assert result.table["turn_time"].null_count == result.rejects.num_rows == 0


@pytest.mark.parametrize(("model", "cells"), SOUND, ids=[f"{s[0].__name__}-{s[1]}" for s in SOUND])
def test_a_sound_value_is_not_flagged(model: type[DatasetTable], cells: dict[str, str]) -> None:
    assert read_whole(model, header(model) + record(model, **cells)).statistics.check_failures == []


@pytest.mark.parametrize("chunk_bytes", [16, 1 << 20])
def test_failures_are_counted_over_chunks_and_the_first_ten_named(chunk_bytes: int) -> None:
    rows = b"".join(record(Turn, pid=f"p{n}", length="-1" if n % 2 else "1") for n in range(1, 41))

    result = read_whole(Turn, header(Turn) + rows, chunk_bytes=chunk_bytes)

    (failure,) = result.statistics.check_failures
    assert failure.count == 20
    assert failure.first_cases == [(f"p{n}", n) for n in range(1, 21, 2)]


def test_rows_after_a_refused_record_keep_their_numbers() -> None:
    data = header(Turn) + b"too,few\n" + record(Turn, pid="") + record(Turn, pid="p3", length="-1")

    assert read_whole(Turn, data).statistics.check_failures[0].first_cases == [("p3", 3)]


@pytest.mark.parametrize("model", DATASET_MODELS.values(), ids=DATASET_MODELS)
def test_every_table_takes_a_value_in_every_column(model: type[DatasetTable]) -> None:
    sample = {"string": "x", "int64": "1", "double": "0.5", "timestamp[us, tz=UTC]": "2024-01-31T12:00:00Z"}
    cells = {facts.name: sample[str(facts.arrow_type)] for facts in columns_of(model) if facts.documented}

    result = read_whole(model, header(model) + record(model, **cells))

    nulls = [name for name in result.table.column_names if result.table[name].null_count]
    assert nulls == ["updated_at", "refused_columns"]
    assert result.rejects.num_rows == 0


@pytest.mark.parametrize("model", DATASET_MODELS.values(), ids=DATASET_MODELS)
def test_every_table_is_there_without_rows(model: type[DatasetTable]) -> None:
    assert read_whole(model, header(model)).table.num_rows == 0
    assert read_whole(model).table.num_rows == 0


@pytest.mark.parametrize(
    ("redact", "expected"),
    [
        ({"content"}, ["content", "content_agent", "content_customer"]),
        ({"content_agent", "language_agent"}, ["content_agent", "language_agent"]),
    ],
)
def test_redacted_columns_are_null(redact: set[str], expected: list[str]) -> None:
    cells = dict.fromkeys(("content", "content_agent", "content_customer", "language_agent", "participant"), "AGENT")

    result = read_whole(Turn, header(Turn) + record(Turn, **cells), redact=frozenset(redact))

    assert result.statistics.redacted_columns == expected
    assert {name for name in cells if result.table[name].null_count} == set(expected)


def test_raw_records_stay_out_of_rejects_while_a_redaction_is_in_force() -> None:
    data = header(Turn) + b"secret,words\n" + record(Turn, pid="", content="secret") + record(Turn, length="?")
    data += record(Turn, content="secret") + record(Turn, content="other")

    result = read_whole(Turn, data, redact=frozenset({"content"}))

    assert sorted(refused(result), key=str) == [
        (1, None, None),
        (2, None, None),
        (3, "length", "?"),
        (3, None, None),
        (4, None, None),
    ]
    assert "secret" not in str(result.rejects.to_pydict())


def test_a_cell_of_a_redacted_column_stays_out_of_rejects() -> None:
    result = read_whole(Agent, header(Agent) + record(Agent, hourly_cost="12 EUR"), redact=frozenset({"hourly_cost"}))

    assert refused(result) == [(1, "hourly_cost", None)]


def test_raw_records_are_shown_where_no_column_of_the_table_is_redacted() -> None:
    data = header(Agent) + b"too,few\n"

    assert refused(read_whole(Agent, data, redact=frozenset({"contact_name"}))) == [(1, None, "too,few")]


@pytest.mark.parametrize("redact", ["contents", "pid", "engagement_pid"])
def test_a_redaction_that_cannot_be_is_refused(redact: str) -> None:
    with pytest.raises(ValueError, match=redact):
        read_whole(Turn, header(Turn), redact=frozenset({redact}))


def test_columns_of_other_tables_may_be_named_for_redaction() -> None:
    assert read_whole(Agent, header(Agent), redact=frozenset({"contact_name"})).statistics.redacted_columns == []


@pytest.mark.parametrize("chunk_bytes", [16, 1 << 20])
def test_a_row_names_its_columns_that_are_null_though_the_file_has_a_value(chunk_bytes: int) -> None:
    rows = [
        record(Turn, pid="fine", length="1"),
        record(Turn, pid="two", turn_time="yesterday", length="?", content="x"),
        record(Turn, pid="reserved", quality="-2147483648", length="-2147483648"),
        record(Turn, pid="", length="?"),
        record(Turn, pid="empty"),
        record(Turn, pid="both", quality="-2147483648", length="?"),
    ]

    result = read_whole(Turn, header(Turn) + b"".join(rows), chunk_bytes=chunk_bytes)

    assert result.table.column_names[-1] == "refused_columns"
    assert dict(zip(*(result.table[name].to_pylist() for name in ("pid", "refused_columns")), strict=True)) == {
        "fine": None,
        "two": ["turn_time", "length"],
        "reserved": ["length", "quality"],
        "empty": None,
        "both": ["length", "quality"],
    }


def test_a_row_that_differs_only_in_what_was_refused_is_no_identical_duplicate() -> None:
    result = read_whole(Turn, header(Turn) + record(Turn, length="?") + record(Turn))

    assert result.statistics.conflicting_duplicates == 1


def test_a_file_with_a_column_of_that_name_has_an_unknown_column() -> None:
    result = read_whole(Turn, header(Turn, "refused_columns") + record(Turn, [b"x"]))

    assert result.table["refused_columns"].to_pylist() == [None]
    assert list(result.statistics.unknown_columns) == ["refused_columns"]


def test_a_check_that_does_not_run_is_named_without_the_values_it_was_asked_about() -> None:
    class Failing(Customer):
        @pandera.dataframe_check(name="never_runs")
        def _never_runs(cls, frame: pd.DataFrame) -> "pd.Series[bool]":  # noqa: N805 - pandera's way
            raise ValueError(frame["pid"].iloc[0])

    rows = read_whole(Customer, header(Customer) + record(Customer, pid="hidden")).table
    with pytest.raises(RuntimeError, match="did not run") as raised:
        Checker(Failing).check(rows)
    assert "hidden" not in "".join(traceback.format_exception(raised.value))
