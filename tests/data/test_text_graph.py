import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from habitus.data import text_graph
from habitus.data.text_graph import (
    MAX_NODES,
    TextGraphConfig,
    TextGraphs,
    build_text_graphs,
    join_users,
)
from habitus.errors import DataError, UsageError
from tests.data.plain_text_graph import Posts, edges_of, plain_graph, tokens_of

IDF = np.linspace(0.5, 3, 40)[::-1].astype(np.float32)
# No measure of small counts comes near these by chance.
THRESHOLDS = {"pmi": 0.3137, "npmi": 0.1271, "llr": 0.7793, "cooc": 2.0}


@st.composite
def users(draw: st.DrawFn) -> list[list[list[int]]]:
    """Many shapes: few words that repeat or many that do not, empty, short and long posts."""
    words = draw(st.sampled_from([2, 5, 12, 40]))
    longest = draw(st.sampled_from([3, 12, 30, 150]))
    post = st.lists(st.integers(0, words - 1), max_size=longest)
    return draw(st.lists(st.lists(post, max_size=6), max_size=4))


def check(found: TextGraphs, wanted: list[list[list[int]]], config: TextGraphConfig) -> None:
    assert found.num_users == len(wanted)
    for user, posts in enumerate(wanted):
        words, weights = edges_of(found, user)
        plain_words, plain_weights = plain_graph(posts, config, [float(x) for x in IDF])
        assert words == plain_words
        both = plain_weights | {(j, i): w for (i, j), w in plain_weights.items()}
        assert weights.keys() == both.keys()
        assert [weights[p] for p in both] == pytest.approx(list(both.values()), rel=1e-5, abs=1e-6)


@settings(max_examples=300, deadline=None)
@given(users(), st.sampled_from([2, 3, 5, 20, 70]), st.sampled_from([1, 3, 10, 500, None]))
@example([[list(range(40)) * 5, [1, 2] * 70]], 20, 10)  # more than one block of 64 windows
def test_it_is_the_definition(
    wanted: list[list[list[int]]], window: int, max_nodes: int | None
) -> None:
    config = TextGraphConfig(window=window, max_nodes=max_nodes)
    found = build_text_graphs(tokens_of(wanted), config)
    check(found, wanted, config)
    for user in range(len(wanted)):
        words, weights = edges_of(found, user)
        assert max_nodes is None or len(words) <= max_nodes
        assert all(i != j for i, j in weights)
        assert {(j, i) for i, j in weights} == set(weights)
        assert words == sorted(set(words))


@settings(max_examples=200, deadline=None)
@given(
    users(),
    st.sampled_from(["pmi", "npmi", "llr", "cooc"]),
    st.booleans(),
    st.sampled_from(["binary", "ppmi", "npmi", "cooc"]),
    st.sampled_from([(1.0, 0.0), (0.75, 0.0), (1.0, 2.0), (0.75, 2.0)]),
    st.sampled_from(["degree", "degree_idf", "count", "count_idf"]),
)
def test_every_option_is_its_definition(
    wanted: list[list[list[int]]], rule: Any, zero: bool, weight: Any, shape: Any, score: Any
) -> None:
    config = TextGraphConfig(
        window=7,
        max_nodes=8,
        edge_rule=rule,
        # With smoothing, PMI of exactly 0 is decided by rounding: no threshold of 0 then.
        edge_threshold=0.0 if zero and shape[0] == 1 else THRESHOLDS[rule],
        edge_weight=weight,
        smoothing=shape[0],
        shrinkage=shape[1],
        node_score=score,
    )
    check(build_text_graphs(tokens_of(wanted), config, IDF), wanted, config)


def test_the_two_graphs_of_the_reference() -> None:
    # Windows {1,2}, {1,3}, {4}: N = 3, N_1 = 2, N_12 = N_13 = 1; 1 · 3 > 2 · 1, so both pairs stay.
    # A pair in every window: 2 · 2 is not above 2 · 2, PMI = log 1 = 0.
    found = build_text_graphs(
        tokens_of([[[1, 2], [1, 3], [4]], [[1, 2], [2, 1]]]), TextGraphConfig()
    )
    assert edges_of(found, 0) == (
        [1, 2, 3, 4],
        dict.fromkeys([(1, 2), (2, 1), (1, 3), (3, 1)], 1.0),
    )
    assert edges_of(found, 1) == ([1, 2], {})
    assert found.count_V.tolist() == [2, 1, 1, 1, 2, 2]


def test_ties_are_decided_by_degree_then_windows_then_id() -> None:
    # Degrees: 5 has 2; 6, 7, 8 and 9 have 1; 1 has 0. Windows: 8 and 9 two, 6 and 7 one.
    posts = [[5, 6], [5, 7], [8, 9], [8, 9], [1], [1], [1]]
    order = [5, 8, 9, 6, 7, 1]
    for max_nodes in range(1, 7):
        graph = build_text_graphs(tokens_of([posts]), TextGraphConfig(max_nodes=max_nodes))
        assert graph.word_V.tolist() == sorted(order[:max_nodes])


