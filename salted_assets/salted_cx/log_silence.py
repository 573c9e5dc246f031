"""What libraries would log about our requests is dropped: it holds signed URLs, response headers and secrets."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

HTTPX = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy", "httpcore.socks")
"""The loggers of httpx, those of modules that it imports late included."""

_is_silent: ContextVar[bool] = ContextVar("_is_silent", default=False)


class _DropWhileSilent(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - whatever it says, it is about our request
        return not _is_silent.get()


_FILTER = _DropWhileSilent()


@contextmanager
def silenced(*names: str) -> Iterator[None]:
    """Drop what these loggers, and those below them that exist, are given within the context.

    Other threads, and code of others that uses the same libraries outside of it, keep their records.
    """
    for name in {*names, *_list_below(names)}:
        logging.getLogger(name).addFilter(_FILTER)
    token = _is_silent.set(True)
    try:
        yield
    finally:
        _is_silent.reset(token)


def _list_below(names: tuple[str, ...]) -> list[str]:
    prefixes = tuple(f"{name}." for name in names)
    return [name for name in list(logging.root.manager.loggerDict) if name.startswith(prefixes)]
