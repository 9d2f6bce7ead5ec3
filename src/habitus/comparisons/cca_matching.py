"""Canonical correlations: the directions of words on one service that go with those on another.

TF-IDF of each slot, its first singular vectors, and canonical variates with a ridge on each side
(Hotelling 1936; Vinod 1976): whitened, the sides are compared by the singular vectors of their
cross-covariance. With more than two services the variates are those of the largest sum of
correlations over pairs (SUMCOR, Kettenring 1971), which for two is the same.

Shapes: U users, P training users on several services, K services, W words, D singular vectors, Q =
K · D, E variates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations, product
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from habitus.comparisons.base import Comparison, Matrix
from habitus.comparisons.slot_weights import SlotWeights, SlotWeightsConfig
from habitus.config import Config
from habitus.data.snapshot import Snapshot
from habitus.errors import GuardError, UsageError
from habitus.metrics import reciprocal_ranks
from habitus.metrics.arrays import Floats
from habitus.metrics.matching import match
from habitus.random import derive_seed

Present = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class CCAMatchingConfig(Config):
    """How many numbers, and how much they are held back."""

    words: SlotWeightsConfig = field(default_factory=SlotWeightsConfig)
    svd_dim: int = 400
    """Singular vectors of the slots' words; fewer where words or slots are fewer."""
    ridge: float = 1.0
    """Added to the variances of a side, in units of their mean."""
    dim: int = 25
    """Canonical variates, the most correlated first."""
    power: float = 0.0
    """Each variate counts by its correlation to this power."""

    def __post_init__(self) -> None:
        if min(self.svd_dim, self.dim) < 1:
            raise UsageError(f"svd_dim and dim must be 1 or more, got {self}")
        if not self.ridge > 0 or self.power < 0:
            raise UsageError(f"ridge must be above 0 and power 0 or more, got {self}")


def cca_grid(
    svd_dims: Sequence[int] = (100, 200, 400),
    ridges: Sequence[float] = (0.01, 0.1, 1.0, 10.0),
    dims: Sequence[int] = (25, 50, 100, 200),
    powers: Sequence[float] = (0.0, 1.0),
) -> list[CCAMatchingConfig]:
    """Return the settings that :meth:`CCAMatching.tune` chooses from."""
    return [
        CCAMatchingConfig(svd_dim=svd_dim, ridge=ridge, dim=dim, power=power)
        for svd_dim, ridge, dim, power in product(svd_dims, ridges, dims, powers)
        if dim <= svd_dim
    ]


class _Variates(NamedTuple):
    """The fitted directions of some numbers of singular vectors and one ridge."""

    mean_KD: Floats
    turn_KDE: Floats
    """All variates, the most correlated first."""
    correlation_E: Floats


class CCAMatching(Comparison):
    """Slots by linear canonical correlation of the words of training users on several services."""

    name: ClassVar[str] = "cca_matching"
    label: ClassVar[str] = "linear CCA"
    config: CCAMatchingConfig

    def __init__(self, config: CCAMatchingConfig | None = None) -> None:
        self.config = config or CCAMatchingConfig()
        self._words = SlotWeights(self.config.words)
        self._turn_WD = np.zeros((0, 0), np.float32)
        self._train: tuple[Matrix, Present] | None = None
        self._variates: _Variates | None = None
        self.tried: list[tuple[CCAMatchingConfig, float]] = []
        """What :meth:`tune` tried, and the MRR of each on the validation users."""

    @property
    def services(self) -> tuple[str, ...]:
        """Those of the training users, by name."""
        return self._words.services

    @override
    def fit(self, snapshot: Snapshot, seed: int = 0) -> None:
        """Fit words, singular vectors and variates.

        Raises:
            DataError: the traces have no such text.
            GuardError: no word is frequent enough, or fewer than two users have two services.
        """
        self._fit_words(snapshot, seed, self.config.svd_dim)
        self._variates = self._fit_variates(self.config)

    def tune(
        self, train: Snapshot, valid: Snapshot, grid: Sequence[CCAMatchingConfig], seed: int = 0
    ) -> None:
        """Fit on training users with the settings that match validation users best, by MRR.

        Args:
            train: as in :meth:`fit`.
            valid: users on several services; nothing is fitted on them.
            grid: settings of one kind of words, such as :func:`cca_grid`.
            seed: of the singular vectors.

        Raises:
            GuardError: as in :meth:`fit`, or no validation user has two services.
            UsageError: an empty grid, or several kinds of words.
        """
        if not grid or any(config.words != grid[0].words for config in grid):
            raise UsageError("tune needs settings, all with the same words")
        self._words = SlotWeights(grid[0].words)
        self._fit_words(train, seed, max(config.svd_dim for config in grid))
        x_UKD, present_UK = self._singular(valid)
        fitted: dict[tuple[int, float], _Variates] = {}
        self.tried = []
        for config in grid:
            key = (config.svd_dim, config.ridge)
            if key not in fitted:
                fitted[key] = self._fit_variates(config)
            z_UKE = _apply(fitted[key], config, x_UKD, present_UK)
            self.tried.append((config, mean_reciprocal_rank(z_UKE, present_UK)))
        self.config = max(self.tried, key=lambda tried: tried[1])[0]
        self._variates = fitted[self.config.svd_dim, self.config.ridge]

    def slots(self, snapshot: Snapshot) -> tuple[Matrix, Present]:
        """Return a vector for each user and service, ``(U, K, E)``, and which hold a known word.

        Raises:
            UsageError: it is not fitted.
        """
        if self._variates is None:
            raise UsageError(f"fit {self.name} on a training snapshot first")
        x_UKD, present_UK = self._singular(snapshot)
        return _apply(self._variates, self.config, x_UKD, present_UK), present_UK

    def _fit_words(self, snapshot: Snapshot, seed: int, svd_dim: int) -> None:
        from sklearn.utils.extmath import randomized_svd

        self._words.fit(snapshot)
        weight_SW = self._words.weights(snapshot)
        chance = derive_seed(seed, self.name) % 2**31
        width = min(svd_dim, min(weight_SW.shape))
        # SciPy's older matrices are what every release of scikit-learn knows.
        _, _, v_DW = randomized_svd(weight_SW.tocsr(), width, random_state=chance)
        self._turn_WD = np.asarray(v_DW.T, np.float32)
        x_UKD, present_UK = self._singular(snapshot)
        several_U = present_UK.sum(axis=1) > 1
        if several_U.sum() < 2:
            raise GuardError(
                f"{int(several_U.sum())} users of {snapshot!r} have texts on two services: nothing "
                f"goes with anything; give traces of users on several services"
            )
        self._train = (x_UKD[several_U], present_UK[several_U])

    def _singular(self, snapshot: Snapshot) -> tuple[Matrix, Present]:
        weight_SW = self._words.weights(snapshot)
        shape = (snapshot.num_users, len(self.services))
        x_SD = np.asarray(weight_SW @ self._turn_WD, np.float32)
        return x_SD.reshape(*shape, -1), (np.diff(weight_SW.indptr) > 0).reshape(shape)

    def _fit_variates(self, config: CCAMatchingConfig) -> _Variates:
        assert self._train is not None
        x_PKD, present_PK = self._train[0][:, :, : config.svd_dim].astype(float), self._train[1]
        return canonical_variates(x_PKD, present_PK, config.ridge)