def test_degree_is_that_of_the_full_graph() -> None:
    # 1 has three neighbours, 5 and 6 one: of {1, 2, 3, 4} only 1 stays, without any neighbour.
    posts = [[1, 2], [1, 3], [1, 4], [5, 6], [5, 6]]
    graph = build_text_graphs(tokens_of([posts]), TextGraphConfig(max_nodes=2))
    assert graph.word_V.tolist() == [1, 5]
    assert graph.edge_ptr_V1.tolist() == [0, 0, 0]


def test_idf_can_move_function_words_out() -> None:
    # Degrees 3, 1, 1, 1 of words 0 … 3; times idf: .3, 1, 1, 2.
    posts = [[0, 1], [0, 2], [0, 3], [4]]
    config = TextGraphConfig(max_nodes=1, node_score="degree_idf")
    graph = build_text_graphs(tokens_of([posts]), config, np.array([0.1, 1, 1, 2, 9]))
    assert graph.word_V.tolist() == [3]


def test_words_can_stay_by_their_tokens() -> None:
    # Degrees 3, 1, 1, 1 and 0 of words 0 … 4; tokens 3, 1, 1, 1 and 4; times idf 9, 1, 1, 1 and 4.
    posts, idf = [[0, 1], [0, 2], [0, 3], [4], [4, 4, 4]], np.array([3, 1, 1, 1, 1])
    for score, stays in {"degree": 0, "count": 4, "count_idf": 0}.items():
        config = TextGraphConfig(max_nodes=1, node_score=score)  # type: ignore[arg-type]
        assert build_text_graphs(tokens_of([posts]), config, idf).word_V.tolist() == [stays]


def test_weights_by_hand() -> None:
    # Windows {1,2}, {1,3}, {4}: PMI of (1, 2) is log(1 · 3 / (2 · 1)) = log 1.5, at N_12 / N = 1/3.
    tokens, log = tokens_of([[[1, 2], [1, 3], [4]]]), np.log(1.5)
    expected = {"ppmi": log, "npmi": log / np.log(3), "cooc": 1.0}
    for weight, value in expected.items():
        config = TextGraphConfig.from_dict({"edge_weight": weight})
        held = build_text_graphs(tokens, config).edge_weight_E
        assert held is not None
        assert held.dtype == np.float32
        assert held.tolist() == pytest.approx([value] * 4)
        shrunk = TextGraphConfig.from_dict({"edge_weight": weight, "shrinkage": 1.0})
        held = build_text_graphs(tokens, shrunk).edge_weight_E
        assert held is not None
        # N_12 / (N_12 + 1) = 1/2; counts are not shrunk.
        assert held.tolist() == pytest.approx([value if weight == "cooc" else value / 2] * 4)


def zipf(num_users: int, seed: int = 0, words: int = 400) -> list[list[list[int]]]:
    generator = np.random.default_rng(seed)
    lengths = generator.integers(0, 60, (num_users, 12))
    return [
        [np.minimum(generator.zipf(1.3, n) - 1, words - 1).tolist() for n in row] for row in lengths
    ]


def equal(a: TextGraphs, b: TextGraphs) -> bool:
    held = [[x for x in graphs if x is not None] for graphs in (a, b)]
    bytes_of = [[(x.dtype.str, x.tobytes()) for x in arrays] for arrays in held]
    return bytes_of[0] == bytes_of[1]


@pytest.mark.parametrize("weight", ["binary", "ppmi"])
def test_runs_threads_and_the_order_of_posts_change_no_byte(weight: str) -> None:
    wanted = zipf(150)
    config = TextGraphConfig.from_dict({"max_nodes": 60, "edge_weight": weight, "smoothing": 0.75})
    graphs = build_text_graphs(tokens_of(wanted), config)
    assert equal(graphs, build_text_graphs(tokens_of(wanted), config))
    assert equal(graphs, build_text_graphs(tokens_of(wanted), config, threads=3))
    shuffled: list[Posts] = [posts[::-1] for posts in wanted]
    assert equal(graphs, build_text_graphs(tokens_of(shuffled), config))


def test_a_post_changes_only_its_user() -> None:
    wanted = zipf(130)
    before = build_text_graphs(tokens_of(wanted), TextGraphConfig(max_nodes=30))
    wanted[70] = [*wanted[70], [1, 2, 3, 399]]
    after = build_text_graphs(tokens_of(wanted), TextGraphConfig(max_nodes=30))
    others = np.delete(np.arange(130), 70)
    assert equal(before.read(others), after.read(others))
    assert not equal(before.read(np.array([70])), after.read(np.array([70])))


