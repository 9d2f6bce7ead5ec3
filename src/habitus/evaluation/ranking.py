"""Where a comparison puts each user's target among all items, or among stored candidates.

Evaluation D2: the full ranking is primary; items of the history are not candidates; ties are kept
as counts, so that every metric can be its expectation over their order.

Shapes: U users, I items, B users of a block, N negatives a user, L events.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from habitus.comparisons.base import Scores
from habitus.data.columns import ITEM_ID
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows
from habitus.errors import DataError
from habitus.evaluation.candidates import BLOCK_CELLS, Candidates, history_of
from habitus.metrics import gains, gini, hits, novelty, reciprocal_ranks
from habitus.metrics.arrays import Array, Floats

KS = (1, 5, 10, 20)


@dataclass(frozen=True)
class Exposure:
    """What the users are shown, in expectation over the order of tied items."""

    k: int
    shown_I: Floats
    """Expected number of users who are shown each item among the first ``k``."""
    log_missed_I: Floats
    """Logarithm of the probability that nobody is shown the item."""

    def metrics(self, train_counts_I: npt.ArrayLike) -> dict[str, float]:
        """Return coverage, Gini and novelty of the first ``k``: how far a method collapses."""
        return {
            f"coverage@{self.k}": float(-np.expm1(self.log_missed_I).mean()),
            f"gini@{self.k}": gini(self.shown_I),
            f"novelty@{self.k}": novelty(self.shown_I, train_counts_I),
        }


@dataclass(frozen=True)
class Ranking:
    """The place of each user's target, as counts."""

    num_better_U: Rows
    """Candidates with a higher score than the target."""
    num_tied_U: Rows
    """Other candidates with the same score."""
    num_candidates_U: Rows
    """Candidates, the target included."""
    num_repeats: int = 0
    """Targets that stand in their user's history; they stay candidates."""
    exposure: Exposure | None = None

    def values(self, ks: Sequence[int] = KS) -> dict[str, Floats]:
        """Return each user's expected metrics, ``(U)`` each: what a bootstrap resamples."""
        counts = (self.num_better_U, self.num_tied_U)
        return {
            **{f"HR@{k}": hits(*counts, k) for k in ks},
            **{f"NDCG@{k}": gains(*counts, k) for k in ks if k > 1},
            "MRR": reciprocal_ranks(*counts),
        }

    def metrics(self, ks: Sequence[int] = KS) -> dict[str, float]:
        """Return the mean of each metric over users."""
        return {name: float(value_U.mean()) for name, value_U in self.values(ks).items()}

    def chance(self, ks: Sequence[int] = KS) -> dict[str, float]:
        """Return what a constant score gets on the same candidates."""
        nobody_U = np.zeros_like(self.num_better_U)
        return Ranking(nobody_U, self.num_candidates_U - 1, self.num_candidates_U).metrics(ks)


class Places(NamedTuple):
    """The counts of :class:`Ranking` for some users."""

    num_better_B: Rows
    num_tied_B: Rows
    num_candidates_B: Rows


class Block(NamedTuple):
    """Scores of some users, and what of them does not count."""

    rows: slice
    """Which users of the snapshot these are."""
    scores_BI: Array
    """Column 0 is the item with code 1."""
    target_B: Rows
    """Column of each target."""
    masked_user_L: Rows
    masked_item_L: Rows
    """Pairs of the history, each once, without the targets."""
    num_repeats: int

    def among_all(self) -> Places:
        """Rank the targets among all items but the history."""
        target_B1 = self.target_score_B[:, None]
        masked_L = self.scores_BI[self.masked_user_L, self.masked_item_L]
        target_L = self.target_score_B[self.masked_user_L]
        # Counting the history back out is cheaper than a masked copy of all scores.
        better_B = np.count_nonzero(self.scores_BI > target_B1, axis=1)
        better_B -= self._per_user(masked_L > target_L)
        tied_B = np.count_nonzero(self.scores_BI == target_B1, axis=1) - 1
        tied_B -= self._per_user(masked_L == target_L)
        size_B = self.scores_BI.shape[1] - self._per_user(np.ones(len(masked_L), bool))
        return Places(better_B, tied_B, size_B)

    def among(self, negatives_BN: Rows) -> Places:
        """Rank the targets among given columns."""
        scores_BN = np.take_along_axis(self.scores_BI, negatives_BN, axis=1)
        target_B1 = self.target_score_B[:, None]
        better_B = np.count_nonzero(scores_BN > target_B1, axis=1)
        tied_B = np.count_nonzero(scores_BN == target_B1, axis=1)
        return Places(better_B, tied_B, np.full(len(scores_BN), scores_BN.shape[1] + 1))

    def shown(self, k: int) -> Floats:
        """Return the probability that each user is shown each item among the first ``k``."""
        scores_BI = self.scores_BI.copy()
        scores_BI[self.masked_user_L, self.masked_item_L] = -np.inf
        place = max(0, scores_BI.shape[1] - k)
        last_B1 = np.partition(scores_BI, place, axis=1)[:, place, None]
        above_BI = scores_BI > last_B1
        level_BI = (scores_BI == last_B1) & np.isfinite(scores_BI)
        left_B1 = k - above_BI.sum(axis=1, keepdims=True)
        share_B1 = np.minimum(1, left_B1 / np.maximum(1, level_BI.sum(axis=1, keepdims=True)))
        return np.asarray(above_BI + level_BI * share_B1)

    @property
    def target_score_B(self) -> Array:
        """Score of each target."""
        return np.asarray(self.scores_BI[np.arange(len(self.target_B)), self.target_B])

    def _per_user(self, chosen_L: npt.NDArray[np.bool_]) -> Rows:
        return np.bincount(self.masked_user_L[chosen_L], minlength=len(self.target_B))


