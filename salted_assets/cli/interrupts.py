"""What Ctrl-C and SIGTERM do to a command: the first ends it in order, the second at once.

While Dagster executes a run it has handlers of its own: they raise its error within a step, and elsewhere wait for the
next step, be it minutes away. So the signals are read from a pipe as well, by a thread that sees to it that they work.
"""

import os
import select
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_WAKE = signal.SIGUSR1
"""What is sent to the main thread where the first signal has not ended the command: Dagster has no handler for it."""

_GRACE_SECONDS = 5.0
_NOTICE = b"\nending in order, once more to end at once\n"
_received: list[int] = []
_handled: list[int] = []
"""The signals of which Interrupted was raised: the handler may run before the thread that reads the pipe."""

_listeners: list[Callable[[], None]] = []
_is_raised = threading.Event()
"""Set once Interrupted was raised: what is done then, such as a report, is not interrupted again."""


class Interrupted(BaseException):
    """The command was asked to end by a signal. No Exception, so that nothing takes it for a day's failure."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number
        self.has_begun = True
        """Whether the command was at work; not while it was looked up and loaded."""


def raise_if_interrupted() -> None:
    """Raise Interrupted if a signal has come that something else has taken, as Dagster and DuckDB do."""
    if numbers := _received or _handled:
        _is_raised.set()
        raise Interrupted(numbers[0])


def is_interrupted() -> bool:
    """Whether a signal has asked the command to end, raised or not."""
    return bool(_received)


@contextmanager
def when_interrupted(listener: Callable[[], None]) -> Iterator[None]:
    """Call the listener as soon as the first signal comes within the context, before a second one is looked at.

    It is called in another thread, and has to come back at once.
    """
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


@contextmanager
def interruptible(grace_seconds: float = _GRACE_SECONDS) -> Iterator[None]:
    """Raise Interrupted within the context for SIGINT and SIGTERM; the second of them ends the process.

    Where the first is taken by another handler, it is raised `grace_seconds` later unless the context has ended.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    read, write = os.pipe()
    os.set_blocking(write, False)
    handlers = {number: signal.signal(number, _raise) for number in (*_SIGNALS, _WAKE)}
    earlier = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    watch = threading.Thread(target=_watch, args=(read, grace_seconds), name="interrupts", daemon=True)
    watch.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(earlier)
        os.close(write)
        watch.join()
        os.close(read)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        _received.clear()
        _handled.clear()
        _is_raised.clear()


def _raise(number: int, _: FrameType | None) -> NoReturn:
    _is_raised.set()
    _handled.append(_received[0] if _received else number)
    raise Interrupted(_handled[-1])


def _watch(read: int, grace_seconds: float) -> None:
    main, is_woken = threading.main_thread().ident or 0, False
    while True:
        may_wait = is_woken or not _received
        if not select.select([read], [], [], None if may_wait else grace_seconds)[0]:
            if not _is_raised.is_set():
                signal.pthread_kill(main, _WAKE)
            is_woken = True
            continue
        numbers = os.read(read, 64)
        if not numbers:
            return
        for number in numbers:
            if number in _SIGNALS and _received:
                os._exit(128 + number)
            if number in _SIGNALS:
                _received.append(number)
                os.write(2, _NOTICE)
                for listener in _listeners:
                    listener()
