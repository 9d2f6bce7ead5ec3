"""What the results say, in words chosen by the verdicts, also when ours loses."""

from __future__ import annotations

from typing import Final

from habitus.reports.findings import DENSE, Difference, Findings
from habitus.reports.formats import count, plural, score, signed, signed_interval
from habitus.reports.markup import Html, el, note
from habitus.reports.model_facts import model_label, quick_warning
from habitus.reports.words import PROTOCOLS

_WITHOUT: Final = {
    "untrained": "the same encoder untrained",
    "warm_start": "the warm start that it begins from",
    DENSE: "the same encoder with one expert, trained in the same way",
}
_STANDS: Final = {"better": "ahead of", "worse": "behind", "tie": "tied with"}


def headline(findings: Findings) -> list[str]:
    """Return the sentences of the headline, as plain text."""
    users = count(findings.results["split"]["test"])
    about = findings.words.about.format(users=users)
    asked = f"On {plural(len(findings.tasks), 'question')} {about}"
    ours, reference = findings.ours, findings.reference
    if not findings.tasks:
        return ["These results hold no question about users, so there is nothing to compare."]
    if ours is None or findings.mean_value(ours) is None:
        return [f"{asked}, {_best_of_others(findings)}"]
    first = f"{asked}, {findings.label(ours)} scores {score(findings.mean_value(ours))}"
    first += f"{'' if findings.of_one_task else ' on average'} ({_scale(findings)})"
    mean = findings.mean_difference(ours)
    if reference is None or findings.mean_value(reference) is None:
        return [first + "; nothing was run to compare it with."]
    first += f"; {findings.label(reference)} scores {score(findings.mean_value(reference))}."
    told = [verdict_sentence(findings.label(ours), mean[1])] if mean else []
    return [first, *told, *_gained(findings), *_beside(findings), *_joined(findings)]


def _scale(findings: Findings) -> str:
    """Return how the main score is read, and for classes what nothing known scores."""
    one, majority = findings.main_measure, findings.mean_value("majority")
    told = f"{one.inline}: {one.brief}" if one.brief else one.inline
    if findings.of_classes and majority is not None:
        told += f"; the largest class for everybody scores {score(majority)}"
    return told


def verdict_sentence(name: str, difference: Difference) -> str:
    """Return win, loss or tie in a sentence with its figures."""
    if difference.value is None or difference.low is None:
        return "No interval of their difference was computed, so neither is called better."
    figures = _figures(difference)
    if difference.verdict == "tie":
        return f"The difference, {figures}, is a tie."
    word = "ahead" if difference.verdict == "better" else "behind"
    return f"{name} is {word}: the difference, {figures}, leaves zero out."


def _gained(findings: Findings) -> list[str]:
    """Say what pre-training, and experts, add to the same encoder without, where compared."""
    told = {
        name: f"{_STANDS[found.verdict]} {_WITHOUT[name]} ({_figures(found)})"
        for name, found in findings.gains
    }
    ours = findings.label(findings.ours)
    experts = told.pop(DENSE, None)
    sentences = []
    if told:
        sentences.append(f"What pre-training adds: {ours} is {' and '.join(told.values())}.")
    return sentences + ([f"What experts add: {ours} is {experts}."] if experts else [])


def _figures(difference: Difference) -> str:
    return f"{signed(difference.value)} {signed_interval(difference.low, difference.high)}"


def _beside(findings: Findings) -> list[str]:
    """Say how ours does beside the best comparison, where that is not the reference."""
    found = findings.best_beside
    if found is None:
        return []
    name, difference = found
    told = f"The best comparison is {findings.label(name)}, {score(findings.mean_value(name))}"
    if difference is None or difference.value is None:
        return [f"{told}; no difference to it was computed."]
    ours = findings.label(findings.ours)
    return [f"{told}: {ours} is {_STANDS[difference.verdict]} it ({_figures(difference)})."]


def _joined(findings: Findings) -> list[str]:
    """Say how our other methods do, such as ours joined with counts."""
    sentences = []
    for name in findings.all_ours[1:]:
        mean = findings.mean_difference(name)
        if mean is None or mean[1].value is None or findings.mean_value(name) is None:
            continue
        against, difference = mean
        sentences.append(
            f"{findings.label(name)} scores {score(findings.mean_value(name))}, "
            f"{_STANDS[difference.verdict]} {findings.label(against)} ({_figures(difference)})."
        )
    return sentences


def _best_of_others(findings: Findings) -> str:
    known = {n: s["value"] for n, s in findings.means.items() if s["value"] is not None}
    if not known:
        return "no method has a score on average."
    best = max(known, key=lambda name: known[name])
    return (
        f"the best average is {score(known[best])}, by {findings.label(best)}; "
        "no method of ours was evaluated."
    )


def tally_rows(findings: Findings) -> list[tuple[str, int, int, int]]:
    """Return (against, better, tied, worse) for each method of others that ours was run beside."""
    if findings.ours is None:
        return []
    groups = {m["name"]: m["group"] for m in findings.methods}
    rows = []
    for against in findings.compared_with(findings.ours):
        if groups[against] == "ours":
            continue
        tally = findings.tally(findings.ours, against)
        name = findings.label(against)
        rows.append((name, tally["better"], tally["tie"], tally["worse"]))
    return rows


def headline_section(findings: Findings) -> Html:
    """Return title, headline, what this page is, and the count of wins, ties and losses."""
    first, *rest = headline(findings)
    told = [
        el("p", first, class_="lead"),
        el("p", " ".join(rest), class_="verdict") if rest else None,
        el("p", findings.words.page, class_="what"),
        _protocol(findings),
    ]
    label, quick = model_label(findings.results), quick_warning(findings.results)
    return el(
        "header",
        el("p", "habitus report", class_="kicker"),
        el("h1", findings.results["title"]),
        el("p", f"Model: {label}", class_="model") if label else None,
        el("p", el("strong", "Warning. "), quick, class_="alarm") if quick else None,
        _alarm(findings),
        el("div", el("div", *told), _tally_table(findings), class_="beside"),
        id="headline",
    )


def _alarm(findings: Findings) -> Html | None:
    failed = findings.failed_canaries
    if not failed:
        return None
    names = ", ".join(c["name"] for c in failed)
    text = (
        f"{plural(len(failed), 'leak check')} failed ({names}): the future may have leaked into "
        "the scores. Do not rely on anything below before that is explained."
    )
    return el("p", el("strong", "Warning. "), text, class_="alarm", role="alert")


def _protocol(findings: Findings) -> Html | None:
    protocol = findings.results.get("protocol")
    if protocol is None:
        return None
    name = el("strong", f"Protocol: {protocol}. ")
    return el("p", name, PROTOCOLS[protocol], class_="what")


def _tally_table(findings: Findings) -> Html | None:
    rows = tally_rows(findings)
    if not rows:
        return None
    head = ("Question by question, against", "ahead", "tied", "behind")
    body = [
        el("tr", el("th", name, scope="row"), *(el("td", n) for n in numbers))
        for name, *numbers in rows
    ]
    counts = el(
        "table",
        el("caption", f"On how many questions {findings.label(findings.ours)} is …"),
        el("thead", el("tr", *(el("th", h, scope="col") for h in head))),
        el("tbody", *body),
    )
    words = None
    if not findings.of_one_task:
        words = note(
            f"Each question is corrected for asking {len(findings.tasks)} (Holm). The averages are "
            "not: one can be ahead or behind where most questions are ties."
        )
    return el("div", counts, words, class_="tally")
