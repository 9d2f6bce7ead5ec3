import itertools
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.datasets.population import Floats, Ints, SyntheticConfig
from habitus.datasets.synthetic_items import make_items
from habitus.datasets.synthetic_text import (
    COMMON_WORDS,
    SHARES,
    WORDS_PER_SOURCE,
    post_texts,
    post_words,
    word,
)
from habitus.random import numpy_generator

CONFIG = SyntheticConfig(num_tastes=3, num_communities=2, words_per_post=6.0)
WORDS = {w: n for n, w in enumerate(post_words(CONFIG).to_pylist())}


def write(
    community_UC: Floats, user_L: Ints, taste_L: Ints, config: SyntheticConfig = CONFIG
) -> list[list[int]]:
    """Return the numbers of the words of each post."""
    texts = post_texts(config, numpy_generator(0, "test"), community_UC, user_L, taste_L)
    assert isinstance(texts, pa.StringArray)
    return [[WORDS[w] for w in text.split(" ")] for text in texts.to_pylist()]


@given(st.integers(0, 200_000), st.integers(0, 200_000))
def test_a_word_stands_for_one_number(one: int, other: int) -> None:
    assert (word(one) == word(other)) == (one == other)


def test_words_are_distinct_and_in_no_name_of_an_item() -> None:
    # (3 tastes + 2 communities) × 60, and 120 common ones
    assert len(WORDS) == 5 * WORDS_PER_SOURCE + COMMON_WORDS
    assert len(post_words(CONFIG)) == len(WORDS)
    assert not set(WORDS) & set(" ".join(make_items(CONFIG)["text"].to_pylist()).split())


def test_words_are_of_the_taste_of_a_community_or_common() -> None:
    user_L = np.zeros(4_000, np.int64)
    posts = write(np.array([[0.0, 1.0]]), user_L, np.full(4_000, 2))
    source_of = [n // WORDS_PER_SOURCE for n in itertools.chain.from_iterable(posts)]
    counts = Counter(min(source, 5) for source in source_of)
    # Taste 2; community 1 is source 3 + 1 = 4; 5 is common. About 24,000 words, error .003.
    assert set(counts) == {2, 4, 5}
    shares = [counts[source] / len(source_of) for source in (2, 4, 5)]
    np.testing.assert_allclose(shares, SHARES, atol=0.015)


def test_a_post_is_written_among_one_community() -> None:
    posts = write(np.array([[2 / 3, 1 / 3]]), np.zeros(3_000, np.int64), np.zeros(3_000, np.int64))
    among = [{n // WORDS_PER_SOURCE - 3 for n in post} & {0, 1} for post in posts]
    assert max(map(len, among)) == 1
    first = sum(found == {0} for found in among) / sum(map(len, among))
    # Standard error √(2/9 / 2,500) = .009.
    assert first == pytest.approx(2 / 3, abs=0.04)


def test_a_word_is_as_frequent_as_its_rank() -> None:
    posts = write(np.array([[1.0, 0.0]]), np.zeros(20_000, np.int64), np.zeros(20_000, np.int64))
    counts = Counter(n for post in posts for n in post if n < WORDS_PER_SOURCE)
    # Weights 1, 1/2, 1/3 …: the first is three times as frequent as the third.
    assert counts[0] / counts[1] == pytest.approx(2, rel=0.1)
    assert counts[0] / counts[2] == pytest.approx(3, rel=0.1)
    assert max(counts) == WORDS_PER_SOURCE - 1


def test_posts_are_as_long_as_was_asked_for_and_none_is_empty() -> None:
    posts = write(np.array([[1.0, 0.0]]), np.zeros(5_000, np.int64), np.zeros(5_000, np.int64))
    lengths = [len(post) for post in posts]
    assert min(lengths) == 1
    # One and a Poisson number of mean 5; standard error √5 / √5,000 = .03.
    assert np.mean(lengths) == pytest.approx(6, abs=0.13)


def test_one_word_a_post_is_the_least() -> None:
    config = SyntheticConfig(num_tastes=3, num_communities=2, words_per_post=1.0)
    posts = write(np.array([[1.0, 0.0]]), np.zeros(9, np.int64), np.zeros(9, np.int64), config)
    assert [len(post) for post in posts] == [1] * 9


def test_without_events_there_are_no_texts() -> None:
    nobody = np.zeros(0, np.int64)
    assert write(np.array([[1.0, 0.0]]), nobody, nobody) == []


def test_words_of_one_taste_meet_more_often_than_chance_has_it() -> None:
    generator = numpy_generator(1, "test")
    posts = write(
        np.array([[0.5, 0.5]]), np.zeros(6_000, np.int64), generator.integers(3, size=6_000)
    )
    has = np.array([[0 in p, 1 in p, WORDS_PER_SOURCE in p] for p in posts])
    share = has.mean(axis=0)
    # Words 0 and 1 are of taste 0, word 60 is of taste 1, and a post has one taste.
    assert (has[:, 0] & has[:, 1]).mean() > 1.5 * share[0] * share[1]
    assert not (has[:, 0] & has[:, 2]).any()
