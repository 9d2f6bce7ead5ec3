"""Characters as nodes, against a twin that goes word by word with dictionaries."""

import unicodedata
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from habitus.data.posts import PostsConfig
from habitus.data.segmentation import SegmentationConfig
from habitus.data.snapshot import Snapshot
from habitus.data.text_graph import (
    MAX_NODES,
    TextGraphConfig,
    TextGraphs,
    build_text_graphs,
    with_characters,
)
from habitus.data.text_graph_characters import Characters, parts_of
from habitus.data.text_graph_encoding import TextGraphEncoding
from habitus.data.text_graph_store import TextGraphStore
from habitus.data.tokens import TextSource
from habitus.data.word_vocabulary import WordVocabulary, WordVocabularyConfig
from habitus.errors import DataError, UsageError
from habitus.testing.hand_made import write_traces
from tests.data.plain_text_graph import Posts, edges_of, tokens_of

WORDS = [
    "中国",
    "国",
    "国人人",
    "人",
    "ab",
    "abcd",
    "xabcd",
    "bcd",
    "ねこ",
    "こネ",
    "abcdabcd",
    "zzz",
]


def plain_parts(word: str) -> set[str]:
    if all(unicodedata.name(c).split()[0] in ("CJK", "HIRAGANA", "KATAKANA") for c in word):
        return set(word)
    return {word[i:j] for i in range(len(word)) for j in range(i + 3, min(i + 5, len(word)) + 1)}


def plain_characters(words: list[str]) -> dict[str, int]:
    """Return the id of each character that two words have, in the order of first words."""
    number = Counter(part for word in words for part in plain_parts(word))
    ordered = [part for word in words for part in parts_of(word) if number[part] >= 2]
    return {part: len(words) + c for c, part in enumerate(dict.fromkeys(ordered))}


Plain = tuple[list[int], dict[tuple[int, int], float], dict[int, int]]


def plain_graph(graphs: TextGraphs, user: int, words: list[str], most: int | None) -> Plain:
    """Return nodes, edges and counts of a user with characters, from those of the words alone."""
    nodes, edges = edges_of(graphs, user)
    first, last = graphs.node_ptr_U1[user : user + 2]
    counts = dict(zip(nodes, graphs.count_V[first:last].tolist(), strict=True))
    ids = plain_characters(words)
    holders: dict[int, list[int]] = {}
    for node in nodes:
        for part in plain_parts(words[node]):
            if part in ids:
                holders.setdefault(ids[part], []).append(node)
    tokens = {c: sum(counts[node] for node in of_c) for c, of_c in holders.items()}
    ranked = sorted(holders, key=lambda c: (-len(holders[c]), -tokens[c], c))[:most]
    for c in ranked:
        for node in holders[c]:
            edges[node, c] = edges[c, node] = 1.0
    return nodes + sorted(ranked), edges, counts | {c: tokens[c] for c in ranked}


@st.composite
def vocabularies(draw: st.DrawFn) -> list[str]:
    word = st.one_of(
        st.text("ab", min_size=1, max_size=7), st.text("中国人ねネ", min_size=1, max_size=4)
    )
    return draw(st.lists(word, min_size=1, max_size=25, unique=True))


posts_of_users = st.lists(
    st.lists(st.lists(st.integers(0, 24), max_size=12), max_size=4), min_size=1, max_size=4
)


