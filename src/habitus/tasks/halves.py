"""Two halves of what each user did: one to be read, the other to answer from.

Events at one time are one post and stay together. Shapes: U users, L events, V values.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from habitus.data.traces import Traces
from habitus.errors import UsageError
from habitus.random import derive_seed
from habitus.tasks.classes import ClassTaskConfig

Mask = npt.NDArray[np.bool_]


def readable(traces: Traces, config: ClassTaskConfig) -> Mask:
    """Return which events the representation of a task may read, its cutoff aside, ``(L)``."""
    if config.part == "all":
        return np.ones(traces.num_events, np.bool_)
    first_L = first_half(traces, config.part_by, config.part_seed)
    return first_L if config.part == "first" else ~first_L


def first_half(traces: Traces, part_by: str | None, seed: int) -> Mask:
    """Return which events stand in the first half, ``(L)``.

    Args:
        traces: all that the users left.
        part_by: a category or ID channel: the hash of its value decides, so that one discussion is
            in one half for everybody. None deals out each user's posts in turn.
        seed: another number, other halves.
    """
    if part_by is None:
        return _in_turn(traces, seed)
    column = traces.columns.get(part_by)
    if column is not None and column.kind not in ("category", "id"):
        raise UsageError(f"part_by must be a category or ID channel; {part_by!r} is {column.kind}")
    # the dictionary raises for a channel that is not there
    values = ["", *traces.dictionary(part_by).to_pylist()]
    # the rule of PostsConfig, so that both mean the same half
    first_V = np.array([derive_seed(seed, "half", value) % 2 == 0 for value in values])
    return np.asarray(first_V[traces.column(part_by)], np.bool_)


def _in_turn(traces: Traces, seed: int) -> Mask:
    """Return every other post of each user."""
    start_U, length_U = traces.offsets_U1[:-1], np.diff(traces.offsets_U1)
    new_L = np.ones(traces.num_events, np.int64)
    new_L[1:] = np.diff(traces.time_L) != 0
    new_L[start_U[length_U > 0]] = 1
    post_L = np.cumsum(new_L)
    first_post_U = post_L[start_U[length_U > 0]]
    post_L -= np.repeat(first_post_U, length_U[length_U > 0])
    return np.asarray((post_L + seed) % 2 == 0)
