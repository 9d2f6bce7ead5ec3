"""Each kind of attention with experts is a loop over tokens and heads; eq. 5 as printed is not."""

import math
from collections.abc import Callable
from typing import get_args

import pytest
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from habitus.nn import expert_products
from habitus.nn.attention import PackedAttention, PackedLayout
from habitus.nn.expert_attention import (
    SwitchAttention,
    SwitchHeadAttention,
    SwitchMatrix,
    attention_entropy,
    attention_flops,
    make_attention,
)
from habitus.nn.experts import parameter_counts
from habitus.nn.experts_config import AttentionKind, ExpertsConfig
from habitus.nn.routing import Router

WIDTH, HEADS, EXPERTS = 8, 2, 4
HEAD = WIDTH // HEADS
LENGTHS = [3, 0, 5, 1]
CONFIGS = {
    "moe_qkv": ExpertsConfig(attention="moe_qkv", attention_experts=EXPERTS),
    "scalar_gate": ExpertsConfig(attention="scalar_gate", attention_experts=EXPERTS),
    "switchhead": ExpertsConfig(
        attention="switchhead", attention_experts=EXPERTS, attention_top_k=2
    ),
    "switchhead top 1": ExpertsConfig(attention="switchhead", attention_experts=EXPERTS),
    "a bias": ExpertsConfig(
        attention="switchhead", attention_experts=EXPERTS, attention_top_k=2, balance="bias"
    ),
}
KINDS: tuple[AttentionKind, ...] = ("moe_qkv", "scalar_gate")
configs = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
Routable = SwitchAttention | SwitchHeadAttention


def layout(*lengths: int) -> PackedLayout:
    return PackedLayout(torch.tensor([0, *lengths]).cumsum(0), torch.device("cpu"))


def attention(config: ExpertsConfig) -> Routable:
    torch.manual_seed(0)
    made = make_attention(WIDTH, HEADS, config)
    assert isinstance(made, SwitchAttention | SwitchHeadAttention)
    for module in made.modules():
        if isinstance(module, Router):
            module.weight_ED.data.normal_()
            if module.bias_E is not None:
                module.bias_E.normal_(std=0.1)
    return made


def tokens(num_tokens: int) -> Tensor:
    chance = torch.Generator().manual_seed(1)
    return torch.randn(num_tokens, WIDTH, generator=chance).requires_grad_()


def switch(matrix: SwitchMatrix, x_D: Tensor) -> tuple[Tensor, Tensor]:
    """Return a token times the matrix of its best expert, and the probability of that."""
    score_E = (matrix.router.weight_ED @ x_D).softmax(0)
    best = int(score_E.argmax())
    return x_D @ matrix.experts.weight_EIO[best], score_E[best]


def heads(router: Router, x_D: Tensor, top_k: int) -> list[list[tuple[int, Tensor]]]:
    """Return for each head its experts and their scores."""
    found = []
    for n in range(HEADS):
        score_E = (router.weight_ED[n * EXPERTS : (n + 1) * EXPERTS] @ x_D).sigmoid()
        bias_E = 0 if router.bias_E is None else router.bias_E[n * EXPERTS : (n + 1) * EXPERTS]
        best = (score_E + bias_E).topk(top_k).indices.tolist()
        found.append([(n * EXPERTS + e, score_E[e]) for e in best])
    return found


def attend(query_LD: Tensor, key_LD: Tensor, value_LD: Tensor) -> Tensor:
    """Return what each head finds, side by side, one query at a time."""
    rows = []
    for query_D in query_LD:
        row = []
        for n in range(HEADS):
            own = slice(n * HEAD, (n + 1) * HEAD)
            share_L = (key_LD[:, own] @ query_D[own] / math.sqrt(HEAD)).softmax(0)
            row.append(share_L @ value_LD[:, own])
        rows.append(torch.cat(row))
    return torch.stack(rows)


def twin_of_switch(ours: SwitchAttention, x_LD: Tensor, kind: AttentionKind) -> Tensor:
    """One token at a time; the probability of V, and of Q and K as the kind has it."""
    parts = []
    for matrix in (ours.query, ours.key, ours.value):
        rows = []
        for x_D in x_LD:
            out_D, p = switch(matrix, x_D)
            plain = matrix is ours.value or kind == "scalar_gate"
            rows.append(out_D * (p if plain else p / p.item()))
        parts.append(torch.stack(rows))
    out_LD: Tensor = ours.output(attend(*parts))
    return out_LD