def canonical_variates(x_PKD: Floats, present_PK: Present, ridge: float) -> _Variates:
    """Return the directions of each service, the most correlated first; ``min(D, K·D)`` of them.

    Args:
        x_PKD: a vector for each user and service.
        present_PK: which of them are there; variances are of those, covariances of pairs.
        ridge: added to the variances, in units of their mean.
    """
    _, num_services, width = x_PKD.shape
    number_K1 = np.maximum(present_PK.sum(axis=0), 1)[:, None]
    mean_KD = (x_PKD * present_PK[:, :, None]).sum(axis=0) / number_K1
    x_PKD = (x_PKD - mean_KD) * present_PK[:, :, None]
    white_KDD = np.stack(
        [
            _inverse_root(x_PKD[:, k].T @ x_PKD[:, k] / number_K1[k], ridge)
            for k in range(num_services)
        ]
    )
    cross_KDKD = np.zeros((num_services, width, num_services, width))
    for a, b in permutations(range(num_services), 2):
        both = max(int((present_PK[:, a] & present_PK[:, b]).sum()), 1)
        cross_DD = x_PKD[:, a].T @ x_PKD[:, b] / both
        cross_KDKD[a, :, b] = white_KDD[a] @ cross_DD @ white_KDD[b]
    size = num_services * width
    value_Q, vector_QQ = np.linalg.eigh(cross_KDKD.reshape(size, size))
    first = np.argsort(-value_Q, kind="stable")[:width]
    turn_KDE = white_KDD @ vector_QQ[:, first].reshape(num_services, width, -1)
    return _Variates(mean_KD, turn_KDE, np.maximum(value_Q[first], 0))


def mean_reciprocal_rank(z_UKE: Matrix, present_UK: Present) -> float:
    """Return the MRR of finding users again, over all ordered pairs of services.

    Raises:
        GuardError: nobody has two services.
    """
    found = []
    for a, b in permutations(range(z_UKE.shape[1]), 2):
        both = present_UK[:, a] & present_UK[:, b]
        if both.any():
            found.append(reciprocal_ranks(*match(z_UKE[both, a], z_UKE[both, b])))
    if not found:
        raise GuardError("no validation user has texts on two services: settings cannot be chosen")
    return float(np.concatenate(found).mean())


def tuned_cca(train: Snapshot, valid: Snapshot, seed: int = 0) -> CCAMatching:
    """Return CCA with the settings of :func:`cca_grid` that match validation users best."""
    found = CCAMatching()
    found.tune(train, valid, cca_grid(), seed)
    return found


def plain_cca(train: Snapshot, seed: int = 0) -> CCAMatching:
    """Return CCA as it was measured elsewhere: plain counts, and variates that count alike."""
    config = CCAMatchingConfig()
    found = CCAMatching(replace(config, words=replace(config.words, sublinear=False)))
    found.fit(train, seed)
    return found


def _apply(
    variates: _Variates, config: CCAMatchingConfig, x_UKD: Matrix, present_UK: Present
) -> Matrix:
    width = len(variates.mean_KD[0])
    turn_KDE = variates.turn_KDE[:, :, : config.dim]
    weight_E = variates.correlation_E[: config.dim] ** config.power
    x_KUD = (x_UKD[:, :, :width] - variates.mean_KD).transpose(1, 0, 2)
    z_UKE = (x_KUD @ turn_KDE).transpose(1, 0, 2) * weight_E
    return np.asarray(z_UKE * present_UK[:, :, None], np.float32)


def _inverse_root(covariance_DD: Floats, ridge: float) -> Floats:
    """Return the symmetric inverse square root of a covariance with a ridge."""
    mean = max(float(np.trace(covariance_DD)) / len(covariance_DD), np.finfo(np.float64).tiny)
    value_D, vector_DD = np.linalg.eigh(covariance_DD + ridge * mean * np.eye(len(covariance_DD)))
    root: Floats = (vector_DD / np.sqrt(value_D)) @ vector_DD.T
    return root
