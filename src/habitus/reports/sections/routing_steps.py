"""Routing over the steps of pre-training, and between seeds (evaluation D9)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from habitus.reports.findings import Findings
from habitus.reports.formats import count, percent, plural
from habitus.reports.markup import Html, el, join, note, row, scrolling, table
from habitus.reports.plots import Frame, axes, figure, path, svg, thinned

Place = Callable[[str], str]
"""The path of a router → its place in words."""


def over_the_steps(findings: Findings, place: Place) -> Html | None:
    """Return a small plot for each router: the busiest expert and the dead ones, step by step."""
    curves = (findings.results.get("pretraining") or {}).get("curves") or {}
    routing = curves.get("routing") or {}
    if not routing:
        return None
    keys = [
        el("li", el("b", class_="stroke s0", aria_hidden="true"), "busiest expert"),
        el("li", el("b", class_="stroke s1", aria_hidden="true"), "dead experts, dashed"),
    ]
    return join(
        [
            el("h3", "Over the steps of pre-training"),
            note(
                "On batches of training. The load of the busiest expert is over the mean one; dead "
                "are those with less than 0.1 % of the choices of the latest 1,000 steps, or of "
                "all steps while there are fewer."
            ),
            el("ul", *keys, class_="legend"),
            el(
                "div",
                *(_plot(place(router), curves["step"], of) for router, of in routing.items()),
                class_="grid small",
            ),
        ]
    )


def between_seeds(findings: Findings, place: Place) -> Html:
    """Return the table of how alike routers of several seeds are, or what it would take."""
    entries: Sequence[Mapping[str, Any]] = findings.results.get("routing_agreement") or []
    title = el("h3", "Between seeds")
    if not entries:
        words = (
            "How stable routing is was not measured: it takes two pre-trainings or more (--seeds)."
        )
        return join([title, note(words)])
    head = ("Router", "Same expert", "By chance", "Adjusted information")
    rows = [
        row(
            place(entry["router"]),
            percent(entry["matched"]),
            percent(entry["by_chance"]),
            f"{entry['adjusted']:.2f}",
        )
        for entry in entries
    ]
    words = (
        f"The same events through the routers of {count(entries[0]['num_models'])} pre-trainings, "
        f"two at a time. Same expert: the share of events that meet the same one once experts are "
        f"renamed as well as can be; by chance: that of independent routers with these loads. "
        f"Adjusted information is 0 by chance and 1 where the same events go together."
    )
    return join([title, note(words), scrolling("Routing", table(head, rows, "plain"))])


def _plot(place: str, steps: Sequence[float], of: Mapping[str, Sequence[float]]) -> Html:
    load, dead = of["max_load"], of["num_dead"]
    highest = max(*load, *dead, 1.0)
    frame = Frame((min(steps), max(steps)), (0, highest * 1.08), 230, 150, left=40)
    words = (
        f"busiest from {load[0]:.1f} × to {load[-1]:.1f} ×, at the end "
        f"{plural(int(dead[-1]), 'dead expert')}, at most {count(max(dead))}"
    )
    lines = [
        path(frame, thinned(list(zip(steps, values, strict=True)), 120), series)
        for series, values in enumerate((load, dead))
    ]
    label = f"Load of the busiest expert and dead experts of {place}: {words}"
    return figure(f"{place}: {words}", svg(frame, label, axes(frame, "step", "experts"), *lines))
