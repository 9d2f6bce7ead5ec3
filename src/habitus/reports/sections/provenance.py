"""How it was made, so that anybody can make it again, and whose data it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from habitus.reports.findings import Findings
from habitus.reports.formats import MISSING, count, duration, percent
from habitus.reports.markup import Html, el, join, note, row, scrolling, section, table


def provenance_section(findings: Findings) -> Html:
    """Return data, notices, split, cutoffs, command, config, seeds, versions and machine."""
    results = findings.results
    return section(
        "provenance",
        "How it was made",
        el("h3", "Data"),
        _pairs(_data(results["data"])),
        _channels(results["data"].get("channels") or []),
        *_notices(results["data"].get("notices") or []),
        el("h3", "Split and cutoffs"),
        _pairs(_split(results["split"])),
        _cutoffs(findings),
        el("h3", "Run"),
        _pairs(_run(results)),
        _folded("Config", el("pre", _json(results["config"]))) if results.get("config") else None,
    )


def _pairs(pairs: list[tuple[str, object]]) -> Html:
    known = [(name, value) for name, value in pairs if value not in (None, "")]
    return el("dl", *(el("div", el("dt", n), el("dd", v)) for n, v in known), class_="pairs")


def _code(text: str | None) -> Html | None:
    return el("code", text) if text else None


def _folded(title: str, content: Html) -> Html:
    return el("details", el("summary", title), content)


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _listed(values: Mapping[str, Any] | None) -> str:
    return ", ".join(
        f"{key}: {value}" for key, value in (values or {}).items() if value is not None
    )


def _data(data: dict[str, Any]) -> list[tuple[str, object]]:
    ingest = data.get("ingest") or {}
    words = [
        f"{count(ingest[key])} {meaning}"
        for key, meaning in (
            ("rows", "rows read"),
            ("bad", "set aside as unreadable"),
            ("duplicates", "duplicates"),
            ("opted_out", "users opted out"),
        )
        if ingest.get(key) is not None
    ]
    words += [f"in {duration(ingest['seconds'])}"] if ingest.get("seconds") is not None else []
    return [
        ("Name", data["name"]),
        ("Digest", _code(data["digest"])),
        ("Users", count(data["num_users"])),
        ("Events", count(data["num_events"])),
        ("From, to", " … ".join(str(data[k]) for k in ("first", "last") if data.get(k))),
        ("Ingest", ", ".join(words)),
    ]


def _channels(channels: list[dict[str, Any]]) -> Html | None:
    if not channels:
        return None
    rows = [row(c["name"], c["kind"], count(c.get("num_values"))) for c in channels]
    listed = table(("Channel", "Kind", "Values"), rows, "plain")
    return _folded(f"{len(channels)} channels", listed)


def _notices(notices: list[str]) -> list[Html]:
    if not notices:
        return [note("The data came without a notice on its terms.")]
    return [el("p", "Notices of the data, in full:"), *(el("blockquote", n) for n in notices)]


def _split(split: dict[str, Any]) -> list[tuple[str, object]]:
    return [
        ("Training users", count(split["train"])),
        ("Validation users", count(split["valid"])),
        ("Test users", count(split["test"])),
        ("Seed of the split", split.get("seed")),
        ("Pre-training saw events before", split.get("as_of_pretrain")),
    ]


def _cutoffs(findings: Findings) -> Html:
    """Return when each question is asked; the counts and base rates of its three parts."""
    head = ("Question", "Window", "Training cutoffs", "Test cutoff")
    sizes = ("Train", "Valid", "Test", "Yes, train", "Yes, test")
    rows = [row(t["name"], *_times(t), *_sizes(t)) for t in findings.tasks]
    text = (
        "A method reads what came before the cutoff; the answer is what happened in the window "
        "after it. One training user gives an example for each training cutoff."
    )
    cutoffs = table((*head, *sizes), rows, "plain")
    return join([note(text), scrolling("Cutoffs and sizes of each question", cutoffs)])


def _times(task: dict[str, Any]) -> list[str]:
    days, cutoffs = task.get("horizon_days"), task.get("train_cutoffs") or []
    span = f"{len(cutoffs)}: {cutoffs[0]} … {cutoffs[-1]}" if len(cutoffs) > 1 else "".join(cutoffs)
    window = MISSING if days is None else f"{days:g} days"
    return [window, span or MISSING, task.get("test_cutoff") or MISSING]


def _sizes(task: dict[str, Any]) -> list[str]:
    sizes = [count(task.get(f"num_{part}")) for part in ("train", "valid", "test")]
    return sizes + [percent(task.get(f"base_rate_{part}")) for part in ("train", "test")]


def _run(results: Mapping[str, Any]) -> list[tuple[str, object]]:
    return [
        ("Command", _code(results.get("command"))),
        ("Preset", results.get("preset")),
        ("Seeds of the probes", ", ".join(map(str, results.get("seeds") or []))),
        ("Seeds of pre-training", ", ".join(map(str, results.get("pretrain_seeds") or []))),
        ("Versions", _listed(results.get("versions"))),
        ("Machine", _listed(results.get("machine"))),
        ("Made", results["created"]),
    ]
