"""What errors of boto3 mean: an object that is not there, and what may be better a moment later."""

from collections.abc import Iterator
from typing import Any

ABSENT = frozenset({"404", "NoSuchKey"})
REPLACED = frozenset({"412", "PreconditionFailed", *ABSENT})
"""What a read says of an object that was there with the entity tag it names."""

_SERVER_ERROR = 500
_BUSY = frozenset({"SlowDown", "RequestTimeout", "RequestTimeoutException", "Throttling", "TooManyRequests", "429"})
_CUT_OFF = frozenset(
    {"ConnectionClosedError", "IncompleteReadError", "ReadTimeoutError", "ResponseStreamingError", "ProtocolError"}
)


def code_of(error: BaseException) -> str:
    """The service's own code for an error of boto3, found behind it where boto3 hides it; else the error's class."""
    answer = next(_answers_behind(error), None)
    return str(answer["Error"]["Code"]) if answer else type(error).__name__


def is_transient(error: BaseException) -> bool:
    """Whether the service was busy or broken, or its answer cut off: the same request may succeed later."""
    answer = next(_answers_behind(error), None)
    if answer is None:
        return any(type(each).__name__ in _CUT_OFF for each in _chain(error))
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= _SERVER_ERROR or answer["Error"]["Code"] in _BUSY


def _answers_behind(error: BaseException) -> Iterator[Any]:
    return (answer for each in _chain(error) if (answer := getattr(each, "response", None)))


def _chain(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__
