"""The platform measured against other ways to do the same: loading a day, scoring days, running days.

Not here: tests. Nothing of this is in the wheel.
"""
