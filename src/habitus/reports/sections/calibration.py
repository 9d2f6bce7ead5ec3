"""Calibration: when a method says 30 %, does it happen to 30 in 100?"""

from __future__ import annotations

from typing import Any

from habitus.reports.findings import Findings
from habitus.reports.formats import score
from habitus.reports.markup import Html, el, note, section, terms
from habitus.reports.plots import Frame, axes, figure, marker, path, svg
from habitus.reports.tracks import legend


def calibration_section(findings: Findings) -> Html:
    """Return one small plot for each question."""
    plots = [plot for task in findings.tasks if (plot := _plot(findings, task["name"]))]
    if not plots:
        return section("calibration", "Calibration", note("No calibration was computed."))
    return section(
        "calibration",
        "Calibration",
        terms(
            (
                "Calibrated",
                "Of the users to whom a method gives 30 %, 30 in 100 turn out yes: the points lie "
                "on the dashed line. Above it, the method says too little; below, too much.",
            ),
        ),
        legend(findings.label(name) for name in findings.shown),
        el("div", *plots, class_="grid small"),
        note("A larger marker stands for more users."),
    )


def _plot(findings: Findings, task: str) -> Html | None:
    curves = []
    for series, method in enumerate(findings.shown):
        bins = (findings.cell(task, method) or {}).get("calibration")
        if points := _points(bins):
            curves.append((series, method, points))
    if not curves:
        return None
    # One scale for both axes, cut where the points end: most answers are rarely yes.
    top = max(max(x, y) for *_, points in curves for x, y, _ in points)
    frame = Frame((0, min(1, 1.08 * top) or 1), (0, min(1, 1.08 * top) or 1), 230, 215, left=40)
    errors = []
    drawn = [_diagonal(frame)]
    for series, method, points in curves:
        drawn.append(path(frame, [(x, y) for x, y, _ in points], series))
        most = max(n for *_, n in points)
        drawn += [
            marker(*frame.at(x, y), series, 1.8 + 2.6 * (n / most) ** 0.5) for x, y, n in points
        ]
        ece = findings.estimate(task, method, "ece")
        errors.append(f"{findings.label(method)} ECE {score(ece['value'] if ece else None)}")
    label = f"Calibration on {task}: " + ", ".join(errors)
    return figure(task, svg(frame, label, axes(frame, "says", "happens"), *drawn))


def _points(bins: dict[str, Any] | None) -> list[tuple[float, float, int]]:
    if not bins:
        return []
    rows = zip(bins["predicted"], bins["observed"], bins["count"], strict=True)
    return [(x, y, n) for x, y, n in rows if n and x is not None and y is not None]


def _diagonal(frame: Frame) -> Html:
    (x1, y1), (x2, y2) = frame.at(0, 0), frame.at(frame.x[1], frame.y[1])
    return el(
        "line", x1=f"{x1:.1f}", y1=f"{y1:.1f}", x2=f"{x2:.1f}", y2=f"{y2:.1f}", class_="dashed"
    )
