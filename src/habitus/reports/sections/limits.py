"""What the page does not show."""

from __future__ import annotations

from habitus.reports.findings import Findings
from habitus.reports.formats import count
from habitus.reports.markup import Html, el, section


def limits(findings: Findings) -> list[str]:
    """Return the limits of these results, and the notes that the run left."""
    results = findings.results
    users = results["split"]["test"]
    told = [
        f"One source of data ({results['data']['name']}) and {count(users)} test users: other "
        "people, countries, shops or years may order the methods differently.",
        "The intervals answer “what if other users of this kind had been drawn”; they do not "
        f"hold {findings.words.unchanged}.",
    ]
    seeds = results.get("pretrain_seeds") or []
    if results.get("pretraining") and len(seeds) <= 1:
        told.append(
            "Pre-training ran once, with one seed: how much luck is in that one run is not shown."
        )
    if results.get("preset"):
        told.append(
            f"The preset is “{results['preset']}”; other settings, more data or a longer run may "
            "change the scores."
        )
    sensitive = [t["name"] for t in findings.tasks if t.get("sensitive")]
    if sensitive:
        told.append(
            f"Asked here although it profiles a sensitive trait: {', '.join(sensitive)}. That "
            "measures what the vectors give away; it is not for use on people."
        )
    told += [
        f"A score says {findings.words.says}: nothing here is causal, and "
        "nothing says that acting on a prediction helps anybody.",
        "How scores differ between groups of people (age, income, gender) is not measured here.",
    ]
    return told + list(results.get("notes") or [])


def limits_section(findings: Findings) -> Html:
    """Return the limits as a list."""
    items = (el("li", text) for text in limits(findings))
    return section("limits", "What this does not show", el("ul", *items, class_="limits"))
