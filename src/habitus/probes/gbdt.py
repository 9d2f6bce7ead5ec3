"""Gradient-boosted trees: the probe that reads thresholds and interactions off the vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from typing_extensions import override

from habitus.config import Config
from habitus.probes.base import Floats, Labelled, Matrix, Probe, Screen
from habitus.random import derive_seed


@dataclass(frozen=True, kw_only=True)
class GradientBoostingConfig(Config):
    """Small trees, stopped early on the validation users.

    On Complete Journey 63 bins and a third of the features a split cost nothing in validation
    AUROC and halve the time.
    """

    max_leaves: int = 8
    learning_rate: float = 0.1
    max_trees: int = 400
    patience: int = 15
    """Trees without a better validation loss before it stops."""
    min_rows_a_leaf: int = 50
    features_a_split: float = 0.3
    num_bins: int = 63
    max_features: int = 256
    """Width above which features are screened."""


class GradientBoosting(Probe):
    """Histogram gradient boosting on log loss."""

    name: ClassVar[str] = "gbdt"

    def __init__(self, config: GradientBoostingConfig | None = None) -> None:
        self.config: GradientBoostingConfig = config or GradientBoostingConfig()
        self._screen: Screen
        self._trees: Any = None

    @override
    def fit(self, train: Labelled, valid: Labelled, seed: int) -> Self:
        from sklearn.ensemble import HistGradientBoostingClassifier

        c = self.config
        self._screen = Screen.fit(train, c.max_features)
        self._trees = HistGradientBoostingClassifier(
            max_leaf_nodes=c.max_leaves,
            learning_rate=c.learning_rate,
            max_iter=c.max_trees,
            n_iter_no_change=c.patience,
            min_samples_leaf=c.min_rows_a_leaf,
            max_features=c.features_a_split,
            max_bins=c.num_bins,
            early_stopping=True,
            random_state=derive_seed(seed, "gbdt") % 2**32,
        )
        x_BF, x_VF = self._screen(train.x_BD), self._screen(valid.x_BD)
        self._trees.fit(x_BF, train.y_B, X_val=x_VF, y_val=valid.y_B)
        return self

    @override
    def predict(self, x_BD: Matrix) -> Floats:
        return np.asarray(self._trees.predict_proba(self._screen(x_BD))[:, 1], np.float64)
