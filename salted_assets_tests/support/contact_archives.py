"""What tests of contact exports share: the contact, the archive as it is read. Not here: any test."""

import csv
import io

INDEX = 1
CONTACT = f"customer{INDEX}@example.com"


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))
