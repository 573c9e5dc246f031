"""Tests of the fair score."""
