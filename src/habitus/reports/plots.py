"""Plots as inline SVG: a few kilobytes each, no script, in the colours of the page's style."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from habitus.reports.formats import tick_names
from habitus.reports.markup import Html, el

Points = Sequence[tuple[float, float]]
MOST_TICKS: Final = 8
"""On an axis of measured values or a logarithmic one; more than these would not be read."""
_LETTER: Final = 6.5
"""Width of a digit of a tick in a picture's own units."""


_SHAPES: Final[Mapping[int, Sequence[tuple[float, float]]]] = {
    1: [(0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)],
    2: [(0, -1.2), (1.15, 1), (-1.15, 1)],
    3: [(-1, -1), (1, -1), (1, 1), (-1, 1)],
    4: [(0, 1.2), (1.15, -1), (-1.15, -1)],
    5: [(-1.2, -0.6), (-0.6, -1.2), (0, -0.6), (0.6, -1.2), (1.2, -0.6), (0, 1.2)],
    6: [(1.2, 0), (-1, 1.15), (-1, -1.15)],
    7: [(-1.2, 0), (1, 1.15), (1, -1.15)],
}
"""Series → corners around its place, in radii: diamond, triangle, square, triangle on its head,
heart, triangles to the right and to the left. The first series is a circle."""


def ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Return round numbers from ``low`` to ``high``, near ``about`` of them, never below two.

    >>> ticks(0, 1), ticks(-0.03, 0.05)
    ([0.0, 0.25, 0.5, 0.75, 1.0], [-0.02, 0.0, 0.02, 0.04])
    """
    span = high - low if high > low else 1.0
    magnitude = 10.0 ** math.floor(math.log10(span / about))
    nice = [magnitude * m for m in (1, 2, 2.5, 5, 10)]
    step = min(nice, key=lambda s: abs(span / s - about))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    found = [round(i * step, 12) for i in range(first, last + 1)]
    return found if len(found) >= 2 else [low, low + span]


class Frame(NamedTuple):
    """The inside of a plot: what it spans, and where that is drawn."""

    x: tuple[float, float]
    y: tuple[float, float]
    width: float
    height: float
    left: float = 44.0
    bottom: float = 34.0
    margin: float = 8.0

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point is drawn."""
        across = (x - self.x[0]) / ((self.x[1] - self.x[0]) or 1.0)
        up = (y - self.y[0]) / ((self.y[1] - self.y[0]) or 1.0)
        inner_width = self.width - self.left - self.margin
        inner_height = self.height - self.bottom - self.margin
        return self.left + across * inner_width, self.margin + (1 - up) * inner_height


def spanning(series: Iterable[Points], width: float = 360, height: float = 230) -> Frame:
    """Return a frame around all points."""
    points = [point for line in series for point in line]
    xs, ys = [x for x, _ in points] or [0.0, 1.0], [y for _, y in points] or [0.0, 1.0]
    low, high = min(ys), max(ys)
    room = 0.04 * (high - low) or 0.5
    return Frame((min(xs), max(xs)), (low - room, high + room), width, height)


