"""The run of the channel encoder: masked channel prediction with one expert (B-27).

Presets: ``paper`` has the sizes of A-S1 and S9's two feed-forward layers, and the literal maximum
as pooling; ``ci`` fits a laptop's two cores and begins warm; ``quick`` only shows that everything
runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal, get_args

import torch
from typing_extensions import override

from habitus.data.channel_sequence import ChannelSequenceConfig
from habitus.data.traces import Traces
from habitus.data.vocabulary import ChannelVocabularyConfig
from habitus.encoders.channel_transformer import ChannelTransformer, ChannelTransformerConfig
from habitus.errors import GuardError, UsageError
from habitus.objectives import Objective
from habitus.objectives.masked_channel import MaskedChannelConfig
from habitus.registry import did_you_mean
from habitus.representations.model import Model
from habitus.runs.base import Run, TrainingSource, Validate
from habitus.runs.channel_wiring import (
    begin_channel,
    build_channel,
    channel_source,
    channel_validation,
)
from habitus.training.config import TrainingConfig
from habitus.training.shards import spread

Preset = Literal["paper", "ci", "quick"]
PRESETS: tuple[Preset, ...] = get_args(Preset)


@dataclass(frozen=True, kw_only=True)
class ChannelRun(Run):
    """All that decides a pre-trained channel encoder, beside the traces."""

    label: ClassVar[str] = "channel encoder"

    name: str = "channel"
    vocabulary: ChannelVocabularyConfig = field(default_factory=ChannelVocabularyConfig)
    sequence: ChannelSequenceConfig = field(default_factory=ChannelSequenceConfig)
    encoder: ChannelTransformerConfig = field(default_factory=ChannelTransformerConfig)
    warm_start: bool = False
    """Begin with channel embeddings from latent semantic analysis of the training snapshot."""
    sharded: bool = False
    """Spread the rows of the channels' table, and the state of its optimiser, over the processes of
    ``torchrun --nproc-per-node N -m -- habitus.cli pretrain`` (A-S9); the model that is written is
    whole. Trains that table by row-wise Adagrad, in one process too."""
    objective: MaskedChannelConfig = field(default_factory=MaskedChannelConfig)

    def __post_init__(self) -> None:
        if self.encoder.max_events != self.sequence.max_events:
            raise UsageError(
                f"encoder.max_events is {self.encoder.max_events} and sequence.max_events is "
                f"{self.sequence.max_events}: set both to the same number"
            )

    @property
    @override
    def begins_warm(self) -> bool:
        return self.warm_start

    @override
    def build(self, traces: Traces, work: Path | None = None) -> tuple[Model, Objective]:
        return build_channel(traces, self)

    @override
    def begin(self, traces: Traces, work: Path | None = None) -> tuple[Model, Objective]:
        model, objective = begin_channel(traces, self)
        if self.sharded:
            assert isinstance(model.encoder, ChannelTransformer)
            spread(model.encoder.project, "table")
        return model, objective

    @override
    def prepare(
        self,
        traces: Traces,
        model: Model,
        objective: Objective,
        device: torch.device,
        work: Path | None = None,
    ) -> tuple[TrainingSource, Validate | None]:
        source = channel_source(traces, self, model, "train")
        if not source.num_users:
            raise GuardError(
                f"no train user has {self.sequence.min_events} events before "
                f"{self.as_of or 'the end of the data'}: choose a later cutoff or fewer min_events"
            )
        return source, channel_validation(traces, self, model, objective, device)


def channel(preset: str = "ci") -> ChannelRun:
    """Return the run of one preset.

    Raises:
        UsageError: no such preset.
    """
    if preset == "paper":
        return ChannelRun(
            preset=preset,
            sequence=ChannelSequenceConfig(token_budget=65_536),
            encoder=ChannelTransformerConfig(num_ffn=2),
            training=TrainingConfig(max_steps=20_000, evaluate_every=500),
        )
    if preset == "ci":
        return ChannelRun(
            preset=preset,
            vocabulary=ChannelVocabularyConfig(max_values=8_192),
            encoder=ChannelTransformerConfig(
                width=64,
                num_blocks=2,
                num_heads=4,
                hidden=256,
                channel_dim=24,
                dropout=0.0,
                pooling="max_sum",
                pool_channels=True,
            ),
            warm_start=True,
            training=TrainingConfig(
                max_steps=1_200, learning_rate=2e-3, warmup_share=0.05, evaluate_every=150
            ),
        )
    if preset == "quick":
        run = channel("ci")
        training = replace(run.training, max_steps=60, evaluate_every=20, log_every=5)
        return replace(
            run,
            preset=preset,
            sequence=replace(run.sequence, max_events=64),
            encoder=replace(run.encoder, max_events=64),
            training=training,
        )
    raise UsageError(f"no preset is called {preset!r}; {did_you_mean(preset, PRESETS)}")
