"""Sampled negatives, drawn once, stored, and the same for every method.

Evaluation D2: sampled metrics are for comparison with papers only, since they are not monotone in
the full ones. Two draws: uniform, and by popularity in the training snapshot. Neither holds the
target or an item of the history, and none holds an item twice.

Shapes: U users, I items, N negatives a user, B users of a block.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from habitus.data.columns import ITEM_ID
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows
from habitus.errors import DataError, UsageError
from habitus.metrics.arrays import Floats
from habitus.random import numpy_generator

CandidateKind = Literal["uniform", "popular"]
# Users × items of one block: what bounds memory.
BLOCK_CELLS = 1 << 22


@dataclass(frozen=True)
class Candidates:
    """Negatives of each user, and what they were drawn for."""

    kind: CandidateKind
    seed: int
    digest: str
    """Of the traces."""
    users_U: Rows
    targets_U: Rows
    items_UN: Rows
    """Item codes."""

    def save(self, path: str | Path) -> None:
        """Write one ``.npz`` file, without pickle."""
        np.savez_compressed(
            path,
            kind=np.array(self.kind),
            seed=np.array(self.seed),
            digest=np.array(self.digest),
            users_U=self.users_U,
            targets_U=self.targets_U,
            items_UN=self.items_UN,
        )

    @classmethod
    def load(cls, path: str | Path) -> Candidates:
        """Read what :meth:`save` wrote."""
        try:
            with np.load(path, allow_pickle=False) as file:
                values: dict[str, Any] = {name: file[name] for name in file.files}
            scalars = {name: values[name].item() for name in ("kind", "seed", "digest")}
            return cls(**{**values, **scalars})
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise DataError(f"{path} holds no candidates ({error}); draw them again") from error

    def check(self, snapshot: Snapshot, targets_U: Rows) -> None:
        """Raise :class:`DataError` where the candidates were drawn for other users or targets."""
        same = (
            self.digest == snapshot.traces.digest
            and np.array_equal(self.users_U, snapshot.users_U)
            and np.array_equal(self.targets_U, targets_U)
        )
        if not same:
            raise DataError(
                "these candidates were drawn for other traces, users or targets; draw them again "
                "with sample_candidates, once for all methods"
            )


def sample_candidates(
    kind: CandidateKind,
    snapshot: Snapshot,
    targets_U: npt.ArrayLike,
    train_counts_I: npt.ArrayLike,
    *,
    num: int = 100,
    seed: int = 0,
    channel: str = ITEM_ID,
) -> Candidates:
    """Draw ``num`` negatives for each user of the snapshot, without replacement.

    Args:
        kind: ``"uniform"``, or ``"popular"``: in proportion to the training counts.
        snapshot: the histories to leave out; cut just before the targets.
        targets_U: item code of each user's target.
        train_counts_I: events of each item code 1 … I in the *training* snapshot.
        num: negatives a user.
        seed: names the draw.
        channel: where the items stand.

    Raises:
        DataError: a user has fewer than ``num`` items to draw from.
    """
    if kind not in get_args(CandidateKind):
        raise UsageError(f"kind must be one of {get_args(CandidateKind)}, got {kind!r}")
    counts_I = np.asarray(train_counts_I, np.float64)
    weights_I = np.ones_like(counts_I) if kind == "uniform" else counts_I
    targets = np.asarray(targets_U, np.int64)
    generator = numpy_generator(seed, "candidates", kind)
    items_UN = np.empty((snapshot.num_users, num), np.int64)
    step = max(1, BLOCK_CELLS // (2 * num))
    for start in range(0, snapshot.num_users, step):
        block = slice(start, start + step)
        part = Snapshot(snapshot.traces, snapshot.as_of, snapshot.users_U[block])
        user_L, code_L = history_of(part, channel)
        user_L = np.concatenate([user_L, np.arange(part.num_users)])
        code_L = np.concatenate([code_L, targets[block]])
        banned_K = np.unique(user_L * len(weights_I) + code_L - 1)
        items_UN[block] = _draw(weights_I, banned_K, part.num_users, num, generator) + 1
    digest = snapshot.traces.digest
    return Candidates(kind, seed, digest, snapshot.users_U, targets, items_UN)


def history_of(snapshot: Snapshot, channel: str) -> tuple[Rows, Rows]:
    """Return user place and item code of each event that has an item, ``(L)`` each."""
    rows_L, _ = snapshot.latest()
    code_L = snapshot.values(channel, rows_L).astype(np.int64)
    user_L = np.repeat(np.arange(snapshot.num_users), snapshot.lengths_U)
    return user_L[code_L > 0], code_L[code_L > 0]


def _draw(
    weights_I: Floats, banned_K: Rows, num_users: int, num: int, generator: np.random.Generator
) -> Rows:
    """Return ``num`` items of each user, sorted: one after the other, each by weight of the rest.

    A key, ``K``, is user × I + item. Most users are done by drawing with replacement and dropping
    what is banned or drawn before; for the others an exponential race finds the rest. Both follow
    the same law, so where one ends and the other begins does not matter.
    """
    found_K = _drawn_keys(weights_I, banned_K, num_users, num, generator)
    user_K = found_K // len(weights_I)
    short_B = np.flatnonzero(np.bincount(user_K, minlength=num_users) < num)
    raced = [found_K]
    step = max(1, BLOCK_CELLS // len(weights_I))
    for start in range(0, len(short_B), step):
        users = short_B[start : start + step]
        taken_K = np.concatenate([banned_K, found_K])
        raced.append(_raced_keys(weights_I, taken_K, users, user_K, num, generator))
    keys_UN = np.sort(np.concatenate(raced)).reshape(num_users, num)
    return keys_UN % len(weights_I)


def _drawn_keys(
    weights_I: Floats, banned_K: Rows, num_users: int, num: int, generator: np.random.Generator
) -> Rows:
    """Return the first ``num`` or fewer distinct keys of each user from 2 × ``num`` draws."""
    upto_I = np.cumsum(weights_I) / weights_I.sum()
    uniform = generator.random((num_users, 2 * num))
    item = np.minimum(np.searchsorted(upto_I, uniform, side="right"), len(weights_I) - 1)
    keys = (np.arange(num_users)[:, None] * len(weights_I) + item).ravel()
    _, first = np.unique(keys, return_index=True)
    keys = keys[np.sort(first)]
    keys = keys[~np.isin(keys, banned_K, assume_unique=True)]
    user = keys // len(weights_I)
    place = np.arange(len(keys)) - np.searchsorted(user, user)
    return keys[place < num]


def _raced_keys(
    weights_I: Floats,
    taken_K: Rows,
    users_B: Rows,
    user_of_found_K: Rows,
    num: int,
    generator: np.random.Generator,
) -> Rows:
    """Return the keys that ``users_B`` still lack: the first arrivals of an exponential race."""
    num_items = len(weights_I)
    free_BI = np.tile(weights_I > 0, (len(users_B), 1))
    place = np.searchsorted(users_B, taken_K // num_items)
    ours = users_B[np.minimum(place, len(users_B) - 1)] == taken_K // num_items
    free_BI[place[ours], taken_K[ours] % num_items] = False
    lacking_B = num - np.bincount(user_of_found_K, minlength=users_B[-1] + 1)[users_B]
    if (free_BI.sum(axis=1) < lacking_B).any():
        least = int((free_BI.sum(axis=1) + num - lacking_B).min())
        raise DataError(
            f"a user has only {least} items to draw {num} negatives from; ask for fewer"
        )
    arrival_BI = np.full(free_BI.shape, np.inf)
    np.divide(
        generator.standard_exponential(free_BI.shape), weights_I, out=arrival_BI, where=free_BI
    )
    order_BI = np.argsort(arrival_BI, axis=1)
    keys_BI = users_B[:, None] * num_items + order_BI
    return keys_BI[np.arange(num_items) < lacking_B[:, None]]
