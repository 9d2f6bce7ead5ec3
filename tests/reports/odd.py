"""Results whose every name tries to break the page."""

from __future__ import annotations

import copy
from typing import Any

from tests.reports.sample import sample

NAMES = {
    "coupon": "<script>alert(1)</script>",
    "inactive": "顧客は三十日間まったく訪れないか",
    "diapers": "a_very_long_name_without_any_space_" * 4,
    "cat food": "q\"'><img src=x onerror=alert(1)> & [red]co[/red] | _x_ \x1b[31m",
}
LABEL = "</style><b>long & friends</b>"
NOTICE = "</blockquote><script>alert(2)</script>\n```\nsecond line"


def odd() -> dict[str, Any]:
    """Return four tasks that ours loses, under names with HTML, Chinese and no spaces."""
    results = copy.deepcopy(sample(num_tasks=4, edges=dict.fromkeys(NAMES, -0.05)))
    for row in (*results["cells"], *results["differences"]):
        row["task"] = NAMES[row["task"]]
    for task in results["tasks"]:
        task["name"] = NAMES[task["name"]]
        task["question"] = f"{task['name']}?"
        task["sensitive"] = True
    colors = results["map"]["colors"]
    results["map"]["colors"] = {NAMES.get(name, name): v for name, v in colors.items()}
    results["pretraining"]["curves"]["parts"] = {
        f"{name}</script>": part for name, part in results["pretraining"]["curves"]["parts"].items()
    }
    next(m for m in results["methods"] if m["name"] == "aggregates")["label"] = LABEL
    results["title"] = "<i>title</i>"
    results["command"] = "habitus evaluate '<a href=\"http://example.org\">'"
    results["data"]["notices"] = [NOTICE]
    results["config"] = {"<b>": "</pre>"}
    results["notes"] = ["<script src='http://example.org/x.js'></script>"]
    results["canaries"][0] |= {"name": "<u>", "what": "</td>", "detail": "<hr>"}
    return results
