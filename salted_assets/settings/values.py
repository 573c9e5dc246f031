"""What the text of a setting may be: kinds of values, each with its check. Not here: which settings there are.

Each raises ValueError with what to write instead.
"""

import re
from typing import Annotated
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

VENDOR_URL = "https://api.eu.salted.cx"
_SECRET_PLACE = re.compile(r"(secretsmanager|ssm):\S+")
_ACCOUNT = re.compile(r"[a-z][a-z0-9_]{0,31}")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def _check_origin(value: str) -> str:
    wrong = f"write an origin such as {VENDOR_URL}, without a path; plain http is for loopback only"
    try:
        parts = urlsplit(value.strip())
        is_bare = parts.path in {"", "/"} and not (parts.query or parts.fragment or "@" in parts.netloc)
        is_whole = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError(wrong) from None
    if not (_is_safe(parts) and is_bare and is_whole):
        raise ValueError(wrong)
    return value.strip().rstrip("/")


def _check_webhook(value: str) -> str:
    wrong = "write an address that begins with https://; plain http is for loopback only"
    try:
        is_safe = _is_safe(urlsplit(value.strip()))
    except ValueError:
        raise ValueError(wrong) from None
    if value and not is_safe:
        raise ValueError(wrong)
    return value.strip()


def _check_base(value: str) -> str:
    wrong = "write an address such as https://reports.example.com; plain http is for loopback only"
    try:
        parts = urlsplit(value.strip())
        is_whole = _is_safe(parts) and not (parts.query or parts.fragment or "@" in parts.netloc) and parts.port != 0
    except ValueError:
        raise ValueError(wrong) from None
    if value and not is_whole:
        raise ValueError(wrong)
    return value.strip().rstrip("/")


def _check_account(value: str) -> str:
    if value and not _ACCOUNT.fullmatch(value):
        raise ValueError("write up to 32 small letters, digits and underscores, a letter first")
    return value


def _check_secret_place(value: str) -> str:
    if value and not _SECRET_PLACE.fullmatch(value.strip()):
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


def _is_safe(parts: SplitResult) -> bool:
    """Whether what is sent to the address can be read by its host alone."""
    is_private = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    return is_private and bool(parts.hostname)


Origin = Annotated[str, AfterValidator(_check_origin)]
"""Scheme and host of an API."""

Webhook = Annotated[str, AfterValidator(_check_webhook)]
"""An address to send messages to, or nothing."""

BaseUrl = Annotated[str, AfterValidator(_check_base)]
"""An address below which pages are served, or nothing."""

Account = Annotated[str, AfterValidator(_check_account)]
"""A name that can be part of asset keys, pools and paths, or nothing."""

SecretPlace = Annotated[str, AfterValidator(_check_secret_place)]
"""A service of AWS and a name in it, or nothing."""

Place = Annotated[str, AfterValidator(_check_warehouse)]
"""A folder, or an address on S3."""

Zone = Annotated[str, AfterValidator(_check_zone)]
"""The name of a time zone."""