def test_graphs_can_be_read_in_any_order_and_put_together_again() -> None:
    config = TextGraphConfig(max_nodes=30, edge_weight="cooc")
    wanted = zipf(9)
    graphs = build_text_graphs(tokens_of(wanted), config)
    rows = np.array([4, 0, 4, 8])
    chosen = build_text_graphs(tokens_of([wanted[r] for r in rows]), config)
    assert equal(graphs.read(rows), chosen)
    parts = [graphs.read(np.arange(3)), graphs.read(np.arange(3, 9))]
    assert equal(join_users(parts, weighted=True), graphs)
    assert graphs.read(np.empty(0, np.int64)).num_users == 0


@pytest.mark.parametrize(
    ("posts", "words"),
    [([], []), ([[]], []), ([[], [7], []], [7]), ([[7, 7, 7]], [7]), ([[3, 1, 2]], [1, 2, 3])],
    ids=["no post", "empty post", "one word", "one word often", "one window"],
)
def test_users_of_whom_nothing_can_be_joined(posts: list[list[int]], words: list[int]) -> None:
    # In one window every PMI is log(1 · 1 / (1 · 1)) = 0.
    graphs = build_text_graphs(tokens_of([[[1, 2], [3]], posts, []]), TextGraphConfig())
    assert edges_of(graphs, 1) == (words, {})
    assert edges_of(graphs, 2) == ([], {})


def test_nobody_at_all() -> None:
    graphs = build_text_graphs(tokens_of([]), TextGraphConfig(edge_weight="ppmi"))
    assert (graphs.num_users, graphs.node_ptr_U1.tolist(), graphs.edge_ptr_V1.tolist()) == (
        0,
        [0],
        [0],
    )
    assert graphs.edge_weight_E is not None


def test_a_mapped_file_of_tokens_is_only_read() -> None:
    tokens = tokens_of(zipf(3))
    for array in tokens:
        array.flags.writeable = False
    assert build_text_graphs(tokens, TextGraphConfig()).num_users == 3


def test_more_words_than_16_bits_hold() -> None:
    # 40,000 posts of two words of their own, and one word that stands with two others in turn.
    pairs = [[3 + 2 * k, 4 + 2 * k] for k in range(40_000)]
    wanted: list[Posts] = [[[5, 6]], [*pairs, [0, 80_005], [0, 80_006], [0, 80_007]]]
    graphs = build_text_graphs(tokens_of(wanted), TextGraphConfig(max_nodes=6))
    # Degree 3 of word 0; 1 of all others, in one window each, but for those that stand first.
    assert edges_of(graphs, 1)[0] == [0, 3, 4, 5, 6, 7]
    assert set(edges_of(graphs, 1)[1]) == {(3, 4), (4, 3), (5, 6), (6, 5)}
    with pytest.raises(DataError, match=r"user 1 .* has 80004 different words.*set max_nodes"):
        build_text_graphs(tokens_of(wanted), TextGraphConfig(max_nodes=None))


def test_as_many_words_as_16_bits_hold() -> None:
    posts = [[0, MAX_NODES - 1], *([k] for k in range(1, MAX_NODES - 1))]
    graphs = build_text_graphs(tokens_of([posts]), TextGraphConfig(max_nodes=None))
    assert len(graphs.word_V) == MAX_NODES
    assert graphs.edge_col_E.tolist() == [MAX_NODES - 1, 0]


@pytest.mark.parametrize(
    "values",
    [
        {"window": 1},
        {"max_nodes": 0},
        {"max_nodes": 65_536},
        {"smoothing": 0.0},
        {"smoothing": 1.5},
        {"shrinkage": -1.0},
        {"edge_rule": "llr", "edge_threshold": -1.0},
        {"edge_rule": "cooc", "edge_threshold": -1.0},
        {"edge_rule": "chi2"},
    ],
)
def test_settings_that_mean_nothing(values: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"{list(values)[-1]}.* must be"):
        TextGraphConfig.from_dict(values)


@pytest.mark.parametrize("idf", [None, np.ones(3)])
def test_idf_must_be_there_for_all_words(idf: Any) -> None:
    with pytest.raises(UsageError, match="needs the idf of 5 words"):
        build_text_graphs(tokens_of([[[4]]]), TextGraphConfig(node_score="degree_idf"), idf)


def test_a_rule_of_no_threshold_is_the_paper_s() -> None:
    tokens = tokens_of(zipf(20))
    paper = build_text_graphs(tokens, TextGraphConfig(max_nodes=50))
    for rule in ("npmi", "llr"):
        config = TextGraphConfig.from_dict({"max_nodes": 50, "edge_rule": rule})
        assert equal(build_text_graphs(tokens, config), paper)


def test_users_are_worked_on_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = zipf(7)
    graphs = [build_text_graphs(tokens_of(wanted), TextGraphConfig())]
    for number in (1, 3):
        monkeypatch.setattr(text_graph, "_AT_ONCE", number)
        graphs.append(build_text_graphs(tokens_of(wanted), TextGraphConfig()))
    assert all(equal(a, b) for a, b in itertools.pairwise(graphs))
