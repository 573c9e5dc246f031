"""Memory that was freed goes back to the system, for what comes next takes memory of other sizes."""

import ctypes

import pyarrow as pa


def return_memory() -> None:
    """Give back what Arrow and the C library keep for later: some hundred MB after millions of rows were read.

    A few milliseconds. Only the GNU C library can be asked; elsewhere Arrow's part alone goes back.
    """
    pa.default_memory_pool().release_unused()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
