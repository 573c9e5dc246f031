"""What a simulated account and its server are made of. Not here: faults (`faults`), and how the options are used."""

from dataclasses import dataclass, field
from typing import Literal

from salted_assets.simulator.data.faults import Faults

SIMULATOR_KEY = "simulator"
"""The bearer key of the built-in account: no secret, it opens nothing but simulated data."""


@dataclass(frozen=True)
class SimulatorOptions:
    """The account's size and seed, and the manners of its export.

    `agent_count` and `engagements_per_agent` set the size of a full working day (weekends are smaller). `as_of`:
    "window" delivers a window as it stood two hours after its end when it is exported for the first time, and as it
    stands now when it is exported again after its files were fetched; "now" always as it stands now.
    `export_seconds` is how long an export is PROCESSING, `address_seconds` how long a download address lives.
    `with_updated_at` adds the column that the vendor's newer page names, `integer_ids` gives export ids as that page
    shows them.
    """

    seed: int = 1
    agent_count: int = 24
    engagements_per_agent: int = 18
    as_of: Literal["window", "now"] = "window"
    export_seconds: float = 0.0
    address_seconds: int = 3600
    with_updated_at: bool = False
    integer_ids: bool = False
    key: str = SIMULATOR_KEY
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        if self.agent_count < 1 or self.engagements_per_agent < 1:
            raise ValueError("agent_count and engagements_per_agent are at least 1")
        if not self.key:
            raise ValueError("key is empty; a bearer key has at least one character")
