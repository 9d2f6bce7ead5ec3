"""The model card: the ``README.md`` of a model directory, in the form that model hubs read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from habitus.reports.findings import Findings
from habitus.reports.formats import (
    count,
    interval,
    percent,
    score,
    signed,
    signed_interval,
)
from habitus.reports.schema import check_results
from habitus.reports.sections.headline import headline
from habitus.reports.sections.limits import limits

_TAGS: Final = ["user-representation", "event-sequences", "habitus"]


def model_card(info: Mapping[str, Any], results: Mapping[str, Any] | None = None) -> str:
    """Return the card as Markdown with YAML front matter.

    Args:
        info: what is known of the model; every key may be missing. ``name``, ``description``,
            ``license`` (of the weights; default other: the notices of the data decide), ``tags``,
            ``encoder``, ``objective``, ``representation_dim``, ``parameters``,
            ``active_parameters``, ``embedding_parameters``, ``composed``, ``routers``, ``as_of``,
            ``seed``, ``created``, ``data`` (``name``, ``digest``, ``num_users``, ``num_events``,
            ``first``, ``last``, ``notices``), ``config`` and ``versions``.
        results: format 1, where the model was evaluated.

    Raises:
        DataError: results that are not format 1.
        GuardError: results that hold user ids.
    """
    if results is not None:
        check_results(results)
    findings = Findings(results) if results is not None else None
    name = line(str(info.get("name") or "user encoder"))
    parts = [
        _front_matter(info),
        f"# {name}",
        line(str(info.get("description") or _WHAT)),
        _facts(info),
        "## How to load",
        _HOW,
        "## Data",
        _data(info.get("data") or {}),
        "## Intended use",
        _USE,
        "## Limits",
        _limits(findings),
        "## Results",
        _results(findings) if findings else "Not evaluated yet: `habitus evaluate` does it.",
        "## Config",
        fenced(json.dumps(info.get("config") or {}, indent=2, ensure_ascii=False), "json"),
        "## Versions",
        _versions(info),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def line(text: str) -> str:
    r"""Return text that stays on one line and starts no markup of its own.

    >>> print(line("a|b <script> *x*"))
    a\|b &lt;script> \*x\*
    """
    flat = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    flat = "".join(f"\\{c}" if c in "\\`*_|#" else c for c in flat)
    # Brackets alone are intervals; only together with what follows do they make a link.
    return flat.replace("](", "]\\(").replace("][", "]\\[")


def fenced(text: str, language: str = "") -> str:
    """Return text in a fence that nothing inside can close."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _front_matter(info: Mapping[str, Any]) -> str:
    values: dict[str, Any] = {"library_name": "habitus"}
    if info.get("license"):
        values["license"] = str(info["license"])
    else:
        values |= {"license": "other", "license_name": "see-the-notices-of-the-data"}
    values["tags"] = sorted({*_TAGS, *(str(tag) for tag in info.get("tags") or ())})
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True).strip()
    return f"---\n{text}\n---"


def _facts(info: Mapping[str, Any]) -> str:
    known = [
        (title, count(info[key]) if isinstance(info[key], int) else line(str(info[key])))
        for title, key in (
            ("Encoder", "encoder"),
            ("Objective", "objective"),
            ("Width of a representation", "representation_dim"),
            ("Parameters", "parameters"),
            ("Of them outside of lookup tables, met by one event", "active_parameters"),
            ("Of them in lookup tables", "embedding_parameters"),
            ("Composed channels", "composed"),
            ("Routers", "routers"),
            ("Read events before", "as_of"),
            ("Seed", "seed"),
            ("Made", "created"),
        )
        if info.get(key) is not None
    ]
    return "\n".join(f"- {title}: {value}" for title, value in known)


def _data(data: Mapping[str, Any]) -> str:
    rows = [
        f"- {title}: {value}"
        for title, value in (
            ("Name", line(str(data["name"])) if data.get("name") else None),
            ("Digest", f"`{line(str(data['digest']))}`" if data.get("digest") else None),
            ("Users", count(data["num_users"]) if data.get("num_users") is not None else None),
            ("Events", count(data["num_events"]) if data.get("num_events") is not None else None),
            ("From", line(str(data["first"])) if data.get("first") else None),
            ("To", line(str(data["last"])) if data.get("last") else None),
        )
        if value is not None
    ]
    notices = [fenced(str(notice)) for notice in data.get("notices") or ()]
    told = "Notices of the data, in full:" if notices else "The data came without a notice."
    return "\n\n".join(["\n".join(rows), told, *notices]).strip()


def _limits(findings: Findings | None) -> str:
    rows = [*_LIMITS, *(limits(findings) if findings else ["It has not been evaluated."])]
    return "\n".join(f"- {row if row in _LIMITS else line(row)}" for row in rows)


def _results(findings: Findings) -> str:
    ours, reference = findings.ours, findings.reference
    told = line(" ".join(headline(findings)))
    if ours is None:
        return told
    others = [reference] if reference is not None else []
    labels = [line(findings.label(name)) for name in [ours, *others]]
    titles = ["question", findings.words.base_column, *labels]
    titles += ["difference", "verdict"] if others else []
    rows = [titles, ["---", *["---:"] * (len(titles) - 1)]]
    for task in findings.tasks:
        row = [line(task["name"]), percent(task.get("base_rate_test"))]
        row += [_estimate(findings, task["name"], name) for name in [ours, *others]]
        row += _difference(findings, task["name"], ours, reference) if others else []
        rows.append(row)
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    unit = (
        f"{findings.main_measure.title} on test users, with 95 % intervals; verdicts after Holm's "
        "correction."
    )
    return f"{told}\n\n{table}\n\n{unit}"


def _estimate(findings: Findings, task: str, method: str) -> str:
    found = findings.estimate(task, method)
    return f"{score(found['value'])} {interval(found['low'], found['high'])}" if found else "–"


def _difference(findings: Findings, task: str, ours: str, reference: str | None) -> list[str]:
    found = findings.difference(task, ours, reference or "")
    if found is None:
        return ["–", "–"]
    figures = f"{signed(found.value)} {signed_interval(found.low, found.high)}"
    return [figures, found.word]


def _versions(info: Mapping[str, Any]) -> str:
    versions = info.get("versions") or {}
    return "\n".join(f"- {line(str(k))} {line(str(v))}" for k, v in versions.items()) or "Unknown."


_WHAT: Final = (
    "An encoder that reads the events a user left before a moment and gives one vector, which "
    "small models then use to answer questions about that user."
)
_HOW: Final = """```python
import habitus

model = habitus.load("path/to/this/directory")
```

Weights are safetensors and settings are JSON; nothing in this directory runs code."""
_USE: Final = (
    "Questions about groups of users like those it learned from: planning, sorting, research, and "
    "comparison with other methods. Test it on your own users, with a cutoff in time, before use."
)
_LIMITS: Final = (
    "Not for decisions about single people that matter to them: credit, insurance, work, housing, "
    "health, policing, prices. Not for people who have not agreed to being profiled, who opted "
    "out, or who are children.",
    "Vectors made from behaviour give away sensitive traits (health, faith, sexuality, origin, "
    "pregnancy, money) although none was a label. Treat a vector as personal data: protect it, "
    "delete it with its user.",
    "It drifts: people, goods and prices change after the data ends. Evaluate again before relying "
    "on it later, elsewhere, or on another service.",
    "Not tested: fairness between groups, attacks that find out who was in the training data, "
    "other countries and languages, users much more active than those it learned from.",
)
