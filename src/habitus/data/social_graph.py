"""Social graph: who follows whom among the users of a snapshot.

PASUM P12 and P19: what a user's network is made of, in both directions.

Shapes: U users of the snapshot, F follows (directed edges), N neighbours of all users (each pair of
linked users twice), B pairs that are asked about.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from habitus.data.columns import FOLLOWS_ID, USER_ID
from habitus.data.snapshot import Snapshot, ranges
from habitus.data.traces import Rows

Places = npt.NDArray[np.int32]
"""Users as places in the snapshot."""
Mask = npt.NDArray[np.bool_]


class FollowReport(NamedTuple):
    """What became of the rows of the follows table."""

    rows: int = 0
    """Rows of these users that were known at the cutoff."""
    unknown: int = 0
    """Rows whose other end is no user of the snapshot."""
    self_follows: int = 0
    doubled: int = 0
    """Rows that repeat another, whatever their dates."""


NO_ROWS: Final = FollowReport()


@dataclass(frozen=True)
class SocialGraph:
    """Follows between ``num_users`` users, each once, nobody following themselves.

    It is held in memory: 8 bytes a follow, and 24 more once it is asked for links.
    """

    num_users: int
    follow_F2: Places
    """Follower and followed, ascending; ``(F, 2)``."""
    report: FollowReport = NO_ROWS

    @classmethod
    def from_snapshot(cls, snapshot: Snapshot) -> Self:
        """Return the follows that were known at the cutoff; undated ones always were.

        Without a follows table, and for users who are alone, there are none.
        """
        table = snapshot.table("follows")
        if table is None:
            return cls(snapshot.num_users, np.zeros((0, 2), np.int32))
        ids = snapshot.user_ids
        source_F, target_F = (_place_of(table[name], ids) for name in (USER_ID, FOLLOWS_ID))
        known_F = (source_F >= 0) & (target_F >= 0)
        other_F = source_F != target_F
        keep_F = known_F & other_F
        key_F = distinct(source_F[keep_F] * snapshot.num_users + target_F[keep_F])
        follow_F2 = np.stack(np.divmod(key_F, max(snapshot.num_users, 1)), axis=1)
        report = FollowReport(
            rows=len(source_F),
            unknown=int((~known_F).sum()),
            self_follows=int((known_F & ~other_F).sum()),
            doubled=int(keep_F.sum()) - len(key_F),
        )
        return cls(snapshot.num_users, follow_F2.astype(np.int32), report)

    @property
    def num_follows(self) -> int:
        """Directed edges, ``F``."""
        return len(self.follow_F2)

    @cached_property
    def link_N(self) -> Rows:
        """Every ordered pair of linked users as ``user * U + neighbour``, ascending, ``(N)``."""
        source_F, target_F = self.follow_F2.T.astype(np.int64)
        both_N = [source_F * self.num_users + target_F, target_F * self.num_users + source_F]
        return distinct(np.concatenate(both_N))

    @cached_property
    def ptr_U1(self) -> Rows:
        """First neighbour of each user, and ``N``."""
        first_U1 = np.arange(self.num_users + 1, dtype=np.int64) * self.num_users
        return np.searchsorted(self.link_N, first_U1)

    @cached_property
    def neighbour_N(self) -> Places:
        """Who follows or is followed, ascending within each user, ``(N)``."""
        return (self.link_N % max(self.num_users, 1)).astype(np.int32)

    @property
    def degree_U(self) -> Rows:
        """Neighbours of each user."""
        return np.diff(self.ptr_U1)

    @property
    def in_degree_U(self) -> Rows:
        """Followers of each user."""
        return np.bincount(self.follow_F2[:, 1], minlength=self.num_users)

    def neighbours(self, user: int) -> Places:
        """Return who follows a user or is followed by it, ascending."""
        return self.neighbour_N[self.ptr_U1[user] : self.ptr_U1[user + 1]]

    def has_edge(self, user_B: npt.NDArray[np.integer], other_B: npt.NDArray[np.integer]) -> Mask:
        """Return, for each pair, whether one follows the other; one binary search for all."""
        key_B = user_B.astype(np.int64) * self.num_users + other_B
        place_B = np.searchsorted(self.link_N, key_B)
        inside_B = place_B < len(self.link_N)
        found_B: Mask = np.zeros(len(key_B), np.bool_)
        found_B[inside_B] = self.link_N[place_B[inside_B]] == key_B[inside_B]
        return found_B

    def links_among(self, users_R: Rows) -> Rows:
        """Return each (place, place) of two users of an ascending list that are linked.

        Both ways round; ``(L, 2)``, after the place of the first.
        """
        length_R = self.ptr_U1[users_R + 1] - self.ptr_U1[users_R]
        places_N, _ = ranges(self.ptr_U1[users_R], length_R)
        other_N = self.neighbour_N[places_N]
        place_N = np.minimum(np.searchsorted(users_R, other_N), max(len(users_R) - 1, 0))
        found_N = users_R[place_N] == other_N if len(users_R) else np.zeros(0, np.bool_)
        first_N = np.repeat(np.arange(len(users_R)), length_R)
        return np.stack([first_N[found_N], place_N[found_N]], axis=1)

    def only(self, keep_F: Mask) -> SocialGraph:
        """Return the same users with some of the follows."""
        return replace(self, follow_F2=self.follow_F2[keep_F])


def distinct(values: Rows) -> Rows:
    """Return the distinct values, ascending; on millions, many times faster than ``np.unique``."""
    ordered = np.sort(values)
    is_new = np.ones(len(ordered), np.bool_)
    is_new[1:] = ordered[1:] != ordered[:-1]
    return ordered[is_new]


def _place_of(names: pa.ChunkedArray, ids: pa.StringArray) -> Rows:
    """Return where each name stands among ``ids``, -1 for nowhere."""
    found = pc.fill_null(pc.index_in(names.cast(pa.string()), value_set=ids), -1)
    place: Rows = found.to_numpy().astype(np.int64)
    return place
