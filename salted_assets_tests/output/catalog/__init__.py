"""Tests of `output.catalog`."""
