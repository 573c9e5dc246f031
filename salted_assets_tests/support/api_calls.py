"""What tests of the API's calls share: a client that does not sleep, and answers."""

from datetime import UTC, datetime

from salted_assets.salted_cx import (
    ClientConfig,
    ExportClient,
)
from salted_assets_tests.support.scripted_vendor import (
    FakeTime,
    say,
)

KEY = "key-7f3a9"
POST = "/api/v1/export"
STATUS = "/api/v1/export/e-1/status"
HISTORY = "/api/v1/export/history"
DAY = (datetime(2024, 1, 31, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC))
PROCESSING = say({"exportId": "e-1", "status": "PROCESSING", "downloadUrls": {}, "error": None})
URLS = {"turn": "https://store.example/t.csv?X-Amz-Signature=5161"}
COMPLETED = say({"exportId": "e-1", "status": "COMPLETED", "downloadUrls": URLS, "error": None})


def build_client(url: str, time: FakeTime, config: ClientConfig | None = None, key: str = KEY) -> ExportClient:
    return ExportClient(
        url,
        lambda: key,
        config=config,
        sleep=time.sleep,
        monotonic=time.monotonic,
        now=time.now,
        random=lambda: 0.0,
    )


def start(client: ExportClient) -> str:
    return client.start(*DAY, ["engagement", "turn"])
