"""Tests of `scoring.stats`."""
