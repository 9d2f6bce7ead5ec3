"""The item text encoder as most code would write it: PyTorch's own layers, everything padded.

Each slot is ``(items, tokens)``, zero padded to the longest of the batch; an item that three users
met is encoded three times. Attention masks the padding, everything else computes it.

Shapes: G slots, S items of the longest, L tokens of the longest, D width.
"""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from habitus.data.item_sequence import ItemSequenceBatch
from habitus.encoders.item_text import ItemTextEncoder
from habitus.nn.attention import PackedAttention
from habitus.nn.feed_forward import FeedForward
from habitus.nn.mean_transformer import MeanTransformer
from habitus.nn.transformer import TransformerBlock


class PaddedTransformer(nn.Module):
    """PyTorch's pre-norm encoder with the weights of ours, and a mean over what is no padding."""

    def __init__(self, ours: MeanTransformer) -> None:
        super().__init__()
        blocks = [block for block in ours.blocks if isinstance(block, TransformerBlock)]
        heads = blocks[0].attention.num_heads
        layer = nn.TransformerEncoderLayer(
            ours.width,
            heads,
            ours.hidden,
            dropout=ours.dropout.p,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        norm = nn.LayerNorm(ours.width)
        self.layers = nn.TransformerEncoder(layer, len(blocks), norm, enable_nested_tensor=False)
        self.positions = deepcopy(ours.positions)
        self.max_length = ours.max_length
        for theirs, mine in self.pairs(ours):
            theirs.data.copy_(mine.data)

    def pairs(self, ours: MeanTransformer) -> list[tuple[Tensor, Tensor]]:
        """Return each weight beside that of ours."""
        found = list(zip(_norm(self.layers.norm), _norm(ours.norm), strict=True))
        if self.positions is not None and ours.positions is not None:
            found.append((self.positions.weight, ours.positions.weight))
        for theirs, block in zip(self.layers.layers, ours.blocks, strict=True):
            assert isinstance(theirs, nn.TransformerEncoderLayer)
            assert isinstance(block, TransformerBlock)
            attention, ffn = block.attention, block.ffns[0]
            assert isinstance(ffn, FeedForward)
            assert isinstance(attention, PackedAttention)
            found += [
                (theirs.self_attn.in_proj_weight, attention.query_key_value.weight),
                (theirs.self_attn.in_proj_bias, attention.query_key_value.bias),
            ]
            for one, other in (
                (theirs.self_attn.out_proj, attention.output),
                (theirs.linear1, ffn.inner),
                (theirs.linear2, ffn.outer),
                (theirs.norm1, block.attention_norm),
                (theirs.norm2, block.ffn_norms[0]),
            ):
                found += list(zip(_norm(one), _norm(other), strict=True))
        return found

    def forward(self, x_BLD: Tensor, valid_BL: Tensor, place_BL: Tensor) -> Tensor:
        """Return ``(B, D)``; zeros for a row of padding only."""
        if self.positions is not None:
            x_BLD = x_BLD + self.positions(place_BL.clamp(0, self.max_length - 1))
        # A row that may attend to nothing would not be finite.
        hidden_BL = ~valid_BL & valid_BL.any(1, keepdim=True)
        out_BLD = self.layers(x_BLD, src_key_padding_mask=hidden_BL)
        out_BLD = out_BLD.masked_fill(~valid_BL[:, :, None], 0)
        mean_BD: Tensor = out_BLD.sum(1) / valid_BL.sum(1, keepdim=True).clamp(min=1)
        return mean_BD


class PaddedItemText(nn.Module):
    """The vectors of slots, ``(G, D)``, with the weights of an encoder of ours."""

    def __init__(self, ours: ItemTextEncoder) -> None:
        super().__init__()
        assert ours.service_transformer is not None
        self.tokens = deepcopy(ours.tokens)
        self.item_transformer = PaddedTransformer(ours.item_transformer)
        self.service_transformer = PaddedTransformer(ours.service_transformer)

    def pairs(self, ours: ItemTextEncoder) -> list[tuple[Tensor, Tensor]]:
        """Return each weight beside that of ours."""
        assert ours.service_transformer is not None
        return [
            (self.tokens.weight, ours.tokens.weight),
            *self.item_transformer.pairs(ours.item_transformer),
            *self.service_transformer.pairs(ours.service_transformer),
        ]

    def forward(self, token_GSL: Tensor) -> Tensor:
        """Return the vector of each slot of padded tokens."""
        num_slots, num_items, num_tokens = token_GSL.shape
        valid_GSL = token_GSL > 0
        token_NL, valid_NL = token_GSL.flatten(0, 1), valid_GSL.flatten(0, 1)
        place_NL = torch.arange(num_tokens).expand_as(token_NL)
        h_ND = self.item_transformer(self.tokens(token_NL), valid_NL, place_NL)
        valid_GS = valid_GSL.any(2)
        place_GS = valid_GS.sum(1, keepdim=True) - 1 - torch.arange(num_items)
        z_GD: Tensor = self.service_transformer(
            h_ND.view(num_slots, num_items, -1), valid_GS, place_GS
        )
        return z_GD


def padded_tokens(batch: ItemSequenceBatch) -> Tensor:
    """Return the tokens of each item of each slot, ``(G, S, L)``, 0 where there is none."""
    longest = int(batch.text_ptr_I1.diff().max())
    token_IL = torch.zeros(batch.num_texts + 1, longest, dtype=torch.long)
    for i in range(batch.num_texts):
        start, stop = batch.text_ptr_I1[i : i + 2].tolist()
        token_IL[i, : stop - start] = batch.token_T[start:stop]
    item_GS = torch.full((batch.num_slots, int(batch.slot_ptr_G1.diff().max())), batch.num_texts)
    for g in range(batch.num_slots):
        start, stop = batch.slot_ptr_G1[g : g + 2].tolist()
        item_GS[g, : stop - start] = batch.item_S[start:stop]
    return token_IL[item_GS]


def _norm(module: nn.Module | None) -> tuple[Tensor, Tensor]:
    assert module is not None
    weight, bias = module.get_parameter("weight"), module.get_parameter("bias")
    return weight, bias
