"""The sensor that asks for scores that are out of date, and what it looks at in Dagster's records.

Not here: which scores are out of date (`history.restatement`).
"""
