"""How long, how often and how much: every bound of the client, and the clock it is measured with."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime


@dataclass(frozen=True)
class ClientConfig:
    """Every bound of the client; all must be positive, else ValueError names the field.

    `request_timeout_seconds` bounds each wait for the network (connecting, one read, one write), the headers of a
    response as a whole, and a JSON response as a whole. `retry_*` bound the repetition of one API call, in attempts and
    in seconds, pauses included; a pause longer than `retry_seconds`, also one that the vendor asks for, is not waited
    for. `poll_*` are the pauses between status calls, growing from first to longest within `wait_seconds`. Within
    `settling_seconds` a status may lag behind: an export not be found that was just requested or seen, or be COMPLETED
    without all its addresses. `min_export_interval_seconds` is the shortest pause between two POSTs of one client.
    `download_*` bound each file: its attempts, its seconds (all attempts), its bytes as sent and as decoded, the times
    that its address is renewed and the redirects that are followed.
    """

    request_timeout_seconds: float = 30.0
    retry_attempts: int = 6
    retry_seconds: float = 300.0
    retry_first_seconds: float = 1.0
    retry_longest_seconds: float = 60.0
    poll_first_seconds: float = 1.0
    poll_longest_seconds: float = 30.0
    wait_seconds: float = 7200.0
    settling_seconds: float = 60.0
    min_export_interval_seconds: float = 1.0
    json_bytes: int = 8 * 1024**2
    download_bytes: int = 50 * 1024**3
    download_seconds: float = 4 * 3600.0
    download_attempts: int = 10
    address_renewals: int = 5
    redirects: int = 3
    concurrent_downloads: int = 5

    def __post_init__(self) -> None:
        """Refuse bounds that bound nothing."""
        for field in fields(self):
            value = getattr(self, field.name)
            may_be_zero = field.name in {"min_export_interval_seconds", "address_renewals", "redirects"}
            if not (value > 0 or (may_be_zero and value == 0)):
                raise ValueError(f"ClientConfig.{field.name} must be positive, not {value!r}")


def utc_now() -> datetime:
    """Give the wall clock's time, with its zone."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Clock:
    """Time as the client sees it, so that tests neither wait nor depend on chance.

    `random` gives numbers in [0, 1) for jitter; `now` is the wall clock, used for nothing but HTTP dates.
    """

    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = utc_now
    random: Callable[[], float] = random.random
