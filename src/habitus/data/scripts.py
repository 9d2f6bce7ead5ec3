r"""Scripts: which characters are Han, kana, other letters, marks or emoji, as classes of ``re``.

``\w`` will not do: it takes Han and Latin for one word, and leaves out the vowel signs of the
Indic scripts.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Final

HAN: Final = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
HIRAGANA: Final = "\u3041-\u309f"
KATAKANA: Final = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
EMOJI: Final = "\u2600-\u27bf\u2b50\u2b55\U0001f000-\U0001faff"

_OWN: Final = ((0x3005, 0x3005), (0x3007, 0x3007), (0x3041, 0x30FF), (0x31F0, 0x31FF))
_OWN_HAN: Final = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFF66, 0xFF9F))
_ABOVE: Final = "\U00010000-\U0001cfff\U0001d400-\U0001d7ff\U0001e000-\U0001efff"
"""Letters outside the first plane; musical signs and emoji are not among them."""


@cache
def letters() -> str:
    """Return letters and digits of all scripts but Han and kana, as ranges for ``[…]``."""
    own = _OWN + _OWN_HAN
    codes = [
        code for code in _of_category("LN") if not any(first <= code <= last for first, last in own)
    ]
    return _ranges(codes) + _ABOVE


@cache
def marks() -> str:
    """Return accents, vowel signs and the like, which follow a letter, as ranges for ``[…]``."""
    return _ranges([c for c in _of_category("M") if not 0xFE00 <= c <= 0xFE0F])


def _of_category(major: str) -> list[int]:
    return [code for code in range(0x10000) if unicodedata.category(chr(code))[0] in major]


def _ranges(codes: list[int]) -> str:
    """Return ascending code points as ranges.

    >>> _ranges([97, 98, 99, 101])
    'a-ce-e'
    """
    starts = [c for c, before in zip(codes, [-2, *codes], strict=False) if c != before + 1]
    stops = [c for c, after in zip(codes, [*codes[1:], -2], strict=True) if c + 1 != after]
    return "".join(f"{chr(a)}-{chr(b)}" for a, b in zip(starts, stops, strict=True))
