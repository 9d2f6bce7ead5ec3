"""Who learns, who stops the learning, and who is matched: three parts without a user in common.

Where the source has split its users, its parts stand: the attribute ``split`` of the profiles. All
whom it calls neither ``valid`` nor ``test``, such as people on one service, are trained on. Other
users are parted by a hash of their id.

The pool to match is drawn from the test users who have texts on two services or more. Where they
are too few, it is drawn from valid and test users together, and only the valid and test users who
are not in it may stop a training or choose a setting.

Shapes: U users.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from habitus.comparisons.service_words import service_texts
from habitus.data.columns import USER_ID
from habitus.data.posts import AUTO
from habitus.data.snapshot import Snapshot
from habitus.data.split import Part, UserSplit, parts_by_profile
from habitus.data.traces import Rows, Traces
from habitus.errors import GuardError, UsageError
from habitus.random import numpy_generator

SPLIT: Final = "split"


class MatchingParts(NamedTuple):
    """Rows of users, ascending; nobody is in two of them."""

    train_U: Rows
    valid_U: Rows
    """Who may stop a training or choose settings."""
    pool_U: Rows
    """Who is matched."""


@dataclass(frozen=True, kw_only=True)
class MatchingSplit(UserSplit):
    """A split whose test part is the pool: a run with it trains and stops on others.

    Shares and seed part users whom the source has not split.
    """

    pool: int = 1_000
    """Users to match, ``N``."""
    pool_seed: int = 0
    """Of the draw."""
    pairs_share: float = 1.0
    """Of the train users on several services, how many are trained on; larger shares hold the users
    of smaller ones. Users on one service stay."""
    text: str = AUTO
    """Which texts make somebody present on a service."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pool < 2:
            raise UsageError(f"pool must be at least 2 users, got {self.pool}")
        if not 0 < self.pairs_share <= 1:
            raise UsageError(f"pairs_share must be in (0, 1], got {self.pairs_share}")

    @override
    def rows(self, traces: Traces, part: Part) -> Rows:
        return self.parts(traces)[("train", "valid", "test").index(part)]

    def parts(self, traces: Traces) -> MatchingParts:
        """Return who is in each part.

        Raises:
            DataError: the traces have no texts.
            GuardError: too few users on two services, or none left to stop a training.
        """
        part_U = self._part_of_each(traces)
        several_U = on_several_services(traces, self.text)
        pool_U, valid_U = self._pool(traces, part_U, several_U)
        train_U = np.flatnonzero(part_U == 0)
        if self.pairs_share < 1:
            train_U = np.setdiff1d(train_U, self._left_out(train_U[several_U[train_U]]))
        return MatchingParts(train_U, valid_U, pool_U)

    def of_test(self, traces: Traces, users_U: Rows) -> npt.NDArray[np.bool_]:
        """Return which of some users, by row, are test users; a pool may hold valid users too."""
        test_U: npt.NDArray[np.bool_] = self._part_of_each(traces)[users_U] == 2
        return test_U

    def pairs(self, traces: Traces) -> Rows:
        """Return the train users on several services: what rungs are fitted on."""
        train_U = self.parts(traces).train_U
        return train_U[on_several_services(traces, self.text)[train_U]]

    @classmethod
    def of_test_users(cls, traces: Traces, most: int = 1_000, text: str = AUTO) -> MatchingSplit:
        """Return a split that matches all test users on several services, at most so many.

        Raises:
            DataError: the traces have no texts.
            GuardError: fewer than two test users are on several services.
        """
        part_U = cls(text=text)._part_of_each(traces)
        number = int((on_several_services(traces, text) & (part_U == 2)).sum())
        if number < 2:
            raise GuardError(
                f"{number} test users of {traces.path} have texts on two services: nobody can be "
                f"told from anybody; give more users, or a split with more test users"
            )
        return cls(pool=min(number, most), text=text)

    def _part_of_each(self, traces: Traces) -> Rows:
        """Return 0 (train), 1 (valid) or 2 (test) of each user, by the source or else by a hash."""
        part_U = self._part_by_source(traces)
        return self.part_of(traces.user_ids).astype(np.int64) if part_U is None else part_U

    def _part_by_source(self, traces: Traces) -> Rows | None:
        table = traces.table("profiles")
        if table is None or SPLIT not in table.column_names or USER_ID not in table.column_names:
            return None
        part_U = parts_by_profile(traces, SPLIT).astype(np.int64)
        return part_U if part_U.any() else None

    def _pool(
        self, traces: Traces, part_U: Rows, several_U: npt.NDArray[np.bool_]
    ) -> tuple[Rows, Rows]:
        """Return the pool, and the valid users that are not in it."""
        test_U, valid_U = (np.flatnonzero((part_U == p) & several_U) for p in (2, 1))
        if len(test_U) < self.pool:
            test_U = valid_U = np.union1d(test_U, valid_U)
        if len(test_U) < self.pool:
            raise GuardError(
                f"{len(test_U)} valid and test users of {traces.path} have texts on two services, "
                f"and {self.pool} are to be matched: ask for a smaller pool"
            )
        drawn = numpy_generator(self.pool_seed, "matching pool").permutation(test_U)
        pool_U = np.sort(drawn[: self.pool])
        valid_U = np.setdiff1d(valid_U, pool_U)
        if len(valid_U) < 2:
            raise GuardError(
                f"a pool of {self.pool} leaves {len(valid_U)} users of {traces.path} to stop a "
                f"training by: ask for a smaller pool"
            )
        return pool_U, valid_U

    def _left_out(self, several_U: Rows) -> Rows:
        drawn = numpy_generator(self.pool_seed, "training pairs").permutation(several_U)
        return drawn[round(self.pairs_share * len(drawn)) :]


def on_several_services(traces: Traces, text: str = AUTO) -> npt.NDArray[np.bool_]:
    """Return which users have texts on two services or more, ``(U)``.

    Raises:
        DataError: the traces have no texts.
        GuardError: there is one service only, or none.
    """
    found = service_texts(Snapshot(traces), text=text)
    if len(found.services) < 2:
        known = ", ".join(name or "unnamed" for name in found.services) or "none"
        raise GuardError(
            f"matching goes from one service to another, and the services of {traces.path} with "
            f"texts are: {known}"
        )
    several_U: npt.NDArray[np.bool_] = found.present_UK.sum(axis=1) > 1
    return several_U
