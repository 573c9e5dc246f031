"""Lists of pids as people write them: one a line, in the encodings that editors and spreadsheets save."""

import codecs
import re
from collections.abc import Iterable

from salted_assets.privacy.exceptions import PidListError

_BLANKS = re.compile(r"^[\s\ufeff]+|[\s\ufeff]+$")
_ENCODINGS = (
    # UTF-32's mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)


def parse_pids(data: bytes) -> list[str]:
    """The pids of a file, one a line, in order and without repetition; blanks around them and empty lines are skipped.

    UTF-8 with or without a byte order mark, UTF-16 and UTF-32 with one. Raises PidListError for anything else: a pid
    that is guessed wrong would not be erased.
    """
    encoding = next((name for mark, name in _ENCODINGS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PidListError(
            f"line {line} of the list of pids is not {encoding.removesuffix('-sig').upper()}: save the file as UTF-8"
        ) from None
    if "\0" in text:
        raise PidListError("the list of pids has NUL characters, as UTF-16 without a byte order mark: save it as UTF-8")
    return clean_pids(text.splitlines())


def clean_pids(pids: Iterable[str]) -> list[str]:
    """The pids without blanks around them (also no-break spaces and byte order marks), in order, each once."""
    return list(dict.fromkeys(clean for pid in pids if (clean := _BLANKS.sub("", pid))))
