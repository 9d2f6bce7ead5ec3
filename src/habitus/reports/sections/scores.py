"""The main table (tasks × methods), the average as a picture, and the columns of D12."""

from __future__ import annotations

from typing import Any, Final

from habitus.reports.findings import Findings, Mark
from habitus.reports.formats import MISSING, interval, percent, plural, score
from habitus.reports.markup import Html, el, join, note, scrolling, section, terms
from habitus.reports.measures import ALL_MEASURES, measure
from habitus.reports.sections.methods import group_badge, methods_table
from habitus.reports.sections.splits import splits
from habitus.reports.tracks import Axis, Bar, scale, track

SIGNS: Final[dict[Mark, tuple[str, str]]] = {
    "best": ("★", "best of the row"),
    "tie": ("≈", "tied with the best"),
    "behind": ("▽", "behind the best"),
    "untested": ("", ""),
}


def scores_section(findings: Findings) -> Html:
    """Return the average, the table of each measure, and what each method costs."""
    return section(
        "scores",
        "Scores",
        terms(
            (findings.main_measure.title, findings.main_measure.meaning),
            (
                "95 % interval",
                "The range that the score keeps to, 95 times of 100, when the test users are "
                "drawn again. Narrow means many users.",
            ),
            findings.words.base,
        ),
        el("h3", "The question" if findings.of_one_task else "Average over all questions"),
        _means(findings),
        el("h3", "All measures" if findings.of_one_task else "Each question"),
        _measures(findings),
        *splits(findings),
        el("h3", "The methods"),
        methods_table(findings),
    )


def _means(findings: Findings) -> Html:
    rows = [(m, findings.means.get(m["name"])) for m in findings.methods]
    known = [(m, mean) for m, mean in rows if mean is not None and mean["value"] is not None]
    if not known:
        return note("No average was computed.")
    axis = Axis.around(v for _, mean in known for v in (mean["value"], mean["low"], mean["high"]))
    body = []
    for method, mean in known:
        series = 0 if method["group"] == "ours" else 1 if method["group"] == "comparison" else 3
        text = f"{score(mean['value'])} {interval(mean['low'], mean['high'])}"
        bar = Bar(series, mean["value"], mean["low"], mean["high"])
        body.append(
            el(
                "tr",
                el("th", method["label"], group_badge(method), scope="row"),
                el("td", track(axis, [bar], f"{method['label']}: {text}"), class_="wide"),
                el("td", text, class_="figures"),
                class_="ours" if method["group"] == "ours" else None,
            )
        )
    head = el(
        "tr",
        el("th", "Method", scope="col"),
        el("th", el("span", "Interval", class_="unseen"), scale(axis), class_="wide", scope="col"),
        el("th", _title(findings), scope="col"),
    )
    return el("table", el("thead", head), el("tbody", *body), class_="forest")


def _title(findings: Findings) -> str:
    one = findings.main_measure
    return one.title if findings.of_one_task else f"Mean {one.inline}"


def _measures(findings: Findings) -> Html:
    """One table for each measure; a row of radio buttons shows one of them at a time."""
    found = {name for c in findings.results["cells"] for name in c["metrics"]}
    names = [n for n in ALL_MEASURES if n in found] + sorted(found - set(ALL_MEASURES))
    if not names:
        return note("No measure was computed.")
    buttons = [
        el(
            "label",
            el("input", type="radio", name="measure", value=i, checked=i == 0),
            el("span", measure(name).title),
        )
        for i, name in enumerate(names)
    ]
    panels = [
        el("div", _panel(findings, name), class_="panel", data_panel=i)
        for i, name in enumerate(names)
    ]
    legend = el("legend", "Measure", class_="unseen")
    return el("div", el("fieldset", legend, *buttons, class_="tabs"), *panels, class_="measures")


def _panel(findings: Findings, metric: str) -> Html:
    one = measure(metric)
    tested = any(d.get("metric", findings.main) == metric for d in findings.results["differences"])
    way = "Higher is better." if one.higher_is_better else "Lower is better."
    marks = (
        "★ best of the row · ≈ tied with the best: their paired difference, corrected for the "
        "number of questions (Holm), may be zero · ▽ behind the best · no mark: not compared "
        "with the best in pairs. The mean is one comparison and is not corrected."
        if tested
        else "★ best of the row; no paired differences were computed for this measure, so a star "
        "says nothing about chance."
    )
    return join(
        [
            el("h4", one.title),
            # The main measure is explained above already.
            note(way if metric == findings.main else f"{one.meaning} {way}"),
            scrolling(f"{one.title} of each question and method", _table(findings, metric)),
            note(marks),
            *(note(f"Not run: {told}.") for told in findings.left_out),
        ]
    )


def _table(findings: Findings, metric: str) -> Html:
    columns = [
        el("th", m["label"], group_badge(m), scope="col", title=m.get("description"))
        for m in findings.columns
    ]
    base = el("th", findings.words.base[0], scope="col")
    head = el("tr", el("th", "Question", scope="col"), base, *columns)
    body = [
        el(
            "tr",
            _question(task),
            el("td", percent(task.get("base_rate_test")), class_="base"),
            *(_cell(findings, task["name"], m["name"], metric) for m in findings.columns),
        )
        for task in findings.tasks
    ]
    # The mean over one question is that question.
    has_mean = metric == findings.main and not findings.of_one_task
    foot = _foot(findings) if has_mean else None
    return el("table", el("thead", head), el("tbody", *body), foot, class_="scores")


def _question(task: dict[str, Any]) -> Html:
    days = task.get("horizon_days")
    about = [f"{days:g} days"] if days is not None else []
    about += [plural(len(task["classes"]), "class", "classes")] if task.get("classes") else []
    about += [plural(task["num_test"], "user")] if task.get("num_test") is not None else []
    flag = (
        el("span", "sensitive trait", class_="group sensitive") if task.get("sensitive") else None
    )
    return el(
        "th",
        el("strong", task["name"]),
        flag,
        el("span", task["question"], class_="question"),
        el("span", " · ".join(about), class_="about"),
        scope="row",
    )


def _cell(findings: Findings, task: str, method: str, metric: str) -> Html:
    found = findings.estimate(task, method, metric)
    if found is None:
        return el("td", MISSING, class_="none")
    mark = findings.mark(task, method, metric)
    low, high = found["low"], found["high"]
    span = f"{score(low)}–{score(high)}" if low is not None else "no interval"
    return el(
        "td",
        el("span", score(found["value"]), class_="value"),
        _sign(mark),
        el("span", span, class_="span"),
        class_=mark,
    )


def _sign(mark: Mark) -> Html | None:
    sign, meaning = SIGNS[mark]
    if not sign:
        return None
    return el("span", sign, class_="mark", title=meaning, role="img", aria_label=meaning)


def _foot(findings: Findings) -> Html:
    cells = []
    for method in findings.columns:
        mean = findings.means.get(method["name"])
        if mean is None or mean["value"] is None:
            cells.append(el("td", MISSING))
            continue
        span = f"{score(mean['low'])}–{score(mean['high'])}" if mean["low"] is not None else ""
        value = el("span", score(mean["value"]), class_="value")
        sign = _sign(findings.mean_mark(method["name"]))
        cells.append(el("td", value, sign, el("span", span, class_="span")))
    return el("tfoot", el("tr", el("th", "Mean", scope="row"), el("td"), *cells))
