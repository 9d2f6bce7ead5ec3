"""Most popular (B-14, TopPop): every user is offered what most training events were about.

Only events of the training snapshot count. Counting the targets too is the leak of spec finding
10: on Amazon Beauty it turns HR@10 .0115 into the .0152 that was published.

Shapes: U users, I items.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from habitus.comparisons.base import Comparison, Matrix
from habitus.config import Config
from habitus.data.columns import ITEM_ID
from habitus.data.snapshot import Snapshot
from habitus.errors import DataError


@dataclass(frozen=True, kw_only=True)
class MostPopularConfig(Config):
    """What is counted."""

    channel: str = ITEM_ID
    """The channel that holds the items."""


class MostPopular(Comparison):
    """The same score for everybody: the training events of an item.

    Raises:
        DataError: asked for scores before ``fit``, or for items of other traces.
    """

    name: ClassVar[str] = "most_popular"
    label: ClassVar[str] = "Most popular"

    def __init__(self, config: MostPopularConfig | None = None) -> None:
        self.config: MostPopularConfig = config or MostPopularConfig()
        self.counts_I: npt.NDArray[np.int64] | None = None

    def fit(self, snapshot: Snapshot, seed: int = 0) -> None:  # noqa: ARG002 - nothing is random
        """Count the events of each item in the training snapshot."""
        num_items = snapshot.traces.columns[self.config.channel].num_values
        rows_L, _ = snapshot.latest()
        code_L = snapshot.values(self.config.channel, rows_L)
        # Code 0 is an event without an item.
        self.counts_I = np.bincount(code_L, minlength=num_items + 1)[1:]

    def score(self, snapshot: Snapshot, items_I: npt.NDArray[np.int64]) -> Matrix:
        """Return the counts of items 1 … I, the same row for each user, ``(U, I)``, read-only."""
        if self.counts_I is None:
            raise DataError("most_popular has not been fitted: call fit with a training snapshot")
        if len(items_I) and not (items_I.min() >= 1 and items_I.max() <= len(self.counts_I)):
            raise DataError(
                f"item codes must be 1 … {len(self.counts_I)}, "
                f"got {items_I.min()} to {items_I.max()}"
            )
        score_I = self.counts_I[items_I - 1].astype(np.float32)
        return np.broadcast_to(score_I, (snapshot.num_users, len(items_I)))
