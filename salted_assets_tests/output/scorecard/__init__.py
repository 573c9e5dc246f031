"""Tests of `output.scorecard`."""
