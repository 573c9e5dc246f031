"""Signed download addresses in the manner of S3. Not here: what is found under them (`server`)."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import parse_qs, urlencode

from salted_assets.simulator.data.clock import SECOND_MS, iso_seconds, to_ms

STORE_PATH = "/simulator-store"
"""Below it lie the files: another path than the API's, as the vendor's files lie on another host."""

Verdict = Literal["valid", "unsigned", "tampered", "expired"]


@dataclass(frozen=True)
class AddressSigner:
    """Signs and judges addresses with the store's secret."""

    secret: bytes

    def sign(self, path: str, signed_ms: int, lifetime_seconds: int) -> str:
        """The path with a query that opens it for `lifetime_seconds` from `signed_ms` on."""
        query = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Date": _stamp(signed_ms),
            "X-Amz-Expires": str(lifetime_seconds),
        }
        return f"{path}?{urlencode(query | {'X-Amz-Signature': self._signature(path, signed_ms, lifetime_seconds)})}"

    def judge(self, path: str, query: str, now_ms: int) -> Verdict:
        """Whether a query opens the path now, or why not."""
        given = {name: values[-1] for name, values in parse_qs(query).items()}
        try:
            signed_ms = to_ms(datetime.strptime(given["X-Amz-Date"], "%Y%m%dT%H%M%S%z"))
            lifetime_seconds = int(given["X-Amz-Expires"])
            signature = given["X-Amz-Signature"]
        except (KeyError, ValueError):
            return "unsigned"
        expected = self._signature(path, signed_ms, lifetime_seconds)
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            return "tampered"
        return "valid" if now_ms < signed_ms + lifetime_seconds * SECOND_MS else "expired"

    def _signature(self, path: str, signed_ms: int, lifetime_seconds: int) -> str:
        words = f"{path}\n{_stamp(signed_ms)}\n{lifetime_seconds}".encode()
        return hmac.new(self.secret, words, hashlib.sha256).hexdigest()


def _stamp(moment_ms: int) -> str:
    return iso_seconds(moment_ms).replace("-", "").replace(":", "")
