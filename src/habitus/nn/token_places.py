"""Which rows of the channels' table a token has: one, or two that are added.

All channels lie in one table, each from an offset of its own, so that one gather fetches them all.
A channel of very many tokens can be composed of a quotient's and a remainder's rows in the place of
a row for each token (:mod:`habitus.nn.quotient_remainder`; I3 8): about ``2 √V`` rows for ``V``.

Shapes: T events, C token channels, P of them composed, F dense channels, M = C + P + F lookups of
an event, B tokens, E width of a row.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from habitus.nn.quotient_remainder import smallest_parts

DENSE_STATES = 3
"""Present, missing, masked."""


class TokenPlaces(nn.Module):
    """Tokens and states of events → places in one table.

    Args:
        num_tokens_C: tokens of each token channel.
        num_dense: dense channels.
        composed_above: channels of more tokens than this are composed; None for none.
    """

    offset_C: Tensor
    divisor_C: Tensor
    state_offset_F: Tensor
    channel_P: Tensor
    modulus_P: Tensor
    second_offset_P: Tensor

    def __init__(
        self, num_tokens_C: Sequence[int], num_dense: int, composed_above: int | None = None
    ) -> None:
        super().__init__()
        parts_C = [
            smallest_parts(v) if composed_above is not None and v > composed_above else (v, 0)
            for v in num_tokens_C
        ]
        self.num_tokens_C = tuple(num_tokens_C)
        self.num_rows_C = tuple(sum(parts) for parts in parts_C)
        """Rows of the table that each token channel has."""
        self.num_rows = sum(self.num_rows_C) + DENSE_STATES * num_dense
        self.composed = tuple(c for c, (_, remainders) in enumerate(parts_C) if remainders)
        """The channels whose tokens have two rows."""
        sizes = torch.tensor([*self.num_rows_C, *[DENSE_STATES] * num_dense], dtype=torch.long)
        offset = sizes.cumsum(0) - sizes
        moduli = [parts_C[c][1] for c in self.composed]
        second = [int(offset[c]) + parts_C[c][0] for c in self.composed]
        for name, values in (
            ("offset_C", offset[: len(parts_C)].tolist()),
            ("divisor_C", [remainders or 1 for _, remainders in parts_C]),
            ("state_offset_F", offset[len(parts_C) :].tolist()),
            ("channel_P", self.composed),
            ("modulus_P", moduli),
            ("second_offset_P", second),
        ):
            buffer = torch.tensor(values, dtype=torch.long)
            self.register_buffer(name, buffer, persistent=False)

    def forward(self, tokens_TC: Tensor, state_TF: Tensor) -> Tensor:
        """Return the places of all that an event has, ``(T, M)``: tokens, seconds, states."""
        return torch.cat([self.of_tokens(tokens_TC), state_TF + self.state_offset_F], dim=1)

    def of_tokens(self, tokens_TC: Tensor) -> Tensor:
        """Return the places of the first token channels, the seconds of those composed last."""
        num_channels = tokens_TC.shape[1]
        if not self.composed:
            return tokens_TC + self.offset_C[:num_channels]
        first_TC = tokens_TC // self.divisor_C[:num_channels] + self.offset_C[:num_channels]
        p = self._num_composed(num_channels)
        rest_TP = tokens_TC[:, self.channel_P[:p]] % self.modulus_P[:p]
        return torch.cat([first_TC, rest_TP + self.second_offset_P[:p]], dim=1)

    def of_channel(self, channel: int, tokens_B: Tensor) -> Tensor:
        """Return the places of tokens of one channel, ``(B, 1)``, or ``(B, 2)`` if composed."""
        place_B1 = (tokens_B // self.divisor_C[channel] + self.offset_C[channel])[:, None]
        if channel not in self.composed:
            return place_B1
        p = self.composed.index(channel)
        rest_B1 = (tokens_B % self.modulus_P[p] + self.second_offset_P[p])[:, None]
        return torch.cat([place_B1, rest_B1], dim=1)

    def added(self, rows_TME: Tensor, num_channels: int) -> Tensor:
        """Return one row a token channel, ``(T, C, E)``, from those at :meth:`of_tokens`."""
        rows_TCE = rows_TME[:, :num_channels]
        p = self._num_composed(num_channels)
        if not p:
            return rows_TCE
        second_TPE = rows_TME[:, num_channels : num_channels + p]
        return rows_TCE.index_add(1, self.channel_P[:p], second_TPE)

    def lookups(self, num_channels: int) -> int:
        """Return how many places :meth:`of_tokens` gives an event of so many channels."""
        return num_channels + self._num_composed(num_channels)

    @torch.no_grad()
    def shrink(self, table_VE: Tensor) -> None:
        """Make the rows of composed channels so small that sums are as large as other rows."""
        for c in self.composed:
            start = int(self.offset_C[c])
            table_VE[start : start + self.num_rows_C[c]] *= 0.5**0.5

    def _num_composed(self, num_channels: int) -> int:
        return sum(c < num_channels for c in self.composed)