@settings(max_examples=200, deadline=None)
@given(
    vocabularies(),
    posts_of_users,
    st.sampled_from([None, 1, 2, 5]),
    st.sampled_from(["binary", "ppmi"]),
)
@example(WORDS, [[list(range(12)), [0, 1, 2]], []], 3, "ppmi")
def test_it_is_the_plain_twin(
    words: list[str], users: list[list[list[int]]], most: int | None, weight: Any
) -> None:
    tokens = tokens_of([[[w for w in p if w < len(words)] for p in posts] for posts in users])
    off = TextGraphConfig(window=3, max_nodes=8, edge_weight=weight)
    on = TextGraphConfig(
        window=3, max_nodes=8, edge_weight=weight, char_nodes=True, max_char_nodes=most
    )
    graphs = build_text_graphs(tokens, off)
    found = build_text_graphs(tokens, on, characters=Characters.of(words))
    for user in range(len(users)):
        nodes, edges, counts = plain_graph(graphs, user, words, most)
        first, last = found.node_ptr_U1[user : user + 2]
        assert edges_of(found, user) == (nodes, edges)
        assert found.count_V[first:last].tolist() == [counts[node] for node in nodes]
        for node in range(first, last):
            columns = found.edge_col_E[slice(*found.edge_ptr_V1[node : node + 2])].tolist()
            assert columns == sorted(set(columns))
    # The tables of a binary graph have no weights, and all types stay.
    assert [x.dtype for x in found if x is not None] == [x.dtype for x in graphs if x is not None]
    assert len(found.edge_col_E) == found.edge_ptr_V1[-1]
    assert len(found.word_V) == found.node_ptr_U1[-1] == len(found.edge_ptr_V1) - 1


def equal(a: TextGraphs, b: TextGraphs) -> bool:
    held = [[(x.dtype.str, x.tobytes()) for x in graphs if x is not None] for graphs in (a, b)]
    return held[0] == held[1]


def test_two_words_by_hand() -> None:
    characters = Characters.of(["中国", "美国", "cats", "cat", "dog"])
    # 国 is in two words and "cat" too; 中, 美, ats, cats and dog are in one.
    assert characters.names == ["国", "cat"]
    assert characters.ptr_W1.tolist() == [0, 1, 2, 3, 4, 4]
    assert characters.char_N.tolist() == [0, 0, 1, 1]
    config = TextGraphConfig(char_nodes=True)
    # Windows {0, 1}, {0, 1, 4}, {4}: 2 · 3 > 2 · 2 joins 0 and 1; 1 · 3 is below 2 · 2.
    tokens = tokens_of([[[0, 1], [1, 0, 4], [4]]])
    graphs = build_text_graphs(tokens, config, characters=characters)
    # 国 is number 5 + 0; each of its words stands twice.
    assert graphs.word_V.tolist() == [0, 1, 4, 5]
    assert graphs.count_V.tolist() == [2, 2, 2, 4]
    assert edges_of(graphs, 0)[1].keys() == {(0, 1), (1, 0), (0, 5), (5, 0), (1, 5), (5, 1)}


def test_off_it_changes_no_byte() -> None:
    tokens = tokens_of([[[0, 1, 2], [2, 5, 6, 7]], [], [[3]]])
    before = build_text_graphs(tokens, TextGraphConfig(max_nodes=4))
    given = build_text_graphs(
        tokens, TextGraphConfig(max_nodes=4, max_char_nodes=1), characters=Characters.of(WORDS)
    )
    assert equal(before, given)
    assert equal(with_characters(before, TextGraphConfig(), Characters.of(WORDS)), before)
    with pytest.raises(UsageError, match="char_nodes needs the characters"):
        build_text_graphs(tokens, TextGraphConfig(char_nodes=True))


def test_users_and_threads_and_shares_of_users_change_nothing() -> None:
    chance = np.random.default_rng(0)
    users: list[Posts] = [
        [chance.integers(0, 12, n).tolist() for n in chance.integers(0, 9, u % 4)]
        for u in range(150)
    ]
    config, characters = TextGraphConfig(char_nodes=True, max_char_nodes=2), Characters.of(WORDS)
    graphs = build_text_graphs(tokens_of(users), config, characters=characters)
    assert equal(graphs, build_text_graphs(tokens_of(users), config, characters=characters))
    many = build_text_graphs(tokens_of(users), config, characters=characters, threads=3)
    assert equal(graphs, many)
    some = build_text_graphs(tokens_of(users[70:75]), config, characters=characters)
    assert equal(graphs.read(np.arange(70, 75)), some)


def test_a_character_begins_at_the_mean_of_its_words_and_counts_their_users() -> None:
    characters = Characters.of(["中国", "国人", "人", "abc"])
    assert characters.names == ["国", "人"]
    vectors_WD = np.array([[1, 0], [3, 2], [5, 8], [9, 9]], np.float32)
    extended = characters.extend(vectors_WD)
    assert extended.dtype == np.float32
    # 国: words 0 and 1, (1 + 3) / 2 and (0 + 2) / 2; 人: words 1 and 2.
    assert extended[4:].tolist() == [[2, 1], [4, 5]]
    assert np.array_equal(extended[:4], vectors_WD)
    tokens = tokens_of([[[0, 0], [1]], [[2], [2, 3]], [], [[3]]])
    assert characters.count_users(tokens).tolist() == [1, 2]


