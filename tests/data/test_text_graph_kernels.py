"""The steps of the kernel, each against a plainer way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from habitus.data.association import BINARY, COOC, Rules
from habitus.data.text_graph_kernels import (
    BLOCK,
    Edges,
    build,
    choose,
    distinct,
    join,
    ones,
    present,
    symmetric,
)
from tests.data.plain_text_graph import count_windows, tokens_of

POST = st.lists(st.integers(0, 9), max_size=3 * BLOCK)
MET = Rules(
    window=5,
    max_nodes=-1,
    rule=COOC,
    threshold=1.0,
    weight=COOC,
    smoothing=1.0,
    shrinkage=0.0,
    by_count=False,
)


@given(st.integers(0, 2**64 - 1))
def test_ones_are_counted(bits: int) -> None:
    assert ones(np.uint64(bits)) == bits.bit_count()


@given(st.lists(st.integers(0, 300), max_size=50))
def test_distinct_words_are_those_of_numpy(words: list[int]) -> None:
    id_T = np.array(words, np.int32)
    word_N, local_T, first_N1 = distinct(id_T, np.empty(5, np.uint64))
    expected, places, counts = np.unique(id_T, return_inverse=True, return_counts=True)
    assert word_N.tolist() == expected.tolist()
    assert local_T.tolist() == places.tolist()
    assert np.diff(first_N1).tolist() == counts.tolist()


@settings(deadline=None)
@given(st.lists(POST, max_size=3), st.sampled_from([2, 5, BLOCK, BLOCK + 1, 100]))
def test_windows_are_counted(posts: list[list[int]], window: int) -> None:
    tokens = tokens_of([posts])
    word_N, local_T, first_N1 = distinct(tokens.id_T, np.empty(1, np.uint64))
    presence = present(tokens.post_ptr_P1, local_T, first_N1, window)
    edges = join(presence, MET._replace(window=window))
    counts = count_windows(posts, window)
    assert presence.num_windows == counts.windows
    assert dict(zip(word_N.tolist(), presence.windows_N.tolist(), strict=True)) == counts.of
    lower_E = np.repeat(word_N, np.diff(edges.ptr_N1))
    pairs = zip(lower_E.tolist(), word_N[edges.higher_E].tolist(), strict=True)
    assert dict(zip(pairs, edges.weight_E.tolist(), strict=True)) == counts.both
    ends = np.r_[lower_E, word_N[edges.higher_E]]
    assert edges.degree_N.tolist() == [(ends == word).sum() for word in word_N]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), max_size=40), st.integers(-1, 45))
def test_the_best_stay(words: list[tuple[int, int]], max_nodes: int) -> None:
    score_N = np.array([score for score, _ in words], np.float64)
    windows_N = np.array([windows for _, windows in words], np.int64)
    new_N = choose(score_N, windows_N, max_nodes)
    order = sorted(range(len(words)), key=lambda n: (-words[n][0], -words[n][1], n))
    stay = sorted(order[: len(words) if max_nodes < 0 else max_nodes])
    assert np.flatnonzero(new_N >= 0).tolist() == stay
    assert new_N[stay].tolist() == list(range(len(stay)))


@settings(deadline=None)
@given(
    st.sets(st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda p: p[0] < p[1])),
    st.sets(st.integers(0, 11)),
)
def test_both_directions_of_chosen_words(pairs: set[tuple[int, int]], chosen: set[int]) -> None:
    # As symmetric gets them: each at its lower word, in no order within it.
    listed = sorted(pairs, key=lambda p: (p[0], p[1] * 7 % 12))
    edges = Edges(
        np.array([j for _, j in listed], np.int32),
        np.array([10 * i + j for i, j in listed], np.float32),
        np.searchsorted([i for i, _ in listed], np.arange(13)),
        np.zeros(12, np.int64),
    )
    new_N = np.full(12, -1, np.int32)
    chosen_K = np.array(sorted(chosen), np.int64)
    new_N[chosen_K] = np.arange(len(chosen_K))
    dense = np.zeros((12, 12), np.float32)
    for i, j in pairs:
        dense[i, j] = dense[j, i] = 10 * i + j
    dense = dense[np.ix_(chosen_K, chosen_K)]
    ptr_K1, col_E, weight_E = symmetric(edges, new_N, chosen_K)
    rows, cols = np.nonzero(dense)
    assert np.repeat(np.arange(len(chosen_K)), np.diff(ptr_K1)).tolist() == rows.tolist()
    assert col_E.tolist() == cols.tolist()
    assert weight_E.tolist() == dense[rows, cols].tolist()


def test_a_graph_that_cannot_be_stored_is_told_before_it_is_made() -> None:
    tokens = tokens_of([[[1, 2], [3]], [[1, 2], [3], [4]], [[5]]])
    rules = MET._replace(weight=BINARY)
    for most, bad in ((3, 1), (4, -1)):
        found = build(*tokens[:3], 6, rules, np.empty(0), most)
        assert found[-1] == bad
    assert found[0].tolist() == [0, 3, 7, 8]


@pytest.mark.parametrize("num_words", [0, 1, 64, 65])
def test_a_vocabulary_may_end_anywhere(num_words: int) -> None:
    words = [[num_words - 1]] if num_words else []
    found = build(*tokens_of([words])[:3], num_words, MET, np.empty(0), 10)
    assert found[1].tolist() == [word for post in words for word in post]
