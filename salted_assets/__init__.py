"""salted_assets: own the data of a contact centre that runs on Salted CX, and score its agents fairly.

On Linux, Arrow's memory comes from jemalloc unless ARROW_DEFAULT_MEMORY_POOL says otherwise: it holds on to less
of what threads freed. Arrow reads the variable once, at its import, so it is set before a module of ours imports Arrow.
Elsewhere not all of Arrow's wheels have jemalloc, and Arrow warns of a pool that it does not have.
"""

import os
import sys

if sys.platform == "linux":
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "jemalloc")
