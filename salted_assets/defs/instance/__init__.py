"""Dagster's home on this machine, its event log, and runs of dead processes."""
