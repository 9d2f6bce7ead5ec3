"""Heads equal plain loops over experts and tasks, and share what they say they share."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from habitus.errors import UsageError
from habitus.nn.batched_linear import BatchedLinear
from habitus.nn.multi_task import (
    CGC,
    HEADS,
    PLE,
    LinearTowers,
    MMoE,
    MultiTaskHead,
    MultiTaskHeadConfig,
    SharedBottom,
    multi_task_head,
)

WIDTH, TASKS = 6, 3


def head(name: str, num_tasks: int = TASKS, **sizes: int) -> MultiTaskHead:
    values = {"hidden": 5, "tower": 4, "num_own": 2, **sizes}
    config = MultiTaskHeadConfig.from_dict({"head": name, **values})
    generator = torch.Generator().manual_seed(0)
    module = multi_task_head(config, WIDTH, num_tasks, generator)
    if name == "linear":
        # It begins at 0, where every twin would agree.
        assert not any(parameter.any() for parameter in module.parameters())
        for parameter in module.parameters():
            nn.init.normal_(parameter, generator=generator)
    return module


def rows(number: int = 9) -> Tensor:
    return torch.randn(number, WIDTH, generator=torch.Generator().manual_seed(1))


def layer(many: BatchedLinear, group: int, place: int, x: Tensor) -> Tensor:
    """Return what one layer makes of one row."""
    return x @ many.weight_GDEH[group, :, place] + many.bias_GEH[group, place]


def tower(module: MultiTaskHead, task: int, x: Tensor) -> Tensor:
    assert isinstance(module, (SharedBottom, MMoE, PLE))
    inner = layer(module.towers.inner, task, 0, x).relu()
    return layer(module.towers.outer, task, 0, inner)[0]


def plain_linear(module: LinearTowers, x: Tensor) -> list[Tensor]:
    return [layer(module.towers, 0, k, x)[0] for k in range(TASKS)]


def plain_shared(module: SharedBottom, x: Tensor) -> list[Tensor]:
    bottom = layer(module.bottom, 0, 0, x).relu()
    return [tower(module, k, bottom) for k in range(TASKS)]


def plain_mmoe(module: MMoE, x: Tensor) -> list[Tensor]:
    out = []
    for k in range(TASKS):
        weights = layer(module.routers, 0, k, x).softmax(0)
        mixed = torch.zeros(5)
        for e, weight in enumerate(weights):
            mixed = mixed + weight * layer(module.experts, 0, e, x).relu()
        out.append(tower(module, k, mixed))
    return out


def plain_level(level: CGC, tasks: list[Tensor], shared: Tensor) -> tuple[list[Tensor], Tensor]:
    common = [
        layer(level.shared, 0, e, shared).relu() for e in range(level.shared.weight_GDEH.shape[2])
    ]
    own: list[list[Tensor]] = [[] for _ in tasks]
    if level.own is not None:
        count = level.own.weight_GDEH.shape[2]
        own = [
            [layer(level.own, k, n, x).relu() for n in range(count)] for k, x in enumerate(tasks)
        ]
    mixed = []
    for k, x in enumerate(tasks):
        weights = layer(level.routers, k, 0, x).softmax(0)
        experts = [*own[k], *common]
        mixed.append(sum((w * e for w, e in zip(weights, experts, strict=True)), torch.zeros(5)))
    if level.shared_router is None:
        return mixed, torch.zeros(5)
    weights = layer(level.shared_router, 0, 0, shared).softmax(0)
    everything = [*(e for experts in own for e in experts), *common]
    pairs = zip(weights, everything, strict=True)
    return mixed, sum((w * e for w, e in pairs), torch.zeros(5))


def plain_ple(module: PLE, x: Tensor) -> list[Tensor]:
    tasks, shared = [x] * TASKS, x
    for level in module.levels:
        assert isinstance(level, CGC)
        tasks, shared = plain_level(level, tasks, shared)
    return [tower(module, k, mixed) for k, mixed in enumerate(tasks)]


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("linear", {}),
        ("shared", {}),
        ("mmoe", {}),
        ("mmoe", {"num_experts": 1}),
        ("ple", {"num_levels": 1}),
        ("ple", {"num_levels": 2}),
        ("ple", {"num_levels": 3, "num_own": 0}),
    ],
)
def test_a_head_is_its_plain_twin(name: str, sizes: dict[str, int]) -> None:
    module, x_BD = head(name, **sizes), rows()
    plain = globals()[f"plain_{name}"]
    expected = torch.stack([torch.stack(plain(module, x)) for x in x_BD])
    torch.testing.assert_close(module(x_BD), expected, atol=1e-5, rtol=1e-5)


def test_ple_without_own_experts_is_mmoe() -> None:
    # B-26: one level, no expert of a task; routers of MMoE, turned to groups, are those of CGC.
    ple, mmoe = head("ple", num_own=0, num_shared=4, num_levels=1), head("mmoe", num_experts=4)
    assert isinstance(ple, PLE)
    assert isinstance(mmoe, MMoE)
    level = ple.levels[0]
    assert isinstance(level, CGC)
    with torch.no_grad():
        level.shared.load_state_dict(mmoe.experts.state_dict())
        level.routers.weight_GDEH.copy_(mmoe.routers.weight_GDEH[0].transpose(0, 1)[:, :, None])
        level.routers.bias_GEH.copy_(mmoe.routers.bias_GEH[0][:, None])
    ple.towers.load_state_dict(mmoe.towers.state_dict())
    torch.testing.assert_close(ple(rows()), mmoe(rows()))


def test_one_expert_and_one_task_are_a_perceptron() -> None:
    # B-18, B-25: the router of one expert gives it the weight 1, whatever it says.
    one = head("mmoe", num_tasks=1, num_experts=1)
    assert isinstance(one, MMoE)
    x_BD = rows()
    inner = x_BD @ one.experts.weight_GDEH[0, :, 0] + one.experts.bias_GEH[0, 0]
    expected = torch.stack([tower(one, 0, x) for x in inner.relu()])
    torch.testing.assert_close(one(x_BD)[:, 0], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("levels", [1, 2])
def test_several_tasks_move_what_is_shared_and_nothing_else(name: str, levels: int) -> None:
    module = head(name, num_levels=levels)
    out_BK = module(rows(40))
    parameters = dict(module.named_parameters())
    # Linear towers and MMoE's routers lie side by side in one tensor: look at single numbers.
    moved = {n: torch.zeros(p.shape, dtype=torch.int64) for n, p in parameters.items()}
    for k in range(TASKS):
        found = torch.autograd.grad(
            out_BK[:, k].sum(), list(parameters.values()), retain_graph=True, allow_unused=True
        )
        for n, gradient in zip(parameters, found, strict=True):
            if gradient is not None:
                moved[n] += gradient != 0
    several = {n for n, count in moved.items() if (count > 1).any()}
    shared = {id(p) for p in module.shared_parameters()}
    assert {n for n, p in parameters.items() if id(p) in shared} == several


def test_the_mixture_of_mmoe_sums_to_one() -> None:
    module = head("mmoe")
    assert isinstance(module, MMoE)
    torch.testing.assert_close(module.routing(rows()).sum(2), torch.ones(9, TASKS))


@pytest.mark.parametrize("name", HEADS)
def test_a_row_does_not_know_the_others_and_no_row_is_fine(name: str) -> None:
    module, x_BD = head(name), rows()
    torch.testing.assert_close(module(x_BD[:1]), module(x_BD)[:1])
    assert module(x_BD[:0]).shape == (0, TASKS)


@pytest.mark.parametrize("name", HEADS)
def test_equal_generators_give_equal_heads(name: str) -> None:
    before = torch.get_rng_state()
    assert torch.equal(head(name)(rows()), head(name)(rows()))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", HEADS)
def test_the_bias_of_the_output_moves_the_output(name: str) -> None:
    module, x_BD = head(name), rows()
    before = module(x_BD)
    with torch.no_grad():
        module.output_bias().add_(torch.tensor([1.0, 0.0, -2.0]))
    torch.testing.assert_close(module(x_BD) - before, torch.tensor([[1.0, 0.0, -2.0]]).expand(9, 3))


def test_a_constant_representation_is_the_same_for_all() -> None:
    for name in HEADS:
        out_BK = head(name)(torch.zeros(4, WIDTH))
        assert out_BK.isfinite().all()
        torch.testing.assert_close(out_BK, out_BK[:1].expand(4, -1))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"head": "moe"}, "head must be one of"),
        ({"num_own": -1}, "num_own must be 0 or more, got -1"),
        ({"hidden": 0}, "hidden must be at least 1, got 0"),
    ],
)
def test_wrong_sizes_are_told(values: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        MultiTaskHeadConfig(**values)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="got 4 and 0"):
        multi_task_head(MultiTaskHeadConfig(), 4, 0, torch.Generator())


def test_everything_in_a_head_is_trained() -> None:
    for name in HEADS:
        module: nn.Module = head(name)
        torch.autograd.backward(module(rows(40)).sum())
        assert all(p.grad is not None and p.grad.any() for p in module.parameters()), name
