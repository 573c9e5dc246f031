"""How wide a text may be. The reader's font is not known, so it is measured by a wide one: labels then never touch."""

import unicodedata

FONT_SIZE = 11.0
"""Of the text in plots, in the units of their paper."""

_NARROW, _WIDE = frozenset("ijlftrI.,:;'|!()[]-/ "), frozenset("mwMW@%&<>=+~#")
_STRONG = 1.12
_EM_NARROW, _EM_USUAL, _EM_CAPITAL, _EM_WIDE, _EM_FULL = 0.40, 0.62, 0.72, 0.96, 1.0


def measure(text: str, *, is_strong: bool = False) -> float:
    """The width of the text at most."""
    return FONT_SIZE * (_STRONG if is_strong else 1.0) * sum(map(_em_of, text))


def shorten(text: str, width: float, *, is_strong: bool = False) -> str:
    """The text, cut to what fits into the width."""
    if measure(text, is_strong=is_strong) <= width:
        return text
    while text and measure(f"{text}…", is_strong=is_strong) > width:
        text = text[:-1]
    return f"{text.rstrip()}…"


def _em_of(character: str) -> float:
    if unicodedata.east_asian_width(character) in "WF":
        return _EM_FULL
    if character in _NARROW:
        return _EM_NARROW
    if character in _WIDE:
        return _EM_WIDE
    return _EM_CAPITAL if character.isupper() else _EM_USUAL
