"""Comparisons that train an encoder and a head end to end on each class task (P20's schedule)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from habitus.comparisons.text_comparison import KnownWordsComparison, KnownWordsConfig
from habitus.data.snapshot import Snapshot
from habitus.encoders import UserEncoder
from habitus.probes.fine_tune import Batches, Examples, FineTuneConfig, FineTuned, fine_tune
from habitus.random import derive_seed
from habitus.tasks.classes import ClassAsked
from habitus.training.state import seed_dropout


def tune_on_task(
    encoder: UserEncoder,
    batches_of: Callable[[Snapshot], Batches],
    asked: ClassAsked,
    config: FineTuneConfig,
    seed: int,
) -> tuple[npt.NDArray[np.float64], FineTuned]:
    """Fine-tune a copy of an encoder on a task; return test probabilities ``(B, C)`` and the rest.

    Args:
        encoder: left as it is.
        batches_of: the door from users of a snapshot to batches of the encoder.
        asked: the task.
        config: what is tried.
        seed: of the head, the order and dropout.
    """
    train = Examples(batches_of(asked.train), asked.train_y_B)
    valid = Examples(batches_of(asked.valid), asked.valid_y_B)
    tuned = fine_tune(encoder, train, valid, len(asked.classes), config, seed)
    return tuned.probabilities(batches_of(asked.test), asked.test.num_users), tuned


@dataclass(frozen=True, kw_only=True)
class EndToEndConfig(KnownWordsConfig):
    """Also how it is trained."""

    training: FineTuneConfig = field(default_factory=FineTuneConfig)


class EndToEndComparison(KnownWordsComparison):
    """An encoder with fresh weights, trained on each task; words are fitted on training posts."""

    config: EndToEndConfig

    @abstractmethod
    def encoder(self) -> UserEncoder:
        """Return the encoder with first weights, drawn from torch's generator."""

    @abstractmethod
    def batches_of(self, snapshot: Snapshot) -> Batches:
        """Return the door to batches of the snapshot's users."""

    def classify(self, asked: ClassAsked, seed: int = 0) -> npt.NDArray[np.float64]:
        """Return the probability of each class for each test user, ``(B, C)``."""
        with torch.random.fork_rng(devices=[]):
            seed_dropout(derive_seed(seed, self.name, "weights"), torch.device("cpu"))
            encoder = self.encoder()
        probability_BC, tuned = tune_on_task(
            encoder, self.batches_of, asked, self.config.training, seed
        )
        self.trials = tuned.trials
        return probability_BC
