"""Tables and sentences that several analyses make from the results of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from habitus.runs.analyses.base import estimate_of
from habitus.runs.steps import Json

Results = Mapping[str, Any]
"""Of an evaluation of class tasks."""
VERDICTS = ("better", "worse", "tie")


def score_table(results: Results, metric: str, title: str, note: str) -> Json:
    """Return a metric of every method and task, with intervals; the mean where it is the main one.

    A method that was left out of a task has no figure there.
    """
    tasks = [task["name"] for task in results["tasks"]]
    cells = {(cell["task"], cell["method"]): cell for cell in results["cells"]}
    means = {entry["method"]: entry for entry in results["summary"] if entry["metric"] == metric}
    with_mean = len(tasks) > 1 and bool(means)
    rows = []
    for method in results["methods"]:
        name = method["name"]
        found = [cells.get((task, name)) for task in tasks]
        mean = [estimate(means.get(name))] if with_mean else []
        scores = [None if cell is None else estimate_of(cell, metric) for cell in found]
        rows.append([method["label"], *mean, *scores])
    columns = ["method", *(["mean"] if with_mean else []), *tasks]
    return {"title": title, "note": note, "columns": columns, "rows": rows}


def estimate(entry: Mapping[str, Any] | None) -> Json | None:
    """Return a value and its interval out of a larger entry; None for none."""
    return None if entry is None else {name: entry[name] for name in ("value", "low", "high")}


def percent(share: float) -> str:
    """Return a share in percent, with one digit below ten.

    >>> percent(0.25).split(), percent(0.051).split(), percent(0.05).split()
    (['25', '%'], ['5.1', '%'], ['5', '%'])
    """
    return (
        f"{100 * share:.{1 if share < 0.0995 else 0}f}".removesuffix(".0") + "\N{NO-BREAK SPACE}%"
    )


def verdicts(results: Results, method: str, against: str) -> str:
    """Return in how many tasks one of ours is ahead of another method, as a clause.

    >>> found = {"differences": [{"method": "a", "against": "b", "verdict": "tie"}]}
    >>> verdicts(found, "a", "b")
    'a tie in 1 of 1 tasks'
    """
    said = [
        entry["verdict"]
        for entry in results["differences"]
        if entry["method"] == method and entry["against"] == against
    ]
    counts = {word: said.count(word) for word in VERDICTS}
    parts = [f"{_word(verdict)} in {number}" for verdict, number in counts.items() if number]
    return f"{', '.join(parts) or 'not compared in any'} of {len(said)} tasks"


def by_verdict(means: Mapping[str, Mapping[str, Any] | None], with_: str) -> str:
    """Return which means are ahead of, behind or level with the reference, as a clause.

    Args:
        means: name → entry of a summary, with its paired difference to the reference.
        with_: what to say before the names.

    >>> entry = {"against": {"verdict": "tie"}}
    >>> by_verdict({"5 %": entry, "10 %": entry}, "at")
    'a tie at 5 %, 10 %'
    """
    said: dict[str, list[str]] = {}
    for name, mean in means.items():
        if mean is not None and mean["against"] is not None:
            said.setdefault(mean["against"]["verdict"], []).append(name)
    parts = [f"{_word(v)} {with_} {', '.join(said[v])}" for v in VERDICTS if v in said]
    return "; ".join(parts) or "not compared"


def _word(verdict: str) -> str:
    return "a tie" if verdict == "tie" else verdict
