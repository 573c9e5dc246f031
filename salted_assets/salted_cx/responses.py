"""What a response of the vendor's API means: pure functions from status, headers and body to a value or an error."""

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Literal

from salted_assets.salted_cx.content_coding import read_codings
from salted_assets.salted_cx.exceptions import (
    ApiKeyForbidden,
    ApiKeyRejected,
    ApiUnavailable,
    ApiUrlRefused,
    ContactNotFound,
    EmptyInclude,
    ExportNotFound,
    InvalidDateRange,
    InvalidInclude,
    NoCustomersForContact,
    RateLimited,
    RequestRefused,
    SaltedApiError,
    UnexpectedResponse,
)
from salted_assets.salted_cx.retry import read_retry_after

ExportState = Literal["PROCESSING", "COMPLETED", "FAILED", "UNKNOWN"]

REFUSALS: Mapping[str, type[RequestRefused]] = MappingProxyType(
    {
        "INVALID_DATE_RANGE": InvalidDateRange,
        "INVALID_INCLUDE": InvalidInclude,
        "EMPTY_INCLUDE": EmptyInclude,
        "CONTACT_NOT_FOUND": ContactNotFound,
        "NO_CUSTOMERS_FOR_CONTACT": NoCustomersForContact,
    }
)
"""The five codes of the vendor's page, each with its class."""

LONGEST_ID = 200
LONGEST_ERROR_TEXT = 500

_PLAIN_WORD = re.compile(r"[A-Za-z][A-Za-z_ -]{0,39}")
_LINK = re.compile(r"(https?://[^\s/?#\"'<>]+)[^\s\"'<>]*", re.IGNORECASE)
_MAIL = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+")
_PHONE = re.compile(r"(?<![\w-])\+?\d[\d ()./-]{5,}\d(?![\w-])")


@dataclass(frozen=True)
class ExportStatus:
    """One export as the vendor reports it.

    `download_urls` maps a dataset's name to its signed address; it is empty unless `state` is COMPLETED, and never
    shown by `repr`. `error` is the vendor's own text with addresses, e-mail addresses and phone numbers taken out.
    `state` is FAILED for every word that means an end, UNKNOWN for a word that means nothing to us; `word` is the
    vendor's own.
    """

    export_id: str
    state: ExportState
    download_urls: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    error: str | None = None
    word: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True)
class Response:
    """One whole response of the API. Header names are lower case; the body is never shown."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def is_success(status: int) -> bool:
    """Say whether an HTTP status is one of the 2xx."""
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def is_redirect(status: int) -> bool:
    """Say whether an HTTP status is one of the 3xx."""
    return HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST


def is_transient(status: int) -> bool:
    """Say whether an HTTP status speaks of the moment and not of the request: 408, 429 and every 5xx."""
    return (
        status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    )


def build_refusal(
    response: Response, *, tried: str, now: datetime, key_name: str, export_id: str | None
) -> SaltedApiError:
    """Give the error that a response other than 2xx means."""
    problem = f"{tried} was answered with HTTP {response.status}"
    if is_transient(response.status):
        kind = RateLimited if response.status == HTTPStatus.TOO_MANY_REQUESTS else ApiUnavailable
        pause = read_retry_after(response.headers.get("retry-after"), answered=response.headers.get("date"), now=now)
        if pause is not None:
            problem += f", asking for a pause of {pause:.0f} s"
        return kind(problem, export_id=export_id, retry_after_seconds=pause)
    if is_redirect(response.status):
        return ApiUrlRefused(f"{problem}, a redirect, which is not followed with the key", export_id=export_id)
    if response.status == HTTPStatus.UNAUTHORIZED:
        return ApiKeyRejected(
            problem, export_id=export_id, hint=f"Check {key_name}: the vendor does not accept its value."
        )
    if response.status == HTTPStatus.FORBIDDEN:
        return ApiKeyForbidden(
            problem, export_id=export_id, hint=f"Ask the vendor what the key in {key_name} is allowed to do."
        )
    if response.status == HTTPStatus.NOT_FOUND and export_id is not None:
        return ExportNotFound(problem, export_id=export_id)
    code = find_code(response.body)
    return REFUSALS.get(code or "", RequestRefused)(problem, export_id=export_id, code=code)


def find_code(body: bytes) -> str | None:
    """Find one of the vendor's five codes in a refusal's body, or None.

    The body's shape is undocumented: a string anywhere in JSON that is a code, nearest to the top first, wins over a
    code inside a longer text. Letter case is not minded. A word that is not one of the five is not given back: it
    could be a value of the request.
    """
    text = body.decode("utf-8", errors="replace")
    for value in _walk_strings(text):
        code = value.strip().upper()
        if code in REFUSALS:
            return code
    found = re.search(rf"(?<![A-Za-z0-9_])({'|'.join(REFUSALS)})(?![A-Za-z0-9_])", text, re.IGNORECASE)
    return None if found is None else found[1].upper()


def _walk_strings(text: str) -> Iterator[str]:
    try:
        waiting = deque([json.loads(text)])
    except (ValueError, RecursionError):
        return
    while waiting:
        value = waiting.popleft()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def parse_json(response: Response, *, tried: str, export_id: str | None = None) -> Any:
    """Give the JSON value of a 2xx response. Raises UnexpectedResponse for an HTML page, other text or broken JSON."""
    if codings := read_codings(response.headers):
        raise UnexpectedResponse(
            f"{tried} gave a response in {codings[-1]} that cannot be decoded", export_id=export_id
        )
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError):
        kind = "a page of HTML or XML" if response.body.lstrip()[:1] == b"<" else "something that is not JSON"
        kind = kind if response.body else "a response without a body"
    raise UnexpectedResponse(
        f"{tried} gave {kind} (HTTP {response.status}, {len(response.body)} bytes)", export_id=export_id
    )


def read_export_id(value: Any) -> str | None:
    """Give an export id as text, from JSON text or integer; None for anything else.

    Ids are opaque. Refused are an empty, an overlong or an unprintable one, and one of dots only: it would name
    another address even when percent-encoded.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    given = str(value)
    if not given or len(given) > LONGEST_ID or not given.isprintable() or not given.strip("."):
        return None
    return given


