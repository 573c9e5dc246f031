"""Tests of `salted_cx`."""
