"""The lock of a day's landing, held by whatever changes the day's files or its manifest."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

from salted_assets.landing.exceptions import LandingBusy
from salted_assets.warehouse import Warehouse, WarehouseLocked


@contextmanager
def lock_day(warehouse: Warehouse, day: date, wait_seconds: float) -> Iterator[Callable[[], None]]:
    """Hold the day's lock; gives a function that raises if it was lost. Raises LandingBusy where another has it."""
    try:
        with warehouse.lock(f"export-{day}", wait_seconds=wait_seconds) as ensure_held:
            yield ensure_held
    except WarehouseLocked as error:
        raise LandingBusy(f"{day} is being landed by another run ({error}). Run it again when that is done.") from error
