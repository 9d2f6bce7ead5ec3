"""Masked channel prediction (MCP): hide channels of some events, predict them from the rest.

SUPERMOE eq. 1-3 and S3. Masking follows A-S3: 15 % of events; of each, with probability ½ all
channels, else one; 80/10/10 masked/random/kept. Targets: values of category and ID channels by
(sampled) softmax on tied, factorised tables (A-S4), quantile bins of dense channels (A-S5), and the
gap to the previous event. The loss is the mean over channels of the mean over their targets; a
channel that is absent from a batch counts 0 and not 0/0, and targets are those of all processes
that share a step (A-S6). Where the encoder has routers, their balance and z losses are added
(A-S13).

Differs from the paper: the leading minus of eq. 2 is one too many (A-S2); user ID is no target
(A-S4); the gap is never hidden with all others, and hiding it hides the event's age as well, which
would tell it; an unknown value is no target.

Shapes: T events, M events with a target, K channels, C token, F dense channels, D width, E width of
a channel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from typing_extensions import override

from habitus.config import Config
from habitus.data.channel_sequence import NUM_TIME_BUCKETS, TIME_MASK, ChannelSequenceBatch
from habitus.data.vocabulary import MASK, NUM_SPECIAL, UNKNOWN
from habitus.encoders.base import UserEncoder
from habitus.encoders.channel_transformer import ChannelTransformer
from habitus.errors import UsageError
from habitus.nn.exchange import world_of
from habitus.nn.experts_config import ExpertsConfig
from habitus.nn.reduced_mean import reduced_mean
from habitus.nn.routing import BALANCE, Routing, Z, losses
from habitus.nn.sampled_softmax import cross_entropy_of_rows
from habitus.nn.sharded_softmax import shared_negatives
from habitus.objectives.base import Loss, Objective

GAP = "gap"
DENSE_MASKED = 2


@dataclass(frozen=True, kw_only=True)
class MaskedChannelConfig(Config):
    """What is hidden, and how it is predicted."""

    token_names: tuple[str, ...] = ()
    """Token channels, in the order of the vocabulary; a run fills it in."""
    dense_names: tuple[str, ...] = ()
    """Dense channels, in the order of the vocabulary; a run fills it in."""
    num_bins: tuple[int, ...] = ()
    """Quantile bins of each dense channel; a run fills it in."""
    mask_share: float = 0.15
    """Share of events with a hidden channel."""
    all_channels_share: float = 0.5
    """Of those, the share of which all channels are hidden."""
    random_share: float = 0.1
    """Share of hidden values replaced by a random one."""
    keep_share: float = 0.1
    """Share of hidden values left as they are."""
    sampled_above: int = 4_096
    """Vocabularies larger than this use the sampled softmax."""
    num_negatives: int = 1_024
    """Negatives of the sampled softmax, shared by a batch."""

    def __post_init__(self) -> None:
        for name in ("mask_share", "all_channels_share", "random_share", "keep_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{name} must be in [0, 1], got {getattr(self, name)}")
        if self.random_share + self.keep_share > 1:
            raise UsageError("random_share + keep_share must be at most 1")


@dataclass(frozen=True)
class Masking:
    """A batch with values hidden, and where."""

    batch: ChannelSequenceBatch
    hidden_TK: Tensor
    """True where a channel of an event is to be predicted; token, dense channels, then the gap."""


class MaskedChannelPrediction(Objective):
    """Predicts hidden channels from the states of a channel encoder."""

    name: ClassVar[str] = "masked_channel"
    config: MaskedChannelConfig

    def __init__(self, config: MaskedChannelConfig, encoder: ChannelTransformer) -> None:
        super().__init__()
        self.config = config
        width, self.channel_dim = encoder.config.width, encoder.config.channel_dim
        self.num_tokens_C = encoder.config.num_tokens
        num_tokens = len(self.num_tokens_C)
        # A layer without rows, which nobody asks, would make torch warn when it is initialised.
        rows = num_tokens * self.channel_dim
        self.token_query: nn.Module = nn.Linear(width, rows) if rows else nn.Identity()
        self.token_bias = nn.ParameterList(torch.zeros(v) for v in self.num_tokens_C)
        self.dense_heads = nn.ModuleList(nn.Linear(width, n) for n in config.num_bins)
        self.gap_head = nn.Linear(width, NUM_TIME_BUCKETS)

    @override
    def forward(
        self, encoder: UserEncoder, batch: ChannelSequenceBatch, generator: torch.Generator
    ) -> Loss:
        assert isinstance(encoder, ChannelTransformer)
        masking = self.hide(batch, generator)
        h_TD, routing = encoder.encode_events(masking.batch, encoder.layout(batch))
        event_M = masking.hidden_TK.any(1).nonzero().squeeze(1)
        hidden_MK, h_MD = masking.hidden_TK[event_M], h_TD[event_M]
        parts = {
            **self._token_losses(encoder, batch.tokens_TC[event_M], h_MD, hidden_MK, generator),
            **self._dense_losses(batch.bins_TF[event_M], h_MD, hidden_MK),
            GAP: _mean(self.gap_head(h_MD), batch.gap_T[event_M], hidden_MK[:, -1]),
        }
        return _with_routers(reduced(parts), routing, encoder.config.experts)

    @override
    def forward_flops(
        self, encoder: UserEncoder, batch: ChannelSequenceBatch
    ) -> tuple[float, float]:
        assert isinstance(encoder, ChannelTransformer)
        true, executed = encoder.forward_flops(batch)
        width = encoder.config.width
        events = self.config.mask_share * batch.num_events
        sizes = [min(v, self.config.sampled_above) for v in self.num_tokens_C]
        queries = 2 * events * width * len(sizes) * self.channel_dim
        # About half of the hidden events hide any one channel.
        logits = events * self.config.all_channels_share * 2 * self.channel_dim * sum(sizes)
        bins = 2 * events * width * (sum(self.config.num_bins) + NUM_TIME_BUCKETS)
        return true + queries + logits + bins, executed + queries + logits + bins

    def hide(self, batch: ChannelSequenceBatch, generator: torch.Generator) -> Masking:
        """Return the batch with channels of some events hidden (A-S3)."""
        num_events, num_tokens = batch.tokens_TC.shape
        num_channels = num_tokens + batch.dense_TF.shape[1] + 1
        device = batch.gap_T.device
        hidden_TK = self._choose(num_events, num_channels, generator)
        action_TK = torch.rand(num_events, num_channels, generator=generator)
        random_TK = hidden_TK & (action_TK < self.config.random_share)
        kept = self.config.random_share + self.config.keep_share
        mask_TK = (hidden_TK & (action_TK >= kept)).to(device)
        other_T = torch.randint(max(num_events, 1), (num_events,), generator=generator).to(device)
        hidden_TK, random_TK = hidden_TK.to(device), random_TK.to(device)
        tokens, dense = slice(0, num_tokens), slice(num_tokens, num_channels - 1)
        tokens_TC = torch.where(random_TK[:, tokens], batch.tokens_TC[other_T], batch.tokens_TC)
        dense_TF = torch.where(random_TK[:, dense], batch.dense_TF[other_T], batch.dense_TF)
        state_TF = torch.where(random_TK[:, dense], batch.state_TF[other_T], batch.state_TF)
        gap_T = torch.where(random_TK[:, -1], batch.gap_T[other_T], batch.gap_T)
        masked = replace(
            batch,
            tokens_TC=tokens_TC.masked_fill(mask_TK[:, tokens], MASK),
            dense_TF=dense_TF.masked_fill(mask_TK[:, dense], 0.0),
            state_TF=state_TF.masked_fill(mask_TK[:, dense], DENSE_MASKED),
            gap_T=gap_T.masked_fill(mask_TK[:, -1], TIME_MASK),
            age_T=batch.age_T.masked_fill(hidden_TK[:, -1], TIME_MASK),
        )
        return Masking(masked, hidden_TK)

    def _choose(self, num_events: int, num_channels: int, generator: torch.Generator) -> Tensor:
        """Return which channels of which events are hidden, ``(T, K)`` on the CPU."""
        event_T = torch.rand(num_events, generator=generator) < self.config.mask_share
        whole_T = torch.rand(num_events, generator=generator) < self.config.all_channels_share
        one_T = torch.randint(num_channels, (num_events,), generator=generator)
        whole_TK = whole_T[:, None].repeat(1, num_channels)
        whole_TK[:, -1] = False
        one_TK = nn.functional.one_hot(one_T, num_channels).bool() & ~whole_T[:, None]
        return event_T[:, None] & (whole_TK | one_TK)

    def _token_losses(
        self,
        encoder: ChannelTransformer,
        tokens_MC: Tensor,
        h_MD: Tensor,
        hidden_MK: Tensor,
        generator: torch.Generator,
    ) -> dict[str, tuple[Tensor, Tensor]]:
        if not self.num_tokens_C:
            return {}
        shape = (len(h_MD), len(self.num_tokens_C), self.channel_dim)
        query_MCE = self.token_query(h_MD).view(shape)
        losses = {}
        for c, (name, num_tokens) in enumerate(
            zip(self.config.token_names, self.num_tokens_C, strict=True)
        ):
            target_M = tokens_MC[:, c]
            is_sampled = num_tokens > self.config.sampled_above
            known_M = target_M >= NUM_SPECIAL if is_sampled else target_M != UNKNOWN
            wanted_M = hidden_MK[:, c] & known_M
            place_B = wanted_M.nonzero().squeeze(1)
            query_BE, target_B = query_MCE[place_B, c], target_M[place_B]
            if is_sampled:
                loss_B = self._sampled(encoder, c, query_BE, target_B, generator)
            else:
                logits_BV = query_BE @ encoder.project.channel_table(c, num_tokens).T
                loss_B = cross_entropy(logits_BV + self.token_bias[c], target_B, reduction="none")
            losses[name] = _mean_of(loss_B)
        return losses

    def _sampled(
        self,
        encoder: ChannelTransformer,
        channel: int,
        query_BE: Tensor,
        target_B: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Return the sampled softmax of the targets of a channel, by one lookup of its rows."""
        num_values = self.num_tokens_C[channel] - NUM_SPECIAL
        negative_S = shared_negatives(self.config.num_negatives, num_values, generator)
        negative_S = negative_S.to(target_B.device)
        token_A = torch.cat([target_B, negative_S + NUM_SPECIAL])
        sizes = [len(target_B), len(negative_S)]
        row_AE = encoder.project.channel_rows(channel, token_A)
        row_BE, row_SE = torch.split(row_AE, sizes)
        bias_B, bias_S = torch.split(self.token_bias[channel][token_A], sizes)
        return cross_entropy_of_rows(
            query_BE,
            (row_BE, bias_B),
            (row_SE, bias_S),
            target_B - NUM_SPECIAL,
            negative_S,
            num_values,
        )

    def _dense_losses(
        self, bins_MF: Tensor, h_MD: Tensor, hidden_MK: Tensor
    ) -> dict[str, tuple[Tensor, Tensor]]:
        first = len(self.num_tokens_C)
        losses = {}
        for f, name in enumerate(self.config.dense_names):
            wanted_M = hidden_MK[:, first + f] & (bins_MF[:, f] >= 0)
            losses[name] = _mean(self.dense_heads[f](h_MD), bins_MF[:, f], wanted_M)
        return losses