def evaluate_ranking(
    comparison: Scores,
    snapshot: Snapshot,
    targets_U: npt.ArrayLike,
    *,
    candidates: Candidates | None = None,
    exposure_at: int | None = None,
    channel: str = ITEM_ID,
    block_cells: int = BLOCK_CELLS,
) -> Ranking:
    """Rank every user's target in one pass over blocks of users.

    Args:
        comparison: fitted on a snapshot that does not hold the targets.
        snapshot: the users, cut just before their targets: what may be read and what is masked.
        targets_U: item code of each user's target, 1 … I.
        candidates: stored negatives; None ranks against every item of the dictionary.
        exposure_at: also count what is shown among this many first places of the full ranking.
        channel: where the items stand.
        block_cells: users × items of one block, the bound on memory.

    Raises:
        DataError: a score that is not finite, a target that is no item, or candidates that were
            drawn for something else.
    """
    num_items = snapshot.traces.columns[channel].num_values
    targets = _check_targets(targets_U, snapshot.num_users, num_items)
    if candidates is not None:
        candidates.check(snapshot, targets)
    counts_3U = np.zeros((3, snapshot.num_users), np.int64)
    shown_I, log_missed_I = np.zeros(num_items), np.zeros(num_items)
    num_repeats = 0
    for block in _blocks(comparison, snapshot, targets - 1, channel, block_cells):
        num_repeats += block.num_repeats
        counts_3U[:, block.rows] = (
            block.among_all()
            if candidates is None
            else block.among(candidates.items_UN[block.rows] - 1)
        )
        if exposure_at is not None:
            shown_BI = block.shown(exposure_at)
            shown_I += shown_BI.sum(axis=0)
            with np.errstate(divide="ignore"):  # log 0: somebody is sure to be shown the item
                log_missed_I += np.log1p(-shown_BI).sum(axis=0)
    exposure = None if exposure_at is None else Exposure(exposure_at, shown_I, log_missed_I)
    better_U, tied_U, size_U = counts_3U
    return Ranking(better_U, tied_U, size_U, num_repeats, exposure)


def _blocks(
    comparison: Scores, snapshot: Snapshot, target_U: Rows, channel: str, block_cells: int
) -> Iterator[Block]:
    num_items = snapshot.traces.columns[channel].num_values
    step = max(1, block_cells // num_items)
    for start in range(0, snapshot.num_users, step):
        rows = slice(start, start + step)
        part = Snapshot(snapshot.traces, snapshot.as_of, snapshot.users_U[rows])
        scores_BI = comparison.score(part, np.arange(1, num_items + 1))
        _check_scores(scores_BI, (part.num_users, num_items))
        yield Block(rows, scores_BI, target_U[rows], *_masked(part, target_U[rows], channel))


def _masked(snapshot: Snapshot, target_B: Rows, channel: str) -> tuple[Rows, Rows, int]:
    """Return user and item column of the history, each pair once, less the targets; and repeats."""
    num_items = snapshot.traces.columns[channel].num_values
    user_L, code_L = history_of(snapshot, channel)
    user_L, item_L = np.divmod(np.unique(user_L * num_items + code_L - 1), num_items)
    is_target_L = target_B[user_L] == item_L
    return user_L[~is_target_L], item_L[~is_target_L], int(is_target_L.sum())


def _check_scores(scores_BI: Array, shape: tuple[int, int]) -> None:
    if scores_BI.shape != shape:
        raise DataError(f"scores must have the shape {shape} (users, items), got {scores_BI.shape}")
    if not np.isfinite(scores_BI).all():
        raise DataError("a score is not finite: every item must have a number for every user")


def _check_targets(targets_U: npt.ArrayLike, num_users: int, num_items: int) -> Rows:
    targets = np.asarray(targets_U)
    if targets.shape != (num_users,) or not num_users:
        raise DataError(f"there must be a target for each of {num_users} users: {targets.shape}")
    if targets.dtype.kind not in "iu" or targets.min() < 1 or targets.max() > num_items:
        raise DataError(
            f"targets must be item codes 1 … {num_items}, got {targets.min()} to {targets.max()}; "
            f"leave out users whose target has no item"
        )
    return targets.astype(np.int64)
