"""A block is PyTorch's pre-norm layer, packed, with any number of feed-forward layers."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from habitus.nn import expert_products
from habitus.nn.attention import PackedAttention, PackedLayout
from habitus.nn.experts_config import ExpertsConfig
from habitus.nn.feed_forward import FeedForward
from habitus.nn.routing import Router
from habitus.nn.transformer import TransformerBlock, block_flops, init_normal

WIDTH, HIDDEN, HEADS = 8, 12, 2


def layout(*lengths: int) -> PackedLayout:
    return PackedLayout(torch.tensor([0, *lengths]).cumsum(0), torch.device("cpu"))


def block(**options: float | str) -> TransformerBlock:
    torch.manual_seed(0)
    return TransformerBlock(WIDTH, HIDDEN, HEADS, **options)  # type: ignore[arg-type]


def tokens(num_tokens: int) -> Tensor:
    return torch.randn(num_tokens, WIDTH, generator=torch.Generator().manual_seed(1))


def twin_of(module: TransformerBlock, activation: str = "relu") -> nn.TransformerEncoderLayer:
    """PyTorch's own, with the same weights."""
    twin = nn.TransformerEncoderLayer(
        WIDTH, HEADS, HIDDEN, dropout=0.0, activation=activation, batch_first=True, norm_first=True
    )
    attention, ffn = module.attention, module.ffns[0]
    assert isinstance(ffn, FeedForward)
    assert isinstance(attention, PackedAttention)
    twin.self_attn.in_proj_weight.data = attention.query_key_value.weight.data
    twin.self_attn.in_proj_bias.data = attention.query_key_value.bias.data
    for ours, theirs in (
        (attention.output, twin.self_attn.out_proj),
        (ffn.inner, twin.linear1),
        (ffn.outer, twin.linear2),
        (module.attention_norm, twin.norm1),
        (module.ffn_norms[0], twin.norm2),
    ):
        theirs.load_state_dict(ours.state_dict())
    return twin


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_one_feed_forward_layer_is_the_pre_norm_block_of_pytorch(activation: str) -> None:
    module = block(activation=activation)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    here, x_TD = layout(3, 5, 1), tokens(9)
    expected_ULD = twin_of(module, activation)(here.pad(x_TD), src_key_padding_mask=~here.valid_UL)
    torch.testing.assert_close(
        module(x_TD, here), expected_ULD.flatten(0, 1)[here.place_T], atol=1e-5, rtol=1e-5
    )


def test_more_feed_forward_layers_follow_one_another_as_residuals() -> None:
    module, x_TD, here = block(num_ffn=2), tokens(4), layout(4)
    x = x_TD + module.attention(module.attention_norm(x_TD), here)
    for norm, ffn in zip(module.ffn_norms, module.ffns, strict=True):
        x = x + ffn(norm(x))
    torch.testing.assert_close(module(x_TD, here), x)
    attention_only = block(num_ffn=0)
    x = x_TD + attention_only.attention(attention_only.attention_norm(x_TD), here)
    torch.testing.assert_close(attention_only(x_TD, here), x)


def test_dropout_is_for_training_only() -> None:
    module, x_TD, here = block(dropout=0.5), tokens(4), layout(4)
    torch.manual_seed(1)
    assert not torch.equal(module(x_TD, here), module(x_TD, here))
    module.eval()
    assert torch.equal(module(x_TD, here), module(x_TD, here))


@pytest.mark.parametrize("num_ffn", [0, 1, 2])
@pytest.mark.parametrize(("num_sequences", "length"), [(3, 5), (1, 7), (4, 1)])
def test_operations_are_those_that_pytorch_counts(
    num_ffn: int, num_sequences: int, length: int
) -> None:
    num_tokens = num_sequences * length
    # Only the plain kernel of attention is counted on a CPU.
    with (
        torch.no_grad(),
        sdpa_kernel(SDPBackend.MATH),
        FlopCounterMode(display=False) as counter,
    ):
        block(num_ffn=num_ffn)(tokens(num_tokens), layout(*[length] * num_sequences))
    ours = block_flops(num_tokens, num_sequences * length**2, WIDTH, HIDDEN, num_ffn)
    assert counter.get_total_flops() == ours


def test_operations_by_hand() -> None:
    # Sequences of 1 and 2 tokens, width 4, hidden 8: 8·3·16 + 4·(1 + 4)·4 + 2·4·3·4·8.
    assert block_flops(3, 5, 4, 8, 2) == 384 + 80 + 768


EXPERTS = ExpertsConfig(
    num_experts=3, split=2, shared=1, attention="switchhead", attention_experts=2
)


def test_one_expert_is_the_dense_block_bit_by_bit() -> None:
    dense, x_TD, here = block(num_ffn=2), tokens(9), layout(3, 5, 1)
    torch.manual_seed(0)
    one = TransformerBlock(
        WIDTH, HIDDEN, HEADS, num_ffn=2, experts=ExpertsConfig(attention="moe_qkv")
    )
    assert list(one.state_dict()) == list(dense.state_dict())
    assert torch.equal(one(x_TD, here), dense(x_TD, here))
    assert one.routed(x_TD, here).routing == {}


def test_a_block_with_experts_is_its_layers_as_residuals() -> None:
    torch.manual_seed(0)
    module = TransformerBlock(WIDTH, HIDDEN, HEADS, num_ffn=2, experts=EXPERTS)
    x_TD, here = tokens(9), layout(3, 5, 1)
    out_TD, routing = module.routed(x_TD, here)
    x = x_TD + module.attention(module.attention_norm(x_TD), here).x_TD
    for norm, ffn in zip(module.ffn_norms, module.ffns, strict=True):
        x = x + ffn(norm(x)).x_TD
    torch.testing.assert_close(out_TD, x)
    assert torch.equal(module(x_TD, here), out_TD)
    # Each is named by its path in the block.
    assert list(routing) == [
        "attention.value_router",
        "attention.output_router",
        "ffns.0.router",
        "ffns.1.router",
    ]
    assert all(isinstance(module.get_submodule(path), Router) for path in routing)


def test_operations_with_experts_are_those_that_pytorch_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # PyTorch counts products of one expert each, not grouped ones.
    monkeypatch.setattr(expert_products, "MEASURED", {})
    module = TransformerBlock(WIDTH, HIDDEN, HEADS, num_ffn=2, experts=EXPERTS)
    with (
        torch.no_grad(),
        sdpa_kernel(SDPBackend.MATH),
        FlopCounterMode(display=False) as counter,
    ):
        module(tokens(15), layout(5, 5, 5))
    ours = block_flops(15, 75, WIDTH, HIDDEN, 2, EXPERTS, HEADS)
    assert counter.get_total_flops() == ours


def test_first_weights_are_normal_and_what_is_added_begins_smaller() -> None:
    torch.manual_seed(0)
    blocks = [TransformerBlock(64, 256, 4), TransformerBlock(64, 256, 4)]
    init_normal(blocks, std=0.02)
    for module in blocks:
        ffn = module.ffns[0]
        assert isinstance(ffn, FeedForward)
        assert isinstance(module.attention, PackedAttention)
        # Two blocks add four times: 0.02 / √4.
        for linear, std in (
            (module.attention.query_key_value, 0.02),
            (module.attention.output, 0.01),
            (ffn.inner, 0.02),
            (ffn.outer, 0.01),
        ):
            # 3 standard errors of 4,096 draws.
            assert linear.weight.std().item() == pytest.approx(std, rel=3 / (2 * 4_096) ** 0.5)
            assert not linear.bias.any()
        assert (module.attention_norm.weight == 1).all()
    init_normal([])
