"""What the simulator's tests share: a settable clock, a plain HTTP client, a small account."""

import csv
import http.client
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from salted_assets.simulator import RunningSimulator, SimulatorOptions, write_csv

SMALL = SimulatorOptions(agent_count=3, engagements_per_agent=3)
MEDIUM = SimulatorOptions(agent_count=12, engagements_per_agent=10)
DAY = datetime(2024, 3, 5, tzinfo=UTC)
LATER = datetime(2024, 6, 1, tzinfo=UTC)
DATASETS = ("engagement", "customer", "turn", "review", "agent")


class SettableClock:
    def __init__(self, moment: datetime = LATER) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def ask(method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", body=body, headers=dict(headers or {}))
        response = connection.getresponse()
        sent = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, sent, response.read())
    finally:
        connection.close()


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def request_export(
    simulator: RunningSimulator, start: datetime = DAY, end: datetime | None = None, **query: str
) -> Answer:
    end = end or start + timedelta(days=1)
    window = {"from": iso(start), "to": iso(end)}
    return ask("POST", f"{simulator.url}/api/v1/export?{urlencode(window | query)}", bearer(simulator.key))


def status(simulator: RunningSimulator, export_id: str | int) -> Answer:
    return ask("GET", f"{simulator.url}/api/v1/export/{export_id}/status", bearer(simulator.key))


def history(simulator: RunningSimulator) -> Answer:
    return ask("GET", f"{simulator.url}/api/v1/export/history", bearer(simulator.key))


def addresses(simulator: RunningSimulator, **query: str) -> dict[str, str]:
    export_id = request_export(simulator, DAY, None, **query).json()["exportId"]
    return dict(status(simulator, export_id).json()["downloadUrls"])


def iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


_written: dict[str, bytes] = {}


def csv_bytes(
    dataset: str, start: datetime, end: datetime, as_of: datetime, options: SimulatorOptions = SMALL
) -> bytes:
    """The bytes of an export, written once in a test run."""
    key = repr((dataset, start, end, as_of, options))
    if key not in _written:
        _written[key] = fresh_csv_bytes(dataset, start, end, as_of, options)
    return _written[key]


def fresh_csv_bytes(
    dataset: str, start: datetime, end: datetime, as_of: datetime, options: SimulatorOptions = SMALL
) -> bytes:
    out = io.BytesIO()
    write_csv(dataset, start, end, as_of, options, out)
    return out.getvalue()


def rows_of(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def export_rows(
    dataset: str,
    start: datetime = DAY,
    as_of: datetime = LATER,
    options: SimulatorOptions = SMALL,
    hours: float = 24,
) -> list[dict[str, str]]:
    return rows_of(csv_bytes(dataset, start, start + timedelta(hours=hours), as_of, options))
