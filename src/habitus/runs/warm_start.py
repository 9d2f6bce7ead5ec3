"""Warm start: channel embeddings that begin where latent semantic analysis ends.

Deerwester et al. "Indexing by Latent Semantic Analysis". JASIS 1990. For each token channel the
matrix of users × values, ``log(1 + count) · idf``, is cut to as many singular vectors as the
embedding is wide; a value begins as its weighted right singular vector. A few minutes of training
refine it instead of having to find it. Fitted on the training snapshot only.

Shapes: U users, V tokens of one channel, L events, E width of a channel.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from scipy.sparse import csr_matrix, diags

from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows
from habitus.data.vocabulary import NUM_SPECIAL, ChannelVocabulary, TokenChannel
from habitus.encoders.channel_transformer import ChannelTransformer
from habitus.objectives.masked_channel import MaskedChannelPrediction

Floats = npt.NDArray[np.float32]


def warm_start(
    encoder: ChannelTransformer,
    objective: MaskedChannelPrediction,
    vocabulary: ChannelVocabulary,
    snapshot: Snapshot,
    seed: int,
) -> None:
    """Set the tables of the token channels, and the log frequencies that predictions begin from.

    A channel of fewer values than the embedding is wide keeps random numbers in the dimensions that
    are left; so do the tokens that stand for no value, and channels whose rows are composed, which
    have no row for each value.
    """
    for c, channel in enumerate(vocabulary.token_channels):
        user_L, token_L = tokens_of(channel, snapshot)
        count_V = 1 + np.bincount(token_L, minlength=channel.num_tokens)
        with torch.no_grad():
            objective.token_bias[c].copy_(torch.from_numpy(np.log(count_V / count_V.sum())))
        if c in encoder.project.places.composed:
            continue
        counts = count_matrix(user_L, token_L, snapshot.num_users, channel.num_tokens)
        vectors_VE = value_vectors(counts, encoder.config.channel_dim, seed)
        with torch.no_grad():
            table = encoder.project.channel_table(c, channel.num_tokens)
            table[NUM_SPECIAL:, : vectors_VE.shape[1]] = torch.from_numpy(vectors_VE)


def value_vectors(counts: csr_matrix, width: int, seed: int) -> Floats:
    """Return a vector for each value of a channel, of the scale of a fresh embedding.

    ``(V - 3, min(width, V - 4, U - 1))``: special tokens have none.
    """
    from sklearn.utils.extmath import randomized_svd

    counts = counts.copy()
    counts.data = np.log1p(counts.data)
    users_V = np.bincount(counts.indices, minlength=counts.shape[1])
    idf_V = np.log((1 + counts.shape[0]) / (1 + users_V)).astype(np.float32)
    rank = max(0, min(width, min(counts.shape) - 1))
    if rank == 0 or not counts.nnz:
        return np.zeros((counts.shape[1], 0), np.float32)
    _, _, right_EV = randomized_svd(counts @ diags(idf_V), rank, random_state=seed)
    vectors_VE: Floats = (right_EV.T * idf_V[:, None]).astype(np.float32)
    scale = float(np.sqrt((vectors_VE**2).mean()))
    vectors_VE *= np.float32(width**-0.5 / scale if scale > 0 else 0.0)
    return vectors_VE


def tokens_of(channel: TokenChannel, snapshot: Snapshot) -> tuple[Rows, Rows]:
    """Return place of the user and token of each event of the snapshot."""
    rows_L, offsets_U1 = snapshot.latest()
    user_L = np.repeat(np.arange(snapshot.num_users), np.diff(offsets_U1))
    return user_L, channel.table(snapshot.traces)[snapshot.values(channel.name, rows_L)]


def count_matrix(user_L: Rows, token_L: Rows, num_users: int, num_tokens: int) -> csr_matrix:
    """Return how often each user has each value, ``(U, V - 3)``."""
    known_L = token_L >= NUM_SPECIAL
    places = (user_L[known_L], token_L[known_L] - NUM_SPECIAL)
    ones = np.ones(len(places[0]), np.float32)
    matrix = csr_matrix((ones, places), (num_users, num_tokens - NUM_SPECIAL))
    matrix.sum_duplicates()
    return matrix
