"""The map: test users' representations pressed onto a plane, coloured by what is asked of them."""

from __future__ import annotations

import bisect
import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from habitus.reports.findings import Findings
from habitus.reports.formats import percent, plural, rate
from habitus.reports.markup import Html, el, note, section

_MOST_POINTS: Final = 4000
_STEPS: Final = 5
_CLASS_LETTERS: Final = "abcdefgh"
"""Each has a colour of the page's style, every other one is hollow."""
_FAR: Final = 1.6
"""Where all values span more than this times the inner 99 %, the outermost go to the edge."""


_NO_MAP: Final = (
    "These results hold no map: it is drawn where a model encodes the test users (habitus demo, or "
    "habitus evaluate with --model), not from stored representations or from comparisons alone, "
    "and not of fewer than three users."
)


class Colouring(NamedTuple):
    """One way to colour the points: a class letter for each, and what the letters mean."""

    name: str
    letters: str
    legend: list[tuple[str, str]]


def map_section(findings: Findings) -> Html:
    """Return the scatter plot, the choice of colour and what the plot cannot show."""
    plane = findings.results.get("map")
    points = _points(plane) if plane else []
    if not plane or not points:
        return section("map", "Map of the representations", note(_NO_MAP))
    kept = points[:: -(-len(points) // _MOST_POINTS)]
    classes = {task["name"]: task.get("classes") for task in findings.tasks}
    colourings = [
        colouring(name, [values[i] for i, *_ in kept], classes.get(name))
        for name, values in plane["colors"].items()
    ]
    first = colourings[0] if colourings else Colouring("", "n" * len(kept), [])
    drawn = (
        f" (one in {-(-len(points) // _MOST_POINTS)} is drawn)" if len(kept) < len(points) else ""
    )
    return section(
        "map",
        "Map of the representations",
        note(
            f"{plural(len(points), 'test user')}{drawn}, one marker each, without their ids. "
            f"Near means described alike.{_beyond(kept)}"
        ),
        _chooser(colourings),
        el("figure", _scatter(kept, first, plane), _legend(first)),
        note(_caveat(plane)),
        _data(colourings),
    )


def _points(plane: dict[str, Any]) -> list[tuple[int, float, float]]:
    rows = enumerate(zip(plane["x"], plane["y"], strict=True))
    return [(i, x, y) for i, (x, y) in rows if x is not None and y is not None]


def colouring(
    name: str, values: Sequence[float | None], classes: Sequence[str] | None = None
) -> Colouring:
    """Return yes and no for outcomes, five equal groups for amounts; x stands for no value.

    Where the values are places in ``classes``, each class has its letter; from the eighth on, all
    share one.
    """
    known = sorted(v for v in values if v is not None)
    if classes:
        places = [None if v is None else min(int(v), len(_CLASS_LETTERS) - 1) for v in values]
        letters = "".join("x" if place is None else _CLASS_LETTERS[place] for place in places)
        legend = list(zip(_CLASS_LETTERS, classes[: len(_CLASS_LETTERS)], strict=False))
        if len(classes) > len(_CLASS_LETTERS):
            legend[-1] = (_CLASS_LETTERS[-1], f"{len(classes) - len(legend) + 1} others")
    elif set(known) <= {0, 1}:
        letters = "".join("x" if v is None else "y" if v else "n" for v in values)
        legend = [("y", "yes"), ("n", "no")]
    else:
        bounds = [known[len(known) * i // _STEPS] for i in range(1, _STEPS)]
        letters = "".join("x" if v is None else str(bisect.bisect_right(bounds, v)) for v in values)
        legend = _amounts(values, letters)
    if "x" in letters:
        legend.append(("x", "not asked"))
    return Colouring(name, letters, legend)


def _amounts(values: Sequence[float | None], letters: str) -> list[tuple[str, str]]:
    """Say which amounts each group holds; equal amounts may leave a group empty."""
    legend = []
    for letter in sorted(set(letters) - {"x"}):
        group = [
            v for v, own in zip(values, letters, strict=True) if own == letter and v is not None
        ]
        low, high = rate(min(group)), rate(max(group))
        legend.append((letter, low if low == high else f"{low} – {high}"))
    return legend


def _chooser(colourings: list[Colouring]) -> Html | None:
    if len(colourings) < 2:
        return None
    options = [el("option", c.name, value=i) for i, c in enumerate(colourings)]
    return el("label", "Colour by ", el("select", *options, id="map-colour"), class_="choose")


def _scatter(kept: list[tuple[int, float, float]], first: Colouring, plane: dict[str, Any]) -> Html:
    xs, ys = window([x for _, x, _ in kept]), window([y for *_, y in kept])
    across, up = (xs[1] - xs[0]) or 1.0, (ys[1] - ys[0]) or 1.0
    # Both axes keep one scale, within a shape that fits a page.
    width, height = 520.0, min(520.0, max(220.0, 520.0 * up / across))
    unit = min((width - 20) / across, (height - 20) / up)
    dots = [
        el(
            "circle",
            cx=f"{width / 2 + unit * (_clamp(x, xs) - sum(xs) / 2):.1f}",
            cy=f"{height / 2 - unit * (_clamp(y, ys) - sum(ys) / 2):.1f}",
            r="3",
            class_=letter,
        )
        for (_, x, y), letter in zip(kept, first.letters, strict=True)
    ]
    label = f"{plane.get('method', 'Projection')} of {len(kept)} users, coloured by {first.name}"
    return el(
        "svg",
        *dots,
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        role="img",
        aria_label=label,
        id="map-points",
        class_="scatter",
    )


def window(values: Sequence[float]) -> tuple[float, float]:
    """Return what an axis spans: all values, unless a few far ones would squash the rest.

    >>> window([0.0, 1.0, 2.0])
    (0.0, 2.0)
    """
    ordered = sorted(values)
    cut = len(ordered) // 200 + 1
    low, high = ordered[0], ordered[-1]
    inner_low, inner_high = (
        ordered[min(cut, len(ordered) - 1)],
        ordered[max(-cut - 1, -len(ordered))],
    )
    inner = inner_high - inner_low
    if len(ordered) < 50 or high - low <= _FAR * inner:
        return low, high
    return max(low, inner_low - 0.1 * inner), min(high, inner_high + 0.1 * inner)


def _clamp(value: float, span: tuple[float, float]) -> float:
    return min(max(value, span[0]), span[1])


def _beyond(kept: list[tuple[int, float, float]]) -> str:
    xs, ys = window([x for _, x, _ in kept]), window([y for *_, y in kept])
    far = sum(_clamp(x, xs) != x or _clamp(y, ys) != y for _, x, y in kept)
    return f" Users beyond the frame, drawn at its edge: {far}." if far else ""


def _legend(first: Colouring) -> Html:
    items = [
        el("li", el("svg", el("circle", cx=5, cy=5, r=3, class_=k), viewBox="0 0 10 10"), meaning)
        for k, meaning in first.legend
    ]
    return el("ul", *items, class_="legend scatter", id="map-legend", aria_live="polite")


def _caveat(plane: dict[str, Any]) -> str:
    kept = plane.get("explained") or []
    share = f"keeps {percent(sum(kept))} of their variance" if kept else "keeps part of it"
    return (
        f"{plane.get('method', 'The projection')} onto two directions {share}: users who look "
        "close may be far apart in the rest, and groups that look mixed may be separable. The "
        "map is for looking; the tables are the evidence."
    )


def _data(colourings: list[Colouring]) -> Html:
    """Return the colourings as JSON for the page's script; ``<`` is written so it cannot end it."""
    text = json.dumps([c._asdict() for c in colourings]).replace("<", "\\u003c")
    return el("script", Html(text), type="application/json", id="map-data")
