from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from habitus.encoders.channel_transformer import ChannelTransformerConfig
from habitus.errors import UsageError
from habitus.nn.transformer import block_flops
from habitus.runs.analyses.base import AnalysisPlan
from habitus.runs.analyses.capacity_rows import equal_operations, trained, variants
from habitus.runs.pretrain import pretrain
from tests.runs.analyses.capacity_world import World, capacity_world, few_steps


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return capacity_world(tmp_path_factory.mktemp("rows"))


def test_every_encoder_has_the_same_operations() -> None:
    base = few_steps(experts=1).encoder
    flops = {
        number: block_flops(1000, 5000, c.width, c.hidden, c.num_ffn, c.experts, c.num_heads)
        for number in (1, 4, 16, 64)
        for c in [equal_operations(base, number)]
    }
    assert len(set(flops.values())) == 1
    # 64 experts, half of them taken from 64 hidden units; weights grow nevertheless.
    assert equal_operations(base, 64).hidden == 32
    assert equal_operations(base, 1) == base


@pytest.mark.parametrize("number", [3, 128])
def test_a_router_that_cannot_be_paid_is_refused(number: int) -> None:
    config = ChannelTransformerConfig(width=48, num_heads=2, hidden=64)
    with pytest.raises(UsageError, match=f"below 2 · hidden = 128.* got {number}"):
        equal_operations(config, number)


def test_rows_stand_by_size_and_the_dense_one_first(world: World) -> None:
    sizes = {"few": world.traces, "many": world.traces}
    rows = variants(few_steps(experts=1), (1, 4), sizes)
    assert [row.label for row in rows] == [
        "one expert, few", "4 experts, few", "one expert, many", "4 experts, many",
    ]  # fmt: skip
    assert [row.run.encoder.experts.num_experts for row in rows] == [1, 4, 1, 4]
    assert len({row.name for row in rows}) == 4


def test_it_is_the_usual_pre_training(world: World, tmp_path: Path) -> None:
    usual = pretrain(world.traces, world.run, tmp_path).model.encoder.state_dict()
    ours = world.model.encoder.state_dict()
    assert usual.keys() == ours.keys()
    assert all(torch.equal(usual[name], ours[name]) for name in usual)


def test_what_was_trained_is_kept(world: World, tmp_path: Path) -> None:
    plan = AnalysisPlan(
        data="subpopulations", root=tmp_path, show=lambda *_: None, card=lambda _: "card"
    )
    row = variants(few_steps(experts=1), (4,), {"few": world.traces})[0]
    found = trained(plan, row, 0, world.snapshot, "remedy")
    # 4 x 2 matrices of 48 x 62, of which an event meets one of four.
    counts = found.facts["counts"]
    assert counts["total"] - counts["active"] - counts["embedding"] == 3 * 2 * 48 * 62
    assert counts["total"] == sum(p.numel() for p in found.model.encoder.parameters())
    (router,) = found.facts["routing"]
    assert sum(router["share"]) == pytest.approx(1.0)
    assert found.facts["steps"] == 5
    again = trained(plan, row, 0, world.snapshot, "remedy")
    assert again.facts == found.facts
    assert again.model.digest == found.model.digest
    other = trained(plan, row, 1, world.snapshot, "remedy")
    assert other.model.digest != found.model.digest
    changed = replace(
        row, run=replace(row.run, objective=replace(row.run.objective, mask_share=0.1))
    )
    assert trained(plan, changed, 0, world.snapshot, "remedy").model.digest != found.model.digest
