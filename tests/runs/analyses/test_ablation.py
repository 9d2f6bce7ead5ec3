"""What each part of a pre-training is worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from habitus.errors import UsageError
from habitus.runs.analyses import AnalysisPlan
from habitus.runs.analyses.ablation import ablation, variants
from habitus.runs.steps import Json

PlanOf = Callable[..., AnalysisPlan]


def test_each_variant_changes_one_thing(plan_of: PlanOf) -> None:
    plan = plan_of()
    rows = variants(plan)
    assert {
        "paper", "paper_no_intra", "paper_no_inter", "no_inter", "no_halves", "no_edges",
        "plain_readout", "degree_nodes", "ppmi_words", "random_words",
    } == set(rows)  # fmt: skip
    for name, (run, _, _) in rows.items():
        whole = plan.paper if name.startswith("paper") else plan.run
        changed = {key for key, value in run.to_dict().items() if whole.to_dict()[key] != value}
        assert len(changed) == (0 if name == "paper" else 1), name
        # Equal steps, whatever is left out.
        assert run.training.max_steps == plan.run.training.max_steps


def test_a_part_is_really_left_out(plan_of: PlanOf) -> None:
    rows = variants(plan_of())
    reads = {name: run.reads - {"negatives", "links"} for name, (run, _, _) in rows.items()}
    assert reads["paper"] == {"inter", "intra"}
    assert reads["paper_no_intra"] == {"inter"}
    assert reads["paper_no_inter"] == {"intra"}
    assert reads["no_inter"] == {"halves"}
    assert reads["no_halves"] == {"inter"}
    assert rows["no_edges"][0].encoder.aggregation == "none"


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two variants stand for all: each is one more pre-training."""
    from habitus.runs.analyses import ablation as module

    every = variants

    def some(plan: AnalysisPlan) -> object:
        return {name: row for name, row in every(plan).items() if name in ("paper", "no_edges")}

    monkeypatch.setattr(module, "variants", some)


@pytest.mark.usefixtures("few")
def test_the_table_holds_every_variant_and_the_cost_of_each(
    plan_of: PlanOf, checked: Callable[[Json], Json]
) -> None:
    results = checked(ablation(plan_of()))
    scores, costs = results["tables"]
    labels = [row[0] for row in scores["rows"]]
    assert {"habitus", "PASUM (paper)", "paper", "ours without edges (DeepSets)"} >= {
        label for label in labels if "paper" in label or "ours" in label or label == "habitus"
    }
    ours = next(row for row in scores["rows"] if row[0] == "habitus")
    assert 0 < ours[1] <= 1  # of the users that choose
    assert ours[2]["low"] <= ours[2]["value"] <= ours[2]["high"]
    assert [row[0] for row in costs["rows"]] == [
        "habitus",
        "paper",
        "ours without edges (DeepSets)",
    ]
    assert {row[1] for row in costs["rows"]} == {20}
    assert "of 1 tasks" in results["findings"][0]


def test_ours_stands_once(plan_of: PlanOf) -> None:
    plan = plan_of()
    assert all(run != plan.run for run, _, _ in variants(plan).values())
    plain = replace(plan.run, encoder=replace(plan.run.encoder, readout="mean"))
    assert variants(plan)["plain_readout"][0] == plain


def test_variants_can_be_named(plan_of: PlanOf) -> None:
    assert list(variants(plan_of(variants=("no_edges", "paper")))) == ["paper", "no_edges"]
    with pytest.raises(UsageError, match="no variant is called 'no_edge'; did you mean 'no_edges'"):
        variants(plan_of(variants=("no_edge",)))


def test_without_the_papers_row_nothing_is_said_of_it(
    plan_of: PlanOf, checked: Callable[[Json], Json]
) -> None:
    results = checked(ablation(plan_of(variants=("no_edges",))))
    assert results["findings"] == ["The paper's choices were not among the variants."]
