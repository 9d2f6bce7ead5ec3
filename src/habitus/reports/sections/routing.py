"""Routing: which experts do the work, layer by layer (evaluation D9)."""

from __future__ import annotations

from typing import Any, Final

from habitus.reports.findings import Findings
from habitus.reports.formats import count, percent, plural
from habitus.reports.markup import Html, el, note, section, terms
from habitus.reports.plots import Frame, axes, figure, svg
from habitus.reports.sections.routing_steps import between_seeds, over_the_steps

TITLE: Final = "Routing"
MOST_NAMED: Final = 16
"""Bars that have a number each; of more, only some do."""


def routing_section(findings: Findings) -> Html:
    """Return one small plot for each router: the share of the work of every expert."""
    routers = findings.results.get("routing") or []
    if not routers:
        return section("routing", TITLE, note("The encoder is dense: it has no experts."))
    return section(
        "routing",
        TITLE,
        terms(
            (
                "Expert",
                "One of several layers of the same shape, of which an event goes through a few.",
            ),
            (
                "Load",
                "The share of all choices that falls on an expert; the dashed line is an even "
                "share. Busiest: the largest load over the mean one. Dead: below 0.1 %.",
            ),
            (
                "Undecided",
                "The entropy of an event's probabilities over its largest possible value: 0 % "
                "where a router is sure, 100 % where all experts are the same to it.",
            ),
        ),
        el("div", *(_plot(router) for router in routers), class_="grid small"),
        note(f"Counted on {count(routers[0]['num_events'])} events of users that are tested."),
        over_the_steps(findings, _place),
        between_seeds(findings, _place),
    )


def _plot(router: dict[str, Any]) -> Html:
    share_E = router["share"]
    even = 1 / len(share_E)
    frame = Frame((0, len(share_E)), (0, max(*share_E, even) * 1.08), 230, 170, left=40)
    stride = -(-len(share_E) // MOST_NAMED)
    named = [(e + 0.5, str(e + 1)) for e in range(0, len(share_E), stride)]
    bars = [_bar(frame, e, share) for e, share in enumerate(share_E)]
    (x1, y1), (x2, y2) = frame.at(0, even), frame.at(frame.x[1], even)
    line = el(
        "line", x1=f"{x1:.1f}", y1=f"{y1:.1f}", x2=f"{x2:.1f}", y2=f"{y2:.1f}", class_="dashed"
    )
    undecided = router["entropy"] / router["most_entropy"] if router["most_entropy"] else 0.0
    words = (
        f"busiest {router['max_load']:.1f} ×, {plural(router['num_dead'], 'dead expert')}, "
        f"undecided {percent(undecided)}"
    )
    label = f"Load of the experts of {router['router']}: {words}"
    picture = svg(frame, label, axes(frame, "expert", "load", named), *bars, line)
    return figure(f"{_place(router['router'])}: {words}", picture)


def _bar(frame: Frame, expert: int, share: float) -> Html:
    (left, top), (right, foot) = frame.at(expert + 0.12, share), frame.at(expert + 0.88, 0)
    return el(
        "rect",
        x=f"{left:.1f}",
        y=f"{top:.1f}",
        width=f"{right - left:.1f}",
        height=f"{foot - top:.1f}",
        class_="bar",
    )


def _place(path: str) -> str:
    """Return a router's place in words.

    >>> _place("blocks.0.ffns.1.router"), _place("blocks.2.attention.query.router")
    ('block 1, feed-forward 2', 'block 3, attention query')
    >>> _place("blocks.0.attention.value_router")
    'block 1, attention value'
    >>> _place("router")
    'router'
    """
    parts = [part.removesuffix("_router") for part in path.split(".") if part != "router"]
    if len(parts) < 3 or parts[0] != "blocks":
        return path
    block, kind, *rest = parts[1:]
    if kind == "ffns":
        return f"block {int(block) + 1}, feed-forward {int(rest[0]) + 1}"
    return " ".join([f"block {int(block) + 1}, {kind}", *rest])
