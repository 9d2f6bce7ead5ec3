"""Where each user's target stands among the items of a catalogue, less what the user had before.

Shapes: B users, I items of the catalogue, L pairs of a user and an item of the history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from habitus.data.snapshot import Snapshot, ranges
from habitus.data.traces import Rows

Scores = npt.NDArray[Any]
Score = Callable[[Rows], Scores]
"""Places of users → their score of each item of the catalogue, ``(B, I)``; higher is better."""
BLOCK_CELLS = 1 << 22
"""Users × items of one block: what bounds memory."""


class Targets(NamedTuple):
    """What is asked of some users, as places in a catalogue."""

    target_B: Rows
    """Column of the target; no user has it in the history."""
    seen_ptr_B1: Rows
    seen_item_L: Rows
    """Columns of each user's history, each once: no candidates."""
    num_items: int
    """Items of the catalogue, ``I``."""

    @classmethod
    def of(cls, history: Snapshot, target_B: Rows, catalogue_I: Rows, channel: str) -> Targets:
        """Return the targets of the users of a snapshot.

        Args:
            history: what came before; an item outside the catalogue is nothing here.
            target_B: codes of the targets, each in the catalogue.
            catalogue_I: codes, ascending.
            channel: where the items stand.
        """
        row_L, ptr_B1 = history.latest()
        code_L = history.values(channel, row_L).astype(np.int64)
        user_L = np.repeat(np.arange(history.num_users), np.diff(ptr_B1))
        item_L = np.searchsorted(catalogue_I, code_L)
        known_L = catalogue_I[np.minimum(item_L, len(catalogue_I) - 1)] == code_L
        key_L = np.unique(user_L[known_L] * len(catalogue_I) + item_L[known_L])
        user_L, item_L = np.divmod(key_L, len(catalogue_I))
        number_B = np.bincount(user_L, minlength=history.num_users)
        target_B = np.searchsorted(catalogue_I, target_B)
        return cls(target_B, np.append(0, np.cumsum(number_B)), item_L, len(catalogue_I))

    @property
    def num_users(self) -> int:
        """Users who are asked, ``B``."""
        return len(self.target_B)

    @property
    def num_candidates_B(self) -> Rows:
        """Items that each user can be shown, the target among them."""
        return self.num_items - np.diff(self.seen_ptr_B1)

    def seen_of(self, place_B: Rows) -> tuple[Rows, Rows]:
        """Return the pairs of some users: place among them, and column."""
        length_B = np.diff(self.seen_ptr_B1)[place_B]
        place_L, _ = ranges(self.seen_ptr_B1[place_B], length_B)
        return np.repeat(np.arange(len(place_B)), length_B), self.seen_item_L[place_L]

    def blocks(self, cells: int = BLOCK_CELLS) -> Iterator[Rows]:
        """Yield the places of all users, as many at a time as their scores fit in memory."""
        step = max(1, cells // max(1, self.num_items))
        for start in range(0, self.num_users, step):
            yield np.arange(start, min(start + step, self.num_users))

    def places(self, scores_BI: Scores, place_B: Rows) -> tuple[Rows, Rows]:
        """Return how many candidates are better than each target, and how many tie with it."""
        user_L, item_L = self.seen_of(place_B)
        target_B = self.target_B[place_B]
        own_B1 = scores_BI[np.arange(len(place_B)), target_B][:, None]
        seen_L, own_L = scores_BI[user_L, item_L], own_B1[user_L, 0]
        # Counting the history back out is cheaper than a masked copy of all scores.
        better_B = np.count_nonzero(scores_BI > own_B1, axis=1)
        better_B -= np.bincount(user_L[seen_L > own_L], minlength=len(place_B))
        tied_B = np.count_nonzero(scores_BI == own_B1, axis=1) - 1
        tied_B -= np.bincount(user_L[seen_L == own_L], minlength=len(place_B))
        return better_B, tied_B

    def all_places(self, score: Score, cells: int = BLOCK_CELLS) -> tuple[Rows, Rows]:
        """Return :meth:`places` of every user, a block at a time."""
        better_B, tied_B = np.zeros((2, self.num_users), np.int64)
        for place_B in self.blocks(cells):
            better_B[place_B], tied_B[place_B] = self.places(score(place_B), place_B)
        return better_B, tied_B
