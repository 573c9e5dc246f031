"""The reports' server over a warehouse, in a thread of this process."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from salted_assets.output.scorecard.scorecard import PageOptions
from salted_assets.output.scorecard.server import listen, serve
from salted_assets.warehouse import Warehouse


@contextmanager
def running_server(warehouse: Warehouse) -> Iterator[int]:
    """The port at which the warehouse's scorecards are served."""
    held, holding = os.pipe()
    with listen(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(
            target=serve, args=(warehouse, listening, PageOptions(0.5)), kwargs={"until_end_of": held}
        )
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            os.close(holding)
            thread.join(timeout=30)
            os.close(held)
            assert not thread.is_alive()
