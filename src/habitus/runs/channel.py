"""The run of the channel encoder: masked channel prediction with one expert (B-27).

Presets: ``paper`` has the sizes of A-S1 and S9's two feed-forward layers, and the literal maximum
as pooling; ``ci`` fits a laptop's two cores and begins warm; ``quick`` only shows that everything
runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from habitus.config import Config
from habitus.data.channel_sequence import ChannelSequenceConfig
from habitus.data.split import UserSplit
from habitus.data.vocabulary import ChannelVocabularyConfig
from habitus.encoders.channel_transformer import ChannelTransformerConfig
from habitus.errors import UsageError
from habitus.objectives.masked_channel import MaskedChannelConfig
from habitus.registry import did_you_mean
from habitus.training.config import TrainingConfig

Preset = Literal["paper", "ci", "quick"]
PRESETS: tuple[Preset, ...] = get_args(Preset)


@dataclass(frozen=True, kw_only=True)
class ChannelRun(Config):
    """All that decides a pre-trained channel encoder, beside the traces."""

    name: str = "channel"
    preset: str
    as_of: str | int | None = None
    """Cutoff of pre-training: a date, or with ordinal time the number of last events to leave out;
    None for all events."""
    split: UserSplit = field(default_factory=UserSplit)
    """The encoder is trained on train users, and stopped by valid users."""
    vocabulary: ChannelVocabularyConfig = field(default_factory=ChannelVocabularyConfig)
    sequence: ChannelSequenceConfig = field(default_factory=ChannelSequenceConfig)
    encoder: ChannelTransformerConfig = field(default_factory=ChannelTransformerConfig)
    warm_start: bool = False
    """Begin with channel embeddings from latent semantic analysis of the training snapshot."""
    objective: MaskedChannelConfig = field(default_factory=MaskedChannelConfig)
    training: TrainingConfig
    seed: int = 0
    """Of the first weights, masks, shuffles and dropout."""

    def __post_init__(self) -> None:
        if self.encoder.max_events != self.sequence.max_events:
            raise UsageError(
                f"encoder.max_events is {self.encoder.max_events} and sequence.max_events is "
                f"{self.sequence.max_events}: set both to the same number"
            )

    def with_seed(self, seed: int) -> ChannelRun:
        """Return the same run with another seed everywhere."""
        return replace(self, seed=seed, training=replace(self.training, seed=seed))


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
