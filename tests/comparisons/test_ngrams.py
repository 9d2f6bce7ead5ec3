"""N-grams, against scikit-learn's on the same words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from habitus.comparisons.ngrams import NGrams, NGramsConfig
from habitus.data.tokens import Tokens
from habitus.errors import GuardError, UsageError
from tests.comparisons.texts import read, write_posts

WORDS = ("a", "bb", "ccc", "dddd", "abab")
posts_of_a_user = st.lists(st.lists(st.sampled_from(WORDS), max_size=6), max_size=3)


def pack(users: list[list[list[str]]]) -> tuple[Tokens, pa.StringArray]:
    posts = [post for user in users for post in user]
    ids = [WORDS.index(word) for post in posts for word in post]
    post_ptr = np.cumsum([0, *map(len, posts)])
    user_ptr = np.cumsum([0, *map(len, users)])
    tokens = Tokens(np.array(ids, np.int32), post_ptr, user_ptr, np.zeros(len(posts), np.int64))
    return tokens, pa.array(WORDS)


def columns(blocks: list[Any]) -> list[list[float]]:
    """Return what is counted as columns in an order that does not depend on names."""
    return sorted(column for block in blocks for column in block.toarray().T.tolist())


def twin(users: list[list[list[str]]], **settings: Any) -> Any:
    # No pair crosses a post: a word of its own stands between, and what has it is struck.
    texts = [" | ".join(" ".join(post) for post in user) for user in users]
    return CountVectorizer(token_pattern=r"\S+", lowercase=False, **settings).fit(texts), texts


@example([[["ccc", "a"]], [["dddd", "a"]], []])  # two unknown words before the same known one
@given(st.lists(posts_of_a_user, min_size=3, max_size=6))
def test_words_and_pairs_are_those_of_scikit_learn(users: list[list[list[str]]]) -> None:
    users = [*users, [["a", "bb"]], [["a", "bb"]]]
    blocks = NGrams(NGramsConfig(min_users=2)).fit(*pack(users))
    vectorizer, texts = twin(users, ngram_range=(1, 2), min_df=2)
    names = vectorizer.get_feature_names_out()
    kept = [place for place, name in enumerate(names) if "|" not in name]
    assert columns(blocks) == columns([vectorizer.transform(texts)[:, kept]])


@given(st.lists(posts_of_a_user, min_size=3, max_size=6))
def test_characters_are_those_of_scikit_learn(users: list[list[list[str]]]) -> None:
    users = [*users, [["a", "bb"]], [["a", "bb"]]]
    ngrams = NGrams(NGramsConfig(min_users=2, pairs=False, characters=(3, 5)))
    characters = ngrams.fit(*pack(users))[1]
    texts = [" ".join(" ".join(post) for post in user) for user in users]
    vectorizer = CountVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), min_df=2, lowercase=False
    ).fit(texts)
    assert columns([characters]) == columns([vectorizer.transform(texts)])


def test_other_users_are_counted_in_the_same_columns_whatever_their_words(tmp_path: Path) -> None:
    train = write_posts(tmp_path / "a", {"x": ["salt soup oven"], "y": ["soup oven salt"]})
    other = write_posts(tmp_path / "b", {"z": ["new soup oven", "salt new soup"]})
    ngrams = NGrams(NGramsConfig(min_users=2, characters=(3, 3)))
    tokens, words = read(train)
    ngrams.fit(tokens, pa.array(words))
    tokens, words = read(other)
    counted, pairs, characters = ngrams.counts(tokens, pa.array(words))
    # By count, then name: oven, salt, soup; "soup oven" is the one pair that both have. An unknown
    # word between two known ones keeps them apart.
    assert counted.toarray().tolist() == [[1, 1, 2]]
    assert pairs.toarray().tolist() == [[1]]
    # " sa" "alt" "lt " "sal" " so" "oup" "sou" "up " " ov" "en " "ove" "ven"
    assert characters.shape == (1, 12)
    assert sorted(characters.toarray()[0].tolist()) == [1] * 8 + [2] * 4


def test_the_most_frequent_are_kept_of_all_kinds_together(tmp_path: Path) -> None:
    texts = {"x": ["a b a b a"], "y": ["a b a b c"], "z": ["c"]}
    tokens, words = read(write_posts(tmp_path / "t", texts))
    counts = dict(NGramsConfig(min_users=2).to_dict())
    # a 5, b 4, "a b" 4, "b a" 3, c 2: users of "b c" are too few.
    for most, sizes in ((2, [2, 0]), (3, [2, 1]), (4, [2, 2]), (99, [3, 2])):
        config = NGramsConfig.from_dict({**counts, "max_features": most})
        ngrams = NGrams(config)
        assert [b.shape[1] for b in ngrams.fit(tokens, pa.array(words))] == sizes
        assert ngrams.num_features == sum(sizes)


def test_words_that_no_two_users_share_are_an_error(tmp_path: Path) -> None:
    tokens, words = read(write_posts(tmp_path / "t", {"x": ["salt"], "y": ["soup"]}))
    with pytest.raises(GuardError, match="min_users = 2"):
        NGrams(NGramsConfig(min_users=2)).fit(tokens, pa.array(words))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"min_users": 0}, "must be 1 or more"),
        ({"max_features": 0}, "must be 1 or more"),
        ({"characters": (5, 3)}, "a least and a greatest length"),
    ],
)
def test_a_wrong_setting_is_an_error(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        NGramsConfig(**wrong)
