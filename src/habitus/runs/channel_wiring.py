"""What a channel run makes of traces: vocabulary, encoder, objective, batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from habitus.data.channel_batches import ChannelEncoding, PretrainingBatches
from habitus.data.channel_sequence import ChannelReader, ChannelSequenceBatch
from habitus.data.split import Part
from habitus.data.traces import Traces
from habitus.data.vocabulary import ChannelVocabulary
from habitus.encoders.channel_transformer import ChannelTransformer
from habitus.objectives import Loss, Objective
from habitus.objectives.masked_channel import MaskedChannelPrediction, combine
from habitus.random import derive_seed, numpy_generator, torch_generator
from habitus.representations.model import Model
from habitus.runs.about import about_run
from habitus.runs.warm_start import warm_start

if TYPE_CHECKING:
    from habitus.runs.base import Validate
    from habitus.runs.channel import ChannelRun


def build_channel(traces: Traces, run: ChannelRun) -> tuple[Model, MaskedChannelPrediction]:
    """Return the untrained model, its vocabulary fitted on train users, and its objective."""
    vocabulary = ChannelVocabulary.fit(run.snapshot(traces, "train"), run.vocabulary)
    tokens, dense = vocabulary.token_channels, vocabulary.dense_channels
    num_tokens = tuple(channel.num_tokens for channel in tokens)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(run.seed, "weights"))
        encoder = ChannelTransformer(
            replace(run.encoder, num_tokens=num_tokens, num_dense=len(dense))
        )
        objective = MaskedChannelPrediction(
            replace(
                run.objective,
                token_names=tuple(channel.name for channel in tokens),
                dense_names=tuple(channel.name for channel in dense),
                num_bins=tuple(channel.num_bins for channel in dense),
            ),
            encoder,
        )
    encoding = ChannelEncoding(vocabulary, run.sequence)
    return Model(encoder, encoding, about=about_run(traces, run, objective.name)), objective


def begin_channel(traces: Traces, run: ChannelRun) -> tuple[Model, MaskedChannelPrediction]:
    """Return the model and the objective at step 0: warm where the run says so."""
    model, objective = build_channel(traces, run)
    if run.warm_start:
        assert isinstance(model.encoder, ChannelTransformer)
        assert isinstance(model.encoding, ChannelEncoding)
        vocabulary = model.encoding.vocabulary
        warm_start(model.encoder, objective, vocabulary, run.snapshot(traces, "train"), run.seed)
    return model, objective


def channel_source(traces: Traces, run: ChannelRun, model: Model, part: Part) -> PretrainingBatches:
    """Return the batches of the users of one part."""
    assert isinstance(model.encoding, ChannelEncoding)
    reader = ChannelReader(traces, model.encoding.vocabulary)
    return PretrainingBatches(run.snapshot(traces, part), reader, run.sequence)


def channel_validation(
    traces: Traces, run: ChannelRun, model: Model, objective: Objective, device: torch.device
) -> Validate | None:
    """Return the loss on one fixed epoch of the valid users; None where there are none."""
    # Once through the valid users: their batches need not be full to be right.
    once = replace(run, sequence=replace(run.sequence, pool_users=1))
    source = channel_source(traces, once, model, "valid")
    if not source.num_users:
        return None
    plan = source.plan(numpy_generator(run.seed, "valid"))
    batches: list[ChannelSequenceBatch] = [source.reader.read(request) for request in plan]

    def validate() -> Loss:
        generator = torch_generator(run.seed, "valid-masks")
        return mean_loss([objective(model.encoder, b.to(device), generator) for b in batches])

    return validate


def mean_loss(losses: Sequence[Loss]) -> Loss:
    """Return the loss over several batches: each part a mean over all its targets."""
    parts = {}
    for name in losses[0].parts:
        count = torch.stack([loss.counts[name] for loss in losses])
        mean = torch.stack([loss.parts[name] for loss in losses])
        parts[name] = ((mean * count).sum() / count.sum().clamp(min=1), count.sum())
    return combine(parts)
