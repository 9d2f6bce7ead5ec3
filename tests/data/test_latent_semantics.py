"""Words are alike when the same users say them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.feature_extraction.text import TfidfTransformer

from habitus.data.latent_semantics import fit_lsa, user_tfidf
from habitus.data.tokens import Tokens
from habitus.errors import GuardError
from tests.data.plain_text_graph import Posts, tokens_of

NUM_WORDS = 12
IDF = np.linspace(3, 1, NUM_WORDS).astype(np.float32)


def some_users(number: int) -> list[Posts]:
    """Return users of two kinds: even ones say words 0 … 5, odd ones 6 … 10; nobody says 11."""
    chance = np.random.default_rng(0)
    users: list[Posts] = []
    for user in range(number):
        first, last = (0, 6) if user % 2 == 0 else (6, 11)
        users.append([chance.integers(first, last, 9).tolist() for _ in range(3)])
    return users


def dense_twin(users: Sequence[Posts], dim: int) -> npt.NDArray[np.float64]:
    """Return the vectors by loops and the whole decomposition of a dense matrix."""
    weight_UW = np.zeros((len(users), NUM_WORDS))
    for user, posts in enumerate(users):
        said = [word for post in posts for word in post]
        for word in set(said):
            weight_UW[user, word] = (1 + np.log(said.count(word))) * IDF[word]
        weight_UW[user] /= np.linalg.norm(weight_UW[user])
    _, size_D, right_DW = np.linalg.svd(weight_UW, full_matrices=False)
    vectors_WD = right_DW[:dim].T / np.sqrt(size_D[:dim])
    said_W = weight_UW.any(0)
    return np.asarray(vectors_WD / np.linalg.norm(vectors_WD[said_W], axis=1).mean())


def test_weights_are_those_of_scikit_learn() -> None:
    users = some_users(8)
    counts_UW = [
        np.bincount([w for post in posts for w in post], minlength=NUM_WORDS) for posts in users
    ]
    oracle = TfidfTransformer(sublinear_tf=True).fit(counts_UW)
    found = user_tfidf(tokens_of(users), oracle.idf_.astype(np.float32))
    np.testing.assert_allclose(found.toarray(), oracle.transform(counts_UW).toarray(), atol=1e-6)


def test_vectors_equal_those_of_a_dense_twin() -> None:
    users = some_users(20)
    found = fit_lsa(tokens_of(users), IDF, 4, 0)
    expected_WD = dense_twin(users, 4)
    # Singular vectors are known but for their sign.
    sign_D = np.sign((found.vectors_WD * expected_WD).sum(0))
    np.testing.assert_allclose(found.vectors_WD, expected_WD * sign_D, atol=2e-4)
    assert found.known_W.tolist() == [True] * 11 + [False]
    assert not found.vectors_WD[11].any()


@pytest.mark.parametrize("at_once", [1, 3, 20])
def test_some_users_at_a_time_are_the_same(at_once: int) -> None:
    users = some_users(20)
    parts = [tokens_of(users[start : start + at_once]) for start in range(0, 20, at_once)]
    again = fit_lsa(iter(parts), IDF, 4, 0)
    whole = fit_lsa(tokens_of(users), IDF, 4, 0)
    np.testing.assert_array_equal(again.vectors_WD, whole.vectors_WD)


def test_words_of_the_same_users_are_alike() -> None:
    vectors_WD = fit_lsa(tokens_of(some_users(40)), IDF, 2, 0).vectors_WD[:11]
    unit_WD = vectors_WD / np.linalg.norm(vectors_WD, axis=1, keepdims=True)
    cosine_WW = unit_WD @ unit_WD.T
    assert cosine_WW[:6, :6].min() > 0.95
    assert cosine_WW[6:, 6:].min() > 0.95
    assert abs(cosine_WW[:6, 6:]).max() < 0.3


def test_width_beyond_the_rank_is_zero() -> None:
    # Two users of the same words with the same counts are one direction.
    found = fit_lsa(tokens_of([[[0, 1]], [[1, 0]]]), IDF, 3, 0)
    assert found.vectors_WD[:2, 0].all()
    assert not found.vectors_WD[:, 1:].any()


@pytest.mark.parametrize("users", [[], [[]], [[[]]]])
def test_without_words_there_are_no_vectors(users: list[Posts]) -> None:
    tokens: Tokens = tokens_of(users)
    with pytest.raises(GuardError, match="nothing to make word vectors of"):
        fit_lsa(tokens, IDF, 3, 0)
