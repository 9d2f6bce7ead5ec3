"""The plots of an analysis: curves with their intervals, and points with words between them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from habitus.reports.markup import Html, el, join, note
from habitus.reports.plots import Frame, axes, figure, marker, path, svg, thinned

SERIES: Final = 8
"""Colours of the page's style; a further series begins again at the first."""
_MOST_POINTS: Final = 3000


def plot(values: Mapping[str, Any]) -> Html:
    """Return the picture of one plot with its caption and legend."""
    picture = _lines(values) if values["kind"] == "lines" else _scatter(values)
    names = (
        [series["label"] for series in values["series"]]
        if values["kind"] == "lines"
        else values["classes"]
    )
    caption = [values["title"], _legend(names, dots=values["kind"] == "scatter")]
    if values.get("note"):
        caption.append(note(values["note"]))
    return figure(join(caption), picture)


def _legend(names: list[str], *, dots: bool) -> Html:
    kind = "dot" if dots else "stroke"
    keys = (
        el("li", el("b", class_=f"{kind} s{i % SERIES}", aria_hidden="true"), name)
        for i, name in enumerate(names)
    )
    return el("ul", *keys, class_="legend")


def _lines(values: Mapping[str, Any]) -> Html:
    log = bool(values.get("log_x"))
    curves = [
        [{**p, "x": math.log10(p["x"]) if log else p["x"]} for p in s["points"]]
        for s in values["series"]
    ]
    ends = [
        (p["x"], p[end]) for c in curves for p in c for end in ("y", "low", "high")
        if p.get(end) is not None
    ]  # fmt: skip
    frame = _around(ends)
    parts: list[Html] = []
    for i, curve in enumerate(curves):
        parts += [_span(frame, p, i % SERIES) for p in curve if p.get("low") is not None]
        drawn = [(p["x"], p["y"]) for p in curve if p["y"] is not None]
        parts.append(path(frame, drawn, i % SERIES))
        parts += [marker(*frame.at(x, y), i % SERIES, 3.2) for x, y in drawn]
    x_name = f"{values['x']} (powers of ten)" if log else values["x"]
    words = f"{values['title']}: {values['y']} by {values['x']}"
    return svg(frame, words, axes(frame, x_name, values["y"]), *parts)


def _span(frame: Frame, point: Mapping[str, Any], series: int) -> Html:
    (x, low), (_, high) = frame.at(point["x"], point["low"]), frame.at(point["x"], point["high"])
    ends = {"x1": f"{x:.1f}", "y1": f"{low:.1f}", "x2": f"{x:.1f}", "y2": f"{high:.1f}"}
    return el("line", **ends, class_=f"line s{series} span")


def _scatter(values: Mapping[str, Any]) -> Html:
    points, words = values["points"], values.get("words") or []
    centroids = values.get("centroids") or []
    frame = _around(
        [(p["x"], p["y"]) for p in (*points, *words, *centroids)], width=720, height=480
    )
    shown = thinned([(i, 0.0) for i in range(len(points))], _MOST_POINTS)
    parts = [_dot(frame, points[int(i)], 2.2) for i, _ in shown]
    parts += [_dot(frame, centroid, 7.0) for centroid in centroids]
    parts += [_word(frame, word) for word in words]
    title = f"{values['title']}: {len(points)} users, {len(words)} words"
    return svg(frame, title, axes(frame, values["x"], values["y"]), *parts)


def _dot(frame: Frame, point: Mapping[str, Any], radius: float) -> Html:
    return marker(*frame.at(point["x"], point["y"]), point["class"] % SERIES, radius)


def _word(frame: Frame, word: Mapping[str, Any]) -> Html:
    x, y = frame.at(word["x"], word["y"])
    known = word.get("class") is not None
    kind = f"word s{word['class'] % SERIES}" if known else "word"
    anchor = "end" if x > 0.85 * frame.width else "start"
    return el("text", word["text"], x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, class_=kind)


def _around(points: list[tuple[float, float]], width: float = 560, height: float = 320) -> Frame:
    xs, ys = [x for x, _ in points] or [0.0, 1.0], [y for _, y in points] or [0.0, 1.0]
    room_x = 0.04 * (max(xs) - min(xs)) or 0.5
    room_y = 0.06 * (max(ys) - min(ys)) or 0.5
    low_x, high_x = min(xs) - room_x, max(xs) + room_x
    return Frame((low_x, high_x), (min(ys) - room_y, max(ys) + room_y), width, height)