def parse_status(value: Any, *, asked_id: str, tried: str) -> ExportStatus:
    """Give the status object of one export. Raises UnexpectedResponse for another shape or another export's id."""
    status = _read_status(value, tried=tried, asked_id=asked_id)
    if not isinstance(value.get("status"), str):
        raise UnexpectedResponse(f"{tried} gave a status object without a status", export_id=asked_id)
    return status


def parse_history(value: Any, *, tried: str) -> list[ExportStatus]:
    """Give the exports of the history, in the vendor's order.

    Raises UnexpectedResponse unless it is an array of objects with readable ids.
    """
    if not isinstance(value, list):
        raise UnexpectedResponse(f"{tried} gave JSON that is not an array")
    return [_read_status(entry, tried=tried, asked_id=None) for entry in value]


def _read_status(value: Any, *, tried: str, asked_id: str | None) -> ExportStatus:
    if not isinstance(value, dict):
        raise UnexpectedResponse(f"{tried} gave JSON that is not a status object", export_id=asked_id)
    given_id = read_export_id(value["exportId"]) if "exportId" in value else asked_id
    if given_id is None:
        raise UnexpectedResponse(f"{tried} gave a status object without a readable exportId", export_id=asked_id)
    if asked_id is not None and given_id.casefold() != asked_id.casefold():
        raise UnexpectedResponse(f"{tried} gave the status of another export", export_id=asked_id)
    word = value.get("status")
    state = _read_state(word)
    urls = _read_urls(value.get("downloadUrls"), tried=tried, export_id=asked_id) if state == "COMPLETED" else {}
    return ExportStatus(
        export_id=asked_id or given_id,
        state=state,
        download_urls=urls,
        error=_read_error(value.get("error")),
        word=word.strip() if isinstance(word, str) and _PLAIN_WORD.fullmatch(word.strip()) else "an unreadable status",
    )


def _read_state(value: Any) -> ExportState:
    match value.strip().upper() if isinstance(value, str) else None:
        case "PROCESSING":
            return "PROCESSING"
        case "COMPLETED":
            return "COMPLETED"
        case "FAILED" | "ERROR" | "CANCELLED" | "CANCELED" | "EXPIRED":
            return "FAILED"
        case _:
            return "UNKNOWN"


def _read_urls(value: Any, *, tried: str, export_id: str | None) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UnexpectedResponse(f"{tried} gave downloadUrls that are not an object", export_id=export_id)
    # null or "" under a name is no address: the dataset counts as not delivered
    given = {name: address for name, address in value.items() if address not in (None, "")}
    if not all(isinstance(address, str) for address in given.values()):
        raise UnexpectedResponse(f"{tried} gave downloadUrls that are not all text", export_id=export_id)
    return given


def _read_error(value: Any) -> str | None:
    if value is None or value == "":
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return clean_text(text)


def clean_text(text: str) -> str:
    """Give the vendor's text without what may not be shown: addresses beyond their host, e-mails, phone numbers.

    At most 500 characters; what was not looked at is not shown.
    """
    text = text[: 4 * LONGEST_ERROR_TEXT]
    text = _LINK.sub(r"\1/...", text)
    text = _MAIL.sub("[e-mail]", text)
    text = _PHONE.sub("[number]", text)
    return make_printable(text)


def make_printable(text: str) -> str:
    """Give text for messages and metadata: control characters become spaces, at most 500 characters are kept."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:LONGEST_ERROR_TEXT])
