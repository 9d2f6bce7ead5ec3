"""Tokens equal a plain twin, stored or not, and never hold what came after the cutoff."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data import tokens as tokens_module
from habitus.data.cleaning import CleaningConfig
from habitus.data.posts import Documents, PostsConfig
from habitus.data.segmentation import SegmentationConfig, Segmenter
from habitus.data.snapshot import Snapshot
from habitus.data.token_store import TokenStore
from habitus.data.tokens import (
    TextSource,
    Tokens,
    compact,
    relabel,
    segment,
    segment_documents,
)
from habitus.data.traces import Traces
from habitus.testing.hand_made import write_traces

POSTS = {
    "ann": [(1, "the cat sat"), (2, "the dog"), (7, "canary later")],
    "bob": [],
    "cy": [(3, "😀"), (4, "cat")],
    "dee": [(8, "only later")],
}
WHOLE, PLAIN = PostsConfig(), SegmentationConfig()


def written(path: Path, posts: Mapping[str, Sequence[tuple[int, str]]], **kwargs: Any) -> Traces:
    events = {u: [{"time": t, "text": x} for t, x in of_user] for u, of_user in posts.items()}
    return write_traces(path, events, {"text": "text"}, **kwargs)


def unpacked(tokens: Tokens, words: Sequence[str] | pa.StringArray) -> list[list[list[str]]]:
    """Return the words of each post of each user."""
    found = words.to_pylist() if isinstance(words, pa.StringArray) else list(words)
    posts = [
        [found[i] for i in tokens.id_T[a:b]]
        for a, b in zip(tokens.post_ptr_P1, tokens.post_ptr_P1[1:], strict=False)
    ]
    return [posts[a:b] for a, b in zip(tokens.user_ptr_U1, tokens.user_ptr_U1[1:], strict=False)]


def same(one: Tokens, other: Tokens) -> bool:
    return [a.tolist() for a in (one[0], *one[1:])] == [a.tolist() for a in (other[0], *other[1:])]


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    return written(tmp_path / "traces", POSTS)


def test_tokens_stand_by_user_and_post(traces: Traces) -> None:
    tokens, words = segment(Snapshot(traces, 5), WHOLE, PLAIN)
    # In the order of their first token; a post of emoji is an empty post.
    assert words == ["the", "cat", "sat", "dog"]
    assert tokens.id_T.tolist() == [0, 1, 2, 0, 3, 1]
    assert tokens.post_ptr_P1.tolist() == [0, 3, 5, 5, 6]
    assert tokens.user_ptr_U1.tolist() == [0, 2, 2, 4, 4]
    assert tokens.time_P.tolist() == [1, 2, 3, 4]
    assert (tokens.num_users, tokens.num_posts) == (4, 4)
    assert [a.dtype for a in tokens] == [np.int32, np.int64, np.int64, np.int64]


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("users", [None, [2, 0], [1], []])
@pytest.mark.parametrize("as_of", [2, 5, 8, None])
def test_stored_tokens_are_those_of_the_snapshot(
    tmp_path: Path, traces: Traces, stored: bool, users: list[int] | None, as_of: int | None
) -> None:
    store = TokenStore.build(traces, WHOLE, PLAIN, tmp_path / "store") if stored else None
    snapshot = Snapshot(traces, as_of, None if users is None else np.array(users, np.int64))
    tokens, words = TextSource(WHOLE, PLAIN, store).read(snapshot)
    rows = range(4) if users is None else users
    histories = list(POSTS.values())
    last = 9 if as_of is None else as_of
    expected = [[Segmenter().words(x) for t, x in histories[u] if t < last] for u in rows]
    assert unpacked(tokens, words) == expected
    again, plain_words = segment(snapshot, WHOLE, PLAIN)
    assert words.to_pylist() == plain_words
    assert same(tokens, again)


@pytest.mark.parametrize("stored", [False, True])
def test_no_word_is_there_that_comes_only_later(
    tmp_path: Path, traces: Traces, stored: bool
) -> None:
    store = TokenStore.build(traces, WHOLE, PLAIN, tmp_path / "store") if stored else None
    source = TextSource(WHOLE, PLAIN, store)
    early, words = source.read(Snapshot(traces, 7))
    assert "canary" not in words.to_pylist()
    late, words = source.read(Snapshot(traces, 8))
    assert "canary" in words.to_pylist()
    assert len(late.id_T) == len(early.id_T) + 2


def test_other_later_posts_change_nothing_before_the_cutoff(tmp_path: Path) -> None:
    changed = {u: [(t, x if t < 5 else "of another kind") for t, x in p] for u, p in POSTS.items()}
    changed["bob"] = [(6, "new")]
    one = segment(Snapshot(written(tmp_path / "1", POSTS), 5), WHOLE, PLAIN)
    other = segment(Snapshot(written(tmp_path / "2", changed), 5), WHOLE, PLAIN)
    assert one[1] == other[1]
    assert same(one[0], other[0])


def test_time_may_be_an_order(tmp_path: Path) -> None:
    traces = written(tmp_path / "t", {"a": [(0, "x"), (1, "canary")]}, time_unit="order")
    tokens, words = segment(Snapshot(traces, 1), WHOLE, PLAIN)
    assert unpacked(tokens, words) == [[["x"]]]


def test_the_text_of_an_item_is_segmented_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = {"item_id": ["t", "m"], "text": ["green tea", "milk"]}
    events = {u: [{"time": t, "item_id": i} for t in range(9) for i in "tm"] for u in "ab"}
    traces = write_traces(tmp_path / "t", events, {"item_id": "id"}, tables={"items": items})
    seen: list[str] = []
    split = Segmenter.split

    def spy(self: Segmenter, text: str) -> list[str]:
        seen.append(text)
        return split(self, text)

    monkeypatch.setattr(Segmenter, "split", spy)
    tokens, words = segment(Snapshot(traces), WHOLE, PLAIN)
    assert sorted(seen) == ["green tea", "milk"]
    # Nine baskets of two users, in the order of the events.
    assert unpacked(tokens, words) == [[["green", "tea", "milk"]] * 9] * 2
    store = TokenStore.build(traces, WHOLE, PLAIN, tmp_path / "store")
    kept = TextSource(WHOLE, PLAIN, store).read(Snapshot(traces))
    assert unpacked(*kept) == unpacked(tokens, words)


def test_a_source_uses_its_store_only_where_it_fits(
    tmp_path: Path, traces: Traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = TokenStore.build(traces, WHOLE, PLAIN, tmp_path / "store")
    read: list[PostsConfig] = []
    real = TokenStore.read

    def spy(self: TokenStore, snapshot: Snapshot, posts: PostsConfig) -> Tokens:
        read.append(posts)
        return real(self, snapshot, posts)

    monkeypatch.setattr(TokenStore, "read", spy)
    half = PostsConfig(part="second", max_posts=1)
    tokens, words = TextSource(half, PLAIN, store).read(Snapshot(traces, 5))
    assert read == [half]
    assert unpacked(tokens, words) == [[["the", "dog"]], [], [["cat"]], []]
    cased = SegmentationConfig(casefold=False)
    other = written(tmp_path / "other", {"a": [(1, "cat")]})
    TextSource(WHOLE, cased, store).read(Snapshot(traces, 5))
    assert unpacked(*TextSource(WHOLE, PLAIN, store).read(Snapshot(other))) == [[["cat"]]]
    assert read == [half]


def test_relabelled_tokens_leave_out_unknown_words_and_keep_their_posts() -> None:
    tokens = Tokens(
        np.array([0, 1, 2, 1, 1, 0], np.int32),
        np.array([0, 3, 5, 5, 6]),
        np.array([0, 2, 4]),
        np.array([1, 2, 3, 4]),
    )
    left = relabel(tokens, np.array([5, -1, 0], np.int32))
    # Posts 012, 11, none, 0 become 5 0, none, none, 5.
    assert left.id_T.tolist() == [5, 0, 5]
    assert left.id_T.dtype == np.int32
    assert left.post_ptr_P1.tolist() == [0, 2, 2, 2, 3]
    assert left.user_ptr_U1 is tokens.user_ptr_U1
    assert left.time_P is tokens.time_P
    nothing = relabel(tokens, np.full(3, -1, np.int32))
    assert nothing.post_ptr_P1.tolist() == [0] * 5


def test_compact_tokens_are_numbered_by_their_first_token() -> None:
    tokens = Tokens(np.array([4, 1, 4, 0], np.int32), *[np.zeros(1, np.int64)] * 3)
    small, used = compact(tokens, 6)
    assert small.id_T.tolist() == [0, 1, 0, 2]
    assert used.tolist() == [4, 1, 0]


def test_documents_are_read_in_pieces_and_their_cleaning_is_summed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = {"a": [(i, f"@x w{i % 3} #t") for i in range(10)]}
    documents = Documents(written(tmp_path / "t", posts))
    whole = segment_documents(documents, np.arange(10), Segmenter())
    monkeypatch.setattr(tokens_module, "_AT_ONCE", 3)
    pieces = segment_documents(documents, np.arange(10), Segmenter())
    assert pieces.words == whole.words == ["w0", "t", "w1", "w2"]
    assert pieces.id_T.tolist() == whole.id_T.tolist()
    assert pieces.length_D.tolist() == [2] * 10
    assert pieces.cleaned == whole.cleaned
    assert {n: c for n, c in whole.cleaned.items() if c} == {"mention": 10, "hashtag": 10}


BAD_POSTS = {
    "no_posts": [],
    "one_word": [(1, "word"), (2, "word")],
    "only_unknown": [(1, "unheard"), (2, "of")],
    "only_emoji": [(1, "😀😀"), (2, "❤️")],
    "only_cleaned": [(1, "@you"), (2, "http://t.cn/x"), (3, "转发微博")],
    "spaces": [(1, "  \n ")],
    "mixed": [(1, "我爱Python và アニメ")],
    "huge": [(1, "word " * 200_000)],
}


def test_bad_input_gives_empty_posts_and_no_error(tmp_path: Path) -> None:
    traces = written(tmp_path / "t", BAD_POSTS)
    tokens, words = segment(Snapshot(traces), WHOLE, PLAIN)
    found = dict(zip(sorted(BAD_POSTS), unpacked(tokens, words), strict=True))
    assert found["no_posts"] == []
    assert found["one_word"] == [["word"], ["word"]]
    assert found["only_emoji"] == [[], []]
    assert found["only_cleaned"] == [[], [], []]
    assert found["spaces"] == [[]]
    assert found["mixed"] == [["我", "爱", "python", "và", "アニメ"]]
    assert found["huge"] == [["word"] * 200_000]
    known = np.where(np.isin(words, ["unheard", "of"]), -1, 0).astype(np.int32)
    found = dict(zip(sorted(BAD_POSTS), unpacked(relabel(tokens, known), ["x"]), strict=True))
    assert found["only_unknown"] == [[], []]


words_of = st.lists(st.sampled_from(["cat", "Dog", "中国", "@x", "é", "😀", ""]), max_size=6)
post = st.tuples(st.integers(0, 9), words_of.map(" ".join))


@given(
    st.dictionaries(st.sampled_from("abcd"), st.lists(post, max_size=6)),
    st.integers(1, 10),
    st.permutations(range(4)),
    st.booleans(),
)
def test_tokens_equal_a_plain_twin(
    tmp_path_factory: pytest.TempPathFactory,
    posts: dict[str, list[tuple[int, str]]],
    as_of: int,
    order: list[int],
    stored: bool,
) -> None:
    folder = tmp_path_factory.mktemp("tokens")
    posts["a"] = [*posts.get("a", []), (0, "first")]
    traces = written(folder / "t", posts)
    users = [u for u in order if u < len(posts)]
    segmentation = SegmentationConfig(cleaning=CleaningConfig(off=("mention",)))
    store = TokenStore.build(traces, WHOLE, segmentation, folder / "s") if stored else None
    snapshot = Snapshot(traces, as_of, np.array(users))
    tokens, words = TextSource(WHOLE, segmentation, store).read(snapshot)
    split = Segmenter(segmentation).words
    expected = [
        [
            split(x)
            for t, x in sorted(posts[sorted(posts)[u]], key=lambda e: e[0])
            if t < as_of and x
        ]
        for u in users
    ]
    assert unpacked(tokens, words) == expected
    assert set(words.to_pylist()) == {w for user in expected for p in user for w in p}
