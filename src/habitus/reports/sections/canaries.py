"""Leak canaries (D1): checks that the future did not find its way into the scores."""

from __future__ import annotations

from typing import Any

from habitus.reports.findings import Findings
from habitus.reports.markup import Html, breakable, el, note, row, scrolling, section, table, terms


def canaries_section(findings: Findings) -> Html:
    """Return each check with its outcome."""
    canaries = findings.results.get("canaries") or []
    if not canaries:
        text = "No leak checks were run: read the scores with that in mind."
        return section("canaries", "Leak checks", note(text))
    head = ("Check", "What must hold", "Outcome", "Detail")
    return section(
        "canaries",
        "Leak checks",
        terms(
            (
                "Leak",
                "A method sees something of the time or the users it is asked about. It then "
                "scores well here and fails in use.",
            ),
        ),
        scrolling("Leak checks", table(head, (_row(c) for c in canaries), "plain checks")),
    )


def _row(canary: dict[str, Any]) -> Html:
    passed = canary["passed"]
    outcome = el("span", "✓ passed" if passed else "✗ failed", class_="pass" if passed else "fail")
    return row(breakable(canary["name"]), canary["what"], outcome, canary.get("detail"))