def twin_of_switchhead(ours: SwitchHeadAttention, x_LD: Tensor, top_k: int) -> Tensor:
    """One token, one head and one expert at a time."""
    value_LD = torch.stack(
        [
            torch.cat(
                [
                    torch.stack([s * (x_D @ ours.value.weight_EIO[e]) for e, s in head]).sum(0)
                    for head in heads(ours.value_router, x_D, top_k)
                ]
            )
            for x_D in x_LD
        ]
    )
    query_LD, key_LD = ours.query_key(x_LD).chunk(2, dim=1)
    found_LD, out = attend(query_LD, key_LD, value_LD), []
    for x_D, found_D in zip(x_LD, found_LD, strict=True):
        out_D = torch.zeros(WIDTH)
        for n, head in enumerate(heads(ours.output_router, x_D, top_k)):
            for e, s in head:
                found_P = found_D[n * HEAD : (n + 1) * HEAD]
                out_D = out_D + s * (found_P @ ours.output.weight_EIO[e])
        out.append(out_D)
    return torch.stack(out)


@configs
@pytest.mark.parametrize("lengths", [LENGTHS, [4, 4], [1]])
def test_it_is_a_loop_over_tokens_heads_and_experts(
    config: ExpertsConfig, lengths: list[int]
) -> None:
    ours, x_TD = attention(config), tokens(sum(lengths))
    twin: Callable[[Tensor], Tensor]
    if isinstance(ours, SwitchAttention):
        kind = config.attention
        twin = lambda x_LD: twin_of_switch(ours, x_LD, kind)  # noqa: E731
    else:
        twin = lambda x_LD: twin_of_switchhead(ours, x_LD, config.attention_top_k)  # noqa: E731
    found_TD = ours(x_TD, layout(*lengths)).x_TD
    expected_TD = torch.cat([twin(x_LD) for x_LD in torch.split(x_TD, lengths) if len(x_LD)])
    torch.testing.assert_close(found_TD, expected_TD, atol=1e-5, rtol=1e-5)
    weight_TD = torch.randn(found_TD.shape)
    weights = [x_TD, *ours.parameters()]
    both = [torch.autograd.grad((o * weight_TD).sum(), weights) for o in (found_TD, expected_TD)]
    torch.testing.assert_close(*both, atol=1e-5, rtol=1e-4)


def test_straight_through_is_one_forwards_and_the_probability_backwards() -> None:
    torch.manual_seed(0)
    matrix = SwitchMatrix(WIDTH, CONFIGS["moe_qkv"], straight_through=True)
    scaled = SwitchMatrix(WIDTH, CONFIGS["moe_qkv"], straight_through=False)
    scaled.load_state_dict(matrix.state_dict())
    x_TD = tokens(6)
    p_T1 = matrix.router(x_TD).weight_TK
    torch.testing.assert_close(matrix(x_TD).x_TD * p_T1, scaled(x_TD).x_TD)
    # d(y p / p₀)/dw of one token is the gradient of y p over the probability as it is.
    one = x_TD[:1].detach()
    plain, through = (
        torch.autograd.grad(m(one).x_TD.sum(), m.router.weight_ED)[0] for m in (scaled, matrix)
    )
    torch.testing.assert_close(through * p_T1[0], plain)


def test_one_expert_is_dense_attention() -> None:
    for kind in get_args(AttentionKind):
        torch.manual_seed(0)
        ours = make_attention(WIDTH, HEADS, ExpertsConfig(attention=kind))
        torch.manual_seed(0)
        dense = PackedAttention(WIDTH, HEADS)
        assert isinstance(ours, PackedAttention)
        x_TD = tokens(4)
        assert torch.equal(ours(x_TD, layout(4)), dense(x_TD, layout(4)))


@configs
@pytest.mark.parametrize("lengths", [[], [0, 0], LENGTHS])
def test_empty_sequences_stay_finite_forwards_and_backwards(
    config: ExpertsConfig, lengths: list[int]
) -> None:
    ours, x_TD = attention(config), tokens(sum(lengths))
    with torch.autograd.set_detect_anomaly(True, check_nan=True):
        out_TD, routing = ours(x_TD, layout(*lengths))
        total = out_TD.square().sum() + sum(one.balance + one.z for one in routing.values())
        torch.autograd.backward(total)
    assert out_TD.shape == x_TD.shape
    assert x_TD.grad is not None
    assert x_TD.grad.isfinite().all()


