"""The platform measured against other ways to do the same. Not here: tests; nothing of this is in the wheel."""
