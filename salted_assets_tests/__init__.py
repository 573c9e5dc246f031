"""Tests of salted_assets; helpers are imported by their full names."""
