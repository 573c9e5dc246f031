"""The jobs: those that the launchpad offers for days, and the one that answers a contact's request for their data.

Not here: when they run by themselves (`schedules`, `restatement`), and what an export of a contact is (`landing`).
"""
