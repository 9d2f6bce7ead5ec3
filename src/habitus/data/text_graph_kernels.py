"""Kernels of text graphs: one user after the other, nothing made per post or pair.

The windows of a post are taken 64 at a time, as a block. The presence of a word in the windows of
a block is one 64-bit mask, so two words meet in as many windows as two masks share bits. Words are
worked on in ascending order: all that meet a word are counted in one row.

Shapes: T tokens of a user, P posts, B blocks, M masks (one a word and block), N distinct words of
a user, K words that stay, E edges, X 64-bit pieces of the vocabulary.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from habitus.data.association import (
    BINARY,
    Rules,
    is_exact,
    is_joined,
    log_counts,
    weight_of,
)

Array = npt.NDArray[Any]
BLOCK = 64
ONE = np.uint64(1)
ALL = np.uint64(0xFFFF_FFFF_FFFF_FFFF)


class Presence(NamedTuple):
    """In which windows of which blocks each word is."""

    word_M: Array
    """Ascending within a block."""
    mask_M: Array
    stop_B: Array
    """Where the masks of a block end."""
    place_M: Array
    """Places in ``mask_M``, by word, …"""
    block_M: Array
    """… and their blocks."""
    ptr_N1: Array
    windows_N: Array
    """``N_i``."""
    num_windows: int
    """``N``."""


class Edges(NamedTuple):
    """The pairs that are joined, each with its lower word."""

    higher_E: Array
    weight_E: Array
    """Empty where edges are binary."""
    ptr_N1: Array
    degree_N: Array


class Graph(NamedTuple):
    """The graph of one user: each edge twice, columns ascending."""

    word_K: Array
    count_K: Array
    ptr_K1: Array
    col_E: Array
    weight_E: Array


@njit(cache=True, nogil=True)
def build(
    id_T: Array,
    post_ptr_P1: Array,
    user_ptr_U1: Array,
    num_words: int,
    rules: Rules,
    idf_W: Array,
    most_nodes: int,
) -> tuple[Array, Array, Array, Array, Array, Array, int]:
    """Return the fields of ``TextGraphs``, and the first user of more than ``most_nodes``, or -1.

    Weights are empty where edges are binary; ``idf_W`` is empty where the score has no idf.
    """
    num_users, bad = len(user_ptr_U1) - 1, -1
    bits_X = np.empty(num_words // 64 + 1, np.uint64)
    node_ptr_U1, edge_ptr_V1 = np.zeros(num_users + 1, np.int64), np.zeros(1, np.int64)
    word_V, count_V = np.empty(0, np.int32), np.empty(0, np.int32)
    col_E, weight_E = np.empty(0, np.uint16), np.empty(0, np.float32)
    for u in range(num_users):
        ptr_P1 = post_ptr_P1[user_ptr_U1[u] : user_ptr_U1[u + 1] + 1]
        user_T = id_T[ptr_P1[0] : ptr_P1[-1]]
        graph = build_one(user_T, ptr_P1 - ptr_P1[0], bits_X, rules, idf_W, most_nodes)
        v, e = node_ptr_U1[u], edge_ptr_V1[node_ptr_U1[u]]
        if len(graph.ptr_K1) == 0:
            bad = u
            break
        node_ptr_U1[u + 1] = v + len(graph.word_K)
        word_V = _put(word_V, v, graph.word_K)
        count_V = _put(count_V, v, graph.count_K)
        edge_ptr_V1 = _put(edge_ptr_V1, v, graph.ptr_K1 + e)
        col_E = _put(col_E, e, graph.col_E)
        weight_E = _put(weight_E, e, graph.weight_E)
    v = node_ptr_U1[-1]
    e = edge_ptr_V1[v]
    weight_E = weight_E[: 0 if rules.weight == BINARY else e]
    return node_ptr_U1, word_V[:v], count_V[:v], edge_ptr_V1[: v + 1], col_E[:e], weight_E, bad


@njit(cache=True, nogil=True)
def _put(array: Array, start: int, values: Array) -> Array:
    """Return ``array`` with ``values`` from ``start`` on, in more room where it was too small."""
    if len(values) == 0:
        # Weights of binary edges: there is nothing before ``start`` either.
        return array
    array = _grown(array, start, start + len(values))
    place = array[start : start + len(values)]
    for k in range(len(values)):
        place[k] = values[k]
    return array


@njit(cache=True, nogil=True)
def build_one(
    id_T: Array, ptr_P1: Array, bits_X: Array, rules: Rules, idf_W: Array, most_nodes: int
) -> Graph:
    """Return the graph of one user; one without pointers where it has more than ``most_nodes``."""
    word_N, local_T, first_N1 = distinct(id_T, bits_X)
    presence = present(ptr_P1, local_T, first_N1, rules.window)
    edges = join(presence, rules)
    count_N = first_N1[1:] - first_N1[:-1]
    score_N = (count_N if rules.by_count else edges.degree_N).astype(np.float64)
    if len(idf_W):
        score_N *= idf_W[word_N]
    new_N = choose(score_N, presence.windows_N, rules.max_nodes)
    chosen_K = np.flatnonzero(new_N >= 0)
    count_K = count_N[chosen_K].astype(np.int32)
    if len(chosen_K) > most_nodes:
        return Graph(word_N, count_K, edges.ptr_N1[:0], np.empty(0, np.uint16), edges.weight_E[:0])
    ptr_K1, col_E, weight_E = symmetric(edges, new_N, chosen_K)
    return Graph(word_N[chosen_K], count_K, ptr_K1, col_E, weight_E)


@njit(cache=True, nogil=True)
def distinct(id_T: Array, bits_X: Array) -> tuple[Array, Array, Array]:
    """Return the distinct words, ascending; each token's place there; each word's first token.

    First tokens are those of the tokens in the order of words. A word's place is the number of
    bits below its own in a bitmap of the vocabulary: nothing is sorted.
    """
    bits_X[:] = 0
    for word in id_T:
        bits_X[word >> 6] |= ONE << np.uint64(word & 63)
    before_X, number = np.empty(len(bits_X), np.int32), np.int64(0)
    for x in range(len(bits_X)):
        before_X[x] = number
        number += ones(bits_X[x])
    word_N, first_N1 = np.empty(number, np.int32), np.zeros(number + 1, np.int64)
    local_T = np.empty(len(id_T), np.int32)
    for t in range(len(id_T)):
        word = id_T[t]
        below = (ONE << np.uint64(word & 63)) - ONE
        place = before_X[word >> 6] + ones(bits_X[word >> 6] & below)
        local_T[t], word_N[place] = place, word
        first_N1[place + 1] += 1
    for n in range(number):
        first_N1[n + 1] += first_N1[n]
    return word_N, local_T, first_N1


@njit(cache=True, nogil=True)
def ones(bits: np.uint64) -> np.int64:
    """Return how many bits are 1; compilers know this form and use the processor's instruction."""
    bits -= (bits >> np.uint64(1)) & np.uint64(0x5555_5555_5555_5555)
    pairs = np.uint64(0x3333_3333_3333_3333)
    bits = (bits & pairs) + ((bits >> np.uint64(2)) & pairs)
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F_0F0F_0F0F_0F0F)
    return np.int64((bits * np.uint64(0x0101_0101_0101_0101)) >> np.uint64(56))


