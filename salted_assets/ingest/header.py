"""A file's header against the model: which columns are there, missing, unknown."""

import codecs
import csv
import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from salted_assets.ingest.exceptions import HeaderError
from salted_assets.schemas.base import DatasetTable, delivered_columns_of, facts_of

MAX_HEADER_BYTES = 1 << 20
_MAX_COLUMN_COUNT = 4096


@dataclass(frozen=True)
class Header:
    """Names in file order, and how they stand to the model's columns."""

    names: tuple[str, ...]
    missing: tuple[str, ...]
    unknown: tuple[str, ...]


def strip_byte_order_mark(data: bytes) -> bytes:
    """The bytes without a leading UTF-8 byte order mark."""
    return data.removeprefix(codecs.BOM_UTF8)


def read_header(
    line: bytes, model: type[DatasetTable], file_name: str, missing_columns: Literal["fail", "null"]
) -> Header:
    """Read the header record and compare it with the model.

    Raises HeaderError for bytes that are not UTF-8, more than 4,096 names, a repeated name, a missing key column, and,
    unless `missing_columns` is "null", for any other missing documented column.
    """
    names = _split(line, file_name)
    if len(names) > _MAX_COLUMN_COUNT:
        raise HeaderError(
            f"{file_name}: the header has {len(names)} columns, more than {_MAX_COLUMN_COUNT}. This is no file of the "
            "vendor's; reading it again won't help, look at it"
        )
    known = delivered_columns_of(model)
    missing = tuple(facts.name for facts in known if facts.documented and facts.name not in names)
    known_names = {facts.name for facts in known}
    unknown = tuple(name for name in names if name not in known_names)
    if len(unknown) == len(names):
        # Without a header the first row would be taken for one: its cells must not be quoted.
        raise HeaderError(
            f"{file_name}: the first line lacks {_listed(facts_of(model).needed)} and all other names of the "
            "vendor's page. Perhaps the file has no header or another delimiter; trying again won't help, look at it"
        )
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise HeaderError(
            f"{file_name}: the header names {_listed(repeated)} more than once, so which is meant is unknown. "
            "Trying again won't help; ask the vendor"
        )
    fatal = [name for name in missing if missing_columns == "fail" or name in facts_of(model).needed]
    if fatal:
        raise HeaderError(_missing_message(file_name, fatal, unknown, facts_of(model).needed))
    return Header(tuple(names), missing, unknown)


def _split(line: bytes, file_name: str) -> list[str]:
    try:
        text = line.decode()
        names = next(csv.reader([text], strict=True), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise HeaderError(f"{file_name}: the header is no UTF-8 CSV record. Trying again won't help") from error
    if not names:
        raise HeaderError(f"{file_name}: the header line is empty. Trying again won't help; look at the raw file")
    return names


def _missing_message(file_name: str, fatal: Sequence[str], unknown: Sequence[str], needed: Sequence[str]) -> str:
    message = f"{file_name}: the header lacks {_listed(fatal)}"
    if unknown:
        message += f" and has {_listed(unknown)}, which the vendor's page does not name"
    renamed = [
        f"{name!r} may now be {match!r}" for name in fatal for match in difflib.get_close_matches(name, unknown, n=1)
    ]
    if renamed:
        message += f"; {', '.join(renamed)}"
    if any(name in needed for name in fatal):
        return message + ". Rows are useless without their key; trying again won't help, ask the vendor"
    return message + ". Trying again won't help; SALTED_MISSING_COLUMNS=null takes missing columns as null"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name[:100]) for name in names)
