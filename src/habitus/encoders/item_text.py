"""Item text encoder: the texts of what a user met on several services become one vector.

CLUE eq. 1 and 2 (C6–C12): tokens → Item Transformer → mean → Service Transformer over the items of
one service → mean, one encoder for all services. A user's vector is the slots of the services side
by side. At the paper's sizes tokens and blocks have 135,867,600 weights: table 8's 135.9 M.

Differs from the paper: any number of services, a missing one is zeros (A-C1) and for a user without
items there is a learned vector (A-C3); each distinct text of a batch is encoded once and nothing is
padded, with the same result; positions of items count from the latest (A-C4); narrower vectors are
read off by a linear layer of its own for each service (A-C7).

Shapes: U users, I distinct texts of the batch, T their tokens, S items, G slots, K services, D
width, E width of a slot, V tokens of the vocabulary.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag
from typing_extensions import override

from habitus.config import Config
from habitus.data.item_sequence import PADDING_SHARE, ItemSequenceBatch
from habitus.data.length_groups import length_groups
from habitus.data.snapshot import ranges
from habitus.encoders.base import Representation, UserEncoder
from habitus.encoders.item_text_config import ItemTextEncoderConfig
from habitus.errors import UsageError
from habitus.nn.attention import PackedLayout
from habitus.nn.mean_transformer import MeanTransformer
from habitus.nn.pooling import weight_sums
from habitus.nn.stages import Stages, run
from habitus.nn.transformer import INIT_STD

NUM_AGES = 40
"""Octaves of seconds that ages of items are told by; 2³⁹ seconds are 17,000 years."""
TOKENS_OF_PART = 2**16
"""Tokens that are encoded at a time where no gradient is asked for."""
Span = tuple[int, int]


class ItemTextEncoder(UserEncoder):
    """Item texts on several services → one vector per user.

    A user without items gets ``null_user``. ``tokens`` is a table that a run may fill.
    """

    name: ClassVar[str] = "item_text"
    config_type: ClassVar[type[Config]] = ItemTextEncoderConfig
    config: ItemTextEncoderConfig
    missing_KE: Tensor | None
    """What stands in the slots of services that a user does not use; None for zeros."""

    def __init__(self, config: ItemTextEncoderConfig) -> None:
        super().__init__(config)
        self.tokens = _table(config.vocab_size, config.width)
        self.item_transformer = _transformer(
            config,
            config.item_layers,
            config.max_sequence if config.single else config.max_tokens,
            from_end=config.single,
        )
        self.service_transformer = None
        if not config.single:
            layers, longest = config.service_layers, config.max_items
            self.service_transformer = _transformer(config, layers, longest, from_end=True)
        self.ages = _table(NUM_AGES, config.width) if config.ages else None
        self.log_weights = nn.Embedding(config.vocab_size, 1) if config.weighted else None
        if self.log_weights is not None:
            nn.init.zeros_(self.log_weights.weight)
        all_slots = self.slot_dim * config.num_services
        self.reduce = None if config.out_dim is None else nn.Linear(config.width, all_slots)
        self.null_user = nn.Parameter(torch.randn(all_slots) * INIT_STD)
        missing = None
        if config.missing == "learned":
            missing = nn.Parameter(torch.randn(config.num_services, self.slot_dim) * INIT_STD)
        self.register_parameter("missing_KE", missing)

    @property
    def slot_dim(self) -> int:
        """Width of the slot of one service, ``E``."""
        config = self.config
        return config.width if config.out_dim is None else config.out_dim // config.num_services

    @property
    @override
    def representation_dim(self) -> int:
        return self.config.num_services * self.slot_dim

    @override
    def forward(self, batch: ItemSequenceBatch) -> Representation:
        """Return the slots of each user; ``aux["present_UK"]`` says which of them hold items."""
        # Without gradients nothing is kept of a part but its rows: a batch may be large, and the
        # larger it is, the more of its texts are repeats.
        z_GE = run(self.stages(batch, 0 if torch.is_grad_enabled() else TOKENS_OF_PART))
        return self.place_slots(batch, z_GE)

    def place_slots(self, batch: ItemSequenceBatch, z_GE: Tensor) -> Representation:
        """Return the representation of the users whose slots :meth:`encode_slots` made."""
        num_users, num_services = batch.num_users, self.config.num_services
        place_G = batch.slot_user_G * num_services + batch.slot_service_G
        z_NE = z_GE.new_zeros(num_users * num_services, self.slot_dim)
        if self.missing_KE is not None:
            z_NE = self.missing_KE.to(z_GE.dtype).repeat(num_users, 1)
        z_UD = z_NE.index_copy(0, place_G, z_GE).view(num_users, self.representation_dim)
        present_N = torch.zeros(len(z_NE), dtype=torch.bool, device=z_GE.device)
        present_N[place_G] = True
        present_UK = present_N.view(num_users, num_services)
        mask_U = (batch.lengths_U > 0).to(z_GE.device)
        z_UD = torch.where(mask_U[:, None], z_UD, self.null_user)
        return Representation(z_UD, mask_U, {"present_UK": present_UK})

    def stages(self, batch: ItemSequenceBatch, size: int = 0) -> Stages:
        """Return how the vectors of slots, ``(G, E)``, are made: texts first, then slots.

        Args:
            batch: any, also with two slots of one user and service.
            size: tokens, or items, of one part; 0 for one part.
        """
        single = self.service_transformer is None
        # Every item may be as long as the longest.
        items = max(1, size // self.config.max_tokens) if single and size else size
        spans = _slot_layout(batch).steps(items)
        slots = [partial(self.encode_slots, batch, span=span) for span in spans]
        if single:
            return [slots]
        spans = _text_layout(batch).steps(size)
        return [[partial(self._text_part, batch, span) for span in spans], slots]

    def encode_texts(self, batch: ItemSequenceBatch, span: Span | None = None) -> Tensor:
        """Return ``h`` of each distinct text (eq. 1), ``(I, D)``, or of a span of them."""
        start, stop = (0, batch.num_texts) if span is None else span
        first, last = batch.text_ptr_I1[start], batch.text_ptr_I1[stop]
        layout, token_T = _text_layout(batch).part(start, stop), batch.token_T[first:last]
        weight_T = self._weights(token_T)
        if self.item_transformer.is_plain:
            return self._bags(token_T, layout, weight_T)
        return self._run(self.item_transformer, self.tokens(token_T), layout, weight_T)

    def text_weights(self, batch: ItemSequenceBatch) -> Tensor | None:
        """Return the weight of each distinct text in its slot, ``(I)``; None for equal weights."""
        weight_T = self._weights(batch.token_T)
        return None if weight_T is None else weight_sums(weight_T, _text_layout(batch))

    def encode_slots(
        self,
        batch: ItemSequenceBatch,
        h_ID: Tensor | None = None,
        span: Span | None = None,
        weight_I: Tensor | None = None,
    ) -> Tensor:
        """Return ``z`` of each slot (eq. 2), ``(G, E)``, or of a span of them.

        Args:
            batch: whose slots.
            h_ID: what :meth:`encode_texts` made of all texts; a single Transformer needs none.
            span: first slot, and the one after the last.
            weight_I: what :meth:`text_weights` says; None to ask it.
        """
        start, stop = (0, batch.num_slots) if span is None else span
        if self.service_transformer is None:
            z_GD = self._encode_tokens(batch, start, stop)
        else:
            assert h_ID is not None
            first, last = batch.slot_ptr_G1[start], batch.slot_ptr_G1[stop]
            x_SD = h_ID[batch.item_S[first:last]]
            if self.ages is not None:
                x_SD = x_SD + self.ages(_age(batch)[first:last])
            layout = _slot_layout(batch).part(start, stop)
            weight_I = self.text_weights(batch) if weight_I is None else weight_I
            weight_S = None if weight_I is None else weight_I[batch.item_S[first:last]]
            z_GD = self._run(self.service_transformer, x_SD, layout, weight_S)
        if self.reduce is None:
            return z_GD
        # All services' layers at once: there are few slots, and one of these is what each needs.
        z_GKE: Tensor = self.reduce(z_GD).unflatten(1, (-1, self.slot_dim))
        row_G = torch.arange(len(z_GD), device=z_GD.device)
        return z_GKE[row_G, batch.slot_service_G[start:stop]]

    @torch.no_grad()
    def warm_start(
        self,
        vectors_VD: Tensor,
        known_V: Tensor,
        weight_V: Tensor | None = None,
        std: float = INIT_STD,
    ) -> None:
        """Begin with vectors of tokens that were learned before, on the scale of the table.

        Args:
            vectors_VD: such as those of PPMI and SVD.
            known_V: True for rows to take; the others stay as they were drawn.
            weight_V: weight of each token, above 0, for an encoder with weights.
            std: of the numbers of the rows that are taken. Blocks begin with additions of about
                0.05: with 1 they leave the vectors as they are, with 0.02 they drown them.
        """
        if vectors_VD.shape != self.tokens.weight.shape:
            raise UsageError(
                f"the table of tokens is {tuple(self.tokens.weight.shape)}, and the vectors are "
                f"{tuple(vectors_VD.shape)}: make them as wide as the encoder"
            )
        taken = vectors_VD[known_V].to(self.tokens.weight)
        self.tokens.weight[known_V] = taken * (std / taken.std().clamp(min=1e-12))
        if weight_V is not None and self.log_weights is not None:
            self.log_weights.weight.copy_(weight_V.log()[:, None])

    @override
    def forward_flops(self, batch: ItemSequenceBatch) -> tuple[float, float]:
        """Return (true, executed) operations, each distinct text once in both."""
        true, executed = 0.0, 0.0
        for transformer, length_B, group_H1 in self._sequences(batch):
            num_tokens = int(length_B.sum())
            squares = int((length_B**2).sum())
            held = squares if self.null_user.is_cuda else _squares(length_B, group_H1)
            true += transformer.flops(num_tokens, squares)
            executed += transformer.flops(num_tokens, held)
        reduced = 0 if self.reduce is None else 2 * batch.num_slots * self.reduce.weight.numel()
        return true + reduced, executed + reduced

    def _text_part(self, batch: ItemSequenceBatch, span: Span, _: Tensor | None) -> Tensor:
        return self.encode_texts(batch, span)

    def _bags(self, token_T: Tensor, layout: PackedLayout, weight_T: Tensor | None) -> Tensor:
        """Return the mean of the tokens of each text without a row for each token."""
        table_VD, start_I = self.tokens.weight, layout.offsets_U1[:-1].to(token_T.device)
        if weight_T is None:
            return embedding_bag(token_T, table_VD, start_I, mode="mean")
        sum_I = weight_sums(weight_T, layout)
        sums_ID = embedding_bag(token_T, table_VD, start_I, mode="sum", per_sample_weights=weight_T)
        return sums_ID / sum_I[:, None]

    def _weights(self, token_T: Tensor) -> Tensor | None:
        """Return the weight of each token; None where all are equal."""
        if self.log_weights is None:
            return None
        weight_T: Tensor = self.log_weights(token_T).squeeze(1).exp()
        return weight_T

    def _run(
        self,
        transformer: MeanTransformer,
        x_TD: Tensor,
        layout: PackedLayout,
        weight_T: Tensor | None = None,
    ) -> Tensor:
        step = 0 if x_TD.is_cuda else self.config.tokens_per_step
        means_BD: Tensor = transformer(x_TD, layout, step, weight_T)
        return means_BD

    def _encode_tokens(self, batch: ItemSequenceBatch, start: int, stop: int) -> Tensor:
        """Return the mean over the latest tokens of some slots, ``(G, D)`` (C27)."""
        token_T, ptr_G1 = self._tokens_of_slots(batch, start, stop)
        order_G = torch.argsort(ptr_G1.diff(), stable=True)
        place_T, sorted_ptr_G1 = _ranges(ptr_G1[order_G], ptr_G1.diff()[order_G])
        layout = PackedLayout(sorted_ptr_G1, batch.token_T.device, _groups(sorted_ptr_G1.diff()))
        x_TD = self.tokens(token_T[place_T.to(token_T.device)])
        z_GD = self._run(self.item_transformer, x_TD, layout)
        return z_GD[torch.argsort(order_G).to(z_GD.device)]

    def _tokens_of_slots(
        self, batch: ItemSequenceBatch, start: int, stop: int
    ) -> tuple[Tensor, Tensor]:
        """Return the latest tokens of some slots, and pointers ``(G + 1)``."""
        first, last = batch.slot_ptr_G1[start], batch.slot_ptr_G1[stop]
        text_S = batch.item_S[first:last].cpu()
        place_T, item_ptr_S1 = _ranges(batch.text_ptr_I1[text_S], batch.text_ptr_I1.diff()[text_S])
        stop_G1 = item_ptr_S1[batch.slot_ptr_G1[start : stop + 1] - first]
        length_G = stop_G1.diff().clamp(max=self.config.max_sequence)
        row_T, ptr_G1 = _ranges(stop_G1[1:] - length_G, length_G)
        return batch.token_T[place_T[row_T].to(batch.token_T.device)], ptr_G1

    def _sequences(self, batch: ItemSequenceBatch) -> list[tuple[MeanTransformer, Tensor, Tensor]]:
        """Return what each Transformer runs over: lengths, and groups of them."""
        if self.service_transformer is None:
            length_G = self._tokens_of_slots(batch, 0, batch.num_slots)[1].diff().sort().values
            return [(self.item_transformer, length_G, _groups(length_G))]
        return [
            (self.item_transformer, batch.text_ptr_I1.diff(), batch.text_group_H1),
            (self.service_transformer, batch.slot_ptr_G1.diff(), batch.slot_group_H1),
        ]


def shorten(z_UD: Tensor, num_services: int, dim: int) -> Tensor:
    """Return the first ``dim`` numbers of each slot, for an encoder trained on such prefixes."""
    return z_UD.view(len(z_UD), num_services, -1)[:, :, :dim].flatten(1)


def _table(rows: int, width: int) -> nn.Embedding:
    table = nn.Embedding(rows, width)
    nn.init.normal_(table.weight, std=INIT_STD)
    return table


def _transformer(
    config: ItemTextEncoderConfig, layers: int, longest: int, *, from_end: bool
) -> MeanTransformer:
    return MeanTransformer(
        config.width,
        config.hidden or 4 * config.width,
        config.num_heads,
        layers,
        max_length=longest,
        from_end=from_end,
        positions=config.positions,
        dropout=config.dropout,
        normed=config.normed,
    )


def _text_layout(batch: ItemSequenceBatch) -> PackedLayout:
    return PackedLayout(batch.text_ptr_I1, batch.token_T.device, batch.text_group_H1)


def _slot_layout(batch: ItemSequenceBatch) -> PackedLayout:
    return PackedLayout(batch.slot_ptr_G1, batch.item_S.device, batch.slot_group_H1)


def _age(batch: ItemSequenceBatch) -> Tensor:
    """Return the octave of each item's seconds to the cutoff."""
    if batch.time_S is None:
        raise UsageError("ages need dates, and time in these traces is an order: set ages to false")
    octave_S = (batch.time_S.clamp(min=0) + 1).double().log2().long()
    return octave_S.clamp(max=NUM_AGES - 1)


def _squares(length_B: Tensor, group_H1: Tensor) -> int:
    """Return the cells of attention when each group is padded to its longest."""
    longest_H = length_B[group_H1[1:] - 1]
    return int((group_H1.diff() * longest_H**2).sum())


def _ranges(start_B: Tensor, length_B: Tensor) -> tuple[Tensor, Tensor]:
    place_T, ptr_B1 = ranges(start_B.numpy(), length_B.numpy())
    return torch.from_numpy(place_T), torch.from_numpy(ptr_B1)


def _groups(length_B: Tensor) -> Tensor:
    return torch.from_numpy(length_groups(length_B.numpy(), PADDING_SHARE))
