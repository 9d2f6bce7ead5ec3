"""Pre-norm Transformer block over packed sequences, shared by every encoder of the house.

A-S14: ``num_ffn`` feed-forward sub-layers follow the attention; A-S15: a pre-LN residual around
every sub-layer. A-C4: GELU, and weights that begin as those of GPT-2. Attention and feed-forward
layers may have experts (eq. 5–7); what their routers did is returned with the tokens.

Shapes: T tokens, D width, H hidden.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from habitus.nn.attention import PackedLayout
from habitus.nn.expert_attention import attention_flops, make_attention
from habitus.nn.experts import ExpertFeedForward, feed_forward_flops
from habitus.nn.experts_config import DENSE, ExpertsConfig
from habitus.nn.feed_forward import Activation, FeedForward
from habitus.nn.routing import Routed, Routing

INIT_STD = 0.02


class TransformerBlock(nn.Module):
    """Attention, then ``num_ffn`` feed-forward layers, each a residual on a normalised input."""

    def __init__(
        self,
        width: int,
        hidden: int,
        num_heads: int,
        *,
        num_ffn: int = 1,
        dropout: float = 0.0,
        activation: Activation = "relu",
        experts: ExpertsConfig = DENSE,
    ) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = make_attention(width, num_heads, experts)
        self.ffn_norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(num_ffn))
        self.ffns = nn.ModuleList(
            FeedForward(width, hidden, dropout, activation)
            if experts.is_dense
            else ExpertFeedForward(width, hidden, experts, dropout, activation)
            for _ in range(num_ffn)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_TD: Tensor, layout: PackedLayout) -> Tensor:
        """Return ``(T, D)``."""
        return self.routed(x_TD, layout).x_TD

    def routed(self, x_TD: Tensor, layout: PackedLayout) -> Routed:
        """Return ``(T, D)``, and what each router did, by its path in the block."""
        out_TD, found = _run(self.attention, self.attention_norm(x_TD), layout)
        routing = {f"attention.{place}": one for place, one in found.items()}
        x_TD = x_TD + self.dropout(out_TD)
        for i, (norm, ffn) in enumerate(zip(self.ffn_norms, self.ffns, strict=True)):
            out_TD, found = _run(ffn, norm(x_TD))
            routing |= {f"ffns.{i}.{place}": one for place, one in found.items()}
            x_TD = x_TD + self.dropout(out_TD)
        return Routed(x_TD, routing)


def _run(layer: nn.Module, *inputs: Tensor | PackedLayout) -> tuple[Tensor, dict[str, Routing]]:
    out: Tensor | Routed = layer(*inputs)
    return (out.x_TD, out.routing) if isinstance(out, Routed) else (out, {})


def init_normal(blocks: Sequence[TransformerBlock], std: float = INIT_STD) -> None:
    """Draw the matrices of a stack from N(0, std²), with biases of 0 (A-C4, GPT-2).

    What is added to the residual stream begins smaller by √n, ``n`` additions in all: √(2L) in a
    stack of ``L`` blocks with one feed-forward layer each. Experts keep the weights that they have.
    """
    additions = sum(1 + len(block.ffns) for block in blocks)
    for block in blocks:
        adding = {id(block.attention.output), *(id(ffn.outer) for ffn in block.ffns)}
        for module in block.modules():
            if isinstance(module, nn.Linear):
                scale = additions**-0.5 if id(module) in adding else 1.0
                nn.init.normal_(module.weight, std=std * scale)
                nn.init.zeros_(module.bias)


def block_flops(
    num_tokens: int,
    sum_squared_lengths: int,
    width: int,
    hidden: int,
    num_ffn: int,
    experts: ExpertsConfig = DENSE,
    num_heads: int = 1,
) -> float:
    """Return operations of one forward pass of a block (floors.md E3): 8TD² + 4ΣL²D + 4·n·TDH.

    With experts, those of the experts that tokens go to, and of the routers.
    """
    attention = attention_flops(num_tokens, sum_squared_lengths, width, num_heads, experts)
    return attention + num_ffn * feed_forward_flops(num_tokens, width, hidden, experts)
