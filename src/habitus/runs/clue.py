"""The run of CLUE: item texts on several services, pre-trained by telling people across services.

Presets: ``paper`` has the sizes, the loss and the budget of CLUE (C13–C18); ``best`` has the
improvements marked established (improvements.md I2) and a warm start, not yet shown to be better
than ``paper`` at its size; ``ci`` is for the minutes of two cores and has no blocks: its vectors
are weighted means. It was chosen on held-out users of art-office and food-kitchen that are no test
users. ``quick`` only shows that everything runs. ``best-xs`` … ``best-2xl`` are ``best`` in the
sizes of I2-sizes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import torch
from typing_extensions import override

from habitus.data.byte_bpe import ByteBPEConfig
from habitus.data.item_pairs import ItemPairConfig
from habitus.data.item_sequence import ItemSequenceConfig
from habitus.data.snapshot import Snapshot
from habitus.data.split import Part
from habitus.data.token_vectors import TokenVectorsConfig
from habitus.data.traces import Traces
from habitus.encoders.item_text_config import SIZES, ItemTextEncoderConfig
from habitus.errors import UsageError
from habitus.objectives import Objective
from habitus.objectives.cross_service import CrossServiceConfig
from habitus.representations.model import Model
from habitus.runs.base import Run, TrainingSource, Validate, of_preset
from habitus.runs.clue_wiring import begin_clue, build_clue, prepare_clue, users_of_part
from habitus.training.config import TrainingConfig


@dataclass(frozen=True, kw_only=True)
class ClueRun(Run):
    """All that decides a pre-trained item text encoder, beside the traces."""

    label: ClassVar[str] = "item text encoder"

    name: str = "clue"
    split_attribute: str | None = None
    """Attribute of the profiles that says whether a user is in ``train``, ``valid`` or ``test``;
    users with any other value are trained on. None for ``split``, by a hash of the user's id."""
    bpe: ByteBPEConfig = field(default_factory=ByteBPEConfig)
    sequence: ItemSequenceConfig = field(
        default_factory=lambda: ItemSequenceConfig(token_budget=2**20)
    )
    encoder: ItemTextEncoderConfig = field(default_factory=ItemTextEncoderConfig)
    """Its ``vocab_size`` and ``num_services`` come from the training snapshot."""
    slot_dim: int | None = None
    """Width of one service's slot, each by a linear layer of its own; it fills in
    ``encoder.out_dim``. None for ``encoder.out_dim`` as it is (A-C7)."""
    token_vectors: TokenVectorsConfig = field(default_factory=TokenVectorsConfig)
    pairs: ItemPairConfig = field(default_factory=ItemPairConfig)
    halves_if_needed: bool = True
    """With ``pairs.halves``: whether people on one service are left out where ``batch_users``
    others are on several. What tells halves apart is another question, and where the sets were
    mixed it cost more than it gave."""
    objective: CrossServiceConfig = field(default_factory=CrossServiceConfig)
    pool_users: int = 2_048
    """Valid users whose loss decides which step is kept: a fixed pool, whatever the batches
    (A-C23)."""

    def __post_init__(self) -> None:
        for name in ("max_items", "max_tokens"):
            ours, theirs = getattr(self.encoder, name), getattr(self.sequence, name)
            if ours != theirs:
                raise UsageError(
                    f"encoder.{name} is {ours} and sequence.{name} is {theirs}: set both to the "
                    f"same number"
                )
        if self.slot_dim is not None and self.slot_dim < 1:
            raise UsageError(f"slot_dim must be at least 1, got {self.slot_dim}")
        if self.slot_dim is not None and self.encoder.out_dim is not None:
            raise UsageError("slot_dim and encoder.out_dim say the same: set one of them")
        if self.pool_users < 2:
            raise UsageError(f"pool_users must be at least 2, got {self.pool_users}")

    @property
    @override
    def begins_warm(self) -> bool:
        return self.token_vectors.kind != "random"

    @override
    def snapshot(self, traces: Traces, part: Part) -> Snapshot:
        return Snapshot(traces, self.as_of, users_of_part(traces, self, part))

    @override
    def build(self, traces: Traces, work: Path | None = None) -> tuple[Model, Objective]:
        return build_clue(traces, self, work)

    @override
    def begin(self, traces: Traces, work: Path | None = None) -> tuple[Model, Objective]:
        return begin_clue(traces, self, work)

    @override
    def prepare(
        self,
        traces: Traces,
        model: Model,
        objective: Objective,
        device: torch.device,
        work: Path | None = None,
    ) -> tuple[TrainingSource, Validate | None]:
        return prepare_clue(traces, self, model, objective, device)


