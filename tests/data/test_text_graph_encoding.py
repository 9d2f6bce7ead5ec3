"""Graphs of a snapshot: what was written before the cutoff, in known words, and nothing else."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from habitus.data import text_graph_encoding
from habitus.data.posts import PostsConfig
from habitus.data.segmentation import SegmentationConfig
from habitus.data.snapshot import Snapshot
from habitus.data.text_graph import TextGraphConfig, TextGraphs
from habitus.data.text_graph_batch import text_graph_batch
from habitus.data.text_graph_encoding import TextGraphEncoding
from habitus.data.token_store import TokenStore
from habitus.data.tokens import TextSource
from habitus.data.traces import Traces
from habitus.data.word_vocabulary import WordVocabulary, WordVocabularyConfig
from habitus.errors import DataError
from habitus.representations.model import ENCODINGS
from habitus.testing.hand_made import write_traces

POSTS = {
    "ann": [(1, "a cat sat"), (2, "the dog ran"), (9, "a canary sang")],
    "bob": [],
    "cy": [(3, "zebra"), (4, "quagga")],
    "dee": [(8, "dog")],
    "eve": [(2, "the dog sat"), (3, "a cat ran, the cat")],
}
AS_OF = 5


def written(path: Path, posts: dict[str, list[tuple[int, str]]]) -> Traces:
    events = {u: [{"time": t, "text": x} for t, x in of_user] for u, of_user in posts.items()}
    return write_traces(path, events, {"text": "text"})


def encoding_of(traces: Traces, **graph: Any) -> TextGraphEncoding:
    """Return an encoding whose words are those of two users: a, cat, sat, the, dog, ran."""
    text = TextSource(PostsConfig(), SegmentationConfig())
    config = WordVocabularyConfig(min_count=1, min_users=2)
    vocabulary = WordVocabulary.fit(*text.read(Snapshot(traces, AS_OF)), config)
    return TextGraphEncoding(vocabulary, text, TextGraphConfig(**graph), graphs_per_batch=2)


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    return written(tmp_path / "traces", POSTS)


def equal(a: TextGraphs, b: TextGraphs) -> bool:
    held = [[(x.dtype.str, x.tobytes()) for x in graphs if x is not None] for graphs in (a, b)]
    return held[0] == held[1]


def words_of(encoding: TextGraphEncoding, graphs: TextGraphs, user: int) -> set[str]:
    ids = graphs.word_V[slice(*graphs.node_ptr_U1[user : user + 2])]
    return {encoding.vocabulary.words[int(i)].as_py() for i in ids}


def test_graphs_hold_known_words_before_the_cutoff(traces: Traces) -> None:
    encoding = encoding_of(traces)
    graphs = encoding.graphs(Snapshot(traces, AS_OF))
    every = {"a", "cat", "sat", "the", "dog", "ran"}
    # bob wrote nothing, cy only words of one user, dee only after the cutoff.
    assert [words_of(encoding, graphs, u) for u in range(5)] == [every, set(), set(), set(), every]
    # The two windows of ann share no word: three pairs each, in both directions.
    assert np.diff(graphs.edge_ptr_V1[graphs.node_ptr_U1]).tolist()[:4] == [12, 0, 0, 0]
    # eve: "the" and "cat" are in both windows or stand twice in one.
    cat = encoding.vocabulary.lookup(["cat"])[0]
    counts = graphs.count_V[graphs.node_ptr_U1[4] :]
    assert counts[graphs.word_V[graphs.node_ptr_U1[4] :] == cat].tolist() == [2]


def test_later_posts_and_other_users_reach_nobody(traces: Traces, tmp_path: Path) -> None:
    encoding = encoding_of(traces)
    graphs = encoding.graphs(Snapshot(traces, AS_OF))
    later = {u: [*p, (6, "dog cat")] for u, p in POSTS.items()}
    later_graphs = encoding.graphs(Snapshot(written(tmp_path / "later", later), AS_OF))
    assert equal(graphs, later_graphs)
    rows = np.array([4, 1])
    assert equal(encoding.graphs(Snapshot(traces, AS_OF, rows)), graphs.read(rows))


@pytest.mark.parametrize("at_once", [1, 2, 1024])
def test_batches_have_every_user_once(
    traces: Traces, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(text_graph_encoding, "_USERS_AT_ONCE", at_once)
    encoding = encoding_of(traces, edge_weight="ppmi")
    snapshot = Snapshot(traces, AS_OF, np.array([4, 3, 2, 1, 0]))
    graphs = encoding.graphs(snapshot)
    seen = list[int]()
    for places, batch in encoding.batches(snapshot):
        assert 1 <= len(places) <= 2
        expected = text_graph_batch(graphs.read(places))
        for name in ("node_ptr_U1", "word_W", "place_V", "edge_col_E", "edge_weight_E"):
            assert torch.equal(getattr(batch, name), getattr(expected, name))
        seen += places.tolist()
    assert sorted(seen) == [0, 1, 2, 3, 4]
    if at_once == 1024:
        # The three without words are together.
        assert seen == [1, 2, 3, 0, 4]


def test_nobody_is_asked_about(traces: Traces) -> None:
    nobody = Snapshot(traces, AS_OF, np.empty(0, np.int64))
    assert encoding_of(traces).graphs(nobody).num_users == 0
    assert list(encoding_of(traces).batches(nobody)) == []


@pytest.mark.parametrize(
    "graph", [{}, {"edge_rule": "npmi", "edge_threshold": 0.1, "node_score": "degree_idf"}]
)
def test_it_is_loaded_as_it_was_saved(traces: Traces, tmp_path: Path, graph: Any) -> None:
    encoding = encoding_of(traces, max_nodes=3, **graph)
    encoding.text.posts = PostsConfig(part="first")
    encoding.save(tmp_path / "fitted")
    loaded = TextGraphEncoding.load(tmp_path / "fitted")
    assert loaded.config == encoding.config
    assert loaded.vocabulary.words.equals(encoding.vocabulary.words)
    snapshot = Snapshot(traces, AS_OF)
    assert equal(loaded.graphs(snapshot), encoding.graphs(snapshot))
    (tmp_path / "fitted" / "text_graph.json").write_text("{")
    with pytest.raises(DataError, match=r"text_graph\.json cannot be read"):
        TextGraphEncoding.load(tmp_path / "fitted")
    with pytest.raises(DataError, match="cannot be read"):
        TextGraphEncoding.load(tmp_path / "elsewhere")


def test_a_store_of_tokens_changes_nothing(traces: Traces, tmp_path: Path) -> None:
    encoding = encoding_of(traces)
    expected = encoding.graphs(Snapshot(traces, AS_OF))
    text = encoding.text
    text.store = TokenStore.build(traces, text.posts, text.segmentation, tmp_path / "tokens")
    assert equal(encoding.graphs(Snapshot(traces, AS_OF)), expected)


def test_graphs_can_be_stored(
    traces: Traces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_graph_encoding, "_USERS_AT_ONCE", 2)
    encoding, snapshot = encoding_of(traces), Snapshot(traces, AS_OF)
    told = list[tuple[int, int]]()
    store = encoding.write_store(
        snapshot, tmp_path / "graphs", progress=lambda *done: told.append(done)
    )
    assert told == [(2, 5), (4, 5), (5, 5)]
    assert equal(store.read(np.arange(5)), encoding.graphs(snapshot))
    # The same again is left as it is; of other posts it would be another store.
    told.clear()
    encoding.write_store(snapshot, tmp_path / "graphs", progress=lambda *done: told.append(done))
    assert told == []
    source = encoding.source(snapshot)
    others = [
        encoding.source(Snapshot(traces, AS_OF + 1)),
        encoding.source(Snapshot(traces, AS_OF, np.array([4, 3, 2, 1, 0]))),
        TextGraphEncoding(
            encoding.vocabulary,
            TextSource(PostsConfig(part="second"), SegmentationConfig()),
            encoding.graph,
        ).source(snapshot),
        encoding_of(written(tmp_path / "other", POSTS | {"bob": [(1, "dog")]})).source(snapshot),
    ]
    assert all(other != source for other in others)


def test_an_idf_of_the_vocabulary_decides_which_words_stay(traces: Traces) -> None:
    plain, idf = (encoding_of(traces, max_nodes=1, node_score=s) for s in ("degree", "degree_idf"))
    plain.vocabulary.num_users_W = idf.vocabulary.num_users_W = np.array([5, 5, 5, 5, 5, 0])
    rarest = {idf.vocabulary.words[5].as_py()}
    # All degrees of ann are 2, all windows 1: the first id stays, or the word of highest idf.
    assert words_of(plain, plain.graphs(Snapshot(traces, AS_OF)), 0) != rarest
    assert words_of(idf, idf.graphs(Snapshot(traces, AS_OF)), 0) == rarest


def test_models_find_it_by_the_encoder_s_name() -> None:
    assert ENCODINGS["text_graph"] is TextGraphEncoding
