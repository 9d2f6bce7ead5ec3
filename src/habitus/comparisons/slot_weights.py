"""Slot weights: TF-IDF of what a user's items on each service say.

The weight of a word is ``(1 + log count) · (log((1 + n) / (1 + df)) + 1)`` over the slots of the
training users, vectors are of length 1; as scikit-learn's ``TfidfVectorizer(sublinear_tf=True)``.

Shapes: U users, K services, W words, S = U · K slots.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_array

from habitus.comparisons.service_words import ServiceWords, service_words
from habitus.comparisons.word_counts import users_of_columns
from habitus.config import Config
from habitus.data.posts import AUTO
from habitus.data.segmentation import SegmentationConfig
from habitus.data.snapshot import Snapshot
from habitus.errors import GuardError, UsageError


@dataclass(frozen=True, kw_only=True)
class SlotWeightsConfig(Config):
    """Which texts are read, and which words count how much."""

    text: str = AUTO
    """Which texts, see :class:`~habitus.data.item_documents.ItemDocuments`."""
    segmentation: SegmentationConfig = field(default_factory=SegmentationConfig)
    unique: bool = True
    """Whether a text that a user meets again on a service counts once."""
    sublinear: bool = True
    """Whether a word counts by the logarithm of how often it occurs."""
    min_df: int = 2
    """Slots of training users that a word must stand in."""
    max_words: int = 20_000
    """Words in the most slots that are kept: it is what bounds memory."""

    def __post_init__(self) -> None:
        if min(self.min_df, self.max_words) < 1:
            raise UsageError(
                f"min_df and max_words must be 1 or more, got {self.min_df} and {self.max_words}"
            )


class SlotWeights:
    """The known words of training users and what each is worth."""

    def __init__(self, config: SlotWeightsConfig) -> None:
        self.config = config
        self.services: tuple[str, ...] = ()
        """Those of the training users, by name."""
        self.place_of: dict[str, int] = {}
        """The column of each known word."""
        self.idf_W = np.zeros(0, np.float32)

    def fit(self, snapshot: Snapshot) -> None:
        """Fit which words there are and what each is worth.

        Raises:
            DataError: the traces have no such text.
            GuardError: no word is frequent enough.
        """
        found = self._read(snapshot, None)
        df_W = users_of_columns(found.count_SW)
        num_slots = int((np.diff(found.count_SW.indptr) > 0).sum())
        rank_W = sorted(range(len(df_W)), key=lambda w: (-df_W[w], found.words[w]))
        kept = [w for w in rank_W[: self.config.max_words] if df_W[w] >= self.config.min_df]
        if not kept:
            raise GuardError(
                f"no word of {snapshot!r} stands in the items of {self.config.min_df} slots: give "
                f"traces whose items have texts, or lower min_df"
            )
        self.services = found.services
        self.place_of = {found.words[w]: place for place, w in enumerate(kept)}
        self.idf_W = (np.log((1 + num_slots) / (1 + df_W[kept])) + 1).astype(np.float32)

    def weights(self, snapshot: Snapshot) -> csr_array:
        """Return the weights of each user's words on each service, ``(U · K, W)``, of length 1.

        Raises:
            UsageError: it is not fitted.
        """
        if not self.place_of:
            raise UsageError("fit it on a training snapshot first")
        found = self._read(snapshot, self.services)
        column_W = np.array([self.place_of.get(word, -1) for word in found.words], np.int64)
        known = np.flatnonzero(column_W >= 0)
        picked = csr_array(
            (np.ones(len(known), np.float32), (known, column_W[known])),
            shape=(len(column_W), len(self.idf_W)),
        )
        weight_SW = csr_array(found.count_SW @ picked)
        weight_SW.sort_indices()
        if self.config.sublinear:
            weight_SW.data = 1 + np.log(weight_SW.data)
        weight_SW.data = weight_SW.data * self.idf_W[weight_SW.indices]
        length_S = np.sqrt(np.asarray(weight_SW.multiply(weight_SW).sum(axis=1)).ravel())
        weight_SW.data = weight_SW.data / np.repeat(length_S, np.diff(weight_SW.indptr))
        return weight_SW

    def _read(self, snapshot: Snapshot, services: tuple[str, ...] | None) -> ServiceWords:
        return service_words(
            snapshot,
            services,
            text=self.config.text,
            segmentation=self.config.segmentation,
            unique=self.config.unique,
        )
