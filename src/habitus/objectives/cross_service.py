"""Cross-service contrast: tell a user's slot on another service from those of all other users.

CLUE eq. 3 and 4 (C9, C10, C15): symmetric InfoNCE of cosines between projections ``f(z)`` of the
slots, times a learned number that begins at 14.27 and stays below 100.

Differs from the paper: any number of services, with the mean over the pairs of a user (A-C1); ``f``
has no bias and stands behind the narrower vector where there is one (A-C6, A-C7); the gradient of
all similarities is used, unless ``paper_local`` (A-C11). Options of improvements I2: sigmoid loss
(Zhai et al. 2023), no negatives that met the same items, prefixes that work alone (Kusupati et al.
2022, with one ``f`` for all of them).

Shapes: G slots, C slots of all processes, Q queries, N queries of one service, K services, E width
of a slot, P prefixes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu, linear, normalize, pad, softplus
from typing_extensions import override

from habitus.config import Config
from habitus.data.item_pairs import ItemPairBatch
from habitus.encoders.base import UserEncoder
from habitus.encoders.item_text import ItemTextEncoder
from habitus.errors import UsageError
from habitus.nn.stages import Stages, run
from habitus.objectives.base import Loss
from habitus.objectives.slot_queries import Group, Queries, queries_of
from habitus.objectives.split import ALONE, Peers, SplitObjective

NAME = "cross_service"
SCALES = {"softmax": 14.27, "sigmoid": 10.0}
"""Where the learned number begins (C15; I2 5)."""


@dataclass(frozen=True, kw_only=True)
class CrossServiceConfig(Config):
    """Which loss of which comparisons."""

    loss: Literal["softmax", "sigmoid"] = "softmax"
    """InfoNCE (eq. 4), or each pair judged by itself (I2 5)."""
    projection: Literal["mlp", "none"] = "mlp"
    """``f`` of eq. 3; none to compare slots as they are, so that what is trained is what a model
    keeps: ``f`` is no part of it (C9)."""
    scale: float | None = None
    """Where the number that cosines are multiplied with begins; None for 14.27, or 10 for the
    sigmoid loss."""
    max_scale: float = 100.0
    """It stays at or below this (C15, A-C8)."""
    bias: float = -10.0
    """Where the bias of the sigmoid loss begins: nearly all pairs are of two people."""
    same_share: float | None = None
    """Another user's slot is no negative if more than this share of the items in it or in the
    counterpart is in both (I2 17); None to compare with all."""
    matryoshka: tuple[int, ...] = ()
    """First numbers of a slot that must do alone, beside the whole: the sum of losses (I2 13)."""
    paper_local: bool = False
    """Similarities reach the weights through their query, and through a candidate only where both
    are of one process: the gradient of the paper (C17, A-C11)."""
    paper_local_users: int | None = None
    """Users that count as one process under ``paper_local`` (paper: 4); None for real processes."""

    def __post_init__(self) -> None:
        for name in ("scale", "max_scale"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UsageError(f"{name} must be above 0, got {value}")
        if self.begins > self.max_scale:
            raise UsageError(f"scale must be at most {self.max_scale}, got {self.begins}")
        if self.same_share is not None and not 0 <= self.same_share < 1:
            raise UsageError(f"same_share must be in [0, 1), got {self.same_share}")
        ascending = list(self.matryoshka) == sorted(set(self.matryoshka))
        if not ascending or min(self.matryoshka, default=1) < 1:
            raise UsageError(f"matryoshka must ascend from 1 or more, got {self.matryoshka}")
        if self.paper_local_users is not None and self.paper_local_users < 1:
            raise UsageError(f"paper_local_users must be at least 1, got {self.paper_local_users}")

    @property
    def begins(self) -> float:
        """Where the learned number begins."""
        return SCALES[self.loss] if self.scale is None else self.scale

    @property
    def local_users(self) -> int | None:
        """As :func:`~habitus.objectives.slot_queries.queries_of` wants it."""
        return (self.paper_local_users or 0) if self.paper_local else None


class Compared(NamedTuple):
    """What became of each query."""

    loss_Q: Tensor
    right_Q: Tensor
    """1 where the counterpart is the nearest candidate."""
    gain_Q: Tensor
    """Log of the candidates less InfoNCE: nats that are known about the counterpart."""


class CrossService(SplitObjective):
    """Slots of one user attract each other, and are told from those of others.

    Args:
        config: which loss.
        width: of the encoder's slots, its ``slot_dim``.
    """

    name: ClassVar[str] = NAME
    config: CrossServiceConfig
    bias: Tensor | None
    """Of the sigmoid loss."""

    def __init__(self, config: CrossServiceConfig, width: int) -> None:
        super().__init__()
        if max(config.matryoshka, default=0) >= width:
            raise UsageError(
                f"matryoshka must stay below the width of a slot, {width}, got {config.matryoshka}"
            )
        self.config = config
        self.prefixes = (*config.matryoshka, width)
        projects = config.projection == "mlp"
        self.inner = nn.Linear(width, width, bias=False) if projects else None
        self.outer = nn.Linear(width, width, bias=False) if projects else None
        self.theta = nn.Parameter(torch.tensor(math.log(config.begins)))
        bias = nn.Parameter(torch.tensor(config.bias)) if config.loss == "sigmoid" else None
        self.register_parameter("bias", bias)

    @property
    def scale(self) -> Tensor:
        """What cosines are multiplied with."""
        return _at_most(self.theta, math.log(self.config.max_scale)).exp()

    @override
    def stages(self, encoder: UserEncoder, batch: ItemPairBatch, size: int = 0) -> Stages:
        assert isinstance(encoder, ItemTextEncoder)
        return encoder.stages(batch.items, size)

    @override
    def loss_of(
        self,
        z_RD: Tensor,
        batch: ItemPairBatch,
        generator: torch.Generator,
        peers: Peers = ALONE,
    ) -> Loss:
        config = self.config
        queries = queries_of(
            batch, peers, same_share=config.same_share, local_users=config.local_users
        )
        # In 16 bits, cosines of 0.99 and 0.995 would be one.
        with torch.autocast(z_RD.device.type, enabled=False):
            y_GPE = torch.stack([self._row(z_RD.float(), dim) for dim in self.prefixes], 1)
            y_CPE = peers.gather(y_GPE)
            sides = zip(y_GPE.unbind(1), y_CPE.unbind(1), strict=True)
            found = [self._compare(queries, *both, config.loss) for both in sides]
            share_Q = queries.weight_Q / queries.num_users_of_all.clamp(min=1)
            total = torch.stack([(share_Q * one.loss_Q).sum() for one in found]).sum()
            # Every process has to come through the gathered rows, also one without a pair.
            total = peers.world * total + 0 * y_CPE.sum()
        values = {f"{NAME}_{d}": f.loss_Q for d, f in zip(config.matryoshka, found, strict=False)}
        return _loss(total, {**_values(NAME, found[-1]), **values}, queries)

    def on_pool(self, encoder: UserEncoder, pool: ItemPairBatch, size: int = 16_384) -> Loss:
        """Return InfoNCE on a fixed pool of users, whatever the batches and options of training.

        A-C23: InfoNCE is at most the log of the number of candidates, so losses on batches of
        different sizes do not compare. ``pool_gain`` is that log less the loss.

        Args:
            encoder: in eval mode, without gradients.
            pool: such as :meth:`~habitus.data.item_pairs.ItemPairBatches.pool` returns.
            size: tokens that are encoded at a time.
        """
        queries = queries_of(pool, ALONE)
        z_GE = run(self.stages(encoder, pool, size))
        with torch.autocast(z_GE.device.type, enabled=False):
            y_GE = self.project(z_GE.float(), self.prefixes[-1])
            found = self._compare(queries, y_GE, y_GE, "softmax")
        total = (queries.weight_Q * found.loss_Q).sum() / queries.num_users.clamp(min=1)
        return _loss(total, _values("pool", found), queries)

    def project(self, z_GE: Tensor, dim: int) -> Tensor:
        """Return ``f`` of the first ``dim`` numbers of each slot, as unit vectors (eq. 3)."""
        y_GE = z_GE[:, :dim]
        if self.inner is not None and self.outer is not None:
            y_GE = self.outer(gelu(linear(y_GE, self.inner.weight[:, :dim])))
        return normalize(y_GE, dim=1, eps=1e-6)

    def _row(self, z_GE: Tensor, dim: int) -> Tensor:
        """Return :meth:`project`, as wide as the widest: zeros change no cosine."""
        y_GE = self.project(z_GE, dim)
        return pad(y_GE, (0, self.prefixes[-1] - y_GE.shape[1]))

    @override
    def forward_flops(self, encoder: UserEncoder, batch: ItemPairBatch) -> tuple[float, float]:
        true, executed = encoder.forward_flops(batch.items)
        width, num_slots = self.prefixes[-1], batch.items.num_slots
        projected = 0
        if self.inner is not None:
            projected = sum(2 * num_slots * (dim + width) * width for dim in self.prefixes)
        slot_service = torch.stack([batch.pair_B2.flatten(), batch.pair_service_B2.flatten()])
        slots_K = torch.bincount(torch.unique(slot_service, dim=1)[1])
        queries_K = torch.bincount(batch.pair_service_B2.flatten())
        cells = int((slots_K * queries_K).sum()) * (2 if self.config.paper_local else 1)
        more = projected + len(self.prefixes) * 2 * cells * width
        return true + more, executed + more

    def _compare(
        self, queries: Queries, y_GE: Tensor, y_CE: Tensor, kind: Literal["softmax", "sigmoid"]
    ) -> Compared:
        loss_Q = y_GE.new_zeros(len(queries.weight_Q))
        right_Q, gain_Q = loss_Q.detach().clone(), loss_Q.detach().clone()
        for group in queries.groups:
            logit_NC = self.scale * _cosines(group, y_GE, y_CE)
            seen_NC = logit_NC.masked_fill(group.hidden_NC, -torch.inf)
            nce_N = cross_entropy(seen_NC, group.own_N, reduction="none")
            loss_N = nce_N if kind == "softmax" else self._sigmoid(group, logit_NC)
            loss_Q = loss_Q.index_copy(0, group.place_N, loss_N)
            right_Q[group.place_N] = (seen_NC.argmax(1) == group.own_N).float()
            number_N = (~group.hidden_NC).sum(1)
            gain_Q[group.place_N] = number_N.log() - nce_N.detach()
        return Compared(loss_Q, right_Q, gain_Q)

    def _sigmoid(self, group: Group, logit_NC: Tensor) -> Tensor:
        """Return the loss of judging each candidate by itself: the counterpart, or another user."""
        assert self.bias is not None
        logit_NC = logit_NC + self.bias
        others_N = softplus(logit_NC).masked_fill(group.hidden_NC, 0).sum(1)
        # softplus(-x) = softplus(x) - x, for the counterpart.
        return others_N - logit_NC.gather(1, group.own_N[:, None]).squeeze(1)


def _cosines(group: Group, y_GE: Tensor, y_CE: Tensor) -> Tensor:
    query_NE, candidate_CE = y_GE[group.query_N], y_CE[group.candidate_C]
    cosine_NC = query_NE @ candidate_CE.T
    if group.near_NC is None:
        return cosine_NC
    return torch.where(group.near_NC, cosine_NC, query_NE @ candidate_CE.detach().T)


def _values(name: str, found: Compared) -> dict[str, Tensor]:
    return {name: found.loss_Q, f"{name}_r1": found.right_Q, f"{name}_gain": found.gain_Q}


def _loss(total: Tensor, values: dict[str, Tensor], queries: Queries) -> Loss:
    """Return the total, and means over this process's users."""
    share_Q = queries.weight_Q / queries.num_users.clamp(min=1)
    parts = {name: (share_Q * value_Q.detach()).sum() for name, value_Q in values.items()}
    return Loss(total, parts, dict.fromkeys(parts, queries.num_users))


class _AtMost(torch.autograd.Function):
    """A number cut off above, whose gradient still can lead it down again."""

    @staticmethod
    def forward(ctx: Any, theta: Tensor, highest: float) -> Tensor:  # noqa: ANN401
        ctx.is_above = theta >= highest
        return theta.clamp(max=highest)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        # A step goes against the gradient: a negative one would lead further up.
        return grads[0].masked_fill(ctx.is_above & (grads[0] < 0), 0), None


def _at_most(theta: Tensor, highest: float) -> Tensor:
    """Return ``theta``, or ``highest`` if it is above: as if it was clamped after each step."""
    cut: Tensor = _AtMost.apply(theta, highest)  # type: ignore[no-untyped-call]
    return cut
