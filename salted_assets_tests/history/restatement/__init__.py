"""Tests of `history.restatement`."""
