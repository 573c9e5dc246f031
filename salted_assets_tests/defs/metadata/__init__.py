"""Tests of `defs.metadata`."""
