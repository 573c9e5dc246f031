"""Which texts are read as numbers and times, against plain Python that knows nothing of pyarrow."""

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from itertools import product
from math import isfinite

from hypothesis import example, given
from hypothesis import strategies as st

from salted_assets.schemas.turn import Turn
from salted_assets_tests.support.ingesting import header, read_whole, record

RESERVED = -2147483648
CHUNK_SIZES = st.sampled_from([64, 1 << 20])
NUMBER_TEXTS = st.one_of(
    st.from_regex(r"[ \t]?-?[0-9]{1,20}(\.[0-9]{1,2}|\.0{4,8})?[ \t]?", fullmatch=True),
    st.from_regex(r"-?[0-9](\.[0-9]{1,16})?[eE][+-]?[0-9]{1,3}", fullmatch=True),
    st.text(st.sampled_from("0123456789.-+Ee \tx"), min_size=1, max_size=8),
    st.sampled_from([str(RESERVED), "-2147483648.0", "9223372036854775807", "-9223372036854775809"]),
    st.sampled_from(["9.007199254740991E15", "9.007199254740992E15", "9.007199254740993E15", "1.5E1", "1.5E0"]),
).filter(lambda text: not re.search(r"\.\d{3}(?!\d)", text))  # perhaps thousands: see test_readability


def whole_number(text: str) -> int | None:
    """The number that a text of a whole-number column is; None where it is refused."""
    text = text.strip(" \t")
    if re.fullmatch(r"-?[0-9](\.[0-9]{1,15})?[eE][+-]?[0-9]{1,2}", text):
        limit = 2**53 - 1
    elif re.fullmatch(r"-?[0-9]+(\.0+)?", text):
        limit = 2**63 - 1
    else:
        return None
    value = Decimal(text)
    if value != value.to_integral_value() or not -limit - (limit == 2**63 - 1) <= value <= limit:
        return None
    return int(value) if int(value) != RESERVED else None


def decimal_number(text: str) -> float | None:
    text = text.strip(" \t")
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        return None
    return float(text) if isfinite(float(text)) and float(text) != RESERVED else None


@example(["9.007199254740993E15"], 1 << 20)  # as a double it is another whole number
@given(st.lists(NUMBER_TEXTS, min_size=1, max_size=10), CHUNK_SIZES)
def test_numbers_are_those_that_python_reads(texts: list[str], chunk_bytes: int) -> None:
    rows = (record(Turn, pid=f"p{n}", length=text, quality=text) for n, text in enumerate(texts))

    table = read_whole(Turn, header(Turn) + b"".join(rows), chunk_bytes=chunk_bytes, refused_max_ratio=1).table

    assert table["length"].to_pylist() == [whole_number(text) for text in texts]
    assert table["quality"].to_pylist() == [decimal_number(text) for text in texts]
    for row, text in zip(table.to_pylist(), texts, strict=True):
        named = [name for name in ("length", "quality") if row[name] is None and text]
        assert row["refused_columns"] == (named or None)


HOURS, MINUTES = timedelta(hours=1), timedelta(minutes=1)
ZONES = {
    "": timedelta(),
    "Z": timedelta(),
    "UTC": timedelta(),
    "+1": HOURS,
    "+01": HOURS,
    "-0530": -5 * HOURS - 30 * MINUTES,
    "+05:30": 5 * HOURS + 30 * MINUTES,
    "-5:30": -5 * HOURS - 30 * MINUTES,
    "+14:00": 14 * HOURS,
    "+24": None,
    "+01:60": None,
    "z": None,
    "utc": None,
    "CET": None,
    "GMT": None,
    "+01:00:00": None,
}
"""What may stand behind a clock time: how far it is ahead of UTC; None for what is not read."""

CLOCKS = {"%H:%M:%S": True, "%H:%M:%S.%f": True, "%H:%M": True, "%H:%M:%S,%f": False, "%I:%M:%S %p": False}
"""How a clock time is written, and whether it is read."""


FORMS = list(product(["T", " ", "  ", "", "t"], CLOCKS, ["", " ", "  "], ZONES))


def instant(time: datetime, separator: str, clock: str, blank: str, zone: str) -> datetime | None:
    """The time that is read of a text in this form; None where it is refused."""
    ahead = ZONES[zone]
    is_separated = separator in {"T", " "} and blank in ({"", " "} if zone else {""})
    if not is_separated or not CLOCKS[clock] or ahead is None:
        return None
    seconds = {"second": time.second if "S" in clock else 0, "microsecond": time.microsecond if "%f" in clock else 0}
    found = time.replace(**seconds, tzinfo=timezone(ahead)).astimezone(UTC)
    return found if 2000 <= found.year < 2100 else None


@given(st.datetimes(datetime.fromisoformat("1998-01-01"), datetime.fromisoformat("2101-12-31")))
def test_times_are_read_in_every_form_that_is_in_no_doubt(time: datetime) -> None:
    texts = [f"{time:%Y-%m-%d}{form[0]}{time.strftime(form[1])}{form[2]}{form[3]}" for form in FORMS]
    rows = (record(Turn, pid=f"p{n}", turn_time=f'"{text}"') for n, text in enumerate(texts))

    result = read_whole(Turn, header(Turn) + b"".join(rows), rejected_records_max_count=10**4, refused_max_ratio=1)

    expected = [instant(time, *form) for form in FORMS]
    assert result.table["turn_time"].to_pylist() == expected
    assert result.rejects["raw_value"].to_pylist() == [
        text for text, read in zip(texts, expected, strict=True) if read is None
    ]
