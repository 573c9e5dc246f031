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
    """Another process holds the lock; it frees the way by itself."""

    retryable = True


FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says when there is no more room."""
