"""The plots of an analysis: curves with their intervals, and points with words between them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from habitus.reports.analysis.labels import Label, place_labels
from habitus.reports.markup import Html, el, join, note
from habitus.reports.plots import (
    Frame,
    axes,
    dot_key,
    figure,
    line_key,
    log_ticks,
    marker,
    measured_ticks,
    path,
    svg,
    thinned,
)

SERIES: Final = 8
"""Colours of the page's style; a further series begins again at the first."""
_MOST_POINTS: Final = 3000
_FEW_POINTS: Final = 100
"""Up to which markers of a map are large."""
_ASIDE: Final = 3.0
"""How far curves with intervals stand beside each other, so that no interval hides another."""


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
    key = dot_key if dots else line_key
    keys = (el("li", key(i % SERIES), name) for i, name in enumerate(names))
    return el("ul", *keys, class_="legend keys")


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
    aside = _ASIDE if any(p.get("low") is not None for c in curves for p in c) else 0.0
    parts: list[Html] = []
    for i, curve in enumerate(curves):
        moved = _moved(frame, aside * (i - (len(curves) - 1) / 2))
        parts += [_span(moved, p, i % SERIES) for p in curve if p.get("low") is not None]
        drawn = [(p["x"], p["y"]) for p in curve if p["y"] is not None]
        parts.append(path(moved, drawn, i % SERIES))
        parts += [marker(*moved.at(x, y), i % SERIES, 3.2) for x, y in drawn]
    x_name = f"{values['x']} (logarithmic)" if log else values["x"]
    words = f"{values['title']}: {values['y']} by {values['x']}"
    measured = [p["x"] for series in values["series"] for p in series["points"]]
    x_ticks = measured_ticks(frame, [p["x"] for c in curves for p in c], measured)
    if x_ticks is None and log:
        x_ticks = log_ticks(*frame.x)
    return svg(frame, words, axes(frame, x_name, values["y"], x_ticks), *parts)


def _moved(frame: Frame, right: float) -> Frame:
    """Return a frame whose points are drawn further to the right."""
    return frame._replace(left=frame.left + right, width=frame.width + right)


def _span(frame: Frame, point: Mapping[str, Any], series: int) -> Html:
    (x, low), (_, high) = frame.at(point["x"], point["low"]), frame.at(point["x"], point["high"])
    ends = {"x1": f"{x:.1f}", "y1": f"{low:.1f}", "x2": f"{x:.1f}", "y2": f"{high:.1f}"}
    return el("line", **ends, class_=f"line s{series} span")


def _scatter(values: Mapping[str, Any]) -> Html:
    points, words = values["points"], values.get("words") or []
    centroids = values.get("centroids") or []
    frame = _around([(p["x"], p["y"]) for p in (*points, *words, *centroids)], height=420)
    shown = thinned([(i, 0.0) for i in range(len(points))], _MOST_POINTS)
    radius = 2.4 if len(points) > _FEW_POINTS else 4.0
    parts = [_dot(frame, points[int(i)], radius) for i, _ in shown]
    parts += [_dot(frame, centroid, 7.0) for centroid in centroids]
    marks = [frame.at(centroid["x"], centroid["y"]) for centroid in centroids]
    texts = [(*frame.at(word["x"], word["y"]), str(word["text"])) for word in words]
    labels = place_labels(texts, marks, frame.width, frame.height - frame.bottom)
    for word, label in zip(words, labels, strict=True):
        parts += _word(word, label)
    title = f"{values['title']}: {len(points)} users, {len(words)} words"
    return svg(frame, title, axes(frame, values["x"], values["y"]), *parts)


def _dot(frame: Frame, point: Mapping[str, Any], radius: float) -> Html:
    return marker(*frame.at(point["x"], point["y"]), point["class"] % SERIES, radius)


def _word(word: Mapping[str, Any], label: Label) -> list[Html]:
    """Return a dot where the word lies, the word beside it, and a line where it is far."""
    kind = f" s{word['class'] % SERIES}" if word.get("class") is not None else ""
    text = el("text", word["text"], x=f"{label.x:.1f}", y=f"{label.y:.1f}", class_=f"word{kind}")
    (x1, y1), (x2, y2) = label.at, label.end
    ends = {"x1": f"{x1:.1f}", "y1": f"{y1:.1f}", "x2": f"{x2:.1f}", "y2": f"{y2:.1f}"}
    line = [el("line", **ends, class_="leader")] if label.is_far else []
    spot = el("rect", x=f"{x1 - 1.5:.1f}", y=f"{y1 - 1.5:.1f}", width=3, height=3, class_="spot")
    return [*line, spot, text]


def _around(points: list[tuple[float, float]], width: float = 560, height: float = 320) -> Frame:
    xs, ys = [x for x, _ in points] or [0.0, 1.0], [y for _, y in points] or [0.0, 1.0]
    room_x = 0.04 * (max(xs) - min(xs)) or 0.5
    room_y = 0.06 * (max(ys) - min(ys)) or 0.5
    low_x, high_x = min(xs) - room_x, max(xs) + room_x
    rise = (min(ys) - room_y, max(ys) + room_y)
    return Frame((low_x, high_x), rise, width, height, left=56, margin=14)
