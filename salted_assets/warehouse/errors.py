"""What can go wrong with the warehouse.

    WarehouseError
    ├── WarehouseUnusable   cannot be written or read as configured: change the setting or the rights
    └── WarehouseLocked     somebody else is at work on the same thing: wait and try again

Not here: errors about what the files contain.
"""


class WarehouseError(Exception):
    """Base of all errors of the warehouse; `retryable` says whether the same call may succeed later unchanged."""

    retryable = False


class WarehouseUnusable(WarehouseError):  # noqa: N818 - named by the state it reports
    """The warehouse cannot be written or read as it is configured."""


class WarehouseLocked(WarehouseError):  # noqa: N818 - named by the state it reports
    """Another process holds the lock; it frees the way by itself."""

    retryable = True
