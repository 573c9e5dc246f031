"""Loading a day of CSV files, the platform's way and others: `python -m benchmarks.ingest`."""
