"""The simulated account and the rows of its exports. Not here: HTTP."""
