"""The command `salted simulate`: the simulator's own, `python -m salted_assets.simulator`."""

from salted_assets.simulator.__main__ import main as simulate

__all__ = ["simulate"]
