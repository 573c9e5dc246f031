"""The vendor's Export API: a client that outlives what vendor and network do, and the errors it ends with.

Here: what other packages may use of it. Not here: landings, pending exports, settings; anything of Dagster. No other
package talks to the vendor.
"""

from salted_assets.salted_cx.client import ExportClient
from salted_assets.salted_cx.config import ClientConfig
from salted_assets.salted_cx.downloads import Downloaded, DownloadReport
from salted_assets.salted_cx.exceptions import (
    ApiKeyForbidden,
    ApiKeyRefused,
    ApiKeyRejected,
    ApiKeyUnusable,
    ApiUnavailable,
    ApiUrlRefused,
    ContactNotFound,
    DownloadCorrupted,
    DownloadFailed,
    DownloadInterrupted,
    DownloadRefused,
    DownloadTooLarge,
    DownloadUrlExpired,
    DownloadUrlRefused,
    EmptyInclude,
    EmptyStartResponse,
    ExportFailed,
    ExportNotFound,
    ExportNotReady,
    ExportStartUnknown,
    InvalidDateRange,
    InvalidInclude,
    NoCustomersForContact,
    RateLimited,
    RequestRefused,
    SaltedApiError,
    UnexpectedResponse,
)
from salted_assets.salted_cx.instants import format_instant, parse_instant
from salted_assets.salted_cx.partial_file import EncodedBody, Sink
from salted_assets.salted_cx.responses import ExportState, ExportStatus
from salted_assets.salted_cx.urls import describe_url

__all__ = [
    "ApiKeyForbidden",
    "ApiKeyRefused",
    "ApiKeyRejected",
    "ApiKeyUnusable",
    "ApiUnavailable",
    "ApiUrlRefused",
    "ClientConfig",
    "ContactNotFound",
    "DownloadCorrupted",
    "DownloadFailed",
    "DownloadInterrupted",
    "DownloadRefused",
    "DownloadReport",
    "DownloadTooLarge",
    "DownloadUrlExpired",
    "DownloadUrlRefused",
    "Downloaded",
    "EmptyInclude",
    "EmptyStartResponse",
    "EncodedBody",
    "ExportClient",
    "ExportFailed",
    "ExportNotFound",
    "ExportNotReady",
    "ExportStartUnknown",
    "ExportState",
    "ExportStatus",
    "InvalidDateRange",
    "InvalidInclude",
    "NoCustomersForContact",
    "RateLimited",
    "RequestRefused",
    "SaltedApiError",
    "Sink",
    "UnexpectedResponse",
    "describe_url",
    "format_instant",
    "parse_instant",
]
