"""The variants of the ablation: what differs, and only that."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.errors import GuardError
from habitus.runs.analyses import AnalysisPlan
from habitus.runs.analyses.clue_ablation_rows import (
    DIMS,
    ITEMS,
    STACKED,
    STEPS,
    USERS,
    WIDTH,
    Costs,
    FirstNumbers,
    block_weights,
    dim_variants,
    dims_of,
    forward_mflops,
    paper_variant,
    shape_variants,
)
from habitus.runs.clue import clue
from habitus.runs.clue_slots import item_parts, slots_of
from tests.runs.analyses.synthetic_shops import synthetic_shops


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return synthetic_shops(tmp_path_factory.mktemp("shops") / "traces")


def plan_of(traces: Traces, root: Path) -> AnalysisPlan:
    plan = AnalysisPlan(
        data="synthetic", root=root, show=lambda *_: None, card=lambda _: "card", quick=True
    )
    plan.__dict__["source"] = (traces, ())
    return plan


def test_shapes_have_equal_steps_users_and_loss() -> None:
    base = clue("ci")
    shapes = {v.name: v.run for v in shape_variants(base, quick=False)}
    stacked = shapes[STACKED]
    assert (stacked.encoder.width, stacked.slot_dim) == (WIDTH, WIDTH)
    assert (stacked.training.max_steps, stacked.pairs.batch_users) == (STEPS, USERS)
    # Everybody is read from the same items.
    assert stacked.encoder.max_items == stacked.sequence.max_items == ITEMS
    # Nothing stops early: equal steps.
    assert stacked.training.patience is None
    for run in shapes.values():
        same = replace(run, encoder=stacked.encoder, slot_dim=stacked.slot_dim)
        assert same == stacked
        assert not run.encoder.weighted
    layers = {n: (r.encoder.item_layers, r.encoder.service_layers) for n, r in shapes.items()}
    assert layers == {
        STACKED: (1, 1), "single_blocks": (2, 0), "single_flops": (1, 0), "bag": (0, 0),
        "wider": (1, 1),
    }  # fmt: skip
    assert [n for n, r in shapes.items() if r.encoder.single] == ["single_blocks", "single_flops"]
    assert shapes["wider"].encoder.width == 2 * WIDTH


def test_the_papers_choices_have_equal_shape_users_and_steps() -> None:
    base, paper = clue("ci"), clue("paper")
    ours, theirs = shape_variants(base, quick=False)[0].run, paper_variant(base, quick=False).run
    for name in ("width", "item_layers", "service_layers", "max_items", "positions"):
        assert getattr(theirs.encoder, name) == getattr(ours.encoder, name)
    assert theirs.training.max_steps == ours.training.max_steps
    assert theirs.pairs.batch_users == ours.pairs.batch_users
    assert theirs.slot_dim == ours.slot_dim
    assert theirs.token_vectors == paper.token_vectors != ours.token_vectors
    # A-C6, A-C8: a projection and 14.27; C14, C16: betas, ε and clip to the letter.
    assert (theirs.objective.projection, theirs.objective.scale) == (
        paper.objective.projection, paper.objective.scale,
    )  # fmt: skip
    training = theirs.training
    assert (training.learning_rate, training.betas, training.eps) == (5e-4, (0.9, 0.98), 1e-6)
    assert (training.clip_norm, training.weight_decay, training.decay_all) == (0.01, 0.1, True)
    assert training.patience is None
    assert (theirs.encoder.normed, theirs.encoder.dropout) == (True, 0.1)


def test_a_short_run_stays_short() -> None:
    quick = {v.name: v.run for v in shape_variants(clue("quick"), quick=True)}
    assert quick[STACKED].training.max_steps == clue("quick").training.max_steps < STEPS
    assert quick[STACKED].encoder.width == 16


def test_widths_differ_and_prefixes_are_all_but_the_whole() -> None:
    base = clue("ci")
    *alone, nested = dim_variants(base, quick=False)
    assert tuple(v.run.slot_dim for v in alone) == DIMS
    assert all(replace(v.run, slot_dim=base.slot_dim) == base for v in alone)
    assert nested.run.objective.matryoshka == DIMS[:-1]
    assert nested.run.slot_dim == DIMS[-1]
    assert dims_of([*alone, nested]) == list(DIMS)


def test_first_numbers_are_those_of_each_slot(traces: Traces) -> None:
    model = clue("quick").build(traces)[0]
    some = Snapshot(traces, None, np.arange(9))
    z_UKE, present_UK = slots_of(model, some)
    first_UKD, there_UK = FirstNumbers(model, 5).slots(some)
    for user in range(9):
        for slot in range(z_UKE.shape[1]):
            assert first_UKD[user, slot].tolist() == z_UKE[user, slot, :5].tolist()
    np.testing.assert_array_equal(there_UK, present_UK)
    np.testing.assert_array_equal(FirstNumbers(model).slots(some)[0], z_UKE)
    assert list(FirstNumbers(model, 5).services) == [*item_parts(model)[1].services, None]


def test_weights_and_operations_by_arithmetic(traces: Traces, tmp_path: Path) -> None:
    base = clue("quick")
    runs = {v.name: v.run for v in shape_variants(base, quick=True)}
    models = {name: run.build(traces)[0] for name, run in runs.items()}
    bag, _ = item_parts(models["bag"])
    # Three slots of 16 by a linear layer each, and a learned vector for nobody's items; positions
    # and the norm of no block are not there either, or are counted by the encoder itself.
    linear = 3 * (16 * 16 + 16)
    rest = sum(
        p.numel()
        for n, p in bag.named_parameters()
        if not n.startswith(("reduce", "null_user", "tokens"))
    )
    assert block_weights(bag) == linear + 3 * 16 + rest
    plan = plan_of(traces, tmp_path)
    cost = {n: Costs(plan, runs[n], model).mflops for n, model in models.items()}
    # A second block on all tokens doubles what blocks cost; here texts repeat, and the stacked one
    # reads each once.
    assert 1.8 < cost["single_blocks"] / cost["single_flops"] < 2.2
    assert cost[STACKED] < cost["single_flops"]
    assert cost["wider"] > 2.5 * cost[STACKED]
    assert cost["bag"] < 0.05 * cost[STACKED]


def test_operations_need_somebody(traces: Traces, tmp_path: Path) -> None:
    run = shape_variants(clue("quick"), quick=True)[0].run
    lonely = replace(run, pairs=replace(run.pairs, halves=False, min_items=10_000))
    encoder, encoding = item_parts(run.build(traces)[0])
    with pytest.raises(GuardError, match="fewer than two valid users"):
        forward_mflops(plan_of(traces, tmp_path), lonely, encoder, encoding)
