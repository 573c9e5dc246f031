# ruff: noqa: N818 - a name here says what happened (ExportFailed, ContactNotFound); an Error suffix would add nothing
"""What can go wrong with the vendor's API, as types: one class for each thing that a caller would do differently.

    SaltedApiError
    |-- ApiUrlRefused              the configured origin is unsafe, or it redirects: change the setting
    |-- ApiKeyRefused              change the key
    |   |-- ApiKeyUnusable         missing, or with characters that no header may carry: nothing was sent
    |   |-- ApiKeyRejected         401
    |   `-- ApiKeyForbidden        403
    |-- RequestRefused             400 and other 4xx: the same request is refused again
    |   |-- InvalidDateRange       400 INVALID_DATE_RANGE
    |   |-- InvalidInclude         400 INVALID_INCLUDE
    |   |-- EmptyInclude           400 EMPTY_INCLUDE
    |   |-- ContactNotFound        400 CONTACT_NOT_FOUND
    |   `-- NoCustomersForContact  400 NO_CUSTOMERS_FOR_CONTACT
    |-- ApiUnavailable             no response, or 5xx, for longer than the bounds allow: come back later      (retry)
    |   `-- RateLimited            429: come back later, and not before the time it names                    (retry)
    |-- UnexpectedResponse           not what the vendor documents: an HTML page, broken JSON, unknown status  (retry)
    |-- ExportStartUnknown         an export may or may not have begun: look into the history before a new one
    |   `-- EmptyStartResponse     2xx without a body, as a gateway sends: look into the history as well
    |-- ExportNotFound             404: request a new export
    |-- ExportFailed               the vendor gave up: request a new export, a bounded number of times
    |-- ExportNotReady             our own waiting limit: attach to the same export again                 (retry)
    `-- DownloadFailed             a file did not arrive whole
        |-- DownloadInterrupted    cut, reset, stalled or answered with 5xx too often: attach again       (retry)
        |-- DownloadCorrupted      whole in length but not what its checksum says: attach again          (retry)
        |-- DownloadUrlExpired     the URL is dead and so is its renewal: request one new export
        |-- DownloadUrlRefused     the URL is one that must not be opened: look at it, do not repeat
        |-- DownloadRefused        the store answers in a way that no repetition changes
        `-- DownloadTooLarge       larger than the configured limit: raise the limit or narrow the export

No message ever holds the key, an address beyond its host, a contact value, or text from a response's body other than
a code and the `error` of a FAILED export, out of which addresses, e-mails and phone numbers are taken. Errors are
raised outside of the handler of the library's own exception, so that neither `__cause__` nor `__context__` leads to a
request with its signed address.
"""

from typing import ClassVar


