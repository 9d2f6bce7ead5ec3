"""What every comparison promises: ``fit``, then some of ``represent``, ``score``, ``predict``.

The harness asks which of the three exist. All fitted state comes from the training snapshot. Where
the question is one of several classes, ``classify`` takes the place of ``predict``.

Shapes: U users, D width, I items, B requests, C classes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from habitus.config import Config
from habitus.data.snapshot import Snapshot
from habitus.tasks.classes import ClassAsked

Matrix = npt.NDArray[np.float32]


class Comparison(ABC):
    """Another system to compare with."""

    name: ClassVar[str]
    """The name in :data:`habitus.comparisons.COMPARISONS`."""
    label: ClassVar[str]
    """What tables and plots call it."""
    config: Config

    @abstractmethod
    def fit(self, snapshot: Snapshot, seed: int) -> None:
        """Fit whatever there is to fit on the training snapshot, and nothing else."""


@runtime_checkable
class Represents(Protocol):
    """A comparison that has a vector per user."""

    def represent(self, snapshot: Snapshot) -> Matrix:
        """Return one finite vector for each user of the snapshot, ``(U, D)``."""
        ...


@runtime_checkable
class Scores(Protocol):
    """A comparison that ranks items for users."""

    def score(self, snapshot: Snapshot, items_I: npt.NDArray[np.int64]) -> Matrix:
        """Return a score for each user and item, ``(U, I)``; higher is better."""
        ...


@runtime_checkable
class Predicts(Protocol):
    """A comparison that answers a yes-or-no task itself, from the labels of training users."""

    def predict(self, labels_B: npt.NDArray[np.float64], snapshot: Snapshot) -> Matrix:
        """Return the probability of yes for each user, ``(U)``, given all training labels."""
        ...


@runtime_checkable
class Classifies(Protocol):
    """A comparison that answers a class task itself, from texts and labels of training users."""

    def classify(self, asked: ClassAsked, seed: int) -> npt.NDArray[np.float64]:
        """Return the probability of each class for each test user, ``(B, C)``; rows sum to 1.

        It is fitted on the training users and tuned on the validation users. What it says of a test
        user may not depend on which other users are tested, unless its documentation says
        *transductive*.
        """
        ...
