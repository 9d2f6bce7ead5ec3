"""Item CF in vectors: the main axes of who had what, for people who were not there in training.

With the history ``H``, what train users had ``X`` and ``D`` as in
:class:`~habitus.comparisons.item_scores.CountScores`, item CF scores ``H · D · Xᵀ · X · D``. With
``X · D ≈ U · S · Vᵀ`` (PureSVD: Cremonesi et al. 2010, "Performance of Recommender Algorithms on
Top-N Recommendation Tasks", RecSys) that is the product of a user's ``H · V · S`` and an item's
``V · S``, at full width to the digits. A user's vector needs the history alone (A-C30).

Shapes: U users, I items, J items of the dictionary, E width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_array, diags_array

from habitus.comparisons.base import Comparison, Matrix
from habitus.comparisons.item_scores import choose, items_had
from habitus.config import Config
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows
from habitus.errors import DataError, UsageError
from habitus.probes.targets import Targets
from habitus.random import derive_seed
from habitus.tasks.next_item import some_users


@dataclass(frozen=True, kw_only=True)
class ItemFactorsConfig(Config):
    """How wide, and how much an item counts less for being popular."""

    width: int = 128
    """Axes that are kept; fewer where there are fewer users or items."""
    damping: float = 0.25
    """As of item CF; what is used until :meth:`ItemFactors.tune`."""
    dampings: tuple[float, ...] = (0.0, 0.25, 0.5)
    """What :meth:`ItemFactors.tune` tries."""

    def __post_init__(self) -> None:
        if self.width < 1:
            raise UsageError(f"width must be at least 1, got {self.width}")
        if not self.dampings or min(self.damping, *self.dampings) < 0:
            raise UsageError(f"dampings must be 0 or more, and some given, got {self}")


class ItemFactors(Comparison):
    """Vectors of users and items whose product is item CF on its main axes.

    Raises:
        DataError: asked before ``fit``.
    """

    name: ClassVar[str] = "item_factors"
    label: ClassVar[str] = "Item CF in vectors"

    def __init__(self, config: ItemFactorsConfig | None = None) -> None:
        self.config: ItemFactorsConfig = config or ItemFactorsConfig()
        self.damping = self.config.damping
        self._had_UJ: csr_array | None = None
        self._seed = 0
        self._known: dict[float, Matrix] = {}

    def fit(self, snapshot: Snapshot, seed: int = 0) -> None:
        """Note what each train user had; axes are found when they are asked for."""
        self._had_UJ, self._seed, self._known = items_had(snapshot), seed, {}

    def tune(self, history: Snapshot, asked: Targets, items_I: Rows) -> None:
        """Choose the damping by NDCG@10 of validation users."""
        found = []
        for damping in self.config.dampings:
            self.damping = damping
            found.append(
                asked.all_places(lambda place: self.score(some_users(history, place), items_I))
            )
        self.damping = self.config.dampings[choose(found)[0]]

    def represent(self, snapshot: Snapshot) -> Matrix:
        """Return the vectors of users, ``(U, E)``; zeros where nobody had what they had."""
        return np.asarray(items_had(snapshot) @ self._factors(), np.float32)

    def item_vectors(self, items_I: Rows) -> Matrix:
        """Return the vectors of items by code, ``(I, E)``; zeros for one that nobody had."""
        return self._factors()[items_I - 1]

    def score(self, snapshot: Snapshot, items_I: Rows) -> Matrix:
        """Return the products, ``(U, I)``."""
        return np.asarray(self.represent(snapshot) @ self.item_vectors(items_I).T, np.float32)

    def _factors(self) -> Matrix:
        """Return ``V · S`` of the damping as it is, ``(J, E)``."""
        if self._had_UJ is None:
            raise DataError("item_factors has not been fitted: call fit first")
        if self.damping not in self._known:
            self._known[self.damping] = self._found(self._had_UJ)
        return self._known[self.damping]

    def _found(self, had_UJ: csr_array) -> Matrix:
        from sklearn.decomposition import TruncatedSVD

        number_J = np.asarray(had_UJ.sum(axis=0), np.float32).ravel()
        damp_J = np.maximum(number_J, 1) ** np.float32(-self.damping)
        weighted_UJ = csr_array(had_UJ @ diags_array(damp_J))
        width = min(self.config.width, min(weighted_UJ.shape) - 1)
        if width < 1:
            # One user, or one item: there is one axis.
            squares_J = np.asarray(weighted_UJ.power(2).sum(axis=0), np.float32)
            return np.asarray(np.sqrt(squares_J)[:, None], np.float32)
        chance = derive_seed(self._seed, "item_factors") % 2**31
        axes = TruncatedSVD(width, random_state=chance).fit(weighted_UJ)
        return np.asarray(axes.components_.T * axes.singular_values_, np.float32)
