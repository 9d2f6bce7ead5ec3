"""Intervals as bars on a common scale, in plain HTML: they wrap, scale and print like text.

Colour is never alone: each series has its own marker shape, and the figures stand beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from habitus.reports.formats import score, signed
from habitus.reports.markup import Html, el
from habitus.reports.plots import ticks


class Bar(NamedTuple):
    """One value with its interval; ``series`` picks colour and shape (0 is ours)."""

    series: int
    value: float
    low: float | None
    high: float | None


class Axis(NamedTuple):
    """The scale that the rows of one plot share."""

    low: float
    high: float
    signed: bool = False

    @classmethod
    def around(cls, values: Iterable[float | None], *, signed: bool = False) -> Axis:
        """Return round ends around all values; a signed axis always shows zero."""
        found = [v for v in values if v is not None] + ([0.0] if signed else [])
        low, high = min(found, default=0.0), max(found, default=1.0)
        if high - low < 0.02:
            low, high = low - 0.01, high + 0.01
        first, second, *_ = ticks(low, high, 4)
        step = second - first
        # The small slack keeps 1.0 from being rounded up to the next step.
        low, high = math.floor(low / step + 1e-6), math.ceil(high / step - 1e-6)
        return cls(step * low, step * high, signed)

    def place(self, value: float) -> str:
        """Return where a value stands, as a CSS percentage."""
        return f"{100 * (value - self.low) / (self.high - self.low):.2f}%"

    def ticks(self) -> list[float]:
        """Return round values on the axis."""
        return ticks(self.low, self.high, 4)


def scale(axis: Axis) -> Html:
    """Return the row of tick labels."""
    write = signed if axis.signed else score
    ticks = axis.ticks()
    # Rounded to two digits, −.025 would stand as −.03 between −.05 and 0.
    exact = all(abs(round(tick, 2) - tick) < 1e-9 for tick in ticks)
    labels = (
        el("span", write(tick, 2 if exact else 3), style=f"left:{axis.place(tick)}")
        for tick in ticks
    )
    return el("div", *labels, class_="scale", aria_hidden="true")


def track(axis: Axis, bars: Iterable[Bar | None], label: str) -> Html:
    """Return one row: a lane for each bar (empty for None), over the axis' grid lines."""
    grid = [
        el(
            "i",
            class_="zero" if axis.signed and abs(tick) < 1e-9 else "grid",
            style=f"left:{axis.place(tick)}",
        )
        for tick in axis.ticks()
    ]
    lanes = [el("div", _bar(axis, bar) if bar else None, class_="lane") for bar in bars]
    return el("div", *grid, *lanes, class_="track", role="img", aria_label=label)


def _bar(axis: Axis, bar: Bar) -> list[Html]:
    mark = el("b", class_=f"dot s{bar.series}", style=f"left:{axis.place(bar.value)}")
    if bar.low is None or bar.high is None:
        return [mark]
    width = 100 * (bar.high - bar.low) / (axis.high - axis.low)
    style = f"left:{axis.place(bar.low)};width:{width:.2f}%"
    return [el("i", class_=f"range s{bar.series}", style=style), mark]


def legend(labels: Iterable[str]) -> Html:
    """Return which marker is which method, series 0 first."""
    items = (
        el("li", el("b", class_=f"dot s{i}", aria_hidden="true"), label)
        for i, label in enumerate(labels)
    )
    return el("ul", *items, class_="legend")
