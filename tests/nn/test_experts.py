"""Experts in place of a feed-forward layer are a loop over tokens and their experts."""

import math
from dataclasses import replace
from typing import get_args

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import gelu
from torch.utils.flop_counter import FlopCounterMode

from habitus.errors import UsageError
from habitus.nn import expert_products
from habitus.nn.expert_products import Measured, Path
from habitus.nn.experts import (
    ExpertFeedForward,
    ExpertWeights,
    feed_forward_flops,
    parameter_counts,
)
from habitus.nn.experts_config import DENSE, ExpertsConfig

WIDTH, HIDDEN, TOKENS = 8, 16, 40
CONFIGS = {
    "switch": ExpertsConfig(num_experts=4),
    "top 2": ExpertsConfig(num_experts=4, top_k=2),
    "renormalised": ExpertsConfig(num_experts=4, top_k=3, renormalise=True),
    "fine-grained": ExpertsConfig(num_experts=3, split=4),
    "shared": ExpertsConfig(num_experts=3, split=4, shared=2),
    "a bias": ExpertsConfig(num_experts=4, balance="bias"),
}
configs = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)


def layer(config: ExpertsConfig, **options: float | str) -> ExpertFeedForward:
    torch.manual_seed(0)
    made = ExpertFeedForward(WIDTH, HIDDEN, config, **options)  # type: ignore[arg-type]
    made.router.weight_ED.data.normal_()
    if made.router.bias_E is not None:
        made.router.bias_E.normal_(std=0.1)
    return made


def tokens(num_tokens: int = TOKENS) -> Tensor:
    chance = torch.Generator().manual_seed(1)
    return torch.randn(num_tokens, WIDTH, generator=chance).requires_grad_()


def loop(ours: ExpertFeedForward, x_TD: Tensor, config: ExpertsConfig) -> Tensor:
    """The slow twin: one token and one expert at a time."""
    activate = gelu if ours.activation == "gelu" else torch.relu
    out = []
    for x_D in x_TD:
        score_E = (ours.router.weight_ED @ x_D).softmax(0)
        bias_E = 0 if ours.router.bias_E is None else ours.router.bias_E
        chosen = (score_E + bias_E).topk(config.chosen).indices.tolist()
        total = sum(score_E[e] for e in chosen) if config.renormalise else 1.0
        y_D = torch.zeros(WIDTH)
        for e in chosen:
            inner_H = activate(x_D @ ours.inner.weight_EIO[e])
            y_D = y_D + score_E[e] / total * (inner_H @ ours.outer.weight_EIO[e])
        if ours.shared is not None:
            y_D = y_D + ours.shared(x_D[None])[0]
        out.append(y_D)
    return torch.stack(out)


