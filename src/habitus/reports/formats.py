"""Figures as people read them: ``.834``, ``−.010 [−.020, +.003]``, ``1.2 × 10¹⁵``, ``3 min``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

MISSING: Final = "–"
_MINUS: Final = "−"
_SUPERSCRIPTS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def decimals(*values: float | None) -> int:
    """Return how many digits after the point some figures need that stand together.

    >>> decimals(0.5, 1.2), decimals(-7.9, -107.0, 84.9), decimals(16.1, None)
    (3, 0, 1)
    """
    largest = max((abs(value) for value in values if value is not None), default=0.0)
    return 3 if largest < 10 else 1 if largest < 100 else 0


def score(value: float | None, digits: int = 3) -> str:
    """Return a score without its leading zero.

    >>> score(0.8341), score(1.0), score(-0.02), score(None), score(1227.66, 0)
    ('.834', '1.000', '−.020', '–', '1,228')
    """
    if value is None:
        return MISSING
    text = f"{abs(value):,.{digits}f}"
    text = text[1:] if text.startswith("0.") else text
    return text if value >= 0 or float(f"{value:.{digits}f}") == 0 else _MINUS + text


def signed(value: float | None, digits: int = 3) -> str:
    """Return a difference with its sign; zero has none.

    >>> signed(0.021), signed(-0.0104), signed(0.0)
    ('+.021', '−.010', '.000')
    """
    if value is None or round(value, digits) <= 0:
        return score(value, digits)
    return "+" + score(value, digits)


def interval(low: float | None, high: float | None, digits: int = 3) -> str:
    """Return the 95 % interval of a score.

    >>> interval(0.801, 0.866), interval(None, None)
    ('[.801, .866]', 'no interval')
    """
    if low is None or high is None:
        return "no interval"
    return f"[{score(low, digits)}, {score(high, digits)}]"


def signed_interval(low: float | None, high: float | None, digits: int = 3) -> str:
    """Return the interval of a difference; an end that is not zero is never written as zero.

    >>> signed_interval(-0.0241, 0.003), signed_interval(0.00004, 0.02)
    ('[−.024, +.003]', '[+.00004, +.020]')
    """
    if low is None or high is None:
        return "no interval"
    return f"[{_end(low, digits)}, {_end(high, digits)}]"


def _end(value: float, digits: int) -> str:
    if value == 0:
        return score(0.0, digits)
    return signed(value, next((d for d in range(digits, 9) if round(value, d) != 0), 9))


def brief(value: float) -> str:
    """Return a figure with three digits that count, such as a loss.

    >>> brief(0.675), brief(5.091), brief(0.00065), brief(-0.5), brief(1.0)
    ('.675', '5.09', '.00065', '−.5', '1')
    """
    text = f"{abs(value):.3g}"
    return (_MINUS if value < 0 else "") + (text[1:] if text.startswith("0.") else text)


def tick_names(values: Sequence[float]) -> list[str]:
    """Return the numbers of an axis, all with as many digits as one of them needs.

    >>> tick_names([-0.02, 0, 0.02]), tick_names([0.5, 0.75, 1.0]), tick_names([5000, 10_000])
    (['−.02', '0', '.02'], ['.50', '.75', '1.00'], ['5000', '10k'])
    """
    digits = next((d for d in range(9) if all(_is_exact(v, d) for v in values)), 9)
    return [_tick_name(value, digits) for value in values]


def _is_exact(value: float, digits: int) -> bool:
    return math.isclose(round(value, digits), value, rel_tol=1e-9, abs_tol=1e-12)


def _tick_name(value: float, digits: int) -> str:
    if abs(value) >= 10_000:
        return f"{value / 1000:g}k".replace("-", _MINUS)
    if value == 0:
        return "0"
    text = f"{abs(value):.{digits}f}"
    return (_MINUS if value < 0 else "") + (text[1:] if text.startswith("0.") else text)


def percent(share: float | None) -> str:
    """Return a share in percent, with one digit below ten.

    >>> print(percent(0.1234), percent(0.042), sep=", ")
    12 %, 4.2 %
    """
    if share is None:
        return MISSING
    return f"{100 * share:.{1 if share < 0.0995 else 0}f}\N{NO-BREAK SPACE}%"


def count(value: float | None) -> str:
    """Return a number of things.

    >>> count(1469307)
    '1,469,307'
    """
    return MISSING if value is None else f"{value:,.0f}"


def large(value: float | None) -> str:
    """Return two digits and a power of ten where that is shorter.

    >>> large(1.234e15), large(950.0), large(0.0), large(9.99e5)
    ('1.2 × 10¹⁵', '950', '0', '1.0 × 10⁶')
    """
    if value is None:
        return MISSING
    if abs(value) < 10_000:
        return f"{value:,.0f}"
    mantissa, _, power = f"{value:.1e}".partition("e")
    return f"{mantissa} × 10{str(int(power)).translate(_SUPERSCRIPTS)}"


def rate(value: float | None) -> str:
    """Return a rate a second, in three digits.

    >>> rate(12345.6), rate(3.14159), rate(0.5)
    ('12,346', '3.14', '0.5')
    """
    if value is None:
        return MISSING
    return count(value) if value >= 1000 else f"{value:.3g}"


def duration(seconds: float | None) -> str:
    """Return a length of time in its two largest units.

    >>> duration(0.25), duration(42.3), duration(192), duration(3900)
    ('0.25 s', '42 s', '3 min 12 s', '1 h 05 min')
    """
    if seconds is None:
        return MISSING
    if seconds < 10:
        return f"{seconds:.2g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def size(num_bytes: float | None) -> str:
    """Return a size in memory.

    >>> size(512), size(3 * 2**30), size(256.0)
    ('512 B', '3.0 GiB', '256 B')
    """
    if num_bytes is None:
        return MISSING
    power = min(4, int(math.log(num_bytes, 1024))) if num_bytes >= 1 else 0
    digits = 0 if power == 0 else 1
    return f"{num_bytes / 1024**power:,.{digits}f} {('B', 'KiB', 'MiB', 'GiB', 'TiB')[power]}"


def unbroken(text: str) -> str:
    """Return a name that no line ends within.

    >>> unbroken("macro-F1") == "macro\N{NON-BREAKING HYPHEN}F1"
    True
    """
    return text.replace("-", "\N{NON-BREAKING HYPHEN}")


def plural(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun.

    >>> plural(1, "question"), plural(8, "question")
    ('1 question', '8 questions')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"
