"""What synthetic people write: words of the taste of the moment, of a community, and of everybody.

A post is about one taste, the one of its event, and written among one of the user's communities;
each word is of the taste, of the community, or common, and within each of these as frequent as its
rank (Zipf). So words of one source meet in posts more often than chance has it, which is what a
text graph (PMI) is to find.

Shapes: L events, T words of all events, U users, C communities.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from habitus.datasets.population import Floats, Ints, SyntheticConfig, choose

SHARES: Final = (0.4, 0.3, 0.3)
"""Of words about the taste, of the community, and common ones."""
WORDS_PER_SOURCE: Final = 60
"""Of each taste and each community."""
COMMON_WORDS: Final = 120
WORDS_PER_TASTE: Final = 12
"""Words of each taste in the names of items, which no post uses."""
SYLLABLES: Final = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]


def post_texts(
    config: SyntheticConfig,
    random: np.random.Generator,
    community_UC: Floats,
    user_L: Ints,
    taste_L: Ints,
) -> pa.StringArray:
    """Return the text of each event, ``(L)``.

    Args:
        config: how many words.
        random: where they are drawn from.
        community_UC: share of each user's communities.
        user_L: who writes.
        taste_L: what about.
    """
    community_L = choose(random, community_UC, user_L)
    length_L = 1 + random.poisson(config.words_per_post - 1, len(user_L))
    source_T = random.choice(3, size=int(length_L.sum()), p=SHARES)
    first_L3 = np.stack([taste_L, config.num_tastes + community_L, np.full_like(user_L, 0)], axis=1)
    first_L3 *= WORDS_PER_SOURCE
    first_L3[:, 2] = (config.num_tastes + config.num_communities) * WORDS_PER_SOURCE
    first_T = first_L3[np.repeat(np.arange(len(user_L)), length_L), source_T]
    size_T = np.where(source_T < 2, WORDS_PER_SOURCE, COMMON_WORDS)
    words_T = post_words(config).take(pa.array(first_T + _ranks(random, size_T)))
    offsets_L1 = np.concatenate([[0], np.cumsum(length_L)])
    return pc.binary_join(pa.LargeListArray.from_arrays(offsets_L1, words_T), " ")


def post_words(config: SyntheticConfig) -> pa.StringArray:
    """Return every word of posts: those of each taste, each community, and the common ones."""
    sources = config.num_tastes + config.num_communities
    first = config.num_tastes * WORDS_PER_TASTE + config.num_services
    last = first + sources * WORDS_PER_SOURCE + COMMON_WORDS
    return pa.array([word(number) for number in range(first, last)])


def word(number: int) -> str:
    """Return a made-up word, another one for each number.

    >>> word(0), word(1), word(70)
    ('baba', 'bebe', 'babe')
    """
    first, rest = number % len(SYLLABLES), number // len(SYLLABLES)
    second, more = (first + rest) % len(SYLLABLES), rest // len(SYLLABLES)
    return SYLLABLES[first] + SYLLABLES[second] + (word(more - 1) if more else "")


def _ranks(random: np.random.Generator, size_T: Ints) -> Ints:
    """Return a place in a vocabulary of each size, with probability ∝ 1 / (place + 1)."""
    weights = np.cumsum(1.0 / np.arange(1, int(size_T.max(initial=1)) + 1))
    uniform_T: npt.NDArray[np.float64] = random.random(len(size_T)) * weights[size_T - 1]
    ranks_T: Ints = np.searchsorted(weights, uniform_T, side="right").astype(np.int64)
    return ranks_T
