"""What one method costs on one task: weights, seconds, users a second, bytes; measured here.

Shapes: B users, C classes, D width.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

import numpy as np
import torch

from habitus.comparisons import Classifies, Represents
from habitus.comparisons.bow_vectors import BowVectors
from habitus.comparisons.end_to_end import EndToEndComparison
from habitus.comparisons.text_comparison import TextComparison
from habitus.comparisons.tfidf_linear import TfidfLinear
from habitus.data.snapshot import Snapshot
from habitus.encoders import UserEncoder
from habitus.evaluation.class_asked import AskedClasses
from habitus.evaluation.fine_tuned import FineTunedModel
from habitus.metrics import macro_f1
from habitus.probes.fine_tune import ClassNetwork, FineTuneConfig
from habitus.probes.multinomial import Classified, Multinomial
from habitus.random import torch_generator
from habitus.representations.model import Model
from habitus.tasks.classes import ClassAsked, Classes

BYTES: Final = 2
"""Of one number of a stored vector: float16."""
T = TypeVar("T")


class Cost(NamedTuple):
    """What a method costs; None where a figure does not exist."""

    label: str
    weights: int | None
    """Numbers that are learned or fitted, the head's among them."""
    before: float
    """Seconds once, before any task: fit, or pre-training."""
    training: float
    """Seconds for one task, all settings that are tried."""
    settings: int
    users_per_second: float | None
    """From stored words to vectors or answers."""
    bytes_per_user: int | None
    macro_f1: float
    """On the test users: what is paid for."""


def timed(do: Callable[[], T]) -> tuple[T, float]:
    """Return what a function returns, and the seconds that it took."""
    began = time.perf_counter()
    made = do()
    return made, time.perf_counter() - began


def frozen_cost(label: str, model: Model, before: float, asked: AskedClasses) -> Cost:
    """Return the cost of a pre-trained encoder read by a linear probe."""
    valid = model.encode(asked.snapshot(asked.valid.users_B))
    test, seconds = timed(lambda: model.encode(asked.snapshot(asked.test.users_B)))
    train = model.encode(asked.snapshot(asked.train.users_B))
    num_classes, probe = len(asked.classes), Multinomial()
    rows = Classified(train, asked.train.y_B), Classified(valid, asked.valid.y_B)
    _, training = timed(lambda: probe.fit(*rows, num_classes))
    return Cost(
        label,
        _numel(model.encoder) + head_weights(model.representation_dim, num_classes),
        before,
        training,
        len(probe.config.penalties),
        len(test) / seconds,
        BYTES * model.representation_dim,
        _score(asked.test.y_B, probe.predict(test)),
    )


def tuned_cost(
    label: str, model: Model, before: float, asked: AskedClasses, tuning: FineTuneConfig
) -> Cost:
    """Return the cost of a pre-trained encoder that is trained on the task."""
    frozen = frozen_cost(label, model, before, asked)
    method = FineTunedModel(model, tuning)
    said_BC = method.classify(asked.handed(), 0)
    training = sum(trial.seconds for trial in method.trials)
    return frozen._replace(
        training=training,
        settings=len(method.trials),
        bytes_per_user=None,
        macro_f1=_score(asked.test.y_B, said_BC),
    )


def comparison_cost(comparison: TextComparison, train: Snapshot, asked: AskedClasses) -> Cost:
    """Return the cost of a comparison: it is fitted on the training snapshot here."""
    _, before = timed(lambda: comparison.fit(train, 0))
    handed = asked.handed()
    # The test users must be new to it: what it has read it keeps.
    rate = _rate(comparison, handed)
    assert isinstance(comparison, Classifies)
    said_BC = comparison.classify(handed, 0)
    width = None
    if isinstance(comparison, Represents):
        width = comparison.represent(handed.test).shape[1]
    return Cost(
        comparison.label,
        _weights(comparison, handed),
        before,
        sum(trial.seconds for trial in comparison.trials),
        len(comparison.trials),
        rate,
        None if width is None else BYTES * width,
        _score(asked.test.y_B, said_BC),
    )


def head_weights(width: int, num_classes: int) -> int:
    """Return the weights of a linear head.

    >>> head_weights(300, 2)
    602
    """
    return (width + 1) * num_classes


def _rate(comparison: TextComparison, asked: ClassAsked) -> float | None:
    """Return users a second on the test users, after a first round on the valid ones."""
    if isinstance(comparison, EndToEndComparison):
        network = _network(comparison, len(asked.classes))

        def read(snapshot: Snapshot) -> object:
            return network.probabilities(comparison.batches_of(snapshot), snapshot.num_users)

    elif isinstance(comparison, Represents):
        read = comparison.represent
    else:
        return None
    read(asked.valid)
    return asked.test.num_users / timed(lambda: read(asked.test))[1]


def _network(comparison: EndToEndComparison, num_classes: int) -> ClassNetwork:
    """Return its network with first weights: how long it answers does not depend on them."""
    with torch.random.fork_rng(devices=[]):
        encoder = comparison.encoder()
    return ClassNetwork(encoder, num_classes, 0.0, torch_generator(0, "costs"))


def _weights(comparison: TextComparison, asked: ClassAsked) -> int | None:
    num_classes = len(asked.classes)
    if isinstance(comparison, EndToEndComparison):
        return sum(p.numel() for p in _network(comparison, num_classes).parameters())
    if isinstance(comparison, TfidfLinear):
        return head_weights(comparison.features(asked.test).shape[1], num_classes)
    if isinstance(comparison, BowVectors):
        width = int(comparison.vectors_WD.shape[1])
        return int(comparison.vectors_WD.size) + head_weights(width, num_classes)
    return None


def _numel(encoder: UserEncoder) -> int:
    return sum(parameter.numel() for parameter in encoder.parameters())


def _score(y_B: Classes, said_BC: np.ndarray) -> float:
    return macro_f1(y_B, said_BC.argmax(axis=1), range(said_BC.shape[1]))
