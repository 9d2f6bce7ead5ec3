"""The columns of D12: what each method scores, also on cold users, and what it costs."""

from __future__ import annotations

from typing import Any

from habitus.reports.findings import Findings
from habitus.reports.formats import MISSING, count, large, rate, score
from habitus.reports.markup import Html, el, join, note, row, scrolling, table


def group_badge(method: dict[str, Any]) -> Html:
    """Return the small word that says what kind of method it is."""
    return el("span", method["group"], class_=f"group {method['group']}")


def methods_table(findings: Findings) -> Html:
    """Return D12's columns: score, cold stratum, compute of pre-training, speed, bytes."""
    head = (
        "Method",
        f"Mean {findings.main_measure.inline}",
        f"Mean {findings.main_measure.inline}, cold users",
        "Pre-training FLOPs",
        "Encodes, users/s",
        "Bytes/user",
        "Width",
    )
    methods = table(head, (_method_row(findings, m) for m in findings.methods), "methods")
    return join(
        [
            scrolling("Methods, their scores and their cost", methods),
            note(
                "Cold users: the tenth with the fewest events before the cutoff, those without "
                "any left out; in brackets on how many questions. FLOPs: multiplications and "
                "additions on real events, padding left out. – : none, or not measured."
            ),
        ]
    )


def _method_row(findings: Findings, method: dict[str, Any]) -> Html:
    training = findings.results.get("pretraining") or {}
    encoding = findings.results.get("encoding") or {}
    ours = method["group"] == "ours"
    costs = (
        large(training.get("flops_true")),
        rate(encoding.get("users_per_second")),
        count(encoding.get("bytes_per_user")),
    )
    described = el("span", method.get("description"), class_="question")
    return row(
        join([method["label"], group_badge(method), described]),
        score(findings.mean_value(method["name"])),
        _cold(findings, method["name"]),
        *(costs if ours else [MISSING] * len(costs)),
        count(method.get("representation_dim")),
        class_="ours" if ours else None,
    )


def _cold(findings: Findings, method: str) -> str:
    cells = [findings.cell(task["name"], method) for task in findings.tasks]
    cold = [((c or {}).get("strata") or {}).get("cold") for c in cells]
    main = findings.main
    values = [c[main]["value"] for c in cold if c and c[main] and c[main]["value"] is not None]
    return f"{score(sum(values) / len(values))} ({len(values)})" if values else MISSING
