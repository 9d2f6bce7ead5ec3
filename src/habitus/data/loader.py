"""Loader: one endless, seeded stream of batches that knows its position.

The chance of a batch comes from (seed, epoch, index) alone. A position is therefore all that a
resumed run needs, and a thread that reads ahead changes nothing but the waiting.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np

from habitus.errors import DataError, UsageError
from habitus.random import numpy_generator

UnitT = TypeVar("UnitT")
BatchT = TypeVar("BatchT")
BatchT_co = TypeVar("BatchT_co", covariant=True)
STOP_CHECK_S = 0.5
"""How soon a thread whose loader was collected sees that it is alone."""


class Batch(Protocol):
    """What the trainer asks of every batch; each encoder has a batch type of its own."""

    @property
    def num_users(self) -> int:
        """Users, those without events included."""
        ...

    @property
    def num_events(self) -> int:
        """Events of all users."""
        ...

    @property
    def padded_events(self) -> int:
        """Events and padding that the encoder has to hold."""
        ...

    def to(self, device: Any) -> Self:  # noqa: ANN401 - torch is not needed to read this file
        """Return the batch with its tensors on ``device``."""
        ...


class BatchSource(Protocol[UnitT, BatchT_co]):
    """Where batches come from: what they are made of, and how one is made."""

    def plan(self, generator: np.random.Generator) -> Sequence[UnitT]:
        """Return the units of one epoch, in order: small arrays, each enough to make a batch."""
        ...

    def make(self, unit: UnitT, generator: np.random.Generator) -> BatchT_co:
        """Return the batch of a unit, in one vectorised operation."""
        ...


@dataclass(frozen=True)
class Position:
    """The next batch: unit ``index`` of ``epoch``."""

    epoch: int
    index: int


class Loader(Generic[UnitT, BatchT]):
    """Batches of a source, epoch after epoch, without end.

    The position counts batches that were handed out, not those that were read ahead. The loader is
    its own iterator: two loops over it share one position.

    Args:
        source: where batches come from; each unit is made once an epoch.
        seed: of every shuffle and every draw.
        prefetch: batches that a thread makes ahead; 0 for none.
        rank: of this process among ``world``. Process ``r`` makes batches ``r``, ``r + world``, …
            of the one stream, so that all processes are at the same position at the same step.
        world: how many processes share the stream.

    Raises:
        UsageError: an argument out of range.
        DataError: while iterating, a source that plans an epoch without a batch.
    """

    def __init__(
        self,
        source: BatchSource[UnitT, BatchT],
        *,
        seed: int,
        prefetch: int = 1,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        if prefetch < 0:
            raise UsageError(f"prefetch must be 0 or more, got {prefetch}")
        if not 0 <= rank < world:
            raise UsageError(f"rank must be in [0, {world}), got {rank}")
        self.source = source
        self.seed = seed
        self.prefetch = prefetch
        self.rank = rank
        self.world = world
        self._position = Position(0, 0)
        self._ahead: Iterator[tuple[BatchT, Position]] | None = None

    @property
    def position(self) -> Position:
        """The next batch that would be handed out (to rank 0)."""
        return self._position

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> BatchT:
        if self._ahead is None:
            stream = _stream(self.source, self.seed, self._position, self.rank, self.world)
            self._ahead = _ReadAhead(stream, self.prefetch) if self.prefetch else stream
        try:
            batch, self._position = next(self._ahead)
        except BaseException:
            self.close()  # a later attempt begins again at the batch that failed
            raise
        return batch

    def state_dict(self) -> dict[str, int]:
        """Return the position and the seed it belongs to."""
        return {"epoch": self._position.epoch, "index": self._position.index, "seed": self.seed}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go to a position; what was read ahead is dropped.

        Raises:
            UsageError: the position of a stream with another seed.
        """
        if state["seed"] != self.seed:
            raise UsageError(
                f"the position belongs to seed {state['seed']}, this loader has seed {self.seed}: "
                f"use the same seed to resume"
            )
        self.close()
        self._position = Position(state["epoch"], state["index"])

    def close(self) -> None:
        """Stop the thread, if any; the loader can be used again, from the same position."""
        ahead, self._ahead = self._ahead, None
        if isinstance(ahead, _ReadAhead):
            ahead.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _stream(
    source: BatchSource[UnitT, BatchT], seed: int, start: Position, rank: int, world: int
) -> Iterator[tuple[BatchT, Position]]:
    """Yield each batch of one process with the position of the stream after all processes' turns.

    It does not know the loader, so that a thread which runs it does not keep the loader alive.
    """
    plans: dict[int, Sequence[UnitT]] = {}

    def plan(epoch: int) -> Sequence[UnitT]:
        if epoch not in plans:
            plans[epoch] = source.plan(numpy_generator(seed, "plan", epoch))
            if not len(plans[epoch]):
                raise DataError("the source has nothing to make a batch of: no user has events")
        return plans[epoch]

    def later(position: Position, batches: int) -> Position:
        epoch, index = position.epoch, position.index + batches
        while index >= len(plan(epoch)):
            index -= len(plan(epoch))
            epoch += 1
        return Position(epoch, index)

    while True:
        mine = later(start, rank)
        unit = plan(mine.epoch)[mine.index]
        batch = source.make(unit, numpy_generator(seed, "batch", mine.epoch, mine.index))
        start = later(start, world)
        for epoch in [e for e in plans if e < start.epoch]:
            del plans[epoch]
        yield batch, start


class _ReadAhead(Iterator[tuple[BatchT, Position]]):
    """Runs a stream in a thread, up to ``depth`` batches ahead of its reader."""

    def __init__(self, stream: Iterator[tuple[BatchT, Position]], depth: int) -> None:
        self._queue: queue.Queue[tuple[BatchT, Position] | BaseException] = queue.Queue(depth)
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=_fill, args=(stream, self._queue, self._stop), name="loader", daemon=True
        )
        # Nothing but the event: a collection can run this inside the thread's own queue operation.
        weakref.finalize(self, self._stop.set)
        self._thread.start()

    def __next__(self) -> tuple[BatchT, Position]:
        item = self._queue.get()
        if isinstance(item, BaseException):
            raise item
        return item

    def close(self) -> None:
        """Stop the thread and wait until it is gone."""
        self._stop.set()
        while self._thread.is_alive():
            with contextlib.suppress(queue.Empty):
                self._queue.get_nowait()
            self._thread.join(timeout=0.01)


def _fill(
    stream: Iterator[Any], batches: queue.Queue[Any | BaseException], stop: threading.Event
) -> None:
    try:
        for item in stream:
            if not _put(item, batches, stop):
                return
    except BaseException as error:
        _put(error, batches, stop)


def _put(item: Any, batches: queue.Queue[Any], stop: threading.Event) -> bool:  # noqa: ANN401
    """Wait for room; return False when nobody reads any more."""
    while not stop.is_set():
        with contextlib.suppress(queue.Full):
            batches.put(item, timeout=STOP_CHECK_S)
            return True
    return False
