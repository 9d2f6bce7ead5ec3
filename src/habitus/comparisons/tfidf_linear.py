"""TF-IDF and logistic regression (B-2b): the rung that wins author-profiling tasks.

N-grams of words, and of characters where they are asked for; sublinear counts times smoothed idf,
each kind scaled to length 1; penalty chosen on the validation users, along a path from strong to
weak on which every fit starts from the one before. Fits read the training users' row space where
that is narrower than the features, which changes nothing but their time.

Shapes: U users, B users of a task, F features, C classes, D width of the reduced vectors.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, hstack
from typing_extensions import override

from habitus.comparisons.base import Matrix
from habitus.comparisons.kept_users import kept_matrix
from habitus.comparisons.ngrams import Blocks, NGrams, NGramsConfig
from habitus.comparisons.row_space import RowSpace
from habitus.comparisons.text_comparison import TextComparison, TextConfig
from habitus.data.snapshot import Snapshot
from habitus.data.tokens import TextSource
from habitus.errors import UsageError
from habitus.probes.trials import Score, Trial, for_all_classes, judge
from habitus.random import derive_seed
from habitus.tasks.classes import ClassAsked


@dataclass(frozen=True, kw_only=True)
class TfidfLinearConfig(TextConfig):
    """What is counted, and which penalties are tried."""

    ngrams: NGramsConfig = field(default_factory=NGramsConfig)
    strengths: tuple[float, ...] = (
        0.1, 0.25, 0.63, 1.6, 4.0, 10.0, 25.0, 63.0, 160.0, 400.0, 1000.0, 2500.0,
    )  # fmt: skip
    """C of scikit-learn, the inverse of the penalty, rising; the most that are tried."""
    patience: int = 4
    """Worse ones in a row before the path ends."""
    max_iterations: int = 200
    width: int = 256
    """Of the vectors that a probe reads: TF-IDF reduced by truncated SVD."""

    def __post_init__(self) -> None:
        rising = list(self.strengths) == sorted(self.strengths)
        if not self.strengths or not rising or self.strengths[0] <= 0:
            raise UsageError(f"strengths must be positive and rise, got {self.strengths}")
        if min(self.patience, self.max_iterations, self.width) < 1:
            raise UsageError(f"patience, max_iterations and width must be 1 or more, got {self}")


class TfidfLinear(TextComparison):
    """TF-IDF of n-grams; a linear classifier, or reduced vectors for a probe."""

    name: ClassVar[str] = "tfidf_linear"
    label: ClassVar[str] = "TF-IDF + linear"
    config: TfidfLinearConfig

    def __init__(
        self, config: TfidfLinearConfig | None = None, text: TextSource | None = None
    ) -> None:
        super().__init__(config or TfidfLinearConfig(), text)
        self._ngrams: NGrams | None = None
        self._features = kept_matrix(self._compute)
        self._rows = RowSpace(self.features)
        self._weights: list[Any] = []
        """Of each kind of n-gram, scikit-learn's idf."""
        self._train_UF: csr_array
        self._seed = 0
        self._reduction: Any = None

    @override
    def fit(self, snapshot: Snapshot, seed: int = 0) -> None:
        """Choose n-grams and fit their idf on the training posts."""
        from sklearn.feature_extraction.text import TfidfTransformer

        self._ngrams, self._seed, self._reduction = NGrams(self.config.ngrams), seed, None
        blocks = self._ngrams.fit(*self.text.read(snapshot))
        self._weights = [TfidfTransformer(sublinear_tf=True).fit(block) for block in blocks]
        self._train_UF = self._weigh(blocks)
        self._features = kept_matrix(self._compute)
        self._features.put(snapshot, self._train_UF)
        self._rows = RowSpace(self.features)

    def features(self, snapshot: Snapshot) -> csr_array:
        """Return TF-IDF of each user, ``(U, F)``; zeros for a user without known words."""
        return self._features.read(snapshot)

    def represent(self, snapshot: Snapshot) -> Matrix:
        """Return TF-IDF reduced to ``width`` by an SVD of the training users, ``(U, D)``.

        It is narrower where there are fewer training users or n-grams.
        """
        features_UF = self.features(snapshot)
        if self._reduction is None:
            # At the first need: an SVD takes longer than all the rest of fit.
            from sklearn.decomposition import TruncatedSVD

            width = min(self.config.width, *self._train_UF.shape)
            chance = derive_seed(self._seed, self.name) % 2**32
            self._reduction = TruncatedSVD(width, random_state=chance).fit(self._train_UF)
        return np.asarray(self._reduction.transform(features_UF), np.float32)

    def classify(self, asked: ClassAsked, seed: int = 0) -> npt.NDArray[np.float64]:  # noqa: ARG002
        """Return the probability of each class for each test user, ``(B, C)``.

        There is no chance in it.
        """
        train_BF, valid_BF, test_BF = self._parts(asked)
        best, probability_BC, worse = Score(-np.inf, -np.inf), np.zeros(0), 0
        trials: list[Trial] = []
        path = _Path(len(asked.classes), self.config.max_iterations)
        for strength in self.config.strengths:
            started = time.perf_counter()
            path.fit(train_BF, asked.train_y_B, strength)
            score = judge(path.probabilities(valid_BF), asked.valid_y_B)
            trials.append(Trial({"strength": strength}, score, 0, time.perf_counter() - started))
            worse = 0 if score > best else worse + 1
            if score > best:
                best, probability_BC = score, path.probabilities(test_BF)
            if worse >= self.config.patience:
                break
        self.trials = tuple(trials)
        return probability_BC

    def _parts(self, asked: ClassAsked) -> list[Any]:
        """Return the rows of train, valid and test users: features, or the same as coordinates."""
        parts = (asked.train, asked.valid, asked.test)
        self._fitted()
        narrower = asked.train.num_users < self._train_UF.shape[1]
        if narrower and self._rows.holds(*parts):
            return [*self._rows.coordinates(*parts)]
        return [self.features(part) for part in parts]

    def _fitted(self) -> NGrams:
        if self._ngrams is None:
            raise UsageError(f"fit {self.name} on a training snapshot first")
        return self._ngrams

    def _compute(self, snapshot: Snapshot) -> csr_array:
        return self._weigh(self._fitted().counts(*self.text.read(snapshot)))

    def _weigh(self, blocks: Blocks) -> csr_array:
        weighed = [w.transform(block) for w, block in zip(self._weights, blocks, strict=True)]
        return csr_array(hstack(weighed, format="csr"))


