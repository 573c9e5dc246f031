"""Asset checks: what each asks, what it measures, how its outcome reaches the UI."""
