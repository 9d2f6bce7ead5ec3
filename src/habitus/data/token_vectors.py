"""Where tokens of item texts begin: vectors by who meets them, and how much each tells of a person.

A user's tokens, those of all services together, are one document: so tokens of two services are
near each other when the same people meet them (:mod:`habitus.data.latent_semantics`). Fitted on the
training snapshot only.

Shapes: V tokens of the vocabulary, D width, U users, S items, T tokens of the items.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from habitus.config import Config
from habitus.data.item_texts import ItemTexts
from habitus.data.latent_semantics import fit_lsa
from habitus.data.snapshot import Snapshot, ranges
from habitus.data.tokens import Tokens
from habitus.data.traces import Rows
from habitus.data.word_vectors import WordVectors, fit_ppmi_svd
from habitus.errors import UsageError
from habitus.random import derive_seed, numpy_generator

if TYPE_CHECKING:
    from habitus.data.item_batches import ItemTextEncoding

LEAST_WEIGHT = 0.01
"""Of a token that tells nothing, or was never met, as a share of the mean of the others."""
LEAST_IDF = 1e-3
ROUNDING = 1e-6
"""Lengths below are those of tokens in none of the directions."""
TokensKind = Literal["random", "lsa", "ppmi_svd"]


@dataclass(frozen=True, kw_only=True)
class TokenVectorsConfig(Config):
    """Where the table of tokens begins; it is trained on in any case."""

    kind: TokensKind = "lsa"
    """Random numbers; by who meets a token; or by which tokens stand beside it in a text."""
    max_users: int = 50_000
    """Users that are read, drawn at random where there are more."""
    window: int = 5
    """Tokens on either side that a token occurs with, for kind ``ppmi_svd``."""
    std: float = 1.0
    """Standard deviation of the numbers in the table: with 1, blocks begin as small changes."""

    def __post_init__(self) -> None:
        for name in ("max_users", "window"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not self.std > 0:
            raise UsageError(f"std must be above 0, got {self.std}")


class TokenVectors(NamedTuple):
    """Vectors and weights of the tokens of an encoding."""

    vectors_VD: npt.NDArray[np.float32]
    """Of length 1, where there is one."""
    known_V: npt.NDArray[np.bool_]
    """Tokens with a vector; those of services and kinds have none."""
    weight_V: npt.NDArray[np.float32]
    """Idf times the length that the vector had, 1 in the mean, above 0: of two rare tokens, the one
    with the longer vector tells more of who meets it."""


def fit_token_vectors(
    snapshot: Snapshot,
    encoding: ItemTextEncoding,
    config: TokenVectorsConfig,
    dim: int,
    seed: int,
) -> TokenVectors:
    """Return vectors and weights of all tokens, from the items of the training snapshot.

    Args:
        snapshot: of users to train on.
        encoding: fitted on the same snapshot.
        config: which vectors; not ``random``.
        dim: width, ``D``.
        seed: of the random projection, and of the users that are drawn.

    Raises:
        DataError: the traces have no such text.
        GuardError: there is nothing to make vectors of.
    """
    num_tokens = encoding.bpe.num_tokens
    readers = _on_several(snapshot, encoding) if config.kind == "lsa" else snapshot
    tokens = list(item_tokens(_some_users(readers, config.max_users, seed), encoding))
    idf_V = _idf(tokens, num_tokens)
    if config.kind == "lsa":
        found = fit_lsa(tokens, idf_V, dim, seed)
    else:
        found = fit_ppmi_svd(tokens, num_tokens, dim, config.window, seed)
    return _of_length_one(found, idf_V)


def item_tokens(snapshot: Snapshot, encoding: ItemTextEncoding) -> Iterator[Tokens]:
    """Yield the tokens of the items of some users at a time: each item is a post.

    Repeats and what lies beyond the latest items are left out as in training; tokens of services
    and kinds, which no text has, too.
    """
    reader, texts = encoding.reader(snapshot), encoding.texts_of(snapshot.traces)
    for place_U in reader.pools():
        slots, _ = reader.slots(place_U)
        number_U = np.bincount(np.repeat(slots.user_G, slots.length_G), minlength=len(place_U))
        token_T, post_ptr_S1 = _tokens_of(texts, slots.text_S)
        user_ptr_U1 = np.concatenate([[0], np.cumsum(number_U)]).astype(np.int64)
        time_S = snapshot.traces.time_L[slots.row_S]
        yield Tokens(token_T, post_ptr_S1, user_ptr_U1, time_S)


def _of_length_one(found: WordVectors, idf_V: npt.NDArray[np.float64]) -> TokenVectors:
    """Return directions as vectors, and what their lengths and idf say as weights."""
    # Each direction counts as the decomposition has it: columns of length 1.
    column_D = np.linalg.norm(found.vectors_WD, axis=0)
    vectors_VD = found.vectors_WD / np.where(column_D > 0, column_D, 1)
    length_V = np.linalg.norm(vectors_VD, axis=1)
    known_V = found.known_W & (length_V > ROUNDING)
    vectors_VD = np.where(known_V, 1 / np.maximum(length_V, ROUNDING), 0)[:, None] * vectors_VD
    weight_V = np.where(known_V, idf_V * length_V, 0)
    share_V = weight_V / max(weight_V[known_V].mean(), 1e-12)
    least_V = np.maximum(share_V, LEAST_WEIGHT)
    return TokenVectors(vectors_VD.astype(np.float32), known_V, least_V.astype(np.float32))


def _tokens_of(texts: ItemTexts, text_S: Rows) -> tuple[npt.NDArray[np.int32], Rows]:
    start_S = np.asarray(texts.ptr_I1)[text_S]
    place_T, ptr_S1 = ranges(start_S, np.asarray(texts.ptr_I1)[text_S + 1] - start_S)
    return np.asarray(texts.token_T)[place_T].astype(np.int32), ptr_S1


def _idf(tokens: list[Tokens], num_tokens: int) -> npt.NDArray[np.float64]:
    """Return log((1 + U) / (1 + users who met the token)) of each token, and a little at least.

    A user of nothing but common tokens has to be somewhere.
    """
    users_V, num_users = np.zeros(num_tokens), 0
    for part in tokens:
        length_U = np.diff(part.post_ptr_P1[part.user_ptr_U1])
        user_T = np.repeat(np.arange(part.num_users), length_U)
        met = np.unique(user_T * num_tokens + part.id_T)
        users_V += np.bincount(met % num_tokens, minlength=num_tokens)
        num_users += part.num_users
    idf_V = np.log((1 + num_users) / (1 + users_V))
    least_V: npt.NDArray[np.float64] = np.maximum(idf_V, LEAST_IDF)
    return least_V


def _on_several(snapshot: Snapshot, encoding: ItemTextEncoding) -> Snapshot:
    """Return the users on several services; all of them where these are fewer than two.

    One service alone does not say which of its tokens go with which of another; and where most
    people are on one, its inner differences would be most of the directions.
    """
    reader, found = encoding.reader(snapshot), [np.zeros(0, np.int64)]
    for place_U in reader.pools():
        slots, _ = reader.slots(place_U)
        found.append(place_U[np.bincount(slots.user_G, minlength=len(place_U)) > 1])
    several_U = np.concatenate(found)
    if len(several_U) < 2:
        return snapshot
    return Snapshot(snapshot.traces, snapshot.as_of, snapshot.users_U[several_U])


def _some_users(snapshot: Snapshot, number: int, seed: int) -> Snapshot:
    if snapshot.num_users <= number:
        return snapshot
    generator = numpy_generator(derive_seed(seed, "users of token vectors"))
    users_U = np.sort(generator.permutation(snapshot.users_U)[:number])
    return Snapshot(snapshot.traces, snapshot.as_of, users_U)
