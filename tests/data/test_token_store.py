"""A store is opened whole or refused, and read only for what it holds."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from habitus.data.posts import PostsConfig
from habitus.data.segmentation import SegmentationConfig
from habitus.data.snapshot import Snapshot
from habitus.data.token_store import TokenStore
from habitus.data.traces import Traces
from habitus.errors import DataError, UsageError
from habitus.testing.hand_made import write_traces

WHOLE, PLAIN = PostsConfig(), SegmentationConfig()
EVENTS = {
    "a": [{"time": 1, "text": "one two @x", "title": "t"}, {"time": 2, "text": "two"}],
    "b": [{"time": 1, "text": "three two"}],
}


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    return write_traces(tmp_path / "traces", EVENTS, {"text": "text", "title": "text"})


@pytest.fixture
def store(tmp_path: Path, traces: Traces) -> TokenStore:
    return TokenStore.build(traces, WHOLE, PLAIN, tmp_path / "store")


def test_a_store_says_what_it_holds(traces: Traces, store: TokenStore) -> None:
    assert store.words.to_pylist() == ["one", "two", "three"]
    made = store.manifest
    assert (made.num_documents, made.num_tokens, made.num_words) == (3, 5, 3)
    assert made.text == "text"
    assert store.traces_digest == traces.digest
    assert {n: c for n, c in made.cleaned.items() if c} == {"mention": 1}
    assert repr(store).endswith("store': 5 tokens, 3 words)")


def test_it_reads_a_prefix_of_each_user(traces: Traces, store: TokenStore) -> None:
    tokens = store.read(Snapshot(traces, 2, np.array([1, 0])))
    assert tokens.id_T.tolist() == [2, 1, 0, 1]
    assert tokens.post_ptr_P1.tolist() == [0, 2, 4]
    assert tokens.user_ptr_U1.tolist() == [0, 1, 2]
    assert tokens.time_P.tolist() == [1, 1]


def test_one_store_serves_all_halves(tmp_path: Path, traces: Traces, store: TokenStore) -> None:
    second = PostsConfig(part="second")
    assert store.read(Snapshot(traces), second).id_T.tolist() == [1]
    # Built again for other posts it is the same store, that reads other posts.
    again = TokenStore.build(traces, second, PLAIN, tmp_path / "store")
    assert again.manifest == store.manifest
    assert again.read(Snapshot(traces)).id_T.tolist() == [1]
    assert TokenStore(tmp_path / "store", second).read(Snapshot(traces)).id_T.tolist() == [1]
    assert store.read(Snapshot(traces)).id_T.tolist() == [0, 1, 1, 2, 1]


def test_it_fits_the_same_text_and_segmentation_only(
    tmp_path: Path, traces: Traces, store: TokenStore
) -> None:
    assert store.fits(traces, PostsConfig(text="text", max_posts=1), PLAIN)
    assert not store.fits(traces, PostsConfig(text="title"), PLAIN)
    assert not store.fits(traces, WHOLE, SegmentationConfig(casefold=False))
    other = write_traces(tmp_path / "other", {"a": []}, {"text": "text"})
    assert not store.fits(other, WHOLE, PLAIN)
    with pytest.raises(DataError, match="the text of other traces"):
        store.read(Snapshot(other))
    with pytest.raises(DataError, match="the text 'text', not 'title'"):
        store.read(Snapshot(traces), PostsConfig(text="title"))


def test_another_store_is_not_overwritten_unasked(
    tmp_path: Path, traces: Traces, store: TokenStore
) -> None:
    cased = SegmentationConfig(casefold=False)
    with pytest.raises(UsageError, match="exists: choose another place"):
        TokenStore.build(traces, WHOLE, cased, tmp_path / "store")
    assert TokenStore(tmp_path / "store").manifest == store.manifest
    new = TokenStore.build(traces, WHOLE, cased, tmp_path / "store", overwrite=True)
    assert new.manifest.segmentation == cased


def test_traces_are_never_overwritten_by_a_store(traces: Traces) -> None:
    for overwrite in (False, True):
        with pytest.raises(UsageError, match="no token store: choose another place"):
            TokenStore.build(traces, WHOLE, PLAIN, traces.path, overwrite=overwrite)
    assert Traces(traces.path).num_events == 3


def test_absent_text_is_told_before_anything_is_written(tmp_path: Path, traces: Traces) -> None:
    with pytest.raises(DataError, match="one of: text, title"):
        TokenStore.build(traces, PostsConfig(text="body"), PLAIN, tmp_path / "s")
    assert not (tmp_path / "s").exists()


def damage(folder: Path, how: str) -> None:
    manifest = folder / "manifest.json"
    values = json.loads(manifest.read_text())
    if how == "unfinished":
        manifest.unlink()
    elif how == "cut manifest":
        manifest.write_text(manifest.read_text()[:40])
    elif how == "format":
        manifest.write_text(json.dumps({**values, "format": 99}))
    elif how == "ids":
        np.save(folder / "ids.npy", np.zeros(2, np.int32))
    elif how == "pointers":
        (folder / "pointers.npy").write_bytes(b"")
    elif how == "words":
        table = pq.read_table(folder / "words.parquet")
        pq.write_table(table[:1], folder / "words.parquet")
    else:
        (folder / "words.parquet").unlink()


def read_all(folder: Path, traces: Traces) -> int:
    store = TokenStore(folder)
    return len(store.read(Snapshot(traces)).id_T) + len(store.words)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("unfinished", "no token store: build one"),
        ("cut manifest", "damaged"),
        ("format", "has format 99, this version reads 1"),
        ("ids", r"ids.npy is damaged \(2 values, not 5\); build the store again"),
        ("pointers", "pointers.npy is damaged"),
        ("words", r"words.parquet is damaged \(1 words\)"),
        ("no words", "words.parquet is damaged"),
    ],
)
def test_damage_is_told(store: TokenStore, traces: Traces, how: str, told: str) -> None:
    damage(store.folder, how)
    with pytest.raises(DataError, match=told):
        read_all(store.folder, traces)
    if how != "unfinished":
        built = TokenStore.build(traces, WHOLE, PLAIN, store.folder.with_name("new"))
        assert built.words.to_pylist() == ["one", "two", "three"]


def test_a_store_of_an_older_format_is_replaced_where_that_is_allowed(
    store: TokenStore, traces: Traces
) -> None:
    damage(store.folder, "format")
    assert TokenStore.build(traces, WHOLE, PLAIN, store.folder, overwrite=True).manifest.format == 1
