"""Scoring days, the platform's way and one SQL script by hand: `python -m benchmarks.scores`."""