def clue(preset: str = "ci") -> ClueRun:
    """Return the run of one preset.

    Raises:
        UsageError: no such preset.
    """
    return of_preset(PRESETS, preset)


def _paper() -> ClueRun:
    # 8 epochs of 11,294,122 users in batches of 256 (C5, C17, C18).
    steps = 8 * -(-11_294_122 // 256)
    return ClueRun(
        preset="paper",
        bpe=ByteBPEConfig(vocab_size=50_257),
        sequence=ItemSequenceConfig(token_budget=2**20, other_slot=False),
        encoder=ItemTextEncoderConfig.of_size("paper"),
        token_vectors=TokenVectorsConfig(kind="random"),
        pairs=ItemPairConfig(min_per_month=0.5, service_dropout=0.0),
        objective=CrossServiceConfig(paper_local=True, paper_local_users=4),
        training=TrainingConfig(
            max_steps=steps,
            learning_rate=5e-4,
            weight_decay=0.1,
            decay_all=True,
            betas=(0.9, 0.98),
            eps=1e-6,
            warmup_share=0.01,
            min_lr_share=0.1,
            clip_norm=0.01,
            evaluate_every=5_000,
        ),
    )


def _best(size: str = "paper") -> ClueRun:
    paper = _paper()
    return ClueRun(
        preset="best",
        bpe=ByteBPEConfig(vocab_size=16_384),
        encoder=ItemTextEncoderConfig.of_size(size, weighted=True, normed=False),
        slot_dim=SIZES[size].width,
        pairs=ItemPairConfig(batch_users=4_096, halves=True, item_dropout=0.5),
        objective=CrossServiceConfig(projection="none"),
        training=replace(
            paper.training,
            decay_all=False,
            max_steps=20_000,
            clip_norm=1.0,
            eps=1e-8,
            grad_cache_chunk=2**19,
            evaluate_every=500,
            patience=10,
        ),
    )


def _ci() -> ClueRun:
    best = _best()
    return replace(
        best,
        # Without blocks a step takes half a second; with one block over items it takes three
        # times as long, and eight thousand people teach it nothing more.
        encoder=ItemTextEncoderConfig(
            width=256,
            item_layers=0,
            service_layers=0,
            positions="none",
            dropout=0.0,
            weighted=True,
            normed=False,
        ),
        slot_dim=256,
        pairs=replace(best.pairs, batch_users=1_024, item_dropout=0.0),
        # A softer comparison learns longer before it knows its few people by heart.
        objective=replace(best.objective, scale=5.0),
        training=replace(
            best.training,
            max_steps=60,
            learning_rate=1e-3,
            embedding_learning_rate=0.03,
            warmup_share=0.05,
            grad_cache_chunk=None,
            evaluate_every=4,
            patience=4,
            log_every=4,
        ),
    )


def _quick() -> ClueRun:
    ci = _ci()
    return replace(
        ci,
        bpe=ByteBPEConfig(vocab_size=1_024),
        encoder=replace(ci.encoder, width=32),
        slot_dim=32,
        pairs=replace(ci.pairs, batch_users=128),
        pool_users=256,
        training=replace(ci.training, max_steps=8, evaluate_every=4, log_every=2),
    )


PRESETS: dict[str, Callable[[], ClueRun]] = {
    "paper": _paper,
    "best": _best,
    "ci": _ci,
    "quick": _quick,
    **{f"best-{size}": partial(_best, size) for size in SIZES if size != "paper"},
}
