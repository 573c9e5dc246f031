"""What the text of a setting may be: kinds of values, each with its check, which says what to write instead."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, NonNegativeInt, PositiveFloat, PositiveInt

VENDOR_URL = "https://api.eu.salted.cx"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def _check_url(value: str, example: str, *, is_origin: bool = False, may_have_query: bool = False) -> str:
    """Refuse an address where what is sent can be read by others than its host."""
    wrong = f"write {example}; plain http is for loopback only"
    try:
        parts = urlsplit(value)
        is_private = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ValueError(wrong) from None
    is_plain = may_have_query or not (parts.query or parts.fragment or "@" in parts.netloc)
    if not (is_private and is_whole and is_plain and (parts.path in {"", "/"} or not is_origin)):
        raise ValueError(wrong)
    return value


def _check_origin(value: str) -> str:
    return _check_url(value.strip(), f"an origin such as {VENDOR_URL}, without a path", is_origin=True).rstrip("/")


def _check_base(value: str) -> str:
    text = value.strip()
    return _check_url(text, "an address such as https://reports.example.com").rstrip("/") if text else ""


def _check_webhook(value: str) -> str:
    text = value.strip()
    return _check_url(text, "an address that begins with https://", may_have_query=True) if text else ""


def _check_account(value: str) -> str:
    if value and not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", value):
        raise ValueError("write up to 32 small letters, digits and underscores, a letter first")
    return value


def _check_secret(value: str) -> str:
    if value and not re.fullmatch(r"(secretsmanager|ssm):\S+", value.strip()):
        raise ValueError("write secretsmanager:NAME or ssm:NAME")
    return value.strip()


def _check_warehouse(value: str) -> str:
    if "://" in value and not (value.startswith("s3://") and urlsplit(value).netloc):
        raise ValueError("write a folder or s3://bucket/prefix")
    return value.rstrip("/") or "/"


def _check_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError("not a known time zone; write one such as Europe/Prague") from None
    return value


def _check_day(value: Any) -> Any:
    # pydantic would take 20240131 for seconds since 1970
    if isinstance(value, str) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value.strip()):
        raise ValueError("write a day such as 2024-01-31")
    return value.strip() if isinstance(value, str) else value


def _check_count(value: Any) -> Any:
    if not isinstance(value, str) or value == "all":
        return value
    if not value.strip().isdecimal():
        raise ValueError("write a number, or all")
    return int(value)


def _check_days(value: Any) -> Any:
    if not isinstance(value, str) or value == "never":
        return value
    if not value.strip().isdecimal() or not int(value):
        raise ValueError("write a number of days from 1 on, or never")
    return int(value)


def _split(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return tuple(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))


def _split_weights(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
    return {name.strip(): weight.strip() for name, _, weight in pairs}


def _read_days(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        lines = Path(value).expanduser().read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError("the file is not text in UTF-8") from None
    except OSError as error:
        raise ValueError(f"the file cannot be read ({error.strerror})") from None
    return tuple(sorted(set(_parse_days(lines))))


def _parse_days(lines: list[str]) -> Iterator[date]:
    for number, line in enumerate(lines, start=1):
        if text := line.partition("#")[0].strip():
            try:
                yield date.fromisoformat(_check_day(text))
            except ValueError:
                raise ValueError(
                    f"line {number} of the file is {text!r}; write a day such as 2024-12-25, a # before a comment"
                ) from None


Origin = Annotated[str, AfterValidator(_check_origin)]
"""Scheme and host of an API."""

BaseUrl = Annotated[str, AfterValidator(_check_base)]
"""An address below which pages are served, or nothing."""

WebhookUrl = Annotated[str, AfterValidator(_check_webhook)]
"""An address to send messages to, or nothing."""

AccountName = Annotated[str, AfterValidator(_check_account)]
"""A name that can be part of asset keys, pools and paths, or nothing."""

SecretName = Annotated[str, AfterValidator(_check_secret)]
"""A service of AWS and a name in it, or nothing."""

WarehouseUri = Annotated[str, AfterValidator(_check_warehouse)]
"""A folder, or an address on S3."""

Zone = Annotated[str, AfterValidator(_check_zone)]
"""The name of a time zone."""

Day = BeforeValidator(_check_day)
"""A calendar day as YYYY-MM-DD."""

DaysOfFile = Annotated[tuple[date, ...], BeforeValidator(_read_days)]
"""The days that a file lists, each once and in order: one a line as YYYY-MM-DD, `#` before comments."""

Listed = BeforeValidator(_split)
"""Values with commas between them, each once."""

Names = Annotated[tuple[str, ...], Listed]
"""Names with commas between them, each once."""

Weights = Annotated[dict[str, PositiveFloat], BeforeValidator(_split_weights)]
"""Numbers by name, such as `a=2,b=0.5`."""

CountOrAll = Annotated[NonNegativeInt | Literal["all"], BeforeValidator(_check_count)]
"""A number from 0 on, or `all`."""

DaysOrNever = Annotated[PositiveInt | Literal["never"], BeforeValidator(_check_days)]
"""A number of days from 1 on, or `never`."""
