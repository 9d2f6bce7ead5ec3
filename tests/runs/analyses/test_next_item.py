"""The whole analysis in seconds, on made-up people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from habitus.data.traces import Traces
from habitus.errors import UsageError
from habitus.runs.analyses import ANALYSES, AnalysisPlan
from habitus.runs.analyses import next_item as module
from habitus.runs.analyses.next_item import next_item
from habitus.runs.analyses.next_item_sets import SETS, NextItemSet
from habitus.runs.steps import Json
from tests.runs.analyses.synthetic_shops import synthetic_shops

Checked = Callable[[Json], Json]


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return synthetic_shops(tmp_path_factory.mktemp("shops") / "traces")


@pytest.fixture(scope="module")
def plan(traces: Traces, tmp_path_factory: pytest.TempPathFactory) -> AnalysisPlan:
    found = AnalysisPlan(
        data="synthetic",
        root=tmp_path_factory.mktemp("analysis"),
        show=lambda *_: None,
        card=lambda _: "card",
        quick=True,
    )
    found.__dict__["source"] = (traces, ("Made up.",))
    return found


def test_every_row_is_in_every_table(plan: AnalysisPlan, checked: Checked) -> None:
    results = checked(next_item(plan))
    tables = {table["title"]: table for table in results["tables"]}
    rows = [row[0] for row in tables["Among all items of the service"]["rows"]]
    assert rows == [
        "Most popular",
        "Item text cosine",
        "Item CF",
        "CF + text",
        "TF-IDF/SVD, two towers",
        "Untrained encoder",
        "Warm start only",
        "CLUE, all services",
        "CLUE, own service alone",
        "CLUE, all services, 8 wide",
        "Item CF in vectors, two towers",
        "CLUE + item CF in vectors (hybrid)",
    ]
    assert [row[0] for row in tables["Costs of a task"]["rows"]] == rows
    assert [row[0] for row in tables["Uplift over most popular, by stratum"]["rows"]] == rows[1:]
    # The synthetic world is dated, so there are people who are new.
    strata = [row[0] for row in tables["What the user's other service adds"]["rows"]]
    assert strata == ["all", "new", "cold", "mid", "heavy"]
    assert results["config"]["run"]["as_of"] == SETS["synthetic"].asked["cutoff"]
    assert any(note.startswith("service-0: ") for note in results["notes"])
    # Kept pre-trainings are used again, and nothing here depends on when it ran.
    again = next_item(plan)
    assert again["tables"][0] == results["tables"][0]


def test_on_another_company_there_is_one_slot_and_a_run_of_its_own(
    plan: AnalysisPlan, traces: Traces, checked: Checked, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = SETS["synthetic"]
    target = NextItemSet(services=("service-1",), asked=source.asked, source="synthetic")
    monkeypatch.setattr(module, "set_of", lambda _: target)
    monkeypatch.setattr(module, "traces_step", lambda *_: (traces, ("Made up.",)))
    results = checked(next_item(plan))
    rows = [row[0] for row in results["tables"][0]["rows"]]
    assert rows[-5:] == [
        "CLUE, another company's",
        "CLUE, another company's, 8 wide",
        "CLUE, this set alone",
        "Item CF in vectors, two towers",
        "CLUE + item CF in vectors (hybrid)",
    ]
    # It encodes users too, and says how fast.
    assert all(row[-1] > 0 for row in results["tables"][-1]["rows"][-5:-2])
    assert any(
        f.startswith("CLUE + item CF in vectors (hybrid) against") for f in results["findings"]
    )
    titles = [table["title"] for table in results["tables"]]
    assert "What the user's other service adds" not in titles
    assert any("pre-trained on synthetic" in note for note in results["notes"])


def test_a_set_without_items_to_ask_for_is_refused(plan: AnalysisPlan, tmp_path: Path) -> None:
    other = AnalysisPlan(
        data="movielens_1m", root=tmp_path, show=plan.show, card=plan.card, quick=True
    )
    with pytest.raises(UsageError, match="no next items are asked for on 'movielens_1m'"):
        next_item(other)
    assert ANALYSES["next_item"] is next_item
