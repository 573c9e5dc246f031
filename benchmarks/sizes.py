"""The sizes of the inputs, and where they lie."""

from datetime import UTC, date, datetime

DAY = datetime(2024, 1, 31, tzinfo=UTC)
"""The simulated day, a Wednesday: working days are the full ones."""

ENGAGEMENTS_PER_AGENT = 40

AGENT_COUNTS = {"S": 50, "M": 2_000, "L": 10_000}
"""Agents of the simulated account: about 25 thousand, 1 million and 5 million turns a day; 20 MB, 0.8 GB and 4 GB."""

PLAN_FILE = "plan.json"
FACTS_FILE = "facts.json"

LAST_SCORED_DAY = date(2024, 3, 31)
"""The last day of the input for scores; 91 days make it the first quarter."""

SCORED_DAYS = 91
DAYS_WITH_TURNS = 2
SCORED_AGENTS = 2_000
TURNS_PER_ENGAGEMENT = 64
"""5.1 million turns a day at 40 engagements an agent."""
