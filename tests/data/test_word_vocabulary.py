"""Words are kept by tokens and by users, and come back from a directory as they were."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from habitus.data.posts import PostsConfig
from habitus.data.segmentation import SegmentationConfig
from habitus.data.snapshot import Snapshot
from habitus.data.tokens import TextSource, Tokens, relabel
from habitus.data.word_vocabulary import WordVocabulary, WordVocabularyConfig
from habitus.errors import DataError, GuardError, UsageError
from habitus.testing.hand_made import write_traces

Posts = Sequence[Sequence[Sequence[str]]]
ANY: dict[str, Any] = {"min_count": 1, "min_users": 1}

# Users → posts → words: cat 4 tokens of 3 users, dog 3 of 1, eel 2 of 2, fox 2 of 2, gnu 1 of 1.
POSTS: Posts = [
    [["dog", "cat", "dog"], ["dog", "cat"]],
    [["eel", "cat", "fox"]],
    [],
    [["fox"], [], ["eel", "cat", "gnu"]],
]


def packed(posts: Posts) -> tuple[Tokens, list[str]]:
    place: dict[str, int] = {}
    flat = [post for user in posts for post in user]
    ids = [place.setdefault(word, len(place)) for post in flat for word in post]
    tokens = Tokens(
        np.array(ids, np.int32),
        np.array([0, *accumulate(map(len, flat))], np.int64),
        np.array([0, *accumulate(map(len, posts))], np.int64),
        np.arange(len(flat)),
    )
    return tokens, list(place)


def fit(posts: Posts = POSTS, **config: Any) -> WordVocabulary:
    return WordVocabulary.fit(*packed(posts), WordVocabularyConfig(**{**ANY, **config}))


def test_words_stand_by_count_and_equal_ones_by_name() -> None:
    found = fit()
    assert found.words.to_pylist() == ["cat", "dog", "eel", "fox", "gnu"]
    assert found.count_W.tolist() == [4, 3, 2, 2, 1]
    assert found.num_users_W.tolist() == [3, 1, 2, 2, 1]
    assert (len(found), found.num_users) == (5, 4)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"min_count": 2}, ["cat", "dog", "eel", "fox"]),
        ({"min_count": 3}, ["cat", "dog"]),
        # dog has 3 tokens, all of one user.
        ({"min_users": 2}, ["cat", "eel", "fox"]),
        ({"min_users": 3}, ["cat"]),
        ({"min_count": 2, "min_users": 2, "max_words": 2}, ["cat", "eel"]),
        ({"max_words": 99, "min_count": 0, "min_users": 0}, ["cat", "dog", "eel", "fox", "gnu"]),
    ],
)
def test_rare_words_and_words_of_few_users_are_left_out(
    config: dict[str, Any], expected: list[str]
) -> None:
    assert fit(**config).words.to_pylist() == expected


def test_by_default_a_word_needs_five_users() -> None:
    posts = [[["common", "rare"] if u < 4 else ["common"]] * 9 for u in range(5)]
    found = WordVocabulary.fit(*packed(posts), WordVocabularyConfig())
    assert found.words.to_pylist() == ["common"]


def test_nothing_left_is_told() -> None:
    with pytest.raises(GuardError, match=r"none of 5 has both min_count = 1000 .* has 4 tokens"):
        fit(min_count=1000)
    with pytest.raises(GuardError, match=r"min_users = 4 users; .* 3 of 4 users; lower min_count"):
        fit(min_users=4)
    nothing: list[Posts] = [[[], []], [[[], []]], []]
    for empty in nothing:
        with pytest.raises(GuardError, match="hold no word"):
            fit(empty)
    with pytest.raises(UsageError, match="max_words must be at least 1, or None, got 0"):
        WordVocabularyConfig(max_words=0)


def test_words_without_a_token_are_no_words() -> None:
    tokens, words = packed(POSTS)
    config = WordVocabularyConfig(min_count=0, min_users=0)
    assert len(WordVocabulary.fit(tokens, [*words, "unused"], config)) == 5


def test_lookup_tells_ids_of_any_words() -> None:
    found = fit(min_users=2)
    for words in (["fox", "dog", "cat", "zzz"], pa.array(["fox", "dog", "cat", "zzz"])):
        ids = found.lookup(words)
        assert ids.tolist() == [2, -1, 0, -1]
        assert ids.dtype == np.int32
    assert found.lookup([]).tolist() == []
    tokens, words = packed(POSTS)
    left = relabel(tokens, found.lookup(words))
    assert left.id_T.tolist() == [0, 0, 1, 0, 2, 2, 1, 0]


def test_idf_is_that_of_scikit_learn() -> None:
    texts = [" ".join(word for post in user for word in post) for user in POSTS]
    oracle = TfidfVectorizer().fit(texts)
    found = fit()
    expected = [oracle.idf_[oracle.vocabulary_[word]] for word in found.words.to_pylist()]
    np.testing.assert_allclose(found.idf_W, expected, rtol=1e-6)
    # cat: log(5 / 4) + 1.
    assert found.idf_W[0] == pytest.approx(np.log(5 / 4) + 1)


def test_it_comes_back_from_a_directory(tmp_path: Path) -> None:
    found = fit()
    found.save(tmp_path / "model")
    again = WordVocabulary.load(tmp_path / "model")
    assert again.words.equals(found.words)
    assert again.count_W.tolist() == found.count_W.tolist()
    assert again.num_users_W.tolist() == found.num_users_W.tolist()
    assert again.idf_W.tolist() == found.idf_W.tolist()
    again.save(tmp_path / "again")
    for name in ("words.parquet", "words.json"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "model" / name).read_bytes()


@pytest.mark.parametrize("how", ["no json", "no words", "cut", "short", "format"])
def test_damage_is_told(tmp_path: Path, how: str) -> None:
    fit().save(tmp_path)
    about, words = tmp_path / "words.json", tmp_path / "words.parquet"
    if how == "no json":
        about.unlink()
    elif how == "no words":
        words.unlink()
    elif how == "cut":
        words.write_bytes(words.read_bytes()[:50])
    elif how == "short":
        about.write_text(json.dumps({**json.loads(about.read_text()), "num_words": 6}))
    else:
        about.write_text(json.dumps({**json.loads(about.read_text()), "format": 9}))
    with pytest.raises(DataError, match="cannot be read"):
        WordVocabulary.load(tmp_path)


def test_it_is_fitted_on_the_training_snapshot_alone(tmp_path: Path) -> None:
    events = {
        u: [{"time": 1, "text": "early"}, {"time": 9, "text": "canary canary"}] for u in "abcdefg"
    }
    traces = write_traces(tmp_path / "t", events, {"text": "text"})
    source = TextSource(PostsConfig(), SegmentationConfig())
    train = Snapshot(traces, 5, np.arange(6))
    found = WordVocabulary.fit(*source.read(train), WordVocabularyConfig())
    assert found.words.to_pylist() == ["early"]
    assert (found.count_W.tolist(), found.num_users) == ([6], 6)


user = st.lists(st.lists(st.sampled_from("abcdeé中"), max_size=5), max_size=4)


@given(st.lists(user, min_size=1, max_size=6), st.integers(1, 6), st.integers(1, 2))
def test_users_in_buckets_count_as_those_at_once(
    posts: Posts, users_at_once: int, min_users: int
) -> None:
    parts = [posts[start : start + users_at_once] for start in range(0, len(posts), users_at_once)]
    buckets = ((tokens, pa.array(words, pa.string())) for tokens, words in map(packed, parts))
    config = WordVocabularyConfig(min_count=1, min_users=min_users)
    try:
        whole = WordVocabulary.fit(*packed(posts), config)
    except GuardError as error:
        with pytest.raises(GuardError, match=re.escape(str(error))):
            WordVocabulary.fit_buckets(buckets, config)
        return
    found = WordVocabulary.fit_buckets(buckets, config)
    assert found.words.equals(whole.words)
    assert found.count_W.tolist() == whole.count_W.tolist()
    assert found.num_users_W.tolist() == whole.num_users_W.tolist()
    assert found.num_users == whole.num_users == len(posts)


@given(st.lists(user, min_size=1, max_size=6), st.integers(1, 4), st.integers(1, 3))
def test_counts_equal_a_plain_twin(posts: Posts, min_count: int, min_users: int) -> None:
    count = Counter(word for u in posts for post in u for word in post)
    users = Counter(word for u in posts for word in {w for post in u for w in post})
    kept = [w for w in count if count[w] >= min_count and users[w] >= min_users]
    expected = sorted(kept, key=lambda w: (-count[w], w.encode()))
    if not expected:
        with pytest.raises(GuardError):
            fit(posts, min_count=min_count, min_users=min_users)
        return
    found = fit(posts, min_count=min_count, min_users=min_users)
    assert found.words.to_pylist() == expected
    assert found.count_W.tolist() == [count[w] for w in expected]
    assert found.num_users_W.tolist() == [users[w] for w in expected]
