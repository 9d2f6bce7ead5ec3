"""Words typical of a class, beside scipy's Welch test."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.stats import ttest_ind

from habitus.evaluation.class_words import typical_words, welch_t


def counts(seed: int = 0, users: int = 40, words: int = 12) -> tuple[csr_array, np.ndarray]:
    """Return counts in which word ``c`` is more frequent in class ``c``."""
    random = np.random.default_rng(seed)
    y_U = np.arange(users) % 3
    rate_UW = np.ones((users, words)) * 0.7
    rate_UW[np.arange(users), y_U] = 4
    return csr_array(random.poisson(rate_UW).astype(np.float32)), y_U


def shares(counts_UW: csr_array) -> np.ndarray:
    dense = counts_UW.toarray().astype(np.float64)
    return np.asarray(dense / np.maximum(dense.sum(axis=1, keepdims=True), 1))


def test_t_is_that_of_scipy() -> None:
    counts_UW, y_U = counts()
    t_CW, users_CW = welch_t(counts_UW, y_U, 3)
    share_UW = shares(counts_UW)
    for c in range(3):
        expected = ttest_ind(share_UW[y_U == c], share_UW[y_U != c], equal_var=False).statistic
        np.testing.assert_allclose(t_CW[c], expected, rtol=1e-6)
        np.testing.assert_array_equal(users_CW[c], (share_UW[y_U == c] > 0).sum(axis=0))


def test_the_planted_word_comes_first_and_no_word_stands_twice() -> None:
    found = typical_words(*counts(), 3, top=4)
    assert [words[0] for words in found] == [0, 1, 2]
    together = np.concatenate(found)
    assert len(set(together.tolist())) == len(together)
    assert max(map(len, found)) <= 4


def test_words_of_few_users_are_left_out() -> None:
    counts_UW = csr_array(np.array([[1, 1, 0], [2, 3, 0], [1, 0, 1], [1, 0, 2]], np.float32))
    y_U = np.array([0, 0, 1, 1])
    # Word 0 is in all, its shares much the same; word 1 is in both users of class 0, word 2 in both
    # of class 1.
    assert [w.tolist() for w in typical_words(counts_UW, y_U, 2, 1, least_users=2)] == [[1], [2]]
    assert [len(w) for w in typical_words(counts_UW, y_U, 2, 3, least_users=3)] == [0, 0]


def test_who_writes_much_counts_once() -> None:
    # One user of class 0 shouts word 1 a hundred times; the other two never say it.
    rows = [[1, 100, 0], [1, 0, 3], [1, 0, 3], [1, 1, 0], [1, 1, 0], [1, 1, 0]]
    t_CW, _ = welch_t(csr_array(np.array(rows, np.float32)), np.array([0, 0, 0, 1, 1, 1]), 2)
    # Means of the shares: 100/101 / 3 = .33 against 1/2: the word is typical of class 1.
    assert t_CW[1, 1] > 0 > t_CW[0, 1]


@pytest.mark.parametrize("y", [[0, 0, 0, 0], [0, 0, 0, 1]])
def test_a_class_of_one_or_none_has_no_words(y: list[int]) -> None:
    counts_UW = csr_array(np.array([[1, 0], [1, 0], [2, 1], [0, 3]], np.float32))
    assert [len(w) for w in typical_words(counts_UW, np.array(y), 2, 3, least_users=1)] == [0, 0]


def test_a_user_without_words_is_no_trouble() -> None:
    counts_UW = csr_array(np.array([[0, 0], [1, 0], [0, 1], [1, 2]], np.float32))
    assert np.isfinite(welch_t(counts_UW, np.array([0, 0, 1, 1]), 2)[0]).all()
