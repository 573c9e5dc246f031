"""The sizes of the input, and where it lies. Not here: making it (`inputs`)."""

from datetime import UTC, datetime

DAY = datetime(2024, 1, 31, tzinfo=UTC)
"""The simulated day, a Wednesday: working days are the full ones."""

ENGAGEMENTS_PER_AGENT = 40

AGENT_COUNTS = {"S": 50, "M": 2_000, "L": 10_000}
"""Agents of the simulated account: about 25 thousand, 1 million and 5 million turns a day; 20 MB, 0.8 GB and 4 GB."""

PLAN_FILE = "plan.json"
FACTS_FILE = "facts.json"
