"""How wide a text may be. The reader's font is not known, so it is measured by a wide one: labels then never touch."""

import re
import unicodedata

FONT_SIZE = 11.0
"""Of the text in plots, in the units of their paper."""

_NARROW, _WIDE = frozenset("ijlftrI.,:;'|!()[]-/ "), frozenset("mwMW@%&<>=+~#")
_APART = re.compile(r" [\[(][^\[(]*[\])]$")
_LEAST_NAME = 4 * FONT_SIZE
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


def shorten_name(name: str, width: float, *, is_strong: bool = False) -> str:
    """The name, cut so that what tells namesakes apart, in brackets at its end, stays where it has room.

    >>> shorten_name("Marie-Louise Papadopoulos [07c1]", 140)
    'Marie-Louise P… [07c1]'
    """
    apart = _APART.search(name)
    if not apart or measure(name, is_strong=is_strong) <= width:
        return shorten(name, width, is_strong=is_strong)
    left = width - measure(apart[0], is_strong=is_strong)
    if left < _LEAST_NAME:
        return shorten(name, width, is_strong=is_strong)
    return f"{shorten(name[: apart.start()], left, is_strong=is_strong)}{apart[0]}"


def _em_of(character: str) -> float:
    if unicodedata.east_asian_width(character) in "WF":
        return _EM_FULL
    if character in _NARROW:
        return _EM_NARROW
    if character in _WIDE:
        return _EM_WIDE
    return _EM_CAPITAL if character.isupper() else _EM_USUAL
