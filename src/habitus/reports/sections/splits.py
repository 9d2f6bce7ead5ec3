"""Random splits (A-P21): what the same methods score when users are parted anew."""

from __future__ import annotations

import statistics
from typing import Any

from habitus.reports.findings import Findings
from habitus.reports.formats import MISSING, plural, score
from habitus.reports.markup import Html, el, note, scrolling
from habitus.reports.sections.methods import group_badge


def splits(findings: Findings) -> list[Html]:
    """Return heading, table and note; nothing where no other split was run."""
    seeds = findings.results.get("split_seeds") or []
    if not any(cell.get("splits") for cell in findings.results["cells"]):
        return []
    title = f"{findings.main_measure.title} under other splits of the users"
    return [
        el("h3", title),
        note(
            f"Users were parted anew {plural(len(seeds), 'time')}, and each method was fitted once "
            "under each split: mean, lowest and highest. Where a figure is far from the one above, "
            "that one owes much to who happened to be tested. Pre-training, and whatever else is "
            "fitted without answers, stays that of the fixed split: here it may have seen test "
            "users."
        ),
        scrolling(title, _table(findings)),
        *(note(f"Left out: {told}.") for told in findings.left_out_splits),
    ]


def _table(findings: Findings) -> Html:
    columns = [el("th", m["label"], group_badge(m), scope="col") for m in findings.columns]
    head = el("tr", el("th", "Question", scope="col"), *columns)
    body = [
        el(
            "tr",
            el("th", el("strong", task["name"]), scope="row"),
            *(_cell(_values(findings, task["name"], m["name"])) for m in findings.columns),
        )
        for task in findings.tasks
    ]
    return el("table", el("thead", head), el("tbody", *body), class_="scores splits")


def _values(findings: Findings, task: str, method: str) -> list[float]:
    """Return the main score of each split that was run."""
    found: dict[str, Any] = (findings.cell(task, method) or {}).get("splits") or {}
    values = [(split or {}).get(findings.main) for split in found.values()]
    return [value for value in values if value is not None]


def _cell(values: list[float]) -> Html:
    if not values:
        return el("td", MISSING, class_="none")
    span = f"{score(min(values))}–{score(max(values))}"
    mean = el("span", score(statistics.fmean(values)), class_="value")
    return el("td", mean, el("span", span, class_="span"))
