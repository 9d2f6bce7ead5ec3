"""Next item: what a user turns to next on a service, and what was known strictly before (C19).

The target is an item that the user never had before: items of the history are no candidates, so a
repeat would give itself away. Three ways to place it:

- *last*: the last such event of each user on the service; the history ends before it, wherever
  in the user's life that is.
- *held out*: the first such event among each user's last ``k``, all of which are left out of the
  history (sets that name their targets so); train users are asked for their last.
- *after a cutoff* (dated traces): the first such event at or after a date; the history ends there.

Shapes: U users, B of them that are asked, L events, R events that can be targets.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from habitus.config import Config
from habitus.data.columns import ITEM_ID, KIND, SERVICE
from habitus.data.snapshot import Snapshot, first_at_or_after
from habitus.data.traces import Rows, Traces
from habitus.errors import DataError, GuardError, UsageError
from habitus.registry import did_you_mean

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class NextItemConfig(Config):
    """On which service the next item is asked for, and where the history ends."""

    name: str
    service: str | None = None
    """The service of the targets and of the candidates; None for all of them together."""
    kinds: tuple[str, ...] = ()
    """Kinds of events that can be targets, such as purchases but no returns; empty for all."""
    held_out: int | None = None
    """Last events of each user that are left out, with the target among them; ordinal time only."""
    cutoff: str | None = None
    """A date that parts histories from targets."""
    train_cutoff: str | None = None
    """The same for train users, whose targets end before ``cutoff``; None for ``cutoff``."""
    same_time: bool = False
    """Whether what a user did at the time of the *last* target, but stands before it in the order
    of arrival, is known: the rest of a basket. That is not strictly before."""
    min_history: int = 1
    """Events that a user must have before the target; with 0, people without any are asked too."""

    def __post_init__(self) -> None:
        if self.held_out is not None and self.cutoff is not None:
            raise UsageError("give held_out or a cutoff, not both: each says where histories end")
        if self.held_out is not None and self.held_out < 1:
            raise UsageError(f"held_out must be at least 1, got {self.held_out}")
        if self.train_cutoff is not None and self.cutoff is None:
            raise UsageError("train_cutoff needs a cutoff for the users who are tested")
        if self.min_history < 0:
            raise UsageError(f"min_history must be 0 or more, got {self.min_history}")


class Questions(NamedTuple):
    """Who is asked, what is known of them, and the answers."""

    history: Snapshot
    """Of the users who are asked, ``B``."""
    target_B: Rows
    """Code of each target, 1 … I."""
    no_target: int
    """Users without an event that can be a target."""
    too_short: int
    """Users with a target and too little before it."""


class History(Snapshot):
    """A snapshot whose cutoff is another one for each user: the time of the user's own target.

    Args:
        traces: whose events.
        users: rows, no row twice.
        stop_U: row of the traces after each user's last event that is known.
    """

    def __init__(self, traces: Traces, users: Rows, stop_U: Rows) -> None:
        super().__init__(traces, None, users)
        self._stop_U = stop_U

    @cached_property
    @override
    def stop_U(self) -> Rows:
        return self._stop_U


def some_users(snapshot: Snapshot, place_B: Rows) -> Snapshot:
    """Return the snapshot of some of its users, with their own cutoffs where it has such."""
    users_B = snapshot.users_U[place_B]
    if isinstance(snapshot, History):
        return History(snapshot.traces, users_B, snapshot.stop_U[place_B])
    return Snapshot(snapshot.traces, snapshot.as_of, users_B)


class NextItem:
    """The question, asked of any users of some traces.

    Args:
        config: which service, and where histories end.
        traces: whose users.

    Raises:
        DataError: the traces have no items, or no such service or kind.
        UsageError: a cutoff in ordinal time, or ``held_out`` where there are dates.
    """

    def __init__(self, config: NextItemConfig, traces: Traces) -> None:
        self.config, self.traces = config, traces
        if ITEM_ID not in traces.columns:
            raise DataError(f"{traces.path} has no items: events need a channel {ITEM_ID!r}")
        ordinal = traces.manifest.time_unit == "order"
        if ordinal and config.cutoff is not None:
            raise UsageError("a cutoff is a date, and time in these traces is an order")
        if not ordinal and config.held_out is not None:
            raise UsageError("held_out counts events of an order; these are dated: give a cutoff")

    @cached_property
    def on_service_L(self) -> Mask:
        """Which events are of the service and kinds, with an item, ``(L)``."""
        found_L: Mask = self.traces.column(ITEM_ID)[:] > 0
        if self.config.service is not None:
            found_L &= self._is(SERVICE, (self.config.service,))
        if self.config.kinds:
            found_L &= self._is(KIND, self.config.kinds)
        return found_L

    @cached_property
    def catalogue_I(self) -> Rows:
        """Codes of all items that anybody met on the service: what can be recommended there."""
        codes_L = self.traces.column(ITEM_ID)[:][self.on_service_L]
        return np.unique(codes_L).astype(np.int64)

    @cached_property
    def _target_R(self) -> Rows:
        """Rows of events that can be targets, ascending: the first of a user with an item."""
        traces, item_L = self.traces, self.traces.column(ITEM_ID)[:].astype(np.int64)
        user_L = np.repeat(np.arange(traces.num_users), np.diff(traces.offsets_U1))
        key_L = user_L * (traces.columns[ITEM_ID].num_values + 1) + item_L
        # The first of equal values is the earliest: rows of a user ascend in time.
        first_R = np.unique(key_L, return_index=True)[1]
        return np.sort(first_R[self.on_service_L[first_R]])

    def ask(self, users_U: Rows, *, back: int = 0, train: bool = False) -> Questions:
        """Return the questions that some users can be asked.

        Args:
            users_U: rows of the traces.
            back: which target: 0 the one above, 1 the one before it (*last*), or the one after it
                (otherwise), and so on: further examples to train on.
            train: whether these are train users, of whom nothing is held out, and who may have a
                cutoff of their own.

        Raises:
            GuardError: nobody can be asked.
        """
        users_U = np.asarray(users_U, np.int64)
        history, row_U = self._placed(users_U, back, train=train)
        known_U = row_U >= 0
        long_U = history.lengths_U >= self.config.min_history
        asked_B = np.flatnonzero(known_U & long_U)
        if not len(asked_B):
            raise GuardError(
                f"{self.config.name}: none of {len(users_U)} users has a new item "
                f"{self._where()} after {self.config.min_history} events or more"
            )
        codes_B = self.traces.column(ITEM_ID)[row_U[asked_B]].astype(np.int64)
        left = (int((~known_U).sum()), int((known_U & ~long_U).sum()))
        return Questions(some_users(history, asked_B), codes_B, *left)

    def _placed(self, users_U: Rows, back: int, *, train: bool) -> tuple[Snapshot, Rows]:
        """Return histories, and the row of each target, -1 for none."""
        target_R, end_U = self._target_R, self.traces.offsets_U1[users_U + 1]
        held_out = None if train else self.config.held_out
        if held_out is None and self.config.cutoff is None:
            start_U = self.traces.offsets_U1[users_U]
            place_U = np.searchsorted(target_R, end_U) - 1 - back
            row_U = np.where(place_U >= 0, target_R[np.maximum(place_U, 0)], -1)
            row_U = np.where(row_U >= start_U, row_U, -1)
            return History(self.traces, users_U, self._before(row_U, start_U)), row_U
        first = self.config.train_cutoff if train else None
        history = Snapshot(self.traces, held_out or first or self.config.cutoff, users_U)
        if first is not None:
            # What a train user is asked must be over before anybody is tested.
            end_U = Snapshot(self.traces, self.config.cutoff, users_U).stop_U
        place_U = np.searchsorted(target_R, history.stop_U) + back
        row_U = np.append(target_R, -1)[np.minimum(place_U, len(target_R))]
        return history, np.where(row_U < end_U, row_U, -1)

    def _before(self, row_U: Rows, start_U: Rows) -> Rows:
        """Return where events at or after the time of each target begin."""
        if self.config.same_time:
            return np.maximum(row_U, start_U)
        time_L = self.traces.time_L
        stop_U = np.where(row_U >= 0, row_U, start_U)
        instant_U = np.where(row_U >= 0, time_L[np.maximum(row_U, 0)], 0)
        return first_at_or_after(time_L, start_U, stop_U, instant_U)

    def _is(self, channel: str, values: tuple[str, ...]) -> Mask:
        """Return which events have one of some values."""
        if channel not in self.traces.columns:
            raise DataError(f"{self.traces.path} has no channel {channel!r} to find {values} in")
        known = self.traces.dictionary(channel).to_pylist()
        unknown = [value for value in values if value not in known]
        if unknown:
            raise DataError(
                f"no {channel} of {self.traces.path} is called {unknown[0]!r}; "
                f"{did_you_mean(unknown[0], known)}"
            )
        codes = self.traces.codes_of(channel, values)
        found_L: Mask = np.isin(self.traces.column(channel)[:], codes)
        return found_L

    def _where(self) -> str:
        service, cutoff = self.config.service, self.config.cutoff
        words = "" if service is None else f"on {service} "
        return words + (f"from {cutoff}" if cutoff else "at the end")
