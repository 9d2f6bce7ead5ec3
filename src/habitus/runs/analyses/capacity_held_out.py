"""How well an encoder predicts hidden channels of people it never saw, with what an interval needs.

Users are asked in groups of a few; a resample draws groups. Every encoder gets the same groups with
the same values hidden.

Shapes: N groups, M events with a hidden value, V values of a channel, E width of a channel,
R resamples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from habitus.data.channel_batches import ChannelEncoding, snapshot_request, take
from habitus.data.channel_sequence import ChannelReader, ChannelSequenceBatch
from habitus.data.snapshot import Snapshot
from habitus.data.vocabulary import MASK, NUM_SPECIAL
from habitus.encoders.channel_transformer import ChannelTransformer
from habitus.evaluation.bootstrap import Difference, interval, paired_difference, resample_counts
from habitus.metrics.arrays import Floats
from habitus.nn.routing import BALANCE, Z
from habitus.objectives.masked_channel import MaskedChannelPrediction
from habitus.random import numpy_generator, torch_generator
from habitus.representations.model import Model

GROUP: Final = 10
"""Users of a group."""
HIDDEN_SHARE: Final = 0.25
"""Of the events that tell the channel that is hidden alone."""
LOSS, ALONE_LOSS, ALONE_RIGHT = "loss", "alone.loss", "alone.right"


class HeldOut(NamedTuple):
    """Sums over each group, and of how many values, by name."""

    sums: dict[str, Floats]
    counts: dict[str, Floats]

    def save(self, file: Path) -> None:
        """Write both."""
        values = {f"sum {name}": sum_N for name, sum_N in self.sums.items()}
        values |= {f"count {name}": count_N for name, count_N in self.counts.items()}
        np.savez(file, **values)  # type: ignore[arg-type]

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read what :meth:`save` wrote."""
        with np.load(file, allow_pickle=False) as kept:
            parts = [
                {k.removeprefix(f"{part} "): kept[k] for k in kept.files if k.startswith(part)}
                for part in ("sum", "count")
            ]
        return cls(*parts)


def held_out(
    model: Model,
    objective: MaskedChannelPrediction,
    snapshot: Snapshot,
    channel: str | None = None,
) -> HeldOut:
    """Return the masked prediction of a snapshot's users, in groups.

    Args:
        model: of channel sequences.
        objective: trained beside it.
        snapshot: users that training did not see.
        channel: a token channel that is also hidden alone, all others in sight, where its value
            is told; None for none.
    """
    encoder, encoding = model.encoder, model.encoding
    assert isinstance(encoder, ChannelTransformer)
    assert isinstance(encoding, ChannelEncoding)
    reader = ChannelReader(snapshot.traces, encoding.vocabulary)
    request = snapshot_request(snapshot, encoding.config.max_events)
    places_U = np.flatnonzero(request.length_B > 0)
    groups = np.array_split(places_U, max(1, -(-len(places_U) // GROUP)))
    rows: list[dict[str, tuple[float, float]]] = []
    with torch.inference_mode():
        for n, places_B in enumerate(groups):
            batch = reader.read(take(request, places_B))
            generator = torch_generator(0, "held out", n)
            loss = objective(encoder, batch, generator)
            rows.append(
                {
                    name: (float(mean) * int(loss.counts[name]), float(loss.counts[name]))
                    for name, mean in loss.parts.items()
                    if name not in (BALANCE, Z)
                }
            )
            if channel is not None:
                names = [c.name for c in encoding.vocabulary.token_channels]
                place = names.index(channel)
                rows[-1] |= _alone(encoder, objective, batch, place, generator)
    return HeldOut(*({k: np.array([row[k][i] for row in rows]) for k in rows[0]} for i in (0, 1)))


def _alone(
    encoder: ChannelTransformer,
    objective: MaskedChannelPrediction,
    batch: ChannelSequenceBatch,
    channel: int,
    generator: torch.Generator,
) -> dict[str, tuple[float, float]]:
    """Return loss and hits among the channel's values alone, where one that is told is hidden."""
    told_T = batch.tokens_TC[:, channel] >= NUM_SPECIAL
    hidden_T = told_T & (torch.rand(batch.num_events, generator=generator) < HIDDEN_SHARE)
    tokens_TC = batch.tokens_TC.clone()
    tokens_TC[hidden_T, channel] = MASK
    h_TD = encoder.encode_events(replace(batch, tokens_TC=tokens_TC), encoder.layout(batch)).x_TD
    num_tokens = objective.num_tokens_C[channel]
    shape = (-1, len(objective.num_tokens_C), objective.channel_dim)
    query_ME = objective.token_query(h_TD[hidden_T]).view(shape)[:, channel]
    table_VE: Tensor = encoder.project.channel_table(channel, num_tokens)[NUM_SPECIAL:]
    logits_MV = query_ME @ table_VE.T + objective.token_bias[channel][NUM_SPECIAL:]
    target_M = batch.tokens_TC[hidden_T, channel] - NUM_SPECIAL
    number = float(hidden_T.sum())
    loss = float(cross_entropy(logits_MV, target_M, reduction="sum"))
    right = float((logits_MV.argmax(1) == target_M).sum())
    return {ALONE_LOSS: (loss, number), ALONE_RIGHT: (right, number)}


class HeldOutTable:
    """Encoders on the same resamples of the same groups.

    Args:
        found: encoder → one entry a seed.
        num_resamples: of the groups.
    """

    def __init__(self, found: Mapping[str, Sequence[HeldOut]], num_resamples: int) -> None:
        self.found = found
        first = next(iter(found.values()))[0]
        self.num_groups = len(next(iter(first.sums.values())))
        generator = numpy_generator(0, "bootstrap", "held out")
        strata_N = np.zeros(self.num_groups, np.int64)
        self._counts_NR = resample_counts(strata_N, num_resamples, generator).astype(np.float64)

    def estimate(self, encoder: str, name: str = LOSS) -> dict[str, float]:
        """Return a mean with its interval, for a table."""
        value, dist_R = self._both(encoder, name)
        low, high = interval(dist_R)
        return {"value": value, "low": low, "high": high}

    def difference(self, encoder: str, against: str, name: str = LOSS) -> Difference:
        """Return one encoder less another; of a loss, less is better."""
        ours, ours_R = self._both(encoder, name)
        theirs, theirs_R = self._both(against, name)
        better = name == ALONE_RIGHT
        return paired_difference(ours, theirs, ours_R, theirs_R, higher_is_better=better)

    def _both(self, encoder: str, name: str) -> tuple[float, Floats]:
        ones_N1 = np.ones((self.num_groups, 1))
        seeds = self.found[encoder]
        value = float(np.mean([_means(one, name, ones_N1)[0] for one in seeds]))
        return value, np.mean([_means(one, name, self._counts_NR) for one in seeds], axis=0)


def _means(one: HeldOut, name: str, weights_NR: Floats) -> Floats:
    """Return a mean by weights of the groups, ``(R)``; the loss is the mean over channels."""
    names = [name] if name != LOSS else [k for k in one.sums if k not in (ALONE_LOSS, ALONE_RIGHT)]
    per_channel = [
        (one.sums[k] @ weights_NR) / np.maximum(one.counts[k] @ weights_NR, 1.0)
        for k in names
        if one.counts[k].any()
    ]
    found_R: Floats = np.mean(per_channel, axis=0)
    return found_R