@configs
@pytest.mark.parametrize("path", get_args(Path))
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_it_is_a_loop_over_tokens_and_experts_forwards_and_backwards(
    config: ExpertsConfig, path: Path, activation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = {("cpu", torch.float32): Measured(path, path, 0, "what is tested")}
    monkeypatch.setattr(expert_products, "MEASURED", table)
    ours, x_TD = layer(config, activation=activation), tokens()
    found_TD, expected_TD = ours(x_TD).x_TD, loop(ours, x_TD, config)
    torch.testing.assert_close(found_TD, expected_TD, atol=1e-5, rtol=1e-5)
    weight_TD = torch.randn(TOKENS, WIDTH)
    weights = [x_TD, *ours.parameters()]
    both = [torch.autograd.grad((o * weight_TD).sum(), weights) for o in (found_TD, expected_TD)]
    torch.testing.assert_close(*both, atol=1e-5, rtol=1e-5)


@configs
def test_no_token_is_no_row_and_a_gradient_of_zero(config: ExpertsConfig) -> None:
    ours = layer(config)
    out_TD, routing = ours(tokens(0))
    assert out_TD.shape == (0, WIDTH)
    assert routing["router"].num_tokens == 0
    torch.autograd.backward(out_TD.sum())
    assert ours.inner.weight_EIO.grad is not None
    assert not ours.inner.weight_EIO.grad.any()


def test_an_expert_that_no_token_goes_to_rests() -> None:
    ours, x_TD = layer(CONFIGS["switch"]), tokens().detach().abs()
    ours.router.weight_ED.data[2] = -100
    out_TD, routing = ours(x_TD)
    assert routing["router"].share_E[2] == 0
    assert routing["router"].num_dead >= 1
    torch.autograd.backward(out_TD.square().sum())
    for weights in (ours.inner, ours.outer):
        assert weights.weight_EIO.grad is not None
        assert not weights.weight_EIO.grad[2].any()
        assert weights.weight_EIO.grad.any()
        assert weights.weight_EIO.grad.isfinite().all()


def test_all_tokens_may_go_to_one_expert() -> None:
    ours, x_TD = layer(CONFIGS["switch"]), tokens().detach().abs()
    ours.router.weight_ED.data = torch.zeros(4, WIDTH)
    ours.router.weight_ED.data[1] = 100
    out_TD, routing = ours(x_TD)
    assert routing["router"].share_E.tolist() == [0, 1, 0, 0]
    dense_TD = (x_TD @ ours.inner.weight_EIO[1]).relu() @ ours.outer.weight_EIO[1]
    torch.testing.assert_close(out_TD, dense_TD, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("value", [math.nan, math.inf])
@configs
def test_a_token_that_is_not_finite_spoils_itself_alone(
    config: ExpertsConfig, value: float
) -> None:
    ours, x_TD = layer(config).eval(), tokens().detach()
    clean_TD = ours(x_TD).x_TD
    x_TD[5, 3] = value
    out_TD, routing = ours(x_TD)
    others = torch.arange(TOKENS) != 5
    torch.testing.assert_close(out_TD[others], clean_TD[others], atol=1e-5, rtol=1e-5)
    assert not out_TD[5].isfinite().any()
    # A training reads this in its loss, and stops.
    assert not routing["router"].balance.isfinite()


def test_dropout_is_for_training_only() -> None:
    ours, x_TD = layer(CONFIGS["shared"], dropout=0.5), tokens()
    assert not torch.equal(ours(x_TD).x_TD, ours(x_TD).x_TD)
    ours.eval()
    assert torch.equal(ours(x_TD).x_TD, ours(x_TD).x_TD)


def test_first_weights_are_those_of_a_linear_layer() -> None:
    torch.manual_seed(0)
    weight_EIO = ExpertWeights(4, 1, 64, 256).weight_EIO
    # Uniform in ±1/√64, whose deviation is 1/√(3 · 64); three standard errors of 65,536 draws.
    assert weight_EIO.abs().max() <= 64**-0.5
    assert weight_EIO.std().item() == pytest.approx((3 * 64) ** -0.5, rel=3 / (2 * 65_536) ** 0.5)
    assert ExpertWeights(2, 1, 4, 8, fan_in=100).weight_EIO.abs().max() <= 0.1


@configs
def test_all_weights_are_those_of_the_whole_experts_and_few_are_met(config: ExpertsConfig) -> None:
    ours = layer(config)
    others = sum(p.numel() for n, p in ours.named_parameters() if "router" in n or "bias" in n)
    one = 2 * WIDTH * HIDDEN
    total, active, embedding = parameter_counts(ours)
    assert total - others == config.num_experts * one
    assert active - others == config.top_k * one
    assert embedding == 0


def test_a_table_is_counted_once_and_not_as_active() -> None:
    tables = nn.ModuleDict({"one": nn.Embedding(5, 4), "other": nn.Embedding(5, 4)})
    tables["other"].weight = tables["one"].weight
    both = nn.ModuleDict({"tables": tables, "linear": nn.Linear(4, 3)})
    assert parameter_counts(both) == (20 + 15, 15, 20)


@configs
def test_operations_are_those_that_pytorch_counts(
    config: ExpertsConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    # PyTorch counts products of one expert each, not grouped ones.
    monkeypatch.setattr(expert_products, "MEASURED", {})
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        layer(config)(tokens())
    ours = feed_forward_flops(TOKENS, WIDTH, HIDDEN, config)
    assert counter.get_total_flops() == ours


def test_operations_by_hand() -> None:
    # 4 · 10 · 8 · 16, and 4 times that with top 4; a router of 12 experts 2 · 10 · 8 · 12.
    assert feed_forward_flops(10, 8, 16, DENSE) == 5_120
    wide = ExpertsConfig(num_experts=12, top_k=4)
    assert feed_forward_flops(10, 8, 16, wide) == 4 * 5_120 + 1_920


def test_experts_must_divide_the_hidden_units() -> None:
    with pytest.raises(UsageError, match="split must divide hidden 16, got 3"):
        ExpertFeedForward(WIDTH, HIDDEN, ExpertsConfig(num_experts=4, split=3))


def test_16_bits_give_nearly_the_same() -> None:
    ours, x_TD = layer(CONFIGS["shared"]), tokens()
    plain_TD = ours(x_TD).x_TD
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out_TD = ours(x_TD).x_TD
    torch.testing.assert_close(out_TD.float(), plain_TD, atol=5e-2, rtol=5e-2)


def test_another_balance_is_another_config_only() -> None:
    plain = layer(CONFIGS["switch"])
    assert plain.router.bias_E is None
    biased = layer(replace(CONFIGS["switch"], balance="bias"))
    assert biased.router.bias_E is not None
