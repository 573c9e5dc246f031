"""Rows of one dataset, ready to be written. Not here: what they hold, their CSV form (`csvfiles`)."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from salted_assets.simulator.data.randomness import Integers


@dataclass(frozen=True)
class Rows:
    """Columns by name, and when each row last changed; a column that is not here is null."""

    columns: Mapping[str, pa.Array]
    updated_ms: Integers

    def __len__(self) -> int:
        return len(self.updated_ms)
