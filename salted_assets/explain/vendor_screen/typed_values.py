"""Figures as people type them from a screen: 1,234 and 1.234,5 and 87 % and 12:34, with how exact they were typed."""

import re
from dataclasses import dataclass

from salted_assets.explain.vendor_screen.measures import Kind

_MS = {"ms": 1.0, "s": 1000.0, "sec": 1000.0, "min": 60_000.0, "m": 60_000.0, "h": 3_600_000.0}
_CLOCK = re.compile(r"(?:(?P<hours>\d{1,4}):)?(?P<minutes>\d{1,4}):(?P<seconds>\d{2})(?:[.,](?P<fraction>\d{1,3}))?")
_WITH_UNIT = re.compile(r"(?P<number>.*\d)\s*(?P<unit>[a-z]+)\.?", re.IGNORECASE)
_PLAIN = re.compile(r"(?P<whole>\d+)(?:(?P<mark>[.,])(?P<decimals>\d+))?")
_GROUPED = re.compile(
    r"(?P<whole>[1-9]\d{0,2}(?:(?P<separator>[.,' ])\d{3})(?:(?P=separator)\d{3})*)(?:[.,](?P<decimals>\d+))?"
)
_AMBIGUOUS = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
_SPACES = re.compile(r"[\s\u00a0\u2007\u2009\u202f]+")
_SIXTY, _DIGITS = 60, 15
_COUNT_EXAMPLE, _TIME_EXAMPLE = "a whole number such as 1,234", "a time such as 12:34, 1:02:03, 754 s or 12.6 min"


class ValueRefused(ValueError):  # noqa: N818 - it says what happened
    """A typed value means nothing for its measure, or more than one thing; the message says what to write."""


@dataclass(frozen=True)
class TypedValue:
    """A value in the unit of our columns, and `step`, one unit of the last place that was typed."""

    value: float
    step: float

    def agrees_with(self, ours: float) -> bool:
        """Whether `ours`, rounded or cut to what was typed, is this value.

        >>> [TypedValue(0.87, 0.01).agrees_with(ours) for ours in (0.864, 0.865, 0.8799, 0.88)]
        [False, True, True, False]
        """
        slack = self.step * 1e-6
        return -self.step / 2 - slack <= ours - self.value < self.step - slack


def parse_value(text: str, kind: Kind) -> TypedValue:
    """A typed value of this kind. Raises ValueRefused.

    Thousands may be separated by commas, points, spaces or apostrophes, decimals by a point or a comma. In a count a
    single comma or point before three digits separates thousands, in a share or a score it is the decimal mark. Times
    are m:ss or h:mm:ss, or numbers with a unit; shares from 0 to 1, or with or without a sign percents.

    >>> parse_value("1,234", Kind.COUNT), parse_value("12:34", Kind.DURATION).value
    (TypedValue(value=1234.0, step=1.0), 754000.0)
    >>> parse_value("87,5 %", Kind.SHARE), parse_value("4,125", Kind.SCORE).value
    (TypedValue(value=0.875, step=0.001), 4.125)
    """
    typed = _SPACES.sub(" ", text).strip()
    if not typed:
        raise ValueRefused("there is no value")
    if kind is Kind.DURATION:
        return _parse_duration(typed)
    if typed.endswith("%"):
        if kind is not Kind.SHARE:
            raise ValueRefused(f"{text!r} is a share; write {_COUNT_EXAMPLE if kind is Kind.COUNT else 'a score'}")
        return _percent(_parse_number(typed.removesuffix("%").strip(), kind))
    number = _parse_number(typed, kind)
    if kind is Kind.COUNT and (number.step != 1 or number.value < 0):
        raise ValueRefused(f"{text!r} is no count; write {_COUNT_EXAMPLE}")
    return _percent(number) if kind is Kind.SHARE and not 0 <= number.value <= 1 else number


def _percent(number: TypedValue) -> TypedValue:
    if not 0 <= number.value <= 100:  # noqa: PLR2004 - percent
        raise ValueRefused("a share is from 0 to 100 %")
    return TypedValue(round(number.value / 100, 12), number.step / 100)


def _parse_duration(typed: str) -> TypedValue:
    if clock := _CLOCK.fullmatch(typed):
        hours, minutes, seconds = (int(clock[name] or 0) for name in ("hours", "minutes", "seconds"))
        if seconds >= _SIXTY or (clock["hours"] and minutes >= _SIXTY):
            raise ValueRefused(f"{typed!r} has more than 59 seconds or minutes; write {_TIME_EXAMPLE}")
        step = 10.0 ** (3 - len(clock["fraction"] or ""))
        return TypedValue((hours * 3600 + minutes * 60 + seconds) * 1000.0 + int(clock["fraction"] or 0) * step, step)
    found = _WITH_UNIT.fullmatch(typed)
    factor = _MS.get(found["unit"].lower()) if found else None
    if found is None or factor is None:
        raise ValueRefused(f"{typed!r} is no time; write {_TIME_EXAMPLE}")
    number = _parse_number(found["number"].strip(), Kind.DURATION)
    return TypedValue(number.value * factor, number.step * factor)


def _parse_number(typed: str, kind: Kind) -> TypedValue:
    sign, digits = (-1.0, typed[1:].strip()) if typed[0:1] in {"-", "\u2212"} else (1.0, typed.removeprefix("+"))
    if kind is Kind.DURATION and _AMBIGUOUS.fullmatch(digits):
        raise ValueRefused(
            f"{typed!r} can be {digits[:-4]} and a bit, or thousands; write it without the comma or point"
        )
    separates = kind is Kind.COUNT or not _AMBIGUOUS.fullmatch(digits)
    if separates and (grouped := _GROUPED.fullmatch(digits)):
        whole, decimals = grouped["whole"].replace(grouped["separator"], ""), grouped["decimals"] or ""
        mark = digits[len(grouped["whole"]) : len(grouped["whole"]) + 1]
        if mark != grouped["separator"]:
            return _number(sign, whole, decimals)
    if plain := _PLAIN.fullmatch(digits):
        return _number(sign, plain["whole"], plain["decimals"] or "")
    raise ValueRefused(f"{typed!r} is no number")


def _number(sign: float, whole: str, decimals: str) -> TypedValue:
    if len(whole) + len(decimals) > _DIGITS:
        raise ValueRefused(f"a number has at most {_DIGITS} digits")
    return TypedValue(sign * float(f"{whole}.{decimals or 0}"), 10.0 ** -len(decimals))
