"""Windows of 7, 28 and 91 days that end on the partition's day: of agents and of teams.

Not here: scores of a day, which windows add up (`scoring`), and the statistics on plain numbers (`scoring/stats`).
"""
