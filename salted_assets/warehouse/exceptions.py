"""The errors of a warehouse, and what the system says when there is no more room."""

import errno


class WarehouseError(Exception):
    """Base of all errors of the warehouse; `retryable` says whether the same call may succeed later unchanged."""

    retryable = False


class WarehouseUnusable(WarehouseError):  # noqa: N818 - named by the state it reports
    """The warehouse cannot be written or read as it is configured."""


class WarehouseDamaged(WarehouseError):  # noqa: N818 - named by the state it reports
    """A file is not what its path says: cut off, overwritten, or in a `date=` folder that names no day."""


class WarehouseLocked(WarehouseError):  # noqa: N818 - named by the state it reports
    """Another process holds the lock; it frees the way by itself.

    `unsure_of` names the state of a lease whose holder may be dead or alive: it changes as long as the holder lives.
    """

    retryable = True

    def __init__(self, message: str, *, unsure_of: str | None = None) -> None:
        super().__init__(message)
        self.unsure_of = unsure_of


class WarehouseInterrupted(WarehouseError):  # noqa: N818 - named by the state it reports
    """The bucket's answers were cut off several times over, or a file was replaced while it was read."""

    retryable = True


FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says when there is no more room."""
