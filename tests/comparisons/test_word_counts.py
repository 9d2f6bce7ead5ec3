"""Counts of words, against counting by hand."""

from collections import Counter
from pathlib import Path

import numpy as np

from habitus.comparisons.word_counts import (
    count_columns,
    count_words,
    each_row_over_its_sum,
    users_of_columns,
)
from tests.comparisons.texts import read, write_posts

POSTS = {"a": ["soup soup salt", "salt soup"], "b": [], "c": ["salt", "oven"]}


def test_words_are_counted_by_user(tmp_path: Path) -> None:
    tokens, words = read(write_posts(tmp_path / "t", POSTS))
    before = tokens.id_T.copy()
    counts_UW = count_words(tokens, len(words))
    for row, texts in enumerate(POSTS.values()):
        counted = Counter(" ".join(texts).split())
        assert counts_UW.toarray()[row].tolist() == [counted[word] for word in words]
    # Counting sorts: it has to sort a copy.
    np.testing.assert_array_equal(tokens.id_T, before)


def test_what_is_unknown_is_not_counted() -> None:
    counts_UF = count_columns(np.array([1, -1, 1, 0, -1]), np.array([0, 2, 2, 5]), 3)
    assert counts_UF.toarray().tolist() == [[0, 1, 0], [0, 0, 0], [1, 1, 0]]
    assert counts_UF.nnz == 3
    assert users_of_columns(counts_UF).tolist() == [1, 2, 0]


def test_shares_sum_to_one() -> None:
    shares_UF = each_row_over_its_sum(
        count_columns(np.array([1, 1, 0, 2]), np.array([0, 3, 3, 4]), 3)
    )
    expected = [[1 / 3, 2 / 3, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    np.testing.assert_allclose(shares_UF.toarray(), expected)
