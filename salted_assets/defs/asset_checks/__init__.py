"""Asset checks of the tables: what each asks, what it measures, how its outcome reaches the UI.

Here: a module per subject of checks, each with what it measures and the outcome that follows, in words and numbers that
a person can act on; never a value of a row. Not here: the rules of columns (`schemas`), counting while a file is read
(`ingest`).
"""
