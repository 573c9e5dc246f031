"""How right the scores are: estimates and intervals on simulated people whose true levels are known.

Here: scenarios, references that know more than any method can, measures, goals, the page `docs/accuracy.md`.
Not here: the formulas (`salted_assets.scoring`), and how long anything takes (`benchmarks.scores`).
"""
