"""What we note in the footers of Parquet files. Not here: what the notes mean (whoever writes them)."""

import pyarrow.parquet as pq

_PREFIX = b"salted."


def read_notes(file: pq.ParquetFile) -> dict[str, str]:
    """Our notes in the footer of a file, each under its whole name; empty for a file of another program."""
    stored = file.metadata.metadata or {}
    return {name.decode(): value.decode() for name, value in stored.items() if name.startswith(_PREFIX)}
