"""The run of PASUM: text graphs, a graph encoder, pre-trained on who is linked to whom.

Presets: ``paper`` has the sizes, the loss and the budget of PASUM (table 11); ``best`` has the
improvements marked established (improvements.md I1) that won on validation users, words that begin
where users differ (latent semantic analysis), and graphs of a user's most frequent words; ``ci`` is
``best`` and ``paper_ci`` is ``paper`` in the minutes of two cores; ``quick`` and ``quick_paper``
only show that everything runs. ``habitus analyze ablation`` compares ``ci`` with ``paper_ci``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal

import torch
from typing_extensions import override

from habitus.config import Config
from habitus.data.communities import CommunitiesConfig
from habitus.data.posts import PostsConfig
from habitus.data.relations_config import Relation, RelationsConfig
from habitus.data.segmentation import SegmentationConfig
from habitus.data.snapshot import Snapshot
from habitus.data.text_graph import TextGraphConfig
from habitus.data.traces import Traces
from habitus.data.word_vocabulary import WordVocabularyConfig
from habitus.encoders.text_graph import TextGraphEncoderConfig
from habitus.errors import UsageError
from habitus.objectives import Objective
from habitus.objectives.contrast import ContrastConfig
from habitus.objectives.triplet import TripletConfig
from habitus.representations.model import Model
from habitus.runs.base import Run, TrainingSource, Validate, of_preset
from habitus.runs.pasum_wiring import begin_pasum, build_pasum, prepare_pasum
from habitus.training.config import TrainingConfig

Protocol = Literal["strict-inductive", "transductive-text"]


@dataclass(frozen=True, kw_only=True)
class WordVectorsConfig(Config):
    """Where word vectors begin; they are trained on in any case (A-P10)."""

    kind: Literal["random", "ppmi_svd", "lsa", "file"] = "ppmi_svd"
    """Random numbers; from the training posts by PPMI and SVD (words are alike that stand near the
    same words) or by latent semantic analysis (that the same users say); or a file of word2vec or
    fastText."""
    file: Path | None = None
    """For kind ``file``; its vectors must be as wide as ``encoder.word_dim``."""
    window: int = 5
    """Words on either side that a word occurs with, for kind ``ppmi_svd``."""
    max_users: int = 20_000
    """Users, drawn by the seed, that kind ``lsa`` reads: its memory does not grow beyond them."""

    def __post_init__(self) -> None:
        if (self.kind == "file") != (self.file is not None):
            raise UsageError(
                f"word_vectors.kind is {self.kind!r} and word_vectors.file is {self.file}: give a "
                f"file with kind 'file', and only then"
            )


@dataclass(frozen=True, kw_only=True)
class PasumRun(Run):
    """All that decides a pre-trained text graph encoder, beside the traces."""

    label: ClassVar[str] = "text graph encoder"
    stages: ClassVar[tuple[str, str]] = ("segment posts and fit words", "build text graphs")

    name: str = "pasum"
    protocol: Protocol = "strict-inductive"
    """strict-inductive: posts, follows and tags of train users only. transductive-text: those of
    all users, never a label (the paper's, A-P20)."""
    posts: PostsConfig = field(default_factory=PostsConfig)
    segmentation: SegmentationConfig = field(default_factory=SegmentationConfig)
    vocabulary: WordVocabularyConfig = field(default_factory=WordVocabularyConfig)
    graph: TextGraphConfig = field(default_factory=TextGraphConfig)
    word_vectors: WordVectorsConfig = field(default_factory=WordVectorsConfig)
    encoder: TextGraphEncoderConfig = field(default_factory=TextGraphEncoderConfig)
    communities: CommunitiesConfig = field(default_factory=CommunitiesConfig)
    relations: RelationsConfig = field(default_factory=RelationsConfig)
    triplet: TripletConfig | None = None
    """The paper's objective; give this or ``contrast``."""
    contrast: ContrastConfig | None = None

    def __post_init__(self) -> None:
        if (self.triplet is None) == (self.contrast is None):
            raise UsageError("a pasum run needs one objective: set triplet or contrast, not both")

    @property
    def reads(self) -> frozenset[Relation]:
        """The relations that the objective compares."""
        objective = self.triplet or self.contrast
        assert objective is not None
        return objective.reads

    @property
    @override
    def begins_warm(self) -> bool:
        return self.word_vectors.kind != "random"

    def pretraining_snapshot(self, traces: Traces) -> Snapshot:
        """Return the users that pre-training reads, before the cutoff (A-P20)."""
        if self.protocol == "transductive-text":
            return Snapshot(traces, self.as_of)
        return self.snapshot(traces, "train")

    @override
    def build(self, traces: Traces, work: Path | None = None) -> tuple[Model, Objective]:
        return build_pasum(traces, self, work)

    @override
    def begin(self, traces: Traces, work: Path | None = None) -> tuple[Model, Objective]:
        return begin_pasum(traces, self, work)

    @override
    def prepare(
        self,
        traces: Traces,
        model: Model,
        objective: Objective,
        device: torch.device,
        work: Path | None = None,
    ) -> tuple[TrainingSource, Validate | None]:
        return prepare_pasum(traces, self, model, objective, device, work)


def pasum(preset: str = "ci") -> PasumRun:
    """Return the run of one preset.

    Raises:
        UsageError: no such preset.
    """
    return of_preset(PRESETS, preset)


def _paper() -> PasumRun:
    # 5 epochs of 5,692,953 triples in batches of 1,024 (P12, P18, A-P16).
    steps = 5 * -(-5_692_953 // 1_024)
    return PasumRun(
        preset="paper",
        protocol="transductive-text",
        vocabulary=WordVocabularyConfig(min_count=1_000),
        triplet=TripletConfig(),
        training=TrainingConfig(
            max_steps=steps,
            learning_rate=1e-3,
            sparse_optimizer="sparse_adam",
            sparse_learning_rate=1e-3,
            weight_decay=0.0,
            schedule="onecycle",
            # The share of PyTorch's OneCycleLR.
            warmup_share=0.3,
            clip_norm=None,
            evaluate_every=5_000,
        ),
    )


def _paper_ci() -> PasumRun:
    paper = _paper()
    return replace(
        paper,
        protocol="strict-inductive",
        vocabulary=WordVocabularyConfig(min_count=20),
        graph=replace(paper.graph, max_nodes=300),
        encoder=TextGraphEncoderConfig(word_dim=128, hidden=128),
        relations=RelationsConfig(
            inter_batch=64, intra_batch=8, intra_triples=20_000, valid_share=0.0
        ),
        training=replace(paper.training, max_steps=200, evaluate_every=25),
    )


def _best() -> PasumRun:
    paper = _paper()
    return replace(
        paper,
        protocol="strict-inductive",
        vocabulary=WordVocabularyConfig(min_count=10),
        graph=TextGraphConfig(node_score="count"),
        word_vectors=WordVectorsConfig(kind="lsa"),
        encoder=TextGraphEncoderConfig(
            aggregation="mean",
            norm="layer",
            residual=True,
            zero_init=True,
            readout="tfidf",
            normalize=True,
        ),
        relations=RelationsConfig(
            inter_batch=512, half_batch=512, resample_negatives=True, valid_share=0.0
        ),
        triplet=None,
        contrast=ContrastConfig(inter_weight=1.0, half_weight=1.0),
        training=replace(paper.training, clip_norm=1.0),
    )


def _ci() -> PasumRun:
    best, small = _best(), _paper_ci()
    return replace(
        best,
        graph=replace(best.graph, max_nodes=300),
        encoder=replace(best.encoder, word_dim=128, hidden=128),
        relations=replace(best.relations, inter_batch=64, half_batch=64),
        training=replace(small.training, clip_norm=1.0),
    )


def _quick() -> PasumRun:
    ci = _ci()
    return replace(
        ci,
        graph=replace(ci.graph, max_nodes=64),
        encoder=replace(ci.encoder, word_dim=32, hidden=32),
        relations=replace(ci.relations, inter_batch=16, half_batch=16, domain_batch=16),
        training=replace(ci.training, max_steps=20, evaluate_every=10, log_every=5),
    )


def _quick_paper() -> PasumRun:
    small, quick = _paper_ci(), _quick()
    return replace(
        small,
        graph=replace(small.graph, max_nodes=64),
        encoder=replace(small.encoder, word_dim=32, hidden=32),
        relations=replace(small.relations, inter_batch=16, intra_batch=2, intra_triples=200),
        training=replace(small.training, max_steps=20, evaluate_every=10, log_every=5),
        vocabulary=quick.vocabulary,
    )


PRESETS: dict[str, Callable[[], PasumRun]] = {
    "paper": _paper,
    "paper_ci": _paper_ci,
    "best": _best,
    "ci": _ci,
    "quick": _quick,
    "quick_paper": _quick_paper,
}
