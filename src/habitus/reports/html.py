"""One self-contained page: no network, no dependency, a few hundred kilobytes."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib import resources
from typing import Any, Final

from habitus.reports.findings import Findings
from habitus.reports.markup import Html, el, join
from habitus.reports.schema import check_results
from habitus.reports.sections.calibration import calibration_section
from habitus.reports.sections.canaries import canaries_section
from habitus.reports.sections.costs import costs_section
from habitus.reports.sections.differences import differences_section
from habitus.reports.sections.headline import headline_section
from habitus.reports.sections.limits import limits_section
from habitus.reports.sections.map import map_section
from habitus.reports.sections.provenance import provenance_section
from habitus.reports.sections.scores import scores_section
from habitus.reports.sections.strata import strata_section
from habitus.reports.sections.training import training_section

SECTIONS: Final = {
    "scores": ("Scores", scores_section),
    "differences": ("Differences", differences_section),
    "calibration": ("Calibration", calibration_section),
    "strata": ("Strata", strata_section),
    "training": ("Training", training_section),
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
    script = _resource("page.js")
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=_policy(script)),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", f"{results['title']} – habitus report"),
        el("style", Html(_resource("page.css"))),
    )
    body = el(
        "body",
        el("a", "Skip to the scores", href="#scores", class_="skip"),
        headline_section(findings),
        _contents(),
        el("main", *(render(findings) for _, render in SECTIONS.values())),
        el("footer", el("p", "Made by habitus. The same figures stand in report.json.")),
        el("script", Html(script)),
    )
    return "<!DOCTYPE html>\n" + join([el("html", head, body, lang="en")])


def _policy(script: str) -> str:
    """Let the page load nothing, and run only the script that it was made with."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def _contents() -> Html:
    links = (el("li", el("a", title, href=f"#{name}")) for name, (title, _) in SECTIONS.items())
    return el("nav", el("ul", *links), aria_label="Sections")


def _resource(name: str) -> str:
    return resources.files("habitus.reports").joinpath(name).read_text(encoding="utf-8")