class SaltedApiError(Exception):
    """Anything that went wrong with the vendor's API.

    `code` is the vendor's (or the store's) own code where it gave one; `export_id` the export spoken of, where there
    is one; `retryable` says whether the same call may succeed later; `retry_after_seconds` the pause that the response
    asked for, if it did; `hint` what to do next.
    """

    retryable: ClassVar[bool] = False
    default_hint: ClassVar[str] = ""

    def __init__(
        self,
        problem: str,
        *,
        export_id: str | None = None,
        code: str | None = None,
        hint: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        self.problem = problem
        self.export_id = export_id
        self.code = code
        self.retry_after_seconds = retry_after_seconds
        self.hint = self.default_hint if hint is None else hint
        super().__init__(problem)

    def __str__(self) -> str:
        """Read as: which export, what was tried and came back, whether a retry helps, what next."""
        subject = "" if self.export_id is None else f"export {self.export_id}: "
        code = "" if self.code is None else f" ({self.code})"
        retry = "A later retry may help." if self.retryable else "Repeating it does not help."
        return f"{subject}{self.problem}{code}. {retry} {self.hint}".rstrip()


class ApiUrlRefused(SaltedApiError):
    """The API's origin is not one that the key may be sent to."""

    default_hint = "Set the API's address to the vendor's origin, such as https://api.eu.salted.cx, without a path."


class ApiKeyRefused(SaltedApiError):
    """The key cannot be used as it is."""


class ApiKeyUnusable(ApiKeyRefused):
    """There is no key, or it holds characters that a header cannot carry; nothing was sent."""


class ApiKeyRejected(ApiKeyRefused):
    """The vendor does not know the key (HTTP 401)."""


class ApiKeyForbidden(ApiKeyRefused):
    """The vendor knows the key and does not let it do this (HTTP 403)."""


class RequestRefused(SaltedApiError):
    """The vendor understood the request and refuses it (HTTP 4xx)."""

    default_hint = "Compare the request with the vendor's Export API page."


class InvalidDateRange(RequestRefused):
    """`from` is not before `to`, or the range is longer than 24 hours."""

    default_hint = "Ask for at most 24 hours, with the start before the end."


class InvalidInclude(RequestRefused):
    """A dataset was asked for that the vendor does not know."""

    default_hint = "Ask only for engagement, customer, turn, review and agent."


class EmptyInclude(RequestRefused):
    """No dataset was asked for."""

    default_hint = "Ask for at least one dataset."


class ContactNotFound(RequestRefused):
    """The vendor could not resolve the contact value."""

    default_hint = "Check the e-mail address or phone number; the account may hold nothing about it."


class NoCustomersForContact(RequestRefused):
    """The contact exists and has no customer records."""

    default_hint = "There is nothing to export for this contact."


class ApiUnavailable(SaltedApiError):
    """The API did not answer, or answered that it cannot, for as long as the limits allow."""

    retryable = True
    default_hint = "Wait and try again; the vendor or the network is in trouble."


class RateLimited(ApiUnavailable):
    """The vendor asks for fewer requests (HTTP 429)."""

    default_hint = "Ask less often: fewer exports at the same time, longer pauses between them."


class UnexpectedResponse(SaltedApiError):
    """The response is not what the vendor documents; nothing was concluded from it."""

    retryable = True
    default_hint = "Check that the API's address is the vendor's; if it is, the API has changed or is in trouble."


class ExportStartUnknown(SaltedApiError):
    """An export was requested and the response was lost or unreadable, so it may or may not be running."""

    default_hint = "Look into the export history for it before a new one is requested."


class EmptyStartResponse(ExportStartUnknown):
    """An export was requested, and the response was a 2xx without a body: a gateway's, rather than the vendor's."""


class ExportNotFound(SaltedApiError):
    """The vendor does not know the export, or it is not this account's (HTTP 404)."""

    default_hint = "Request a new export."


class ExportFailed(SaltedApiError):
    """The vendor reports the export as FAILED."""

    default_hint = "Request a new export; if that fails as well, ask the vendor."


class ExportNotReady(SaltedApiError):
    """The export was still running when our own waiting limit passed; it is not lost."""

    retryable = True
    default_hint = "Attach to the same export again later; do not request another one."


class DownloadFailed(SaltedApiError):
    """A file of a completed export did not arrive whole."""


class DownloadInterrupted(DownloadFailed):
    """The transfer broke off more often, or took longer, than the limits allow."""

    retryable = True
    default_hint = "Attach to the same export again; its address is renewed when needed."


class DownloadCorrupted(DownloadFailed):
    """What arrived does not match the checksum sent with it."""

    retryable = True
    default_hint = "Attach to the same export again; if it repeats, something between here and the store alters data."


class DownloadUrlExpired(DownloadFailed):
    """The address is no longer valid and asking the status again gave none that is."""

    default_hint = "Request one new export."


class DownloadUrlRefused(DownloadFailed):
    """The address, or where it redirects to, is not https (nor loopback beside a loopback API), or carries a login."""

    default_hint = "Do not open it; ask the vendor why the export points there."


class DownloadRefused(DownloadFailed):
    """The store's response cannot be used and would be the same again."""

    default_hint = "Ask the vendor, naming the export."


class DownloadTooLarge(DownloadFailed):
    """The file is larger than the configured limit."""

    default_hint = "Raise the download limit if the size is right."
