"""The assets, a module per group: each opens what it needs, computes, and hands its days over to the IO manager.

Not here: how files are delivered (`landing`), parsed (`ingest`) and scored (`scoring`).
"""
