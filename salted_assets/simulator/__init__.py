"""A strict double of the vendor: a simulated account and the server that exports it.

Not here: any client of it.
"""

from salted_assets.simulator.data.exporting import write_csv
from salted_assets.simulator.data.options import SIMULATOR_KEY, DataFaults, Faults, Refusal, SimulatorOptions
from salted_assets.simulator.data.truth import Truth, truth_of
from salted_assets.simulator.server.app import build_app
from salted_assets.simulator.server.running import RunningSimulator, running_simulator

__all__ = [
    "SIMULATOR_KEY",
    "DataFaults",
    "Faults",
    "Refusal",
    "RunningSimulator",
    "SimulatorOptions",
    "Truth",
    "build_app",
    "running_simulator",
    "truth_of",
    "write_csv",
]
