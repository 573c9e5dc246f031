"""Tests of `defs.jobs`."""
