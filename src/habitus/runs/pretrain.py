"""Pre-train: traces and a run into a trained model.

Vocabulary and weights come from the train users before the run's cutoff; valid users before the
cutoff decide which step is kept. Test users are never touched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from habitus.data.channel_batches import ChannelEncoding, PretrainingBatches
from habitus.data.channel_sequence import ChannelReader, ChannelSequenceBatch
from habitus.data.loader import Loader
from habitus.data.snapshot import Snapshot, format_time
from habitus.data.split import Part
from habitus.data.traces import Traces
from habitus.data.vocabulary import ChannelVocabulary
from habitus.encoders.channel_transformer import ChannelTransformer
from habitus.errors import GuardError
from habitus.objectives import Loss
from habitus.objectives.masked_channel import MaskedChannelPrediction, combine
from habitus.random import derive_seed, numpy_generator, torch_generator
from habitus.representations.model import Model
from habitus.runs.channel import ChannelRun
from habitus.runs.warm_start import warm_start
from habitus.training.device import usable_device
from habitus.training.result import TrainingResult
from habitus.training.trainer import OnStep, Trainer


@dataclass(frozen=True)
class Pretrained:
    """What pre-training made."""

    model: Model
    training: TrainingResult
    num_train: int
    """Users that were trained on."""


def pretrain(
    traces: Traces,
    run: ChannelRun,
    folder: str | Path,
    *,
    device: str = "cpu",
    on_step: OnStep | None = None,
) -> Pretrained:
    """Pre-train; go on where ``folder`` holds an interrupted training of the same run.

    Raises:
        DataError: the traces lack a channel that the run names.
        GuardError: no train user has enough events before the cutoff.
        UsageError: the folder holds a training of another run, or no such device.
    """
    place = usable_device(device)
    model, objective = begin(traces, run)
    train = _batches(traces, run, model, "train")
    if not train.num_users:
        raise GuardError(
            f"no train user has {run.sequence.min_events} events before "
            f"{run.as_of or 'the end of the data'}: choose a later cutoff or fewer min_events"
        )
    model.encoder.to(place)
    objective.to(place)
    trainer = Trainer(
        model.encoder,
        objective,
        Loader(train, seed=run.seed),
        run.training,
        folder,
        validate=_validation(traces, run, model, objective, device),
        on_step=on_step,
        data_digest=traces.digest,
    )
    training = trainer.fit()
    model.about["training"] = {
        "steps": training.steps,
        "best_step": training.best_step,
        "best_valid": training.best_valid,
        "flops_true": training.flops_true,
        "seconds": training.seconds,
    }
    return Pretrained(model, training, train.num_users)


def begin(traces: Traces, run: ChannelRun) -> tuple[Model, MaskedChannelPrediction]:
    """Return the model and the objective at step 0: warm where the run says so."""
    model, objective = build(traces, run)
    if run.warm_start:
        assert isinstance(model.encoder, ChannelTransformer)
        assert isinstance(model.encoding, ChannelEncoding)
        snapshot = Snapshot(traces, run.as_of, run.split.rows(traces, "train"))
        vocabulary = model.encoding.vocabulary
        warm_start(model.encoder, objective, vocabulary, snapshot, run.seed)
    return model, objective


def build(traces: Traces, run: ChannelRun) -> tuple[Model, MaskedChannelPrediction]:
    """Return the untrained model, its vocabulary fitted, and its objective.

    The first weights depend on the run's seed alone; global generators are left as they were.
    """
    snapshot = Snapshot(traces, run.as_of, run.split.rows(traces, "train"))
    vocabulary = ChannelVocabulary.fit(snapshot, run.vocabulary)
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
    about = _about(traces, run)
    return Model(encoder, ChannelEncoding(vocabulary, run.sequence), about=about), objective


def mean_loss(losses: Sequence[Loss]) -> Loss:
    """Return the loss over several batches: each part a mean over all its targets."""
    parts = {}
    for name in losses[0].parts:
        count = torch.stack([loss.counts[name] for loss in losses])
        mean = torch.stack([loss.parts[name] for loss in losses])
        parts[name] = ((mean * count).sum() / count.sum().clamp(min=1), count.sum())
    return combine(parts)


def _batches(traces: Traces, run: ChannelRun, model: Model, part: Part) -> PretrainingBatches:
    assert isinstance(model.encoding, ChannelEncoding)
    snapshot = Snapshot(traces, run.as_of, run.split.rows(traces, part))
    reader = ChannelReader(traces, model.encoding.vocabulary)
    return PretrainingBatches(snapshot, reader, run.sequence)


def _validation(
    traces: Traces,
    run: ChannelRun,
    model: Model,
    objective: MaskedChannelPrediction,
    device: str,
) -> Callable[[], Loss] | None:
    """Return the loss on one fixed epoch of the valid users; None where there are none."""
    # Once through the valid users: their batches need not be full to be right.
    once = replace(run, sequence=replace(run.sequence, pool_users=1))
    source = _batches(traces, once, model, "valid")
    if not source.num_users:
        return None
    plan = source.plan(numpy_generator(run.seed, "valid"))
    batches: list[ChannelSequenceBatch] = [source.reader.read(request) for request in plan]

    def validate() -> Loss:
        generator = torch_generator(run.seed, "valid-masks")
        return mean_loss([objective(model.encoder, b.to(device), generator) for b in batches])

    return validate


def _about(traces: Traces, run: ChannelRun) -> dict[str, Any]:
    first, last = traces.time_range
    data = {
        "digest": traces.digest,
        "num_users": traces.num_users,
        "num_events": traces.num_events,
        "source": traces.manifest.source,
    }
    if traces.manifest.time_unit == "second":
        data |= {"first": format_time(first), "last": format_time(last)}
    return {"run": run.to_dict(), "data": data}
