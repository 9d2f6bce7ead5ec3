"""How it was made, so that anybody can make it again, and whose data it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from habitus.reports.findings import Findings
from habitus.reports.formats import MISSING, count, duration, percent, unbroken
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
        _pairs(_split(results["split"]) + _protocol(results)),
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


def _protocol(results: Mapping[str, Any]) -> list[tuple[str, object]]:
    seeds = ", ".join(map(str, results.get("split_seeds") or []))
    return [("Protocol", results.get("protocol")), ("Seeds of the random splits", seeds)]


def _cutoffs(findings: Findings) -> Html:
    """Return when each question is asked; the counts and base rates of its three parts."""
    times = ("Window", "Training cutoffs", "Test cutoff")
    rates = ("Yes, train", "Yes, test")
    if findings.of_classes:
        times = ("Classes, share of test users", "Cutoff", "Half of the posts")
        rates = ("Largest, train", "Largest, test")
    when = _classes if findings.of_classes else _times
    rows = [row(t["name"], *when(t), *_sizes(t)) for t in findings.tasks]
    cutoffs = scrolling(
        "Cutoffs and users of each question",
        table(("Question", *times, "Train", "Valid", "Test", *rates), rows, "plain"),
    )
    title = "Cutoffs and sizes of each question"
    return join([note(findings.words.examples), scrolling(title, cutoffs)])


def _classes(task: dict[str, Any]) -> list[str]:
    shares = task.get("class_shares_test") or [None] * len(task["classes"])
    pairs = zip(task["classes"], shares, strict=True)
    half = task.get("part") or "all"
    by = f" half, by {task['part_by']}" if task.get("part_by") else " half"
    return [
        ", ".join(f"{name} {percent(share)}" for name, share in pairs),
        unbroken(task.get("test_cutoff") or MISSING),
        "all" if half == "all" else half + by,
    ]


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
