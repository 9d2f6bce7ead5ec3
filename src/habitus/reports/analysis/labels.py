"""Where words of a plot are written so that none covers another or a mark.

Each word takes the first free place around its point, near ones first; the order of the words
decides who comes first, so the same words are always written at the same places.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from typing import Final, NamedTuple

_HEIGHT: Final = 12.0
_LETTER: Final = 6.9
"""Width of a letter of the page's 11 px bold type, on the wide side; an East Asian one has two."""
_GAP: Final = 4.0
_RINGS: Final = (0.0, 8.0, 16.0, 26.0, 38.0, 52.0, 70.0, 90.0)
"""How much further than beside its point a word may be written."""
_WAYS: Final = 12
"""Directions that are tried on each ring, from the right on."""
_MARK: Final = 9.0
"""Half the width of a mark."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


class Label(NamedTuple):
    """A word of a plot and where it is written."""

    at: tuple[float, float]
    """The point that it names."""
    x: float
    """Left end of the word."""
    y: float
    """Its baseline."""
    end: tuple[float, float]
    """Where a line from the point meets the word."""
    is_far: bool
    """Whether it needs that line."""


def place_labels(
    texts: Sequence[tuple[float, float, str]],
    marks: Sequence[tuple[float, float]],
    width: float,
    height: float,
) -> list[Label]:
    """Return where each word is written.

    Args:
        texts: point and word; points are in pixels, downwards.
        marks: other points that no word may cover.
        width: of the plot.
        height: of the plot.
    """
    taken = [_around(x, y, _MARK) for x, y in marks] + [_around(x, y, 2.0) for x, y, _ in texts]
    labels = []
    for x, y, text in texts:
        label, box = _place(x, y, text_width(text), taken, (0.0, 0.0, width, height))
        taken.append(box)
        labels.append(label)
    return labels


def text_width(text: str) -> float:
    """Return about how wide a word is, in pixels.

    >>> text_width("ab") == text_width("語")
    True
    """
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return _LETTER * (len(text) + wide)


def _place(x: float, y: float, width: float, taken: Sequence[Box], page: Box) -> tuple[Label, Box]:
    """Return the first free place around a point; the nearest, where none is free."""
    first = None
    for ring in _RINGS:
        for way in range(_WAYS):
            angle = 2 * math.pi * way / _WAYS
            # An ellipse around the point: words are wider than they are high.
            middle = (
                x + math.cos(angle) * (width / 2 + _GAP + ring),
                y + math.sin(angle) * (_HEIGHT / 2 + _GAP + ring),
            )
            box = _box(*middle, width)
            found = _label(x, y, box, is_far=ring > 0), box
            first = first or found
            if _inside(box, page) and not any(_meet(box, other) for other in taken):
                return found
    assert first is not None
    return first


def _label(x: float, y: float, box: Box, *, is_far: bool) -> Label:
    left, top, right, bottom = box
    end = min(max(x, left), right), min(max(y, top), bottom)
    return Label((x, y), left, bottom - 0.2 * _HEIGHT, end, is_far)


def _box(x: float, y: float, width: float) -> Box:
    return x - width / 2, y - _HEIGHT / 2, x + width / 2, y + _HEIGHT / 2


def _around(x: float, y: float, reach: float) -> Box:
    return x - reach, y - reach, x + reach, y + reach


def _inside(box: Box, page: Box) -> bool:
    return box[0] >= page[0] and box[1] >= page[1] and box[2] <= page[2] and box[3] <= page[3]


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