@njit(cache=True, nogil=True)
def present(ptr_P1: Array, local_T: Array, first_N1: Array, window: int) -> Presence:
    """Return the masks of all words: a token at ``x`` is in the windows ``x - window + 1 … x``."""
    post_T, at_T = _by_word(ptr_P1, local_T, first_N1)
    block_P, start_B1, num_windows = _blocks(ptr_P1, window)
    num_words, most = len(first_N1) - 1, start_B1[-1]
    word_M, mask_M = np.empty(most, np.int32), np.empty(most, np.uint64)
    place_M, block_M = np.empty(most, np.int32), np.empty(most, np.int32)
    ptr_N1, windows_N = np.zeros(num_words + 1, np.int64), np.zeros(num_words, np.int64)
    stop_B, m = start_B1[:-1].copy(), 0
    for n in range(num_words):
        for t in range(first_N1[n], first_N1[n + 1]):
            p, x = post_T[t], at_T[t]
            last = min(x, max(0, ptr_P1[p + 1] - ptr_P1[p] - window))
            first = max(0, x - window + 1)
            for k in range(first // BLOCK, last // BLOCK + 1):
                low, high = max(first - k * BLOCK, 0), min(last - k * BLOCK, BLOCK - 1)
                mask = (ALL >> np.uint64(63 - high + low)) << np.uint64(low)
                b = block_P[p] + k
                at = stop_B[b]
                if at > start_B1[b] and word_M[at - 1] == n:
                    mask_M[at - 1] |= mask
                else:
                    word_M[at], mask_M[at], place_M[m], block_M[m] = n, mask, at, b
                    stop_B[b], m = at + 1, m + 1
        ptr_N1[n + 1] = m
        for k in range(ptr_N1[n], m):
            windows_N[n] += ones(mask_M[place_M[k]])
    return Presence(word_M, mask_M, stop_B, place_M, block_M, ptr_N1, windows_N, num_windows)


@njit(cache=True, nogil=True)
def _by_word(ptr_P1: Array, local_T: Array, first_N1: Array) -> tuple[Array, Array]:
    """Return post and place in it of each token, in the order of words."""
    next_N = first_N1[:-1].copy()
    post_T, at_T = np.empty(len(local_T), np.int32), np.empty(len(local_T), np.int32)
    for p in range(len(ptr_P1) - 1):
        for t in range(ptr_P1[p], ptr_P1[p + 1]):
            to = next_N[local_T[t]]
            post_T[to], at_T[to] = p, t - ptr_P1[p]
            next_N[local_T[t]] = to + 1
    return post_T, at_T


@njit(cache=True, nogil=True)
def _blocks(ptr_P1: Array, window: int) -> tuple[Array, Array, int]:
    """Return the first block of each post, the room for each block's masks, and all windows."""
    block_P, num_windows, num_blocks = np.empty(len(ptr_P1) - 1, np.int64), 0, 0
    for p in range(len(block_P)):
        length = ptr_P1[p + 1] - ptr_P1[p]
        windows = max(1, length - window + 1) if length else 0
        block_P[p] = num_blocks
        num_windows += windows
        num_blocks += (windows + BLOCK - 1) // BLOCK
    start_B1, b = np.zeros(num_blocks + 1, np.int64), 0
    for p in range(len(block_P)):
        length = ptr_P1[p + 1] - ptr_P1[p]
        for at in range(0, max(1, length - window + 1) if length else 0, BLOCK):
            start_B1[b + 1] = start_B1[b] + min(length - at, BLOCK + window - 1)
            b += 1
    return block_P, start_B1, num_windows


@njit(cache=True, nogil=True)
def join(presence: Presence, rules: Rules) -> Edges:
    """Return the pairs that the rule joins."""
    windows_N, num_windows, binary = (
        presence.windows_N,
        presence.num_windows,
        rules.weight == BINARY,
    )
    num_words, by_integers = len(windows_N), is_exact(rules)
    log_N = log_counts(windows_N[: 0 if by_integers and binary else num_words], rules.smoothing)
    together_N, met_N = np.zeros(num_words, np.int64), np.empty(num_words + 1, np.int32)
    degree_N, ptr_N1 = np.zeros(num_words, np.int64), np.zeros(num_words + 1, np.int64)
    higher_E, weight_E, e = np.empty(32 * num_words, np.int32), np.empty(0, np.float32), 0
    for n in range(num_words):
        met = _meet(presence, n, together_N, met_N)
        if e + met > len(higher_E):
            higher_E = _grown(higher_E, e, e + met)
        if not binary and e + met > len(weight_E):
            weight_E = _grown(weight_E, e, e + met)
        n_i = windows_N[n]
        for k in range(met):
            other = met_N[k]
            n_ij, n_j = together_N[other], windows_N[other]
            together_N[other] = 0
            joined = n_ij * num_windows > n_i * n_j
            if not by_integers:
                joined = is_joined(n_ij, n_i, n_j, num_windows, log_N[n] + log_N[other], rules)
            higher_E[e] = other
            if joined and not binary:
                weight_E[e] = weight_of(n_ij, log_N[n] + log_N[other], num_windows, rules)
            e, degree_N[other] = e + joined, degree_N[other] + joined
        degree_N[n] += e - ptr_N1[n]
        ptr_N1[n + 1] = e
    return Edges(higher_E[:e], weight_E[: 0 if binary else e], ptr_N1, degree_N)


@njit(cache=True, nogil=True)
def _grown(array: Array, used: int, needed: int) -> Array:
    """Return ``array``, or a copy at least twice as large where it was too small."""
    if needed <= len(array):
        return array
    grown = np.empty(max(2 * len(array), needed), array.dtype)
    for k in range(used):
        grown[k] = array[k]
    return grown


# Inlined: handing on the arrays of a call for each word would cost more than the word.
@njit(cache=True, nogil=True, inline="always")
def _meet(presence: Presence, n: int, together_N: Array, met_N: Array) -> int:
    """Count in how many windows each higher word meets word ``n``; return how many words do."""
    met, word_M, mask_M = 0, presence.word_M, presence.mask_M
    for k in range(presence.ptr_N1[n], presence.ptr_N1[n + 1]):
        place = presence.place_M[k]
        mask = mask_M[place]
        for m in range(place + 1, presence.stop_B[presence.block_M[k]]):
            windows, other = ones(mask & mask_M[m]), word_M[m]
            before = together_N[other]
            # Written always and kept if new: a branch here is mispredicted half of the time.
            met_N[met] = other
            met += (before == 0) & (windows > 0)
            together_N[other] = before + windows
    return met


@njit(cache=True, nogil=True)
def choose(score_N: Array, windows_N: Array, max_nodes: int) -> Array:
    """Return the new place of each word that stays, -1 for the others.

    Quickselect: words are parted until the first ``max_nodes`` come before all others. No two are
    equal, so it does not matter on the way which was where.
    """
    number, place = len(score_N), 0
    order_N, new_N = np.arange(number), np.zeros(number, np.int32)
    low, high = (0, number - 1) if 0 <= max_nodes < number else (0, -1)
    while low < max_nodes <= high:
        pivot, left, right = order_N[(low + high) // 2], low, high
        while left <= right:
            while _comes_before(order_N[left], pivot, score_N, windows_N):
                left += 1
            while _comes_before(pivot, order_N[right], score_N, windows_N):
                right -= 1
            if left <= right:
                order_N[left], order_N[right] = order_N[right], order_N[left]
                left, right = left + 1, right - 1
        low, high = (low, right) if max_nodes <= right else (left, high)
    for k in range(max_nodes if max_nodes >= 0 else number, number):
        new_N[order_N[k]] = -1
    for n in range(number):
        if new_N[n] == 0:
            new_N[n], place = place, place + 1
    return new_N


@njit(cache=True, nogil=True)
def _comes_before(a: int, b: int, score_N: Array, windows_N: Array) -> bool:
    """Return whether word ``a`` is kept before ``b``: score, then windows, then the first one."""
    if score_N[a] != score_N[b]:
        return bool(score_N[a] > score_N[b])
    return bool(windows_N[a] > windows_N[b]) if windows_N[a] != windows_N[b] else a < b


@njit(cache=True, nogil=True)
def symmetric(edges: Edges, new_N: Array, chosen_K: Array) -> tuple[Array, Array, Array]:
    """Return the edges among chosen words in both directions, columns ascending.

    Nothing is sorted: a pass over rows in ascending order fills the lower neighbours of each word
    in order; a second pass, over these, fills the higher ones.
    """
    lower_K1, near_K1 = _induce(edges, new_N, chosen_K)
    weighted, number = len(edges.weight_E) > 0, len(chosen_K)
    ptr_K1, next_K = np.zeros(number + 1, np.int64), np.empty(number, np.int64)
    for k in range(number):
        next_K[k] = ptr_K1[k]
        ptr_K1[k + 1] = ptr_K1[k] + lower_K1[k] + near_K1[k + 1] - near_K1[k]
    col_E = np.empty(ptr_K1[-1], np.uint16)
    weight_E = np.empty(ptr_K1[-1] if weighted else 0, np.float32)
    for k in range(number):
        for e in range(near_K1[k], near_K1[k + 1]):
            other = edges.higher_E[e]
            to = next_K[other]
            col_E[to], next_K[other] = k, to + 1
            if weighted:
                weight_E[to] = edges.weight_E[e]
    for k in range(number):
        for e in range(ptr_K1[k], ptr_K1[k] + lower_K1[k]):
            other = col_E[e]
            to = next_K[other]
            col_E[to], next_K[other] = k, to + 1
            if weighted:
                weight_E[to] = weight_E[e]
    return ptr_K1, col_E, weight_E


@njit(cache=True, nogil=True)
def _induce(edges: Edges, new_N: Array, chosen_K: Array) -> tuple[Array, Array]:
    """Keep, in place, the edges among chosen words, under their new places.

    Return how many lower neighbours each has, and where its higher ones start.
    """
    weighted, kept = len(edges.weight_E) > 0, 0
    lower_K1, near_K1 = np.zeros(len(chosen_K) + 1, np.int64), np.zeros(len(chosen_K) + 1, np.int64)
    for k in range(len(chosen_K)):
        n = chosen_K[k]
        for e in range(edges.ptr_N1[n], edges.ptr_N1[n + 1]):
            other = new_N[edges.higher_E[e]]
            edges.higher_E[kept] = other
            if weighted:
                edges.weight_E[kept] = edges.weight_E[e]
            kept += other >= 0
            # The last entry counts those that were not chosen, -1.
            lower_K1[other] += 1
        near_K1[k + 1] = kept
    return lower_K1, near_K1
