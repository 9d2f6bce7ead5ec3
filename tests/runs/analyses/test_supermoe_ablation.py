"""What each choice of SUPERMOE is worth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from habitus.errors import UsageError
from habitus.runs.analyses import supermoe_ablation as module
from habitus.runs.analyses.base import AnalysisPlan
from habitus.runs.analyses.supermoe_ablation import (
    experiment_of,
    findings,
    supermoe_ablation,
    variants,
)
from habitus.runs.demo_supermoe import CONTROL, PAPER
from habitus.runs.steps import Json
from habitus.runs.supermoe import PRESETS, papers_choices, supermoe
from tests.runs.analyses.seesaw_world import seesaw_plan
from tests.small import small_traces


@pytest.mark.parametrize("preset", list(PRESETS))
def test_each_variant_changes_one_thing(preset: str) -> None:
    run = supermoe(preset)
    whole = run.to_dict()
    for name, (variant, _) in variants(run).items():
        found = variant.to_dict()
        changed = {key for key in whole if found[key] != whole[key]}
        inside = {key for key in whole["encoder"] if found["encoder"][key] != whole["encoder"][key]}
        if name != PAPER:
            assert changed in ({"encoder"}, {"warm_start"}), name
            assert inside in (set(), {"experts"}, {"pooling"}, {"pooling", "pool_channels"}), name
        assert found["training"] == whole["training"]
    assert all(variant != run for variant, _ in variants(run).values())
    assert variants(supermoe("ci"))[PAPER][0] == papers_choices(supermoe("ci"))


def test_variants_have_about_equal_active_operations(tmp_path: Path) -> None:
    traces = small_traces(tmp_path / "traces")
    run = supermoe("quick")
    runs = {"ours": run} | {name: variant for name, (variant, _) in variants(run).items()}
    flops = {}
    for name, one in runs.items():
        model, _ = one.build(traces)
        batch = next(model.encoding.batches(one.snapshot(traces, "train")))[1]
        flops[name] = model.encoder.forward_flops(batch)[0]
    # Routers are what differs: at most 31 experts' scores for each event.
    assert max(flops.values()) < 1.12 * min(flops.values())


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two variants stand for all: each is one more pre-training."""
    every = variants

    def some(run: object) -> object:
        return {name: row for name, row in every(run).items() if name in (PAPER, "cold")}  # type: ignore[arg-type]

    monkeypatch.setattr(module, "variants", some)


@pytest.mark.usefixtures("few")
def test_the_page_holds_each_variant_against_ours(
    tmp_path: Path, checked: Callable[[Json], Json]
) -> None:
    plan = seesaw_plan(tmp_path)
    results = checked(supermoe_ablation(plan))
    scores, costs = results["tables"]
    labels = [row[0] for row in scores["rows"]]
    assert labels[0] == "ours"
    assert {"the paper's choices", "random first embeddings", "aggregates"} <= set(labels)
    assert not {"majority", "habitus + aggregates"} & set(labels)
    ours = scores["rows"][0]
    num_tasks = len(scores["columns"]) - 5
    assert num_tasks == 5
    assert ours[3] is None
    assert ours[4] is None
    assert ours[2]["value"] == pytest.approx(np.mean([cell["value"] for cell in ours[5:]]))
    for row in scores["rows"][1:]:
        assert row[3]["value"] == pytest.approx(ours[2]["value"] - row[2]["value"])
        assert row[4] in ("better", "worse", "tie")
        assert 0 < row[1] <= 1
    assert [row[0] for row in costs["rows"]] == ["ours", "the paper's choices",
                                                 "random first embeddings"]  # fmt: skip
    assert {row[3] for row in costs["rows"]} == {60}
    # Eight experts in two layers of half the width are as many weights as eight in one.
    assert all(row[2] < row[1] for row in costs["rows"])
    assert results["findings"][0].startswith("Mean AUROC of 5 tasks, test users: ours ")
    assert "the paper's choices (" in results["findings"][0]


def test_questions_for_numbers_are_left_to_the_seesaw(tmp_path: Path) -> None:
    tasks = experiment_of(seesaw_plan(tmp_path)).tasks
    assert len(tasks) == 5
    assert not any(task.is_number for task in tasks)


def test_a_set_without_tasks_is_told(tmp_path: Path) -> None:
    plan = AnalysisPlan(
        data="art_office", root=tmp_path, show=lambda *_: None, card=lambda _: "", quick=True
    )
    plan.__dict__["source"] = (small_traces(tmp_path / "traces"), ())
    with pytest.raises(UsageError, match="no tasks at cutoffs are known of 'art_office'"):
        supermoe_ablation(plan)


def test_the_finding_says_who_is_ahead() -> None:
    def entry(value: float, **more: object) -> dict[str, object]:
        return {"value": value, "low": value - 0.01, "high": value + 0.01, **more}

    beside = [
        entry(0.02, method=PAPER, verdict="better"),
        entry(-0.03, method=CONTROL, verdict="worse"),
    ]
    results = {
        "tasks": [{}, {}],
        "methods": [{"name": n, "label": n} for n in ("majority", "counts", PAPER, CONTROL)],
        "summary": [
            entry(0.7, method="ours", beside=beside,
                  against=entry(0.001, method="counts", verdict="tie")),
            *(entry(0.6, method=n) for n in ("counts", PAPER, CONTROL)),
        ],
    }  # fmt: skip
    [told] = findings(results)
    assert told == (
        "Mean AUROC of 2 tasks, test users: ours .700 [.690, .710]. Ours is a tie with counts "
        "(+.001 [−.009, +.011]); better than paper (+.020 [+.010, +.030]); worse than dense "
        "(−.030 [−.040, −.020])."
    )
