"""A strict double of the vendor: a simulated account and the server that exports it.

Not here: any client of it.
"""

from salted_assets.simulator.data.contact_centre import Ability, agent_abilities, reviewer_leniency
from salted_assets.simulator.data.exporting import write_csv
from salted_assets.simulator.data.options import SIMULATOR_KEY, DataFaults, Faults, Refusal, SimulatorOptions
from salted_assets.simulator.server.app import build_app
from salted_assets.simulator.server.running import RunningSimulator, running_simulator

__all__ = [
    "SIMULATOR_KEY",
    "Ability",
    "DataFaults",
    "Faults",
    "Refusal",
    "RunningSimulator",
    "SimulatorOptions",
    "agent_abilities",
    "build_app",
    "reviewer_leniency",
    "running_simulator",
    "write_csv",
]
