"""Tests of `scoring.windows`."""
