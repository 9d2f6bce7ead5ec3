"""Forest plots: ours minus each other method, question by question, with Holm's verdicts."""

from __future__ import annotations

from habitus.reports.findings import VERDICT_WORDS, Difference, Findings
from habitus.reports.formats import score, signed, signed_interval, unbroken
from habitus.reports.markup import Html, el, note, section, terms
from habitus.reports.tracks import Axis, Bar, scale, track

_SIGNS = {"better": "▲", "worse": "▽", "tie": "≈"}


def differences_section(findings: Findings) -> Html:
    """Return a table for each pair: ours open, the others folded."""
    pairs = [(m, a) for m in findings.all_ours for a in findings.compared_with(m)]
    pairs = [(m, a) for m, a in pairs if a not in findings.all_ours or m != findings.ours]
    if not pairs:
        return section("differences", "Differences", note("No paired differences were computed."))
    first = (findings.ours, findings.reference)
    pairs.sort(key=lambda pair: (pair != first, findings.all_ours.index(pair[0])))
    return section(
        "differences",
        "Differences",
        terms(
            (
                "Tie",
                "The interval of the difference, over the same users drawn again and again, holds "
                "zero; or, “(Holm)”, it does not, but the difference would not survive the "
                "correction for asking many questions. The mean over questions is one comparison "
                "and is not corrected.",
            ),
        ),
        _detectable(findings),
        *(_pair(findings, method, against) for method, against in pairs),
    )


def _pair(findings: Findings, method: str, against: str) -> Html:
    """Return one plot, folded away where ours wins everywhere or is not the one we speak of."""
    tally = findings.tally(method, against)
    counts = f"{tally['better']} ahead · {tally['tie']} tied · {tally['worse']} behind"
    title = f"{findings.label(method)} minus {findings.label(against)}"
    telling = against == findings.reference or tally["tie"] + tally["worse"] > 0
    return el(
        "details",
        el("summary", title, el("span", counts, class_="group")),
        _forest(findings, method, against),
        open=method == findings.ours and telling,
    )


def _detectable(findings: Findings) -> Html | None:
    if findings.ours is None or findings.reference is None:
        return None
    smallest = findings.detectable(findings.ours, findings.reference)
    if smallest is None:
        return None
    return note(
        f"With these test users a typical question shows a difference of {score(smallest)} "
        f"{findings.main_measure.inline} or more in four of five repeats; smaller ones mostly end "
        "as ties."
    )


def _forest(findings: Findings, method: str, against: str) -> Html:
    rows = [(t["name"], findings.difference(t["name"], method, against)) for t in findings.tasks]
    found = [(name, d) for name, d in rows if d is not None]
    axis = Axis.around((v for _, d in found for v in (d.low, d.value, d.high)), signed=True)
    head = el(
        "tr",
        el("th", "Question", scope="col"),
        el(
            "th", el("span", "Difference", class_="unseen"), scale(axis), class_="wide", scope="col"
        ),
        el("th", f"Difference in {unbroken(findings.main_measure.inline)}", scope="col"),
        el("th", "Verdict", scope="col", class_="word head"),
    )
    body = [_row(name, difference, axis) for name, difference in found]
    mean = findings.mean_difference(method)
    if mean is not None and mean[0] == against and not findings.of_one_task:
        body.append(_row("Mean over questions", mean[1], axis, kind="mean"))
    towards = el(
        "p",
        el("span", f"← {findings.label(against)} is better"),
        el("span", f"{findings.label(method)} is better →"),
        class_="towards",
    )
    return el("div", towards, el("table", el("thead", head), el("tbody", *body), class_="forest"))


def _row(name: str, found: Difference, axis: Axis, kind: str | None = None) -> Html:
    figures = f"{signed(found.value)} {signed_interval(found.low, found.high)}"
    series = {"better": 0, "worse": 1, "tie": 3}[found.verdict]
    bar = None if found.value is None else Bar(series, found.value, found.low, found.high)
    verdict = VERDICT_WORDS[found.verdict]
    corrected = None if found.p_holm is None else f"p = {found.p_holm:.4f} after Holm"
    return el(
        "tr",
        el("th", name, scope="row"),
        el("td", track(axis, [bar], f"{name}: {figures}, {found.word}"), class_="wide"),
        el("td", figures, class_="figures"),
        el(
            "td", f"{_SIGNS[found.verdict]} {found.word}", class_=f"word {verdict}", title=corrected
        ),
        class_=kind,
    )
