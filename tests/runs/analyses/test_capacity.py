"""The whole study in seconds, of two amounts of data and two encoders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from habitus.errors import UsageError
from habitus.runs.analyses import ANALYSES, DATA, AnalysisPlan
from habitus.runs.analyses.capacity import capacity
from habitus.runs.steps import Json

Checked = Callable[[Json], Json]


def quick_plan(root: Path, data: str) -> AnalysisPlan:
    return AnalysisPlan(
        data=data, root=root, show=lambda *_: None, card=lambda _: "card", quick=True
    )


def test_loss_labels_and_routers_of_every_encoder(tmp_path: Path, checked: Checked) -> None:
    plan = quick_plan(tmp_path, "subpopulations")
    results = checked(capacity(plan))
    weights, labels, routers = results["tables"]
    names = ["one expert, 200 users", "4 experts, 200 users"]
    names += [name.replace("200", "400") for name in names]
    assert [row[0] for row in weights["rows"]] == names
    column = {name: c for c, name in enumerate(weights["columns"])}
    dense, four = weights["rows"][:2]
    # Equal operations and lookup tables, more weights.
    assert dense[column["operations"]] == four[column["operations"]]
    assert dense[column["lookup tables"]] == four[column["lookup tables"]]
    assert dense[column["all weights"]] < four[column["all weights"]]
    assert [row[0] for row in labels["rows"]] == [
        "PLE alone",
        "PLE + random vector",
        "PLE + aggregates",
        "best possible",
        "remedies added up",
        *(f"PLE + vector of {name}" for name in names),
    ]
    auc = {row[0]: row[1]["value"] for row in labels["rows"]}
    assert auc["best possible"] == max(auc.values())
    assert {row[0] for row in routers["rows"]} == {names[1], names[3]}
    assert [p["title"] for p in results["plots"]] == [
        "Held-out loss, by number of experts",
        "Share of the hidden remedy that is found, by number of experts",
        "AUC of labels, by number of experts",
    ]
    assert [s["label"] for s in results["plots"][0]["series"]] == [
        "200 users", "400 users", "best possible",
    ]  # fmt: skip
    assert any("2,048 facts to store" in note for note in results["notes"])
    assert any("with this same world in sight" in note for note in results["notes"])
    assert [d["num_users"] for d in results["data"]] == [200, 400, 800]


def test_a_set_on_which_it_is_not_studied_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="capacity is not studied"):
        capacity(quick_plan(tmp_path, "legislature"))
    assert ANALYSES["capacity"] is capacity
    assert DATA["capacity"] == "subpopulations"
