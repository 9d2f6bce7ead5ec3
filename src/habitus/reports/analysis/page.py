"""The page of an analysis: the question, what was found, tables, plots, how it was made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from habitus.reports.analysis.plots import plot
from habitus.reports.analysis.schema import check_analysis
from habitus.reports.files import plain, write_pair
from habitus.reports.formats import (
    MISSING,
    count,
    decimals,
    interval,
    score,
    signed,
    signed_interval,
)
from habitus.reports.markup import Html, el, join, note, row, scrolling, section, table
from habitus.reports.model_facts import model_label, quick_warning
from habitus.reports.shell import document

_LONG: Final = 24
"""Letters from which on a cell reads better from the left."""


def analysis_page(results: Mapping[str, Any]) -> str:
    """Return the whole page.

    Raises:
        DataError: results that are not an analysis of format 1.
        GuardError: results that hold user ids.
    """
    check_analysis(results)
    label, quick = model_label(results), quick_warning(results)
    header = el(
        "header",
        el("p", "habitus analysis", class_="kicker"),
        el("h1", results["title"]),
        el("p", f"Model: {label}", class_="model") if label else None,
        el("p", el("strong", "Warning. "), quick, class_="alarm") if quick else None,
        el("p", results["question"], class_="what"),
        *(el("p", finding, class_="finding") for finding in results["findings"]),
    )
    tables = [_table(values) for values in results["tables"]]
    plots = [plot(values) for values in results["plots"]]
    main = el(
        "main",
        section("plots", "Plots", el("div", *plots, class_="grid large")) if plots else None,
        section("tables", "Figures", *tables) if tables else None,
        _made(results),
        section("limits", "Notes", *(note(n) for n in results["notes"]))
        if results.get("notes")
        else None,
    )
    footer = el("footer", el("p", "Made by habitus. The same figures stand in analysis.json."))
    return document(results["title"], header, main, footer)


def write_analysis(results: Mapping[str, Any], out_dir: str | Path) -> tuple[Path, Path]:
    """Write ``analysis.html`` and ``analysis.json`` and return their paths.

    Raises:
        DataError: results that are not an analysis of format 1.
        GuardError: results that hold user ids.
        UsageError: ``out_dir`` is a file.
    """
    values = plain(results)
    return write_pair(out_dir, "analysis", analysis_page(values), values)


def cell_text(value: object) -> str:
    """Return a cell as people read it.

    >>> cell_text({"value": 0.5, "low": 0.4, "high": 0.6}), cell_text(None), cell_text(12)
    ('.500 [.400, .600]', '–', '12')
    """
    if isinstance(value, Mapping):
        return " ".join(_estimate(value)).strip()
    if value is None:
        return MISSING
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return count(value)
    number = float(str(value))
    if abs(number) < 1:
        return score(number)
    return f"{number:,.4g}" if abs(number) < 10_000 else f"{number:,.0f}"


def _estimate(value: Mapping[str, Any]) -> tuple[str, str]:
    """Return a value and its interval; those of a difference have their sign."""
    found, low, high = (value[name] for name in ("value", "low", "high"))
    digits = decimals(found, low, high)
    if value.get("signed"):
        return signed(found, digits), signed_interval(low, high, digits)
    return score(found, digits), interval(low, high, digits)


def _table(values: Mapping[str, Any]) -> Html:
    texts = _texts(values)
    rows = [
        row(cell_text(r[0]), *(_cell(v, left=c in texts) for c, v in enumerate(r) if c))
        for r in values["rows"]
    ]
    head = [_left(name) if c in texts else name for c, name in enumerate(values["columns"])]
    wide = table(head, rows, "figures")
    text = note(values["note"]) if values.get("note") else None
    return el("div", el("h3", values["title"]), text, scrolling(values["title"], wide))


def _texts(values: Mapping[str, Any]) -> set[int]:
    """Return the columns, but for the first, that hold a long text: they read from the left."""
    cells = [(c, value) for r in values["rows"] for c, value in enumerate(r)]
    return {c for c, value in cells if c and isinstance(value, str) and len(value) > _LONG}


def _cell(value: object, *, left: bool) -> object:
    """Return a cell; an interval stands below its value."""
    if isinstance(value, Mapping):
        number, between = _estimate(value)
        return join([number, " ", el("span", between, class_="span")])
    return _left(cell_text(value)) if left else cell_text(value)


def _left(text: str) -> Html:
    return el("span", text, class_="text")


def _made(results: Mapping[str, Any]) -> Html:
    data = [
        row(d["name"], el("code", d["digest"]), count(d["num_users"]), count(d["num_events"]))
        for d in results["data"]
    ]
    facts = [
        ("Command", el("code", results["command"]) if results.get("command") else None),
        ("Seeds", ", ".join(map(str, results.get("seeds") or []))),
        ("Versions", _listed(results.get("versions"))),
        ("Machine", _listed(results.get("machine"))),
        ("Made", results["created"]),
    ]
    known = [(name, value) for name, value in facts if value]
    notices = dict.fromkeys(n for d in results["data"] for n in d.get("notices") or [])
    config = json.dumps(results.get("config"), indent=2, ensure_ascii=False)
    return section(
        "provenance",
        "How it was made",
        scrolling("Data", table(("Data", "Digest", "Users", "Events"), data, "plain")),
        *(el("blockquote", notice) for notice in notices),
        el("dl", *(el("div", el("dt", n), el("dd", v)) for n, v in known), class_="pairs"),
        el("details", el("summary", "Config"), el("pre", config))
        if results.get("config")
        else None,
    )


def _listed(values: Mapping[str, Any] | None) -> str:
    return ", ".join(f"{k}: {v}" for k, v in (values or {}).items() if v is not None)
