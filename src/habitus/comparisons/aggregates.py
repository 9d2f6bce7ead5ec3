"""Aggregates: what an analyst counts by hand (B-30); the rung that every representation must beat.

Per user: how much, how recently, how regularly, on which days, how varied, and how often each of
the commonest values of each channel. Works on any traces: what to count follows from the kinds of
the channels. With ordinal time everything that needs dates is left out.

Shapes: U users, K top values of a channel, F features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from typing_extensions import override

from habitus.comparisons import counting
from habitus.comparisons.base import Comparison, Matrix
from habitus.config import Config
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows
from habitus.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class AggregatesConfig(Config):
    """What to count.

    Values are counted by the hundred because tasks ask for rare ones: on Complete Journey, whose
    303 categories all fit, the mean validation AUROC of the demo is .85, with 50 a channel .77.
    """

    top_category: int = 320
    """Values of a category channel that are counted, the most widely used first."""
    top_id: int = 50
    """The same of an ID channel: shops, makers, items."""
    top_recent: int = 50
    """How many of them are also counted over the last 90 days."""
    windows_days: tuple[int, ...] = (90, 30, 7)
    """Besides all of history."""

    def __post_init__(self) -> None:
        if min(self.top_category, self.top_id, self.top_recent) < 0:
            raise UsageError(f"numbers of top values must be 0 or more, got {self}")
        if min(self.windows_days, default=1) < 1:
            raise UsageError(f"windows_days must be 1 or more, got {self.windows_days}")


class Aggregates(Comparison):
    """Counts, sums, recency, gaps and variety, per user."""

    name: ClassVar[str] = "aggregates"
    label: ClassVar[str] = "aggregates"

    def __init__(self, config: AggregatesConfig | None = None) -> None:
        self.config: AggregatesConfig = config or AggregatesConfig()
        self.top_values: dict[str, Rows] = {}
        """Codes of the values that are counted, per channel: all that is fitted."""
        self.feature_names: tuple[str, ...] = ()

    @override
    def fit(self, snapshot: Snapshot, seed: int = 0) -> None:
        sizes = {"category": self.config.top_category, "id": self.config.top_id}
        history = counting.History.of(snapshot)
        self.top_values = {
            c.name: counting.widest_values(history, c.name, sizes[c.kind])
            for c in snapshot.traces.manifest.columns
            if c.kind in sizes
        }
        nobody = Snapshot(snapshot.traces, users=snapshot.users_U[:0])
        self.feature_names = tuple(n for n, _ in self._features(counting.History.of(nobody)))

    def represent(self, snapshot: Snapshot) -> Matrix:
        """Return the features of each user, ``(U, F)``, in the order of ``feature_names``."""
        if not self.feature_names:
            raise UsageError("fit the aggregates on a training snapshot first")
        out_UF = np.empty((snapshot.num_users, len(self.feature_names)), np.float32)
        for f, (_, value_U) in enumerate(self._features(counting.History.of(snapshot))):
            out_UF[:, f] = value_U
        return out_UF

    def _features(self, history: counting.History) -> counting.Features:
        days = self.config.windows_days
        masks = counting.windows(history, days)
        for window, mask_L in masks.items():
            yield f"events.{window}", np.log1p(history.count(mask_L))
        if history.dated:
            yield from counting.rhythm(history, days)
            yield from counting.calendar(history)
        for c in history.snapshot.traces.manifest.columns:
            if c.kind == "dense":
                yield from counting.amounts(history, c.name, masks)
            elif c.kind != "text":
                yield from counting.variety(history, c.name, masks)
                top_K, recent = self.top_values[c.name], self.config.top_recent
                yield from counting.top_values(history, c.name, top_K, masks, recent)
