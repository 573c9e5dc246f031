"""What Dagster is given: assets, checks, IO managers, resources, jobs, schedules and sensors.

The only package, with `definitions` and `cli`, that knows Dagster. Not here: what the assets compute.
"""
