"""Tests of `defs.instance`."""
