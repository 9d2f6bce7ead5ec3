"""Halves of posts, and graphs of several readers as one batch."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.text_graph import TextGraphConfig, TextGraphs, build_text_graphs
from habitus.data.text_graph_batch import text_graph_batch
from habitus.data.text_graph_rows import TextGraphRows, half_of
from habitus.data.tokens import Tokens

Users = list[list[list[int]]]
USERS: Users = [[[1, 2], [3]], [], [[4, 5, 6]], [[1], [2, 3], [4, 4]]]


def tokens_of(users: Users) -> Tokens:
    posts = [post for user in users for post in user]
    return Tokens(
        np.array([t for post in posts for t in post], np.int32),
        np.cumsum([0, *map(len, posts)]),
        np.cumsum([0, *map(len, users)]),
        np.arange(len(posts)),
    )


def users_of(tokens: Tokens) -> Users:
    posts = [
        tokens.id_T[a:b].tolist()
        for a, b in zip(tokens.post_ptr_P1[:-1], tokens.post_ptr_P1[1:], strict=True)
    ]
    ends = zip(tokens.user_ptr_U1[:-1], tokens.user_ptr_U1[1:], strict=True)
    return [posts[a:b] for a, b in ends]


def test_halves_by_hand() -> None:
    # Two posts: one each. None: none. One post: the later half. Three: one and two.
    assert users_of(half_of(tokens_of(USERS), "earlier")) == [[[1, 2]], [], [], [[1]]]
    later = [[[3]], [], [[4, 5, 6]], [[2, 3], [4, 4]]]
    assert users_of(half_of(tokens_of(USERS), "later")) == later


@given(st.lists(st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=5), max_size=5))
def test_the_halves_are_all_posts_in_their_order_once(users: Users) -> None:
    earlier, later = (users_of(half_of(tokens_of(users), h)) for h in ("earlier", "later"))
    assert [a + b for a, b in zip(earlier, later, strict=True)] == users
    assert all(len(b) - len(a) in (0, 1) for a, b in zip(earlier, later, strict=True))


def test_times_go_with_their_posts() -> None:
    later = half_of(tokens_of(USERS), "later")
    assert later.time_P.tolist() == [1, 2, 4, 5]


def graphs(users: Users, weight: str = "binary") -> TextGraphs:
    config = TextGraphConfig.from_dict({"edge_weight": weight, "edge_rule": "cooc"})
    return build_text_graphs(tokens_of(users), config)


def test_a_batch_holds_each_user_as_its_view_shows_it() -> None:
    tokens = tokens_of(USERS)
    whole = graphs(USERS)
    halves = [graphs(users_of(half_of(tokens, h))) for h in ("earlier", "later")]
    rows = TextGraphRows(whole, *halves)
    batch = rows.read(np.array([0, 3, 0, 3, 2]), np.array([0, 0, 1, 1, 2]))
    wanted = [USERS[0], USERS[3], [[1, 2]], [[1]], [[4, 5, 6]]]
    expected = text_graph_batch(graphs(wanted))
    assert batch.node_ptr_U1.tolist() == expected.node_ptr_U1.tolist()
    assert batch.word_W[batch.place_V].tolist() == expected.word_W[expected.place_V].tolist()
    assert batch.edge_ptr_V1.tolist() == expected.edge_ptr_V1.tolist()
    assert batch.edge_col_E.tolist() == expected.edge_col_E.tolist()
