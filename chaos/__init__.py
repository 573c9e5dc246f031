"""Kills the real backfill at random moments and sees that nothing comes of it. Not in the wheel, and no test."""
