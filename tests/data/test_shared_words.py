"""Words of two platforms: what is known, and what is hidden on purpose."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from habitus.data.posts import PostsConfig
from habitus.data.segmentation import SegmentationConfig
from habitus.data.shared_words import SharedWords, coverage, places
from habitus.data.snapshot import Snapshot
from habitus.data.tokens import TextSource
from habitus.data.traces import Traces
from habitus.data.word_vocabulary import WordVocabulary, WordVocabularyConfig
from habitus.errors import UsageError
from tests.comparisons.texts import write_posts

TEXT = TextSource(PostsConfig(), SegmentationConfig())
POSTS = {"u": ["red red blue", "green"], "v": ["green blue"], "w": ["gold"], "x": []}


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    return write_posts(tmp_path / "traces", POSTS)


def vocabulary(*words: str) -> WordVocabulary:
    ones = np.ones(len(words), np.int64)
    return WordVocabulary(pa.array(words, pa.string()), ones, ones, 1)


def test_coverage_by_hand(traces: Traces) -> None:
    found = coverage(TEXT, Snapshot(traces), vocabulary("red", "blue", "pink"))
    # Tokens: red red blue | green | green blue | gold: 4 of 7. Words: red, blue of four.
    # Users: u and v of four have one.
    assert found == pytest.approx((4 / 7, 2 / 4, 2 / 4))


def test_coverage_of_nothing_is_nothing(traces: Traces) -> None:
    nobody = Snapshot(traces, None, np.array([3]))
    assert coverage(TEXT, nobody, vocabulary("red")) == (0.0, 0.0, 0.0)


def test_hidden_words_are_those_whose_place_is_past_the_share(traces: Traces) -> None:
    everything = pa.array(["red", "blue", "green", "gold"])
    place = dict(zip(everything.to_pylist(), places(everything).tolist(), strict=True))
    share = sorted(place.values())[1] + 1e-9
    tokens, words = SharedWords(TEXT, traces.digest, share).read(Snapshot(traces))
    stay = {word for word, at in place.items() if at < share}
    assert set(words.to_pylist()) == stay
    assert len(stay) == 2
    said = [words[int(t)].as_py() for t in tokens.id_T]
    assert said == [w for u in POSTS.values() for post in u for w in post.split() if w in stay]
    # Posts stay, if empty: u has two and v one.
    assert tokens.user_ptr_U1.tolist() == [0, 2, 3, 4, 4]
    known = coverage(TEXT, Snapshot(traces), vocabulary(*place), share)
    assert known.tokens == pytest.approx(len(said) / 7)


def test_more_sharing_keeps_what_less_had(traces: Traces) -> None:
    kept = [
        set(SharedWords(TEXT, traces.digest, share).read(Snapshot(traces))[1].to_pylist())
        for share in (0.0, 0.3, 0.6, 1.0)
    ]
    assert kept[0] == set()
    assert kept[0] <= kept[1] <= kept[2] <= kept[3] == {"red", "blue", "green", "gold"}


def test_of_other_traces_nothing_is_hidden(traces: Traces) -> None:
    _, words = SharedWords(TEXT, "other", 0.0).read(Snapshot(traces))
    assert words.to_pylist() == TEXT.read(Snapshot(traces))[1].to_pylist()


def test_places_are_spread_evenly_and_of_the_letters_alone() -> None:
    many = places(pa.array([f"word{i}" for i in range(2000)]))
    assert ((many >= 0) & (many < 1)).all()
    # A mean of 2,000 even numbers has a standard error of .289 / √2000 = .0065.
    assert many.mean() == pytest.approx(0.5, abs=0.026)
    assert places(pa.array(["b", "a"]))[::-1].tolist() == places(pa.array(["a", "b"])).tolist()


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_is_a_share(share: float) -> None:
    with pytest.raises(UsageError, match="must be in"):
        SharedWords(TEXT, "x", share)


def test_a_fitted_vocabulary_does_not_see_hidden_words(traces: Traces) -> None:
    text = SharedWords(TEXT, traces.digest, 0.0)
    tokens, words = text.read(Snapshot(traces))
    assert len(tokens.id_T) == len(words) == 0
    config = WordVocabularyConfig(min_count=1, min_users=1)
    assert len(WordVocabulary.fit(*TEXT.read(Snapshot(traces)), config)) == 4
