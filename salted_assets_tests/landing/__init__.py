"""Tests of `landing`."""
