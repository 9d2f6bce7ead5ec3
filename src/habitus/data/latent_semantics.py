"""Word vectors by latent semantic analysis: words are alike when the same users say them.

Deerwester et al. 1990, on users in place of documents. A user's words, weighed by tf-idf and added
up, are then the user's place in the space of fewest lost words. Vectors from words that stand near
each other (:func:`~habitus.data.word_vectors.fit_ppmi_svd`) tell what a word means; these tell
whose it is, and a user's representation is made of that (improvements I1.4).

Shapes: U users, W words, D width.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, vstack

from habitus.data.tokens import Tokens
from habitus.data.word_vectors import WordVectors
from habitus.errors import GuardError
from habitus.random import derive_seed


def fit_lsa(
    tokens: Tokens | Iterable[Tokens], idf_W: npt.NDArray[np.floating], dim: int, seed: int
) -> WordVectors:
    """Return the right singular vectors of the users' tf-idf, divided by √ of the singular values.

    Undivided, the first directions, which hold what all users have in common, would be most of
    every cosine.

    Args:
        tokens: posts of the training snapshot, all at once or some users at a time; ids are places
            in a vocabulary. Memory is that of the distinct words of these users.
        idf_W: of the vocabulary.
        dim: width, ``D``; columns beyond the rank are 0. Vectors have length 1 on average.
        seed: of the random projection.

    Raises:
        GuardError: nobody says a known word.
    """
    from sklearn.utils.extmath import randomized_svd

    some = [tokens] if isinstance(tokens, Tokens) else tokens
    weight_UW = vstack([user_tfidf(part, idf_W) for part in some], "csr")
    if not weight_UW.nnz:
        raise GuardError("no user says a known word: there is nothing to make word vectors of")
    _, size_D, right_DW = randomized_svd(
        weight_UW, min(dim, *weight_UW.shape), random_state=derive_seed(seed, "lsa") % 2**32
    )
    # Beyond the rank, sizes are rounding errors.
    kept_D = size_D > size_D[0] * 1e-5
    vectors_WD = np.zeros((len(idf_W), dim), np.float32)
    vectors_WD[:, : kept_D.sum()] = right_DW[kept_D].T / np.sqrt(size_D[kept_D])
    known_W = np.bincount(weight_UW.indices, minlength=len(idf_W)) > 0
    vectors_WD /= np.linalg.norm(vectors_WD[known_W], axis=1).mean()
    return WordVectors(vectors_WD, known_W)


def user_tfidf(tokens: Tokens, idf_W: npt.NDArray[np.floating]) -> csr_matrix:
    """Return (1 + log tokens) · idf of each user's words, rows of length 1, ``(U, W)``."""
    ptr_U1 = tokens.post_ptr_P1[tokens.user_ptr_U1]
    ones_T = np.ones(len(tokens.id_T), np.float32)
    counts_UW = csr_matrix((ones_T, tokens.id_T, ptr_U1), (tokens.num_users, len(idf_W)))
    counts_UW.sum_duplicates()
    counts_UW.data = ((1 + np.log(counts_UW.data)) * idf_W[counts_UW.indices]).astype(np.float32)
    user_N = np.repeat(np.arange(tokens.num_users), np.diff(counts_UW.indptr))
    square_U = np.bincount(user_N, counts_UW.data**2, minlength=tokens.num_users)
    counts_UW.data /= np.sqrt(square_U)[user_N].astype(np.float32)
    return counts_UW
