"""Multi-head self-attention over packed sequences: padded only inside the attention itself.

Vaswani et al. "Attention Is All You Need". 2017. Differs from the paper: bidirectional, and
sequences of a batch stand one after the other, so linear layers never see padding; attention
weights have no dropout, which would rule out the fused CPU kernel.

Where lengths differ much, a layout may have groups of sequences of about one length: each is padded
by itself, and on a GPU in 16 bits nothing is padded at all.

Shapes: T tokens of all sequences, U sequences, L longest sequence, H groups, N heads, D width,
E = D / N.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


@dataclass(frozen=True)
class PackedLayout:
    """Where sequences lie in a packed tensor; made once a batch, used by every block."""

    offsets_U1: Tensor
    """First token of each sequence, and ``T``; int64, on the CPU."""
    device: torch.device
    group_H1: Tensor | None = None
    """First sequence of each group, and ``U``; int64, on the CPU. None for one group of all."""

    @property
    def num_sequences(self) -> int:
        """Sequences, empty ones included."""
        return len(self.offsets_U1) - 1

    @cached_property
    def lengths_U(self) -> Tensor:
        """Tokens of each sequence, on the CPU."""
        return self.offsets_U1.diff()

    @cached_property
    def max_length(self) -> int:
        """Tokens of the longest sequence, ``L``."""
        return int(self.lengths_U.max()) if self.num_sequences else 0

    @cached_property
    def num_tokens(self) -> int:
        """Tokens of all sequences, ``T``."""
        return int(self.offsets_U1[-1])

    @cached_property
    def groups(self) -> list[PackedLayout]:
        """The layout of each group; itself where there is none."""
        if self.group_H1 is None or not self.num_sequences:
            return [self]
        return [self._of(*cut) for cut in pairwise(self.group_H1.tolist())]

    def part(self, start: int, stop: int) -> PackedLayout:
        """Return the layout of some sequences, and of their tokens alone."""
        if self.group_H1 is None:
            return self._of(start, stop)
        # A group that goes on outside ends here.
        group_H1 = torch.unique(self.group_H1.clamp(start, stop)) - start
        return self._of(start, stop, group_H1)

    def steps(self, size: int) -> Iterator[tuple[int, int]]:
        """Yield spans of whole sequences with at most ``size`` tokens, or of one; 0 for all.

        Of no sequences there is one span.
        """
        start, count = 0, self.num_sequences
        if not count:
            yield 0, 0
        while start < count:
            limit = self.offsets_U1[start] + size
            last = int(torch.searchsorted(self.offsets_U1, limit, right=True)) - 1
            stop = min(count, max(last, start + 1)) if size else count
            yield start, stop
            start = stop

    def _of(self, start: int, stop: int, group_H1: Tensor | None = None) -> PackedLayout:
        offsets_U1 = self.offsets_U1[start : stop + 1]
        return PackedLayout(offsets_U1 - offsets_U1[0], self.device, group_H1)

    @cached_property
    def offsets_on_device_U1(self) -> Tensor:
        """First token of each sequence, and ``T``; int32, where the tokens are."""
        return self.offsets_U1.to(self.device, torch.int32)

    @cached_property
    def is_full(self) -> bool:
        """Whether all sequences are equally long, so that packed and padded are the same."""
        return bool((self.lengths_U == self.max_length).all())

    @cached_property
    def valid_UL(self) -> Tensor:
        """True at the tokens of a padded tensor that are no padding."""
        position_L = torch.arange(self.max_length, device=self.device)
        return position_L < self.lengths_U.to(self.device)[:, None]

    @cached_property
    def place_T(self) -> Tensor:
        """Place of each token in the flattened padded tensor."""
        return self.valid_UL.flatten().nonzero().squeeze(1)

    @cached_property
    def mask_U11L(self) -> Tensor:
        """Keys that may be attended to; an empty sequence may see its padding, to stay finite."""
        empty_U1 = (self.lengths_U == 0).to(self.device)[:, None]
        return (self.valid_UL | empty_U1)[:, None, None, :]

    def pad(self, x_TD: Tensor) -> Tensor:
        """Return ``(U, L, D)``, zeros where there is no token."""
        shape = (self.num_sequences, self.max_length, x_TD.shape[1])
        if self.is_full:
            return x_TD.view(shape)
        padded = x_TD.new_zeros(shape[0] * shape[1], shape[2])
        return padded.index_copy(0, self.place_T, x_TD).view(shape)

    def unpad(self, x_ULD: Tensor) -> Tensor:
        """Return ``(T, D)``: the inverse of :meth:`pad`."""
        flat = x_ULD.flatten(0, 1)
        return flat if self.is_full else flat.index_select(0, self.place_T)


class MultiHeadAttention(nn.Module):
    """Heads, and attention inside each sequence; heirs say how queries, keys and values are made.

    Raises:
        ValueError: the heads do not divide the width.
    """

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        if num_heads < 1 or width % num_heads:
            raise ValueError(f"num_heads must divide the width {width}, got {num_heads}")
        self.num_heads = num_heads
        self.head_dim = width // num_heads

    def _attend(self, qkv_T3D: Tensor, layout: PackedLayout) -> Tensor:
        if layout.group_H1 is None:
            return self._attend_padded(qkv_T3D, layout)
        if qkv_T3D.is_cuda and qkv_T3D.dtype in (torch.bfloat16, torch.float16):
            return self._attend_packed(qkv_T3D, layout)
        # The gradient of one split is one tensor; that of slices would be one for each of them.
        parts = torch.split(qkv_T3D, [group.num_tokens for group in layout.groups])
        groups = zip(parts, layout.groups, strict=True)
        return torch.cat([self._attend_padded(part, group) for part, group in groups])

    def _attend_padded(self, qkv_T3D: Tensor, layout: PackedLayout) -> Tensor:
        padded = layout.pad(qkv_T3D)
        query_UNLE, key_UNLE, value_UNLE = (
            part.view(*part.shape[:2], self.num_heads, self.head_dim).transpose(1, 2)
            for part in padded.chunk(3, dim=2)
        )
        out_UNLE = scaled_dot_product_attention(
            query_UNLE,
            key_UNLE,
            value_UNLE,
            attn_mask=None if layout.is_full else layout.mask_U11L,
        )
        return layout.unpad(out_UNLE.transpose(1, 2).flatten(2))

    def _attend_packed(self, qkv_T3D: Tensor, layout: PackedLayout) -> Tensor:
        # Seconds to import, and of no use without a GPU.
        from torch.nn.attention.varlen import varlen_attn

        query_TNE, key_TNE, value_TNE = (
            part.reshape(len(part), self.num_heads, self.head_dim)
            for part in qkv_T3D.chunk(3, dim=1)
        )
        offsets, longest = layout.offsets_on_device_U1, layout.max_length
        out = varlen_attn(query_TNE, key_TNE, value_TNE, offsets, offsets, longest, longest)
        assert isinstance(out, Tensor)
        return out.flatten(1)


class PackedAttention(MultiHeadAttention):
    """Self-attention inside each sequence, with an output projection (A-S11)."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__(width, num_heads)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, x_TD: Tensor, layout: PackedLayout) -> Tensor:
        """Return ``(T, D)``."""
        out_TD: Tensor = self.output(self._attend(self.query_key_value(x_TD), layout))
        return out_TD
