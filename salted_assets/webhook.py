"""Sends a text to a webhook in Slack's form. Not here: what the text says and when it is sent (`alerts`).

Whoever has the address of a webhook may post there. So it is a secret, and in no exception of this module.
"""

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from typing import Any

_TRIES = 2
_PAUSE_SECONDS = 1.0
TIMEOUT_SECONDS = 4.0
"""For one try. A sensor has a minute for all the alerts of one round, five at most."""


class WebhookError(Exception):
    """A text did not reach the webhook."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Refuse: a redirected POST would arrive as a GET, and perhaps elsewhere."""


def post_text(
    address: str,
    text: str,
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Post `{"text": ...}`, a second time where the first try found nobody or a server in trouble.

    Raises WebhookError with the status, or with the kind of trouble, and nothing else.
    """
    body = json.dumps({"text": text}).encode()
    problem = ""
    for attempt in range(_TRIES):
        if attempt:
            sleep(_PAUSE_SECONDS)
        try:
            request = urllib.request.Request(address, body, {"Content-Type": "application/json"})  # noqa: S310 - the setting takes http and https alone
            with urllib.request.build_opener(_NoRedirect).open(request, timeout=timeout_seconds):
                return
        except urllib.error.HTTPError as error:
            with error:
                problem = f"it answered {error.code}"
            if error.code < 500:  # noqa: PLR2004 - what the server refuses, it refuses again
                break
        except (OSError, HTTPException, ssl.SSLError, ValueError) as error:
            reason = getattr(error, "reason", error)
            problem = f"no answer ({type(reason).__name__})"
    raise WebhookError(f"an alert did not reach the webhook: {problem}. The failed run is in the UI all the same")
