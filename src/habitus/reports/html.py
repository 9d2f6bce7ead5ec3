"""One self-contained page: no network, no dependency, a few hundred kilobytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from habitus.reports.findings import Findings
from habitus.reports.markup import Html, el
from habitus.reports.schema import check_results
from habitus.reports.sections.calibration import calibration_section
from habitus.reports.sections.canaries import canaries_section
from habitus.reports.sections.costs import costs_section
from habitus.reports.sections.differences import differences_section
from habitus.reports.sections.headline import headline_section
from habitus.reports.sections.limits import limits_section
from habitus.reports.sections.map import map_section
from habitus.reports.sections.provenance import provenance_section
from habitus.reports.sections.routing import routing_section
from habitus.reports.sections.scores import scores_section
from habitus.reports.sections.strata import strata_section
from habitus.reports.sections.training import training_section
from habitus.reports.shell import document, resource

SECTIONS: Final = {
    "scores": ("Scores", scores_section),
    "differences": ("Differences", differences_section),
    "calibration": ("Calibration", calibration_section),
    "strata": ("Strata", strata_section),
    "training": ("Training", training_section),
    "routing": ("Routing", routing_section),
    "map": ("Map", map_section),
    "costs": ("Costs", costs_section),
    "canaries": ("Leak checks", canaries_section),
    "provenance": ("How it was made", provenance_section),
    "limits": ("Limits", limits_section),
}
"""The sections below the headline, in the order in which a newcomer asks."""


def html_page(results: Mapping[str, Any]) -> str:
    """Return the whole page.

    Raises:
        DataError: results that are not format 1.
        GuardError: results that hold user ids.
    """
    check_results(results)
    findings = Findings(results)
    # nobody computes a calibration of classes, and a dense encoder has no routers
    left_out = {"calibration"} if findings.of_classes else set()
    left_out |= set() if results.get("routing") else {"routing"}
    shown = [name for name in SECTIONS if name not in left_out]
    return document(
        results["title"],
        el("a", "Skip to the scores", href="#scores", class_="skip"),
        headline_section(findings),
        _contents(shown),
        el("main", *(SECTIONS[name][1](findings) for name in shown)),
        el("footer", el("p", "Made by habitus. The same figures stand in report.json.")),
        script=resource("page.js"),
    )


def _contents(shown: list[str]) -> Html:
    links = (el("li", el("a", SECTIONS[name][0], href=f"#{name}")) for name in shown)
    return el("nav", el("ul", *links), aria_label="Sections")
