"""Cells of CSV files that people open in a spreadsheet, which would calculate what looks like a formula."""

import re

_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"-\d+(\.\d+)?(E[+-]?\d+)?%?")


def quote_cell(cell: str) -> str:
    """A cell as a spreadsheet shows it as text; negative numbers stay numbers.

    >>> [quote_cell(cell) for cell in ("=1+1", "+49 30 1", "@sum", "-590", "-1+1", "a=b", "-3%", "")]
    ["'=1+1", "'+49 30 1", "'@sum", '-590', "'-1+1", 'a=b', '-3%', '']
    """
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell
