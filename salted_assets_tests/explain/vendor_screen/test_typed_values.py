"""Figures as people type them: what each means, how exact it is, and what is refused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salted_assets.explain.vendor_screen import Kind, TypedValue, ValueRefused, parse_value


@pytest.mark.parametrize(
    ("text", "kind", "value", "step"),
    [
        ("1,234", Kind.COUNT, 1234, 1),
        ("1.234", Kind.COUNT, 1234, 1),
        ("1 234 567", Kind.COUNT, 1_234_567, 1),
        ("1'234", Kind.COUNT, 1234, 1),
        ("1\u00a0234", Kind.COUNT, 1234, 1),
        ("0", Kind.COUNT, 0, 1),
        ("12:34", Kind.DURATION, 754_000, 1000),
        ("1:02:03", Kind.DURATION, 3_723_000, 1000),
        ("75:30", Kind.DURATION, 4_530_000, 1000),
        ("754 s", Kind.DURATION, 754_000, 1000),
        ("12.6 min", Kind.DURATION, 756_000, 6000),
        ("12,6min", Kind.DURATION, 756_000, 6000),
        ("754321 ms", Kind.DURATION, 754_321, 1),
        ("87 %", Kind.SHARE, 0.87, 0.01),
        ("87,5%", Kind.SHARE, 0.875, 0.001),
        ("87", Kind.SHARE, 0.87, 0.01),
        ("0.875", Kind.SHARE, 0.875, 0.001),
        ("0,875", Kind.SHARE, 0.875, 0.001),
        ("4,125", Kind.SCORE, 4.125, 0.001),
        ("-0.4", Kind.SCORE, -0.4, 0.1),
        ("1.234,5", Kind.SCORE, 1234.5, 0.1),
    ],
)
def test_a_value_means_what_a_person_means(text: str, kind: Kind, value: float, step: float) -> None:
    typed = parse_value(text, kind)
    assert typed.value == pytest.approx(value)
    assert typed.step == pytest.approx(step)


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("", Kind.COUNT, "there is no value"),
        ("12.5", Kind.COUNT, "is no count; write a whole number such as 1,234"),
        ("0.875", Kind.COUNT, "is no count"),
        ("-3", Kind.COUNT, "is no count"),
        ("87 %", Kind.COUNT, "is a share"),
        ("1,23,456", Kind.COUNT, "is no number"),
        ("1,234,5", Kind.COUNT, "is no number"),
        ("754", Kind.DURATION, "is no time; write a time such as 12:34"),
        ("12:75", Kind.DURATION, "more than 59 seconds"),
        ("1:75:00", Kind.DURATION, "more than 59 seconds or minutes"),
        ("1,234 s", Kind.DURATION, "or thousands"),
        ("5 days", Kind.DURATION, "is no time"),
        ("120 %", Kind.SHARE, "from 0 to 100 %"),
        ("-5", Kind.SHARE, "from 0 to 100 %"),
        ("n/a", Kind.SHARE, "is no number"),
        ("1" * 16, Kind.COUNT, "at most 15 digits"),
    ],
)
def test_what_means_nothing_or_two_things_is_refused(text: str, kind: Kind, said: str) -> None:
    with pytest.raises(ValueRefused, match=re.escape(said)):
        parse_value(text, kind)


@pytest.mark.parametrize("separator", [",", ".", " ", "'", "\u202f"])
@given(number=st.integers(0, 10**12))
def test_a_count_with_whatever_separator_of_thousands_is_that_count(separator: str, number: int) -> None:
    assert parse_value(f"{number:,}".replace(",", separator), Kind.COUNT) == TypedValue(number, 1)


@pytest.mark.parametrize(("thousands", "mark"), [(",", "."), (".", ","), (" ", ","), ("'", "."), ("", "."), ("", ",")])
@given(number=st.decimals(0, 10**8, places=2))
def test_a_score_with_decimals_is_that_score(thousands: str, mark: str, number: object) -> None:
    shown = f"{number:,}".translate({ord(","): thousands, ord("."): mark})
    assert parse_value(shown, Kind.SCORE).value == pytest.approx(float(str(number)))


@given(seconds=st.integers(0, 9_000_000))
def test_a_time_is_read_with_and_without_hours(seconds: int) -> None:
    minutes, rest = divmod(seconds, 60)
    assert parse_value(f"{minutes // 60}:{minutes % 60:02}:{rest:02}", Kind.DURATION).value == seconds * 1000
    if minutes < 10_000:
        assert parse_value(f"{minutes}:{rest:02}", Kind.DURATION).value == seconds * 1000


@given(text=st.one_of(st.text(), st.from_regex(r"[-+]?[0-9.,:' ]{1,12}( ?(%|s|min|ms|h))?", fullmatch=True)))
def test_any_text_is_a_value_or_refused(text: str) -> None:
    for kind in Kind:
        try:
            typed = parse_value(text, kind)
        except ValueRefused:
            continue
        assert typed.step > 0
        assert typed.agrees_with(typed.value)


@given(ours=st.floats(0, 1e7), decimals=st.integers(0, 3))
def test_what_rounds_or_is_cut_to_the_typed_value_agrees(ours: float, decimals: int) -> None:
    step = 10.0**-decimals
    rounded, cut = round(ours, decimals), int(ours / step) * step
    assert TypedValue(rounded, step).agrees_with(ours)
    assert TypedValue(cut, step).agrees_with(ours) or abs(ours / step - round(ours / step)) < 1e-5
    assert not TypedValue(rounded + 2 * step, step).agrees_with(ours)
