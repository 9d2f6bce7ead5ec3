"""Bag of words and SVM (B-2, the paper's form): the mean of word vectors over all tokens.

The means are standardised on the training users; a linear and an RBF machine are tried, with a grid
of C and γ, and chosen on the validation users. Probabilities are the softmax of the decision values
at the temperature that fits the validation users best, so that every method can be judged by them.

Differs from the paper: its grid and its probabilities are not in it.

Shapes: U users, B users of a task, W words, D width, C classes, K classes of training users.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.special import softmax
from typing_extensions import override

from habitus.comparisons.base import Matrix
from habitus.comparisons.initial_vectors import InitialVectorsConfig, initial_vectors
from habitus.comparisons.text_comparison import KnownWordsComparison, KnownWordsConfig
from habitus.comparisons.word_counts import each_row_over_its_sum
from habitus.data.snapshot import Snapshot
from habitus.data.tokens import TextSource, Tokens
from habitus.data.word_vectors import Vectors
from habitus.errors import UsageError
from habitus.probes.logistic import Standardiser
from habitus.probes.trials import Floats, Score, Trial, for_all_classes, judge
from habitus.random import derive_seed, numpy_generator
from habitus.tasks.classes import ClassAsked

TEMPERATURES = np.geomspace(0.01, 10.0, 31)


@dataclass(frozen=True, kw_only=True)
class BowVectorsConfig(KnownWordsConfig):
    """The vectors and the grid."""

    vectors: InitialVectorsConfig = field(default_factory=InitialVectorsConfig)
    linear_strengths: tuple[float, ...] = (0.0001, 0.001, 0.01, 0.1)
    """C of the linear machines; their loss is a sum over users, so much less than 1 is wanted."""
    rbf_strengths: tuple[float, ...] = (0.1, 1.0, 10.0, 100.0)
    """C of the RBF machines."""
    rbf_scales: tuple[float, ...] = (0.3, 1.0)
    """γ times the width."""
    max_rbf_users: int = 10_000
    """Training users that an RBF machine reads at most, drawn by chance: it grows with the square
    of their number."""

    def __post_init__(self) -> None:
        values = (*self.linear_strengths, *self.rbf_strengths, *self.rbf_scales)
        if not self.settings() or min(values) <= 0:
            raise UsageError(f"strengths and scales must be above 0, and some given, got {self}")

    def settings(self) -> list[dict[str, Any]]:
        """Return every combination."""
        linear = [{"kernel": "linear", "strength": c} for c in self.linear_strengths]
        rbf = [
            {"kernel": "rbf", "strength": c, "scale": s}
            for c in self.rbf_strengths
            for s in self.rbf_scales
        ]
        return linear + rbf


class BowVectors(KnownWordsComparison):
    """Mean word vectors and a support vector machine."""

    name: ClassVar[str] = "bow_vectors"
    label: ClassVar[str] = "BoW + SVM"
    config: BowVectorsConfig

    def __init__(
        self, config: BowVectorsConfig | None = None, text: TextSource | None = None
    ) -> None:
        super().__init__(config or BowVectorsConfig(), text)
        self.vectors_WD: Vectors

    @override
    def fit_words(self, tokens: Tokens, seed: int) -> None:
        self.vectors_WD = initial_vectors(self.config.vectors, tokens, self.vocabulary, seed)

    def represent(self, snapshot: Snapshot) -> Matrix:
        """Return the mean vector of each user's tokens, ``(U, D)``; zeros for no known word."""
        share_UW = each_row_over_its_sum(self.counts(snapshot))
        return np.asarray(share_UW @ self.vectors_WD, np.float32)

    def classify(self, asked: ClassAsked, seed: int = 0) -> npt.NDArray[np.float64]:
        """Return the probability of each class for each test user, ``(B, C)``."""
        train_BD = self.represent(asked.train)
        standardise = Standardiser.fit(train_BD)
        valid_BD = standardise(self.represent(asked.valid))
        test_BD = standardise(self.represent(asked.test))
        best, probability_BC = Score(-np.inf, -np.inf), np.zeros(0)
        trials: list[Trial] = []
        for settings in self.config.settings():
            started = time.perf_counter()
            machine = _Machine(settings, len(asked.classes), self.config.max_rbf_users, seed)
            machine.fit(standardise(train_BD), asked.train_y_B, valid_BD, asked.valid_y_B)
            score = judge(machine.probabilities(valid_BD), asked.valid_y_B)
            trials.append(Trial(settings, score, 0, time.perf_counter() - started))
            if score > best:
                best, probability_BC = score, machine.probabilities(test_BD)
        self.trials = tuple(trials)
        return probability_BC


class _Machine:
    """A support vector machine of one setting, and the temperature of its probabilities."""

    def __init__(
        self, settings: dict[str, Any], num_classes: int, max_rbf_users: int, seed: int
    ) -> None:
        self.settings = settings
        self.num_classes = num_classes
        self.max_rbf_users = max_rbf_users
        self.seed = seed
        self.class_K = np.zeros(0, np.int64)
        self.temperature = 1.0
        self._model: Any = None

    def fit(
        self,
        x_BD: Floats,
        class_B: npt.NDArray[np.int64],
        valid_BD: Floats,
        valid_y_B: npt.NDArray[np.int64],
    ) -> None:
        self.class_K = np.unique(class_B)
        if len(self.class_K) == 1:
            return
        self._model, rows = self._estimator(x_BD.shape[1]), np.arange(len(x_BD))
        if self.settings["kernel"] == "rbf" and len(rows) > self.max_rbf_users:
            drawn = numpy_generator(self.seed, "bow_vectors", "rbf").permutation(rows)
            rows = np.sort(drawn[: self.max_rbf_users])
            self.class_K = np.unique(class_B[rows])
        with warnings.catch_warnings():
            # Convergence is not the aim: the validation users judge what came out.
            warnings.simplefilter("ignore")
            self._model.fit(x_BD[rows], class_B[rows])
        losses = list(self._losses(valid_BD, valid_y_B))
        self.temperature = float(TEMPERATURES[int(np.argmin(losses))])

    def probabilities(self, x_BD: Floats) -> Floats:
        seen_BK = softmax(self._decision(x_BD) / self.temperature, axis=1)
        return for_all_classes(seen_BK, self.class_K, self.num_classes)

    def _decision(self, x_BD: Floats) -> Floats:
        """Return a value for each class of the training users, ``(B, K)``."""
        if self._model is None:
            return np.zeros((len(x_BD), 1))
        decision = np.asarray(self._model.decision_function(x_BD), np.float64)
        # Of two classes there is one value, that of the second.
        return decision if decision.ndim == 2 else np.stack([-decision, decision], axis=1) / 2

    def _losses(self, valid_BD: Floats, valid_y_B: npt.NDArray[np.int64]) -> Iterator[float]:
        decision_BK = self._decision(valid_BD)
        for temperature in TEMPERATURES:
            seen_BK = softmax(decision_BK / temperature, axis=1)
            probability_BC = for_all_classes(seen_BK, self.class_K, self.num_classes)
            yield -judge(probability_BC, valid_y_B).minus_log_loss

    def _estimator(self, width: int) -> Any:  # noqa: ANN401 - scikit-learn has no types
        from sklearn.svm import SVC, LinearSVC

        strength = self.settings["strength"]
        if self.settings["kernel"] == "rbf":
            return SVC(C=strength, gamma=self.settings["scale"] / width)
        chance = derive_seed(self.seed, "bow_vectors") % 2**31
        return LinearSVC(C=strength, random_state=chance)
