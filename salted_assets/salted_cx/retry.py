"""When to try again, and after what pause: growing pauses with jitter, Retry-After, the bounded repetition of a call.

Whether a repetition is worth it is in the type of the error raised.
"""

import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from salted_assets.salted_cx.config import ClientConfig, Clock
from salted_assets.salted_cx.exceptions import SaltedApiError

T = TypeVar("T")

logger = logging.getLogger(__name__)

GROWTH_RATIO = 2.0


def growing_pause(number: int, *, first_seconds: float, longest_seconds: float, random: Callable[[], float]) -> float:
    """Give the pause in seconds after try `number` (from 1): doubling, capped, of which up to a quarter is jitter.

    The jitter only shortens, so that the cap is one.
    """
    # 2**60 s is beyond any cap, and a float that is still exact
    longest = min(first_seconds * GROWTH_RATIO ** min(number - 1, 60), longest_seconds)
    return longest * (1 - random() / 4)


def read_retry_after(value: str | None, *, answered: str | None, now: datetime) -> float | None:
    """Give the seconds that a Retry-After header asks for, or None if there is none that can be read.

    The header is a count of seconds or an HTTP date (RFC 9110, 10.2.3). A date is compared with the response's own
    `Date` header where that is readable, so that a wrong clock on either side does not matter. A date in the past
    gives 0.
    """
    if value is None:
        return None
    if re.fullmatch(r"\d{1,9}", value.strip()):
        return float(value)
    until = _read_http_date(value)
    if until is None:
        return None
    return max(0.0, (until - (_read_http_date(answered) or now)).total_seconds())


def _read_http_date(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    # "-0000" parses to a naive time, which HTTP means as UTC
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def keep_trying(
    call: Callable[[], T],
    *,
    on: tuple[type[SaltedApiError], ...],
    attempts: int,
    seconds: float,
    config: ClientConfig,
    clock: Clock,
    sleep: Callable[[float], None] | None = None,
) -> T:
    """Give what `call` gives, repeating it while it raises one of `on`.

    The vendor's Retry-After is obeyed first; without one the pause grows. Gives up, with the last error, after
    `attempts`, when the next pause would pass `seconds` in total, or when it is longer than `config.retry_seconds`.
    Any other error passes at once.
    """
    started = clock.monotonic()

    def choose_pause(state: RetryCallState) -> float:
        error = None if state.outcome is None else state.outcome.exception()
        if isinstance(error, SaltedApiError) and error.retry_after_seconds:
            return error.retry_after_seconds
        return growing_pause(
            state.attempt_number,
            first_seconds=config.retry_first_seconds,
            longest_seconds=config.retry_longest_seconds,
            random=clock.random,
        )

    def is_enough(state: RetryCallState) -> bool:
        spent = clock.monotonic() - started
        pause = state.upcoming_sleep
        return state.attempt_number >= attempts or spent + pause > seconds or pause > config.retry_seconds

    def note(state: RetryCallState) -> None:
        error = None if state.outcome is None else state.outcome.exception()
        if isinstance(error, SaltedApiError):
            pause = state.upcoming_sleep
            logger.info("Try %d of %d: %s; again in %.1f s", state.attempt_number, attempts, error.problem, pause)

    retrying = Retrying(
        sleep=sleep or clock.sleep,
        stop=is_enough,
        wait=choose_pause,
        retry=retry_if_exception_type(on),
        before_sleep=note,
        reraise=True,
    )
    return retrying(call)
