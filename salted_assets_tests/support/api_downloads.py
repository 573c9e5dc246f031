"""What tests of downloads share: a file, and a vendor that tells where it is."""

from salted_assets.salted_cx import (
    Downloaded,
    DownloadFailed,
    ExportClient,
    ExportStatus,
)
from salted_assets_tests.support.scripted_vendor import (
    Fault,
    MemorySink,
    Reply,
    ScriptedVendor,
    StoredFile,
    say,
)

CONTENT = "pid,content\n1,žluťoučký 🐎\n".encode() * 400
SIZE = len(CONTENT)
EXPIRED = Reply(403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")
LOOKALIKE = Reply(400, b"<Error><Code>AccessDenied</Code><Expires>2024</Expires></Error>")


def complete(vendor: ScriptedVendor, *datasets: str, number: int = 1) -> ExportStatus:
    urls = {name: f"{vendor.url}/{name}{number}.csv?X-Amz-Signature=51%2F61+a%3D" for name in datasets}
    return ExportStatus("e-1", "COMPLETED", urls)


def tell(status: ExportStatus) -> Reply:
    return say({"exportId": "e-1", "status": status.state, "downloadUrls": dict(status.download_urls)})


def fetch_turn(client: ExportClient, vendor: ScriptedVendor) -> tuple[Downloaded, MemorySink]:
    sink = MemorySink()
    report = client.download(complete(vendor, "turn"), {"turn": lambda: sink})
    return report.files["turn"], sink


def serve_turn(vendor: ScriptedVendor, *faults: Fault, content: bytes = CONTENT) -> None:
    vendor.always("GET", "/turn1.csv", StoredFile(content, *faults))


def try_to_fetch(client: ExportClient, status: ExportStatus, sink: MemorySink) -> Downloaded | DownloadFailed:
    try:
        return client.download(status, {"turn": lambda: sink}).files["turn"]
    except DownloadFailed as error:
        return error
