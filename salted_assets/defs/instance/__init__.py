"""Dagster on this machine: its home and dagster.yaml, orphaned runs, and what we take of its private API.

Not here: what an instance runs (`definitions`).
"""
