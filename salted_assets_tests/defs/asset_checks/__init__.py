"""Tests of `defs.asset_checks`."""
