"""Tests of `defs.restatement`."""