def test_no_word_has_a_character() -> None:
    for words in ([], ["no", "on"], ["abc", "xyz"]):
        characters = Characters.of(words)
        assert characters.names == []
        assert characters.extend(np.ones((len(words), 2), np.float32)).shape == (len(words), 2)
        tokens = tokens_of([[list(range(len(words)))], []])
        config = TextGraphConfig(char_nodes=True)
        found = build_text_graphs(tokens, config, characters=characters)
        assert equal(found, build_text_graphs(tokens, TextGraphConfig()))


def test_more_nodes_than_16_bits_hold() -> None:
    words = [chr(0x4E00 + k // 200) + chr(0x5E00 + k % 200) for k in range(40_000)]
    words += [a + b for a, b in pairwise(words)][:25_400]
    tokens = tokens_of([[[0]], [[k] for k in range(len(words))]])
    # 40,000 words of 200 + 200 characters, and 25,400 of two pairs: 65,400 and 400 nodes.
    config = TextGraphConfig(char_nodes=True, max_nodes=None, max_char_nodes=None)
    with pytest.raises(
        DataError, match=r"user 1 .* has 65800 words and characters.*max_char_nodes"
    ):
        build_text_graphs(tokens, config, characters=Characters.of(words))
    few = TextGraphConfig(char_nodes=True, max_nodes=None, max_char_nodes=100)
    found = build_text_graphs(tokens, few, characters=Characters.of(words))
    assert np.diff(found.node_ptr_U1).tolist() == [3, 65_500]


@pytest.mark.parametrize(
    "values",
    [
        {"max_char_nodes": 0},
        {"char_nodes": True, "max_nodes": MAX_NODES, "max_char_nodes": 1},
    ],
)
def test_settings_that_mean_nothing(values: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"max_char_nodes must be at .*got"):
        TextGraphConfig.from_dict(values)


def test_an_encoding_and_its_store(tmp_path: Path) -> None:
    posts = {"a": [(1, "tested cats"), (2, "tests cat")], "b": [(1, "testing catalogues")], "c": []}
    more = posts | {"b": [*posts["b"], (3, "tested tests")]}
    made = []
    for name, of_user in {"before": posts, "after": more}.items():
        events = {u: [{"time": t, "text": x} for t, x in p] for u, p in of_user.items()}
        made.append(write_traces(tmp_path / name, events, {"text": "text"}))
    text = TextSource(PostsConfig(), SegmentationConfig())
    config = WordVocabularyConfig(min_count=1, min_users=1)
    vocabulary = WordVocabulary.fit(*text.read(Snapshot(made[1])), config)
    encoding = TextGraphEncoding(vocabulary, text, TextGraphConfig(char_nodes=True))
    assert encoding.characters is not None
    assert "test" in encoding.characters.names
    assert encoding.num_ids == len(vocabulary) + len(encoding.characters.names)
    before, after = (encoding.graphs(Snapshot(traces)) for traces in made)
    assert not equal(before, after)
    # A post of b: its graph alone is made anew and replaced.
    store = encoding.write_store(Snapshot(made[0]), tmp_path / "store")
    store.update(np.array([1]), encoding.graphs(Snapshot(made[1], None, np.array([1]))))
    assert equal(TextGraphStore(tmp_path / "store").read(np.arange(3)), after)
    encoding.save(tmp_path / "saved")
    loaded = TextGraphEncoding.load(tmp_path / "saved")
    assert loaded.graph.char_nodes
    assert equal(loaded.graphs(Snapshot(made[1])), after)
    off = TextGraphEncoding(vocabulary, text, TextGraphConfig())
    assert off.characters is None
    assert off.num_ids == len(vocabulary)
    # A graph of words that was made elsewhere gets its characters too.
    words = off.graphs(Snapshot(made[1]))
    assert equal(encoding.complete(words), after)
    assert off.complete(words) is words