def log_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Return logarithms of round numbers from ``10**low`` to ``10**high``, and these numbers.

    >>> [name for _, name in log_ticks(0.6, 2.0)], [name for _, name in log_ticks(0, 4)]
    (['5', '10', '20', '50', '100'], ['1', '10', '100', '1000', '10k'])
    """
    powers = range(math.floor(low), math.ceil(high) + 1)
    for steps in ((1, 2, 5), (1,)):
        found = [
            (math.log10(step) + power, step * 10.0**power) for power in powers for step in steps
        ]
        inside = [
            (at, tick_names([value])[0]) for at, value in found if low - 1e-9 <= at <= high + 1e-9
        ]
        if len(inside) <= MOST_TICKS:
            break
    return inside if len(inside) > 1 else [(at, f"{10**at:.3g}") for at in (low, high)]


def measured_ticks(
    frame: Frame, places: Sequence[float], values: Sequence[float]
) -> list[tuple[float, str]] | None:
    """Return the values that were measured as ticks; None where they would not stand apart.

    Args:
        frame: of the plot.
        places: where each value stands on the axis, such as its logarithm.
        values: what was measured, in any order; one may stand there twice.
    """
    found = dict(sorted(zip(places, values, strict=True)))
    if not 1 < len(found) <= MOST_TICKS:
        return None
    names = [tick_names([value])[0] for value in found.values()]
    at = [frame.at(place, frame.y[0])[0] for place in found]
    wide = [_LETTER * len(name) for name in names]
    gaps = zip(at[:-1], at[1:], wide[:-1], wide[1:], strict=True)
    if any(b - a < (left + right) / 2 + _LETTER for a, b, left, right in gaps):
        return None
    return list(zip(found, names, strict=True))


def axes(
    frame: Frame, x_label: str, y_label: str, x_ticks: Sequence[tuple[float, str]] | None = None
) -> Html:
    """Return grid lines, tick labels and the names of both axes.

    Args:
        frame: of the plot.
        x_label: what runs to the right.
        y_label: what runs upwards.
        x_ticks: place and name of each; None for round numbers.
    """
    parts = []
    for tick, name in _named(ticks(*frame.y, 4)):
        x, y = frame.at(frame.x[0], tick)
        parts.append(_line((x, y), (frame.width - frame.margin, y), "grid"))
        parts.append(_text(x - 5, y + 4, name, "end"))
    for tick, name in x_ticks or _named(ticks(*frame.x, 4)):
        x, y = frame.at(tick, frame.y[0])
        # At the edge a long number would be cut off.
        is_last = x + 4 * len(name) > frame.width
        parts.append(_text(frame.width if is_last else x, y + 14, name, _anchor(is_last)))
    x0, y0 = frame.at(frame.x[0], frame.y[0])
    x1, _ = frame.at(frame.x[1], frame.y[0])
    parts += [_line((x0, y0), (x1, y0), "axis")]
    parts.append(_text((x0 + x1) / 2, frame.height - 3, x_label, "middle", "name"))
    middle = (frame.margin + y0) / 2
    turned = {"transform": f"rotate(-90 10 {middle:.1f})"}
    parts.append(_text(10, middle, y_label, "middle", "name", **turned))
    return el("g", *parts, class_="axes", aria_hidden="true")


def _anchor(is_last: bool) -> str:
    return "end" if is_last else "middle"


def _named(values: Sequence[float]) -> list[tuple[float, str]]:
    return list(zip(values, tick_names(values), strict=True))


def _line(start: tuple[float, float], end: tuple[float, float], kind: str) -> Html:
    (x1, y1), (x2, y2) = start, end
    return el("line", x1=f"{x1:.1f}", y1=f"{y1:.1f}", x2=f"{x2:.1f}", y2=f"{y2:.1f}", class_=kind)


def _text(x: float, y: float, text: str, anchor: str, kind: str = "tick", **more: str) -> Html:
    return el("text", text, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, class_=kind, **more)


def path(frame: Frame, points: Points, series: int) -> Html:
    """Return a line through the points."""
    drawn = " ".join("{:.1f},{:.1f}".format(*frame.at(x, y)) for x, y in points)
    return el("polyline", points=drawn, class_=f"line s{series}")


def upright(frame: Frame, x: float, label: str) -> Html:
    """Return a dashed vertical line with a word on it."""
    top, foot = frame.at(x, frame.y[1]), frame.at(x, frame.y[0])
    near_end = top[0] > 0.7 * frame.width
    side = _text(
        top[0] + (-4 if near_end else 4), top[1] + 11, label, "end" if near_end else "start"
    )
    return el("g", _line(top, foot, "dashed"), side)


def marker(x: float, y: float, series: int, radius: float) -> Html:
    """Return a series' own shape; a series beyond the last shape is a square."""
    kind = f"dot s{series}"
    r = radius
    if series == 0:
        return el("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=f"{r:.1f}", class_=kind)
    corners = _SHAPES.get(series, _SHAPES[3])
    drawn = " ".join(f"{x + r * dx:.1f},{y + r * dy:.1f}" for dx, dy in corners)
    return el("polygon", points=drawn, class_=kind)


def line_key(series: int) -> Html:
    """Return a piece of a series' line with its marker, for a legend."""
    line = el("line", x1=0, y1=6, x2=26, y2=6, class_=f"line s{series}")
    return el(
        "svg",
        line,
        marker(13, 6, series, 3.2),
        viewBox="0 0 26 12",
        class_="key",
        aria_hidden="true",
    )


def dot_key(series: int) -> Html:
    """Return a series' marker, for a legend."""
    dot = marker(6, 6, series, 4)
    return el("svg", dot, viewBox="0 0 12 12", class_="key", aria_hidden="true")


def svg(frame: Frame, label: str, *children: object) -> Html:
    """Return the picture; ``label`` says in words what it shows."""
    return el(
        "svg",
        *children,
        viewBox=f"0 0 {frame.width:g} {frame.height:g}",
        role="img",
        aria_label=label,
    )


def figure(title: object, picture: Html) -> Html:
    """Return a picture with its caption above."""
    return el("figure", el("figcaption", title), picture)


def thinned(points: Points, at_most: int = 400) -> Points:
    """Return every n-th point, and always the last."""
    stride = -(-len(points) // at_most) or 1
    kept = list(points[::stride])
    return kept if not points or kept[-1] == points[-1] else [*kept, points[-1]]
