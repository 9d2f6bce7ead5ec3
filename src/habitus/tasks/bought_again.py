"""Will a user come back for what was once bought on a special occasion, such as with a coupon?

The last step of a campaign's funnel (received, redeemed, repurchased): an item that a coupon was
used for is bought again on a later day.

Shapes: U users, L events of the window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from typing_extensions import override

from habitus.data.columns import TIME
from habitus.data.split import DAY, Future
from habitus.errors import UsageError
from habitus.tasks.base import Labels, Task, TaskConfig
from habitus.tasks.passed import has_labels


@dataclass(frozen=True, kw_only=True)
class BoughtAgainConfig(TaskConfig):
    """What marks an item, and who is asked."""

    marked: str
    """A dense channel: an event where it is not 0 marks its item."""
    item: str = "item_id"
    """The channel in which items stand."""
    after_days: int = 1
    """How much later the item must be bought again; less is the same occasion."""
    given: tuple[str, ...] = ()
    """The labels that a user must have in the window to be asked."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.after_days < self.horizon_days:
            raise UsageError(
                f"after_days of task {self.name!r} must be 1 or more and less than its "
                f"{self.horizon_days} days, got {self.after_days}"
            )


class BoughtAgain(Task):
    """1 where a marked item is bought again later in the window; NaN where no item is marked."""

    kind: ClassVar[str] = "bought_again"
    config_type: ClassVar[type[TaskConfig]] = BoughtAgainConfig
    config: BoughtAgainConfig

    @override
    def labels(self, future: Future) -> Labels:
        code_L = future.values(self.config.item).astype(np.int64)
        mark_L = np.nan_to_num(future.values(self.config.marked).astype(np.float64)) != 0
        time_L, user_L = future.values(TIME), future.user_L
        # Code 0 is a missing item, which nobody can buy again.
        pair_L = user_L * (code_L.max(initial=0) + 1) + code_L
        marked_L = mark_L & (code_L > 0)
        pairs, place = np.unique(pair_L[marked_L], return_inverse=True)
        first = np.full(len(pairs), np.iinfo(np.int64).max)
        np.minimum.at(first, place, time_L[marked_L])
        label_U = np.full(future.num_users, np.nan)
        label_U[user_L[marked_L]] = 0.0
        if len(pairs):
            at_L = np.minimum(np.searchsorted(pairs, pair_L), len(pairs) - 1)
            again_L = (pairs[at_L] == pair_L) & (
                time_L - first[at_L] >= self.config.after_days * DAY
            )
            label_U[user_L[again_L]] = 1.0
        label_U[~has_labels(future, self.config.given, self.config)] = np.nan
        return label_U
