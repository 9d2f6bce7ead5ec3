"""Presets of the encoder with experts: the paper's sizes, and a dense control that differs in one
thing."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from habitus.errors import UsageError
from habitus.nn.experts_config import DENSE
from habitus.runs import RUNS
from habitus.runs.channel import channel
from habitus.runs.supermoe import PRESETS, SupermoeRun, dense_control, papers_choices, supermoe
from tests.small import small_traces


@pytest.mark.parametrize("preset", list(PRESETS))
def test_a_preset_survives_json(preset: str) -> None:
    run = supermoe(preset)
    assert (run.preset, run.name) == (preset, "supermoe")
    assert SupermoeRun.from_dict(json.loads(json.dumps(run.to_dict()))) == run
    assert run.encoder.experts.has_routers


def test_presets_differ_and_an_unknown_one_is_told() -> None:
    assert len({supermoe(preset).fingerprint() for preset in PRESETS}) == len(PRESETS)
    with pytest.raises(UsageError, match="no preset is called 'bset'; did you mean 'best'"):
        supermoe("bset")
    assert RUNS["supermoe"]("ci") == supermoe("ci")


def test_the_paper_has_the_sizes_of_the_resolutions() -> None:
    # A-S1: d 256, 4 blocks, 8 heads, d_ff 1,024, 16 experts, 4 in attention, dropout .1, mask .15.
    run = supermoe("paper")
    encoder, experts = run.encoder, run.encoder.experts
    assert (encoder.width, encoder.num_blocks, encoder.num_heads) == (256, 4, 8)
    assert (encoder.hidden, encoder.dropout, run.objective.mask_share) == (1_024, 0.1, 0.15)
    assert (experts.num_experts, experts.attention_experts, experts.top_k) == (16, 4, 1)
    # A-S10: Switch layers in q, k, v; A-S13: balance .01, z 1e-3; A-S14: two layers; A-S17: max.
    assert (experts.attention, experts.balance_weight, experts.z_weight) == ("moe_qkv", 0.01, 1e-3)
    assert (encoder.num_ffn, encoder.pooling, run.warm_start) == (2, "max", False)


def test_the_laptop_preset_is_the_channel_encoder_with_experts() -> None:
    run, dense = supermoe("ci"), channel("ci")
    assert dense_control(run).encoder == dense.encoder
    assert (run.training, run.objective, run.sequence) == (
        dense.training,
        dense.objective,
        dense.sequence,
    )


@pytest.mark.parametrize("preset", list(PRESETS))
def test_the_control_has_one_expert_and_nothing_else_changed(preset: str) -> None:
    run, control = supermoe(preset), dense_control(supermoe(preset))
    ours, theirs = run.to_dict(), control.to_dict()
    assert theirs["encoder"].pop("experts") == DENSE.to_dict()
    del ours["encoder"]["experts"]
    assert ours == theirs


def test_it_is_built_with_more_weights_and_as_many_active_operations(tmp_path: Path) -> None:
    traces = small_traces(tmp_path / "traces")
    run = supermoe("quick")
    (model, _), (control, _) = (one.build(traces) for one in (run, dense_control(run)))
    weights = [sum(p.numel() for p in m.encoder.parameters()) for m in (model, control)]
    # 8 experts of 2 · 64 · 256 weights in each of 2 blocks, and routers of 8 · 64, where there was
    # one layer, with 64 + 256 biases; experts have none.
    assert weights[0] - weights[1] == 2 * (7 * 2 * 64 * 256 + 8 * 64 - (64 + 256))
    batch = next(model.encoding.batches(run.snapshot(traces, "train")))[1]
    (true, _), (dense, _) = (m.encoder.forward_flops(batch) for m in (model, control))
    # 2 blocks · 2 · T · 64 · 8 operations of the routers are all that is more.
    assert true - dense == pytest.approx(2 * 2 * batch.num_events * 64 * 8)
    assert torch.isfinite(model.encoder(batch).z_UD).all()


def test_the_papers_choices_have_the_active_operations_of_ours(tmp_path: Path) -> None:
    run = supermoe("quick")
    paper, literal = papers_choices(run), supermoe("paper")
    for name in ("num_ffn", "pooling", "pool_channels"):
        assert getattr(paper.encoder, name) == getattr(literal.encoder, name)
    assert paper.warm_start == literal.warm_start
    experts, theirs = paper.encoder.experts, literal.encoder.experts
    assert replace(experts, num_experts=16) == theirs
    assert (paper.training, paper.objective) == (run.training, run.objective)
    traces = small_traces(tmp_path / "traces")
    (ours, _), (other, _) = (one.build(traces) for one in (run, paper))
    batch = next(ours.encoding.batches(run.snapshot(traces, "train")))[1]
    (true, _), (found, _) = (m.encoder.forward_flops(batch) for m in (ours, other))
    # More, in each of 2 blocks and for each event of 64 numbers: a second router of 8 experts, and
    # three of 4 in attention; pooling costs nothing that is counted.
    assert found - true == pytest.approx(2 * 2 * batch.num_events * 64 * (8 + 3 * 4))
    assert found < 1.1 * true
