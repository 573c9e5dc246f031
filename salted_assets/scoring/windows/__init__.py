"""Scores of windows of days. Not here: scores of a day."""
