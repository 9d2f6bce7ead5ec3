"""Users are cut where their text is too much for one bucket; nobody is lost or stands twice."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data import token_buckets as module
from habitus.data.posts import Documents, PostsConfig
from habitus.data.segmentation import SegmentationConfig
from habitus.data.snapshot import Snapshot
from habitus.data.token_buckets import cut_snapshot
from habitus.data.token_store import TokenStore
from habitus.data.tokens import TextSource, Tokens
from habitus.data.traces import Traces
from habitus.data.word_vectors import count_together
from habitus.data.word_vocabulary import WordVocabulary, WordVocabularyConfig
from habitus.testing.hand_made import write_traces
from tests.data.test_tokens import unpacked

# Bytes of text by user before 9: 4, 0, 2 (é), 9, 1; z's canary stands after it.
POSTS = {
    "a": [(1, "ab"), (2, "cd")],
    "b": [],
    "c": [(1, "é")],
    "d": [(1, "long long")],
    "z": [(1, "x"), (9, "canary")],
}


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    events = {u: [{"time": t, "text": x} for t, x in posts] for u, posts in POSTS.items()}
    return write_traces(tmp_path_factory.mktemp("posts") / "traces", events, {"text": "text"})


@pytest.mark.parametrize(
    ("bytes_at_once", "expected"),
    [
        (100, [[0, 1, 2, 3, 4]]),
        # 4 + 0 + 2 = 6; 9 is alone, being more than 6; then 1.
        (6, [[0, 1, 2], [3], [4]]),
        (5, [[0, 1], [2], [3], [4]]),
        (10, [[0, 1, 2], [3, 4]]),
        # Nobody without text is left out.
        (1, [[0], [1], [2], [3], [4]]),
    ],
)
@pytest.mark.parametrize("events_at_once", [1, 2, 100])
def test_by_hand(
    traces: Traces,
    bytes_at_once: int,
    expected: list[list[int]],
    events_at_once: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_EVENTS_AT_ONCE", events_at_once)
    parts = list(cut_snapshot(Snapshot(traces, 9), Documents(traces), bytes_at_once))
    found = [part.users_U.tolist() for part in parts]
    assert found == expected
    assert {part.as_of for part in parts} == {9}


def test_the_order_of_the_snapshot_stays_and_nobody_is_one_empty_bucket(traces: Traces) -> None:
    turned = Snapshot(traces, 9, np.array([4, 3, 0]))
    found = [part.users_U.tolist() for part in cut_snapshot(turned, Documents(traces), 10)]
    assert found == [[4, 3], [0]]
    nobody = Snapshot(traces, 9, np.zeros(0, np.int64))
    assert [p.num_users for p in cut_snapshot(nobody, Documents(traces), 10)] == [0]


def test_texts_of_items_count_as_often_as_they_are_bought(tmp_path: Path) -> None:
    events = {u: [{"time": t, "item_id": "tea"} for t in range(n)] for u, n in [("a", 2), ("b", 1)]}
    items = {"item_id": ["tea"], "text": ["green"]}
    traces = write_traces(tmp_path / "t", events, {"item_id": "id"}, tables={"items": items})
    documents = Documents(traces)
    # a: 2 × 5 bytes, b: 5.
    sizes = [len(list(cut_snapshot(Snapshot(traces), documents, most))) for most in (14, 15)]
    assert sizes == [2, 1]


@given(bytes_at_once=st.integers(1, 20), stored=st.booleans())
def test_buckets_hold_what_one_reading_does(
    traces: Traces, bytes_at_once: int, stored: bool
) -> None:
    posts, segmentation = PostsConfig(), SegmentationConfig()
    store = None
    if stored:
        folder = traces.path.parent / "store"
        store = TokenStore.build(traces, posts, segmentation, folder)
    text = TextSource(posts, segmentation, store)
    whole = unpacked(*text.read(Snapshot(traces, 9)))
    buckets = list(text.buckets(Snapshot(traces, 9), bytes_at_once))
    assert [user for tokens, words in buckets for user in unpacked(tokens, words)] == whole
    assert all("canary" not in words.to_pylist() for _, words in buckets)


def test_what_is_fitted_on_buckets_equals_what_is_fitted_at_once(traces: Traces) -> None:
    text, snapshot = TextSource(PostsConfig(), SegmentationConfig()), Snapshot(traces, 9)
    config = WordVocabularyConfig(min_count=1, min_users=1)
    whole = WordVocabulary.fit(*text.read(snapshot), config)
    for bytes_at_once in (1, 6, 10, 100):
        buckets = text.buckets(snapshot, bytes_at_once)
        assert WordVocabulary.fit_buckets(buckets, config).words.equals(whole.words)


class _Many(TextSource):
    """Text of as many users as are asked for: 50 bytes each, and a hundred words."""

    def read(self, snapshot: Snapshot) -> tuple[Tokens, pa.StringArray]:
        users = snapshot.num_users
        ids = np.arange(100 * users, dtype=np.int32) % 1_000
        one_each = np.arange(users + 1)
        return Tokens(ids, 100 * one_each, one_each, one_each[:-1]), WORDS


WORDS = pa.array([f"w{i}" for i in range(1_000)])


@pytest.mark.parametrize("fits", ["vocabulary", "vectors"])
def test_memory_does_not_grow_with_the_number_of_users(tmp_path: Path, fits: str) -> None:
    def peak(num_users: int, bytes_at_once: int) -> int:
        events = {f"{u:05}": [{"time": 1, "text": "x" * 50}] for u in range(num_users)}
        path = tmp_path / f"{num_users}"
        traces = Traces(path) if path.exists() else write_traces(path, events, {"text": "text"})
        snapshot = Snapshot(traces)
        # A snapshot's own few numbers of each user are not what is measured.
        assert snapshot.lengths_U.sum() == num_users
        buckets = _Many(PostsConfig(), SegmentationConfig()).buckets(snapshot, bytes_at_once)
        tracemalloc.start()
        try:
            if fits == "vocabulary":
                WordVocabulary.fit_buckets(buckets, WordVocabularyConfig())
            else:
                count_together((tokens for tokens, _ in buckets), 1_000, 2)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    # Buckets of 2,000 users; the sizes of all users are a few bytes each.
    few, many = peak(2_000, 100_000), peak(16_000, 100_000)
    assert many < 1.7 * few
    # All at once: 8 × as much, so the test can see growth.
    assert peak(16_000, 10**9) > 4 * few