def reduced(parts: dict[str, tuple[Tensor, Tensor]]) -> dict[str, tuple[Tensor, Tensor]]:
    """Return means and counts of the targets of all processes that share a step (A-S6)."""
    if world_of() == 1:
        return parts
    count_K = torch.stack([count for _, count in parts.values()])
    sum_K = torch.stack([mean for mean, _ in parts.values()]) * count_K
    both_K = zip(*reduced_mean(sum_K, count_K), strict=True)
    return dict(zip(parts, both_K, strict=True))


def combine(parts: dict[str, tuple[Tensor, Tensor]]) -> Loss:
    """Return eq. 9 with equal weights: the mean over the channels that have a target.

    Each part is a mean and the number of targets that it is a mean of. The losses of routers are
    reported and not in the total: on validation users it says how well channels are predicted.
    """
    counts = {name: count for name, (_, count) in parts.items()}
    channels = [name for name in parts if name not in (BALANCE, Z)]
    present = torch.stack([counts[name] > 0 for name in channels])
    means = torch.stack([parts[name][0] for name in channels])
    total = (means * present).sum() / present.sum().clamp(min=1)
    return Loss(total, {name: mean.detach() for name, (mean, _) in parts.items()}, counts)


def _with_routers(
    parts: dict[str, tuple[Tensor, Tensor]], routing: dict[str, Routing], experts: ExpertsConfig
) -> Loss:
    found = losses(routing)
    loss = combine({**parts, **found})
    weights = experts.loss_weights
    total = loss.total + sum(weights[name] * mean for name, (mean, _) in found.items())
    shares = {path: one.share_E.detach() for path, one in routing.items()}
    return loss._replace(total=total, shares=shares)


def _mean(logits_MV: Tensor, target_M: Tensor, wanted_M: Tensor) -> tuple[Tensor, Tensor]:
    place_B = wanted_M.nonzero().squeeze(1)
    return _mean_of(cross_entropy(logits_MV[place_B], target_M[place_B], reduction="none"))


def _mean_of(loss_B: Tensor) -> tuple[Tensor, Tensor]:
    count = torch.tensor(len(loss_B), device=loss_B.device)
    return loss_B.sum() / count.clamp(min=1), count