@configs
def test_a_sequence_with_a_broken_token_spoils_no_other_sequence(config: ExpertsConfig) -> None:
    ours, x_TD = attention(config), tokens(9).detach()
    clean_TD = ours(x_TD, layout(*LENGTHS)).x_TD
    x_TD[1, 2] = math.nan
    out_TD = ours(x_TD, layout(*LENGTHS)).x_TD
    torch.testing.assert_close(out_TD[3:], clean_TD[3:], atol=1e-5, rtol=1e-5)
    assert out_TD[1].isnan().all()


def test_routers_are_named_by_their_place() -> None:
    expected = {
        "moe_qkv": ["query.router", "key.router", "value.router"],
        "switchhead": ["value_router", "output_router"],
    }
    for name, places in expected.items():
        ours = attention(CONFIGS[name])
        routing = ours(tokens(9), layout(*LENGTHS)).routing
        assert list(routing) == places
        assert all(isinstance(ours.get_submodule(place), Router) for place in places)
    # Heads have experts of their own.
    assert len(routing["value_router"].share_E) == HEADS * EXPERTS


@configs
@pytest.mark.parametrize(("num_sequences", "length"), [(3, 5), (1, 7)])
def test_operations_are_those_that_pytorch_counts(
    config: ExpertsConfig, num_sequences: int, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # PyTorch counts products of one expert each, not grouped ones.
    monkeypatch.setattr(expert_products, "MEASURED", {})
    num_tokens = num_sequences * length
    with (
        torch.no_grad(),
        sdpa_kernel(SDPBackend.MATH),
        FlopCounterMode(display=False) as counter,
    ):
        attention(config)(tokens(num_tokens), layout(*[length] * num_sequences))
    squares = num_sequences * length**2
    ours = attention_flops(num_tokens, squares, WIDTH, HEADS, config)
    assert counter.get_total_flops() == ours


def test_a_token_meets_few_of_the_weights() -> None:
    # Q, K and V: 3 of 4 matrices of 64 rest. V and O of two heads: 2 · 2 of 8 of 8 · 4 rest.
    for name, idle in (("moe_qkv", 3 * 3 * 64), ("switchhead", 2 * 4 * 32)):
        counts = parameter_counts(attention(CONFIGS[name]))
        assert counts.total - counts.active == idle


def test_entropy_is_that_of_each_query_alone() -> None:
    qkv_T3D = torch.randn(9, 3 * WIDTH, generator=torch.Generator().manual_seed(2))
    found_N = attention_entropy(qkv_T3D, layout(*LENGTHS), HEADS)
    expected_N = torch.zeros(HEADS)
    for part_L3D in torch.split(qkv_T3D, LENGTHS):
        query_LD, key_LD, _ = part_L3D.chunk(3, dim=1)
        for query_D in query_LD:
            for n in range(HEADS):
                own = slice(n * HEAD, (n + 1) * HEAD)
                share_L = (key_LD[:, own] @ query_D[own] / math.sqrt(HEAD)).softmax(0)
                expected_N[n] -= (share_L * share_L.log()).sum() / 9
    torch.testing.assert_close(found_N, expected_N)


@pytest.mark.parametrize("num_experts", [4, 16])
def test_eq_5_as_printed_makes_attention_a_mean_and_straight_through_does_not(
    num_experts: int,
) -> None:
    """The experiment of A-S10, with sharp attention and the first weights of the routers."""
    entropy = {}
    # Normalised tokens, as a block has them.
    x_TD = torch.randn(64, 32, generator=torch.Generator().manual_seed(3))
    for kind in KINDS:
        torch.manual_seed(0)
        config = ExpertsConfig(attention=kind, attention_experts=num_experts)
        ours = SwitchAttention(32, 1, config)
        for matrix in (ours.query, ours.key):
            matrix.experts.weight_EIO.data *= 5
        qkv_T3D = ours.project(x_TD).x_TD
        entropy[kind] = attention_entropy(qkv_T3D, layout(64), 1).item() / math.log(64)
    # Shares of the entropy of a mean over 64 tokens, which is 1.
    assert entropy["moe_qkv"] < 0.5
    assert entropy["scalar_gate"] > {4: 0.75, 16: 0.99}[num_experts]
