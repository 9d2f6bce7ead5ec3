"""Subgraph sampling: the kernel that draws intra triples, and its own counter-based chance.

A generator with a state could not draw triple ``k`` without those before it; a hash of the seed and
``k`` (SplitMix64; Steele, Lea and Flood 2014) can.

Shapes: E (user, domain, member) entries, G communities or subgraphs, R roots, B triples, W places
for members.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from habitus.data.social_graph import Places
from habitus.data.traces import Rows

TRIES = 8
"""Draws of a positive before one member is left out of the anchor instead."""
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _fast(function: Any) -> Any:  # noqa: ANN401 - numba has no types
    return njit(cache=True, nogil=True)(function)


@_fast
def draw_subgraphs(
    numbers_B: npt.NDArray[np.uint64],
    seed: np.uint64,
    tables: Any,  # noqa: ANN401
    own: Any,  # noqa: ANN401
    sizes: tuple[int, int],
    member_GW: Places,
    count_G: Rows,
) -> None:
    """Write three sorted subgraphs of each triple, and how many members each has."""
    roots, community_G, ptr_R1 = own
    state = np.empty(1, np.uint64)
    for b in range(len(numbers_B)):
        state[0] = _mix(seed ^ _mix(numbers_B[b] + GOLDEN))
        r = _below(len(roots), state)
        count = ptr_R1[r + 1] - ptr_R1[r]
        here = _below(count, state)
        there = (here + 1 + _below(count - 1, state)) % count
        anchor, positive, negative = member_GW[3 * b], member_GW[3 * b + 1], member_GW[3 * b + 2]
        root, group = roots[r], community_G[ptr_R1[r] + here]
        n = _subgraph(root, group, tables, sizes, state, anchor)
        count_G[3 * b] = n
        m = n
        positive[:n] = anchor[:n]
        for _ in range(TRIES):
            m = _subgraph(root, group, tables, sizes, state, positive)
            if m != n or (positive[:m] != anchor[:n]).any():
                break
        else:
            without = _below(n, state)
            m = n - 1
            positive[:without] = anchor[:without]
            positive[without:m] = anchor[without + 1 : n]
        count_G[3 * b + 1] = m
        group = community_G[ptr_R1[r] + there]
        count_G[3 * b + 2] = _subgraph(root, group, tables, sizes, state, negative)


@_fast
def _subgraph(
    root: int,
    group: int,
    tables: Any,  # noqa: ANN401
    sizes: tuple[int, int],
    state: npt.NDArray[np.uint64],
    out_W: Places,
) -> int:
    """Write the distinct members of one subgraph, ascending, and return how many."""
    member_E, ptr_G1, domain_G, ptr_U1 = tables
    one_hop, two_hop = sizes
    near = np.empty(one_hop, np.int64)
    far = np.empty(max(two_hop, 1), np.int64)
    num_near = _pick(ptr_G1[group], ptr_G1[group + 1], -1, one_hop, state, near)
    n = 0
    for i in range(num_near):
        user = member_E[near[i]]
        n = _insert(user, n, out_W)
        other = _find(domain_G, ptr_U1[user], ptr_U1[user + 1], domain_G[group])
        if other < 0:
            continue
        start, stop = ptr_G1[other], ptr_G1[other + 1]
        num_far = _pick(start, stop, _find(member_E, start, stop, root), two_hop, state, far)
        for j in range(num_far):
            n = _insert(member_E[far[j]], n, out_W)
    return n


@_fast
def _pick(
    start: int, stop: int, hole: int, count: int, state: npt.NDArray[np.uint64], out: Rows
) -> int:
    """Write ``count`` of the places start … stop but ``hole``, or all; return how many.

    Robert Floyd's algorithm: every subset is equally likely.
    """
    available = stop - start - (1 if hole >= 0 else 0)
    n = min(count, available)
    for i in range(n):
        last = available - n + i
        drawn = _below(last + 1, state)
        for j in range(i):
            if out[j] == drawn:
                drawn = last
        out[i] = drawn
    for i in range(n):
        out[i] += start
        if 0 <= hole <= out[i]:
            out[i] += 1
    return n


@_fast
def _insert(user: int, n: int, out_W: Places) -> int:
    """Put a user in its place among ``n`` ascending ones, once; return how many there are."""
    place = n
    while place > 0 and out_W[place - 1] >= user:
        place -= 1
    if place < n and out_W[place] == user:
        return n
    for i in range(n, place, -1):
        out_W[i] = out_W[i - 1]
    out_W[place] = user
    return n + 1


@_fast
def _find(values: npt.NDArray[np.int32], start: int, stop: int, wanted: int) -> int:
    """Return where a value stands in an ascending range, -1 for nowhere."""
    place = start + np.searchsorted(values[start:stop], wanted)
    return int(place) if place < stop and values[place] == wanted else -1


@_fast
def _below(limit: int, state: npt.NDArray[np.uint64]) -> int:
    """Return a draw from 0 … limit - 1, for limits below 2³²; uneven by less than 2⁻³² of it."""
    state[0] += GOLDEN
    return int(((_mix(state[0]) >> np.uint64(32)) * np.uint64(limit)) >> np.uint64(32))


@_fast
def _mix(z: np.uint64) -> np.uint64:
    """Return 64 well-mixed bits."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
