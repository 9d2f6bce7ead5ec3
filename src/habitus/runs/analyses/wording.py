"""Figures inside the sentences of an analysis, written as its page writes them in tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from habitus.evaluation.bootstrap import Difference

VERDICTS: Final[Mapping[str, str]] = {"better": "better", "worse": "worse", "tie": "a tie"}
"""Verdict → what sentences call it."""
_MOST_DIGITS: Final = 9


def figure(value: float, *, sign: bool = False, digits: int | None = None) -> str:
    """Return a figure without its leading zero: three digits, fewer where it is large.

    Args:
        value: what is written.
        sign: a plus where it is above zero.
        digits: after the point, in the place of those.

    >>> figure(0.0124), figure(1.0), figure(-72.94), figure(1348.7)
    ('.012', '1.000', '−72.9', '1,349')
    >>> figure(-0.0124, sign=True), figure(0.5, sign=True), figure(0.0, sign=True)
    ('−.012', '+.500', '.000')
    >>> figure(0.00124, sign=True, digits=4)
    '+.0012'
    """
    return _written(value, _digits(value) if digits is None else digits, sign)


def told(found: Difference) -> str:
    """Return a difference with its interval, whose ends are zero only where they are.

    >>> told(Difference(-0.0222, -0.035, 0.00004, 0.1, "tie"))
    '−.022 [−.035, +.00004]'
    >>> told(Difference(-7.9, -107.4, 84.91, 0.9, "tie"))
    '−8 [−107, +85]'
    """
    digits = _digits(found.value, found.low, found.high)
    low, high = _end(found.low, digits), _end(found.high, digits)
    return f"{_written(found.value, digits, sign=True)} [{low}, {high}]"


def listed(words: Sequence[object]) -> str:
    """Return words one after the other, the last after "and".

    >>> listed([4, 16, 64]), listed([4]), listed([])
    ('4, 16 and 64', '4', '')
    """
    *first, last = [str(word) for word in words] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def _digits(*values: float) -> int:
    """Return the digits after the point of figures that stand together."""
    largest = max(map(abs, values))
    return 3 if largest < 10 else 1 if largest < 100 else 0


def _end(value: float, digits: int) -> str:
    if value != 0:
        digits = next((d for d in range(digits, _MOST_DIGITS) if round(value, d)), _MOST_DIGITS)
    return _written(value, digits, sign=True)


def _written(value: float, digits: int, sign: bool) -> str:
    text = f"{abs(value):,.{digits}f}"
    if not text.strip("0."):
        return text[1:] or "0"
    mark = "\N{MINUS SIGN}" if value < 0 else "+" if sign else ""
    return mark + (text[1:] if text.startswith("0.") else text)
