"""Follows become a graph: what is dropped is counted, and links are found as a set finds them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.snapshot import Snapshot
from habitus.data.social_graph import FollowReport, SocialGraph, distinct
from tests.data.social import DAY, graph_of, linked, random_graph, social_traces, star

USERS = ("ann", "bob", "cat", "dan")


def read(
    path: Path, rows: Sequence[tuple[Any, ...]], as_of: int | None = None, users: Any = None
) -> SocialGraph:
    names = ("user_id", "follows_id", "time")
    columns = {name: [row[i] for row in rows] for i, name in enumerate(names[: len(rows[0])])}
    traces = social_traces(path / "traces", USERS, follows=columns)
    return SocialGraph.from_snapshot(Snapshot(traces, as_of, users))


def test_rows_that_are_no_link_are_dropped_and_counted(tmp_path: Path) -> None:
    rows = [
        ("ann", "bob"),
        ("bob", "ann"),
        ("ann", "ann"),  # a self-follow
        ("cat", "zoe"),  # nobody
        ("cat", "ann"),
        ("ann", "bob"),  # again
        ("cat", "ann"),  # again
    ]
    graph = read(tmp_path, rows)
    # ann 0, bob 1, cat 2, dan 3.
    assert graph.follow_F2.tolist() == [[0, 1], [1, 0], [2, 0]]
    assert graph.report == FollowReport(rows=7, unknown=1, self_follows=1, doubled=2)
    assert graph.report.rows - sum(graph.report[1:]) == graph.num_follows == 3
    assert [graph.neighbours(user).tolist() for user in range(4)] == [[1, 2], [0], [0], []]
    assert graph.degree_U.tolist() == [2, 1, 1, 0]
    assert graph.in_degree_U.tolist() == [2, 1, 0, 0]


def test_undated_follows_were_always_there_and_later_ones_are_not_yet(tmp_path: Path) -> None:
    rows = [
        ("ann", "bob", None),
        ("ann", "cat", 4 * DAY),
        ("ann", "dan", 5 * DAY),  # at the cutoff
        ("bob", "cat", 6 * DAY),
    ]
    graph = read(tmp_path, rows, as_of=5 * DAY)
    assert graph.follow_F2.tolist() == [[0, 1], [0, 2]]
    assert graph.report.rows == 2


def test_places_are_those_of_the_snapshot_and_others_are_unknown(tmp_path: Path) -> None:
    rows = [("ann", "bob"), ("dan", "bob"), ("dan", "ann"), ("bob", "cat")]
    graph = read(tmp_path, rows, users=np.array([3, 1]))  # dan 0, bob 1
    assert graph.num_users == 2
    assert graph.follow_F2.tolist() == [[0, 1]]
    # ann's row is not read at all; dan → ann and bob → cat lead out of the snapshot.
    assert graph.report == FollowReport(rows=3, unknown=2)


@pytest.mark.parametrize("follows", [None, {"user_id": [], "follows_id": []}])
def test_no_follows_are_no_error(tmp_path: Path, follows: Any) -> None:
    import pyarrow as pa

    if follows is not None:
        follows = {name: pa.array([], pa.string()) for name in follows}
    traces = social_traces(tmp_path / "traces", USERS, follows=follows)
    graph = SocialGraph.from_snapshot(Snapshot(traces))
    assert (graph.num_users, graph.num_follows) == (4, 0)
    assert graph.degree_U.tolist() == graph.in_degree_U.tolist() == [0, 0, 0, 0]
    assert graph.neighbours(2).tolist() == []
    assert graph.has_edge(np.array([0]), np.array([1])).tolist() == [False]
    assert graph.links_among(np.arange(4)).shape == (0, 2)


def test_one_user_alone_and_nobody(tmp_path: Path) -> None:
    graph = read(tmp_path, [("ann", "ann"), ("ann", "bob")], users=np.array([0]))
    assert (graph.num_follows, graph.report) == (0, FollowReport(2, unknown=1, self_follows=1))
    empty = read(tmp_path / "b", [("ann", "bob")], users=np.array([], np.int64))
    assert (empty.num_users, empty.num_follows, len(empty.degree_U)) == (0, 0, 0)


def test_ids_that_are_dictionaries_are_read(tmp_path: Path) -> None:
    import pyarrow as pa

    coded = pa.array(["ann", "bob"]).dictionary_encode()
    other = pa.array(["bob", "ann"]).dictionary_encode()
    traces = social_traces(
        tmp_path / "traces", USERS, follows={"user_id": coded, "follows_id": other}
    )
    assert SocialGraph.from_snapshot(Snapshot(traces)).follow_F2.tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize("graph", [random_graph(40, 0.1), star(9), graph_of(3, [(2, 0)])])
def test_links_are_those_of_a_set_of_pairs(graph: SocialGraph) -> None:
    pairs = linked(graph)
    users = np.arange(graph.num_users)
    user_B, other_B = (a.ravel() for a in np.meshgrid(users, users))
    expected = [(int(a), int(b)) in pairs for a, b in zip(user_B, other_B, strict=True)]
    assert graph.has_edge(user_B, other_B).tolist() == expected
    for user in range(graph.num_users):
        assert graph.neighbours(user).tolist() == sorted(b for a, b in pairs if a == user)
    some = users[::2]
    found = [(int(some[a]), int(some[b])) for a, b in graph.links_among(some)]
    assert len(found) == len(set(found))
    assert set(found) == {(a, b) for a, b in pairs if a % 2 == 0 and b % 2 == 0}


def test_some_of_the_follows() -> None:
    graph = graph_of(4, [(0, 1), (1, 2), (3, 0)])
    part = graph.only(np.array([True, False, True]))
    assert part.follow_F2.tolist() == [[0, 1], [3, 0]]
    assert part.degree_U.tolist() == [2, 1, 0, 1]
    assert graph.num_follows == 3


@given(st.lists(st.integers(-5, 5)))
def test_distinct_is_unique(values: list[int]) -> None:
    assert distinct(np.array(values, np.int64)).tolist() == sorted(set(values))
