"""Strata (D6): how well users with no recent, little, some and much history are served."""

from __future__ import annotations

from typing import Any

from habitus.reports.findings import Findings
from habitus.reports.formats import interval, plural, score
from habitus.reports.markup import Html, el, note, row, scrolling, section, table, terms
from habitus.reports.tracks import Axis, Bar, legend, scale, track

STRATA = {
    "new": "no event in the last month before the cutoff, whatever came earlier",
    "cold": "the tenth with the fewest events, those without any left out",
    "mid": "everybody between cold and heavy",
    "heavy": "the tenth with the most events",
}


def strata_section(findings: Findings) -> Html:
    """Return a card for each question, and the figures of every method folded below."""
    shown = [
        a["value"]
        for c in findings.results["cells"]
        for s in (c.get("strata") or {}).values()
        if s and (a := s[findings.main]) and a["value"] is not None
    ]
    if not shown:
        return section("strata", "Strata", note(_why_empty(findings)))
    axis = Axis.around([*shown, *_ends(findings)])
    cards = [c for task in findings.tasks if (c := _card(findings, task["name"], axis))]
    return section(
        "strata",
        "Strata",
        terms(
            ("Stratum", "A part of the users by how much they did before the cutoff."),
            *((name.capitalize(), f"{meaning.capitalize()}.") for name, meaning in STRATA.items()),
        ),
        legend(findings.label(name) for name in findings.shown),
        el("div", *cards, class_="grid"),
        note(
            "A stratum holds few users, so its intervals are wide; no claim rests on one. “Too "
            f"few” means that {findings.words.too_few}."
        ),
        el("details", el("summary", "All figures of the strata"), _figures(findings)),
    )


def _why_empty(findings: Findings) -> str:
    if not any(cell.get("strata") for cell in findings.results["cells"]):
        return "No strata were computed."
    users = findings.results["split"]["test"]
    return (
        f"No stratum has a score: in each of them {findings.words.too_few}. There are "
        f"{plural(users, 'test user')}; with more of them, or with fewer and larger classes, "
        "strata appear."
    )


def _strata(findings: Findings, task: str, method: str) -> dict[str, Any]:
    return (findings.cell(task, method) or {}).get("strata") or {}


def _ends(findings: Findings) -> list[float | None]:
    return [
        estimate[end]
        for task in findings.tasks
        for method in findings.shown
        for stratum in _strata(findings, task["name"], method).values()
        if stratum and (estimate := stratum[findings.main])
        for end in ("low", "high")
    ]


def _card(findings: Findings, task: str, axis: Axis) -> Html | None:
    rows = []
    for name in STRATA:
        found = [_strata(findings, task, method).get(name) for method in findings.shown]
        if any(found):
            rows.append(_row(findings, name, found, axis))
    if not rows:
        return None
    title = findings.main_measure.title
    head = el(
        "tr",
        el("th", el("span", "Stratum", class_="unseen"), scope="col"),
        el("th", el("span", title, class_="unseen"), scale(axis), class_="wide", scope="col"),
    )
    table = el("table", el("thead", head), el("tbody", *rows), class_="forest strata")
    return el("figure", el("figcaption", task), table)


def _row(findings: Findings, name: str, found: list[Any], axis: Axis) -> Html:
    first = next(s for s in found if s)
    size = plural(first["num_users"], "user")
    size += "" if first.get("num_positive") is None else f", {first['num_positive']:,} yes"
    bars: list[Bar | None] = []
    words = []
    for series, (method, stratum) in enumerate(zip(findings.shown, found, strict=True)):
        estimate = stratum[findings.main] if stratum else None
        if estimate is None or estimate["value"] is None:
            bars.append(None)
            continue
        bars.append(Bar(series, estimate["value"], estimate["low"], estimate["high"]))
        words.append(
            f"{findings.label(method)} {score(estimate['value'])} "
            f"{interval(estimate['low'], estimate['high'])}"
        )
    picture = (
        track(axis, bars, f"{name}: " + "; ".join(words))
        if words
        else el("span", "too few", class_="none")
    )
    label = el("th", name, el("span", size, class_="about"), scope="row")
    return el("tr", label, el("td", picture, class_="wide"))


def _figures(findings: Findings) -> Html:
    rows = []
    for task in findings.tasks:
        for method in findings.methods:
            strata = _strata(findings, task["name"], method["name"])
            if any(strata.values()):
                figures = (_figure(strata.get(name), findings.main) for name in STRATA)
                rows.append(row(task["name"], method["label"], *figures))
    all_rows = table(("Question", "Method", *STRATA), rows, "plain")
    title = f"{findings.main_measure.title} of each question, method and stratum"
    return scrolling(title, all_rows)


def _figure(stratum: dict[str, Any] | None, main: str) -> str:
    if not stratum or not stratum[main] or stratum[main]["value"] is None:
        return "too few" if stratum else "–"
    estimate = stratum[main]
    return f"{score(estimate['value'])} {interval(estimate['low'], estimate['high'])}"