class _Path:
    """Logistic regressions, each started from the one before."""

    def __init__(self, num_classes: int, max_iterations: int) -> None:
        from sklearn.linear_model import LogisticRegression

        self.num_classes = num_classes
        self._model = LogisticRegression(tol=1e-6, max_iter=max_iterations, warm_start=True)
        self._only: int | None = None

    def fit(self, x_BF: Any, class_B: npt.NDArray[np.int64], strength: float) -> None:  # noqa: ANN401 - dense or sparse
        from sklearn.exceptions import ConvergenceWarning

        self._only = int(class_B[0]) if len(np.unique(class_B)) == 1 else None
        if self._only is None:
            with warnings.catch_warnings():
                # A weak penalty needs more steps than it is worth; validation judges the result.
                warnings.simplefilter("ignore", ConvergenceWarning)
                self._model.set_params(C=strength).fit(x_BF, class_B)

    def probabilities(self, x_BF: Any) -> npt.NDArray[np.float64]:  # noqa: ANN401
        if self._only is not None:
            ones_B1 = np.ones((x_BF.shape[0], 1))
            return for_all_classes(ones_B1, np.array([self._only]), self.num_classes)
        seen_BK = self._model.predict_proba(x_BF)
        return for_all_classes(seen_BK, self._model.classes_, self.num_classes)
