"""Tests of `defs.assets`."""
