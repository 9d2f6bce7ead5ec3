"""Rows that are made once."""

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from habitus.comparisons.kept_users import KeptUsers, kept_graphs, kept_matrix
from habitus.data.snapshot import Snapshot
from habitus.data.text_graph import TextGraphs
from habitus.data.traces import Traces
from tests.comparisons.texts import write_posts

Made = list[tuple[int, int]]


class Record:
    """Makes (user, cutoff) of each user, and keeps who was asked about."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.users: KeptUsers[Made] = KeptUsers(
            self.make, lambda a, b: a + b, lambda kept, rows: [kept[row] for row in rows]
        )

    def make(self, snapshot: Snapshot) -> Made:
        self.asked.append(snapshot.users_U.tolist())
        return [(user, snapshot.as_of) for user in snapshot.users_U.tolist()]


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    return write_posts(tmp_path / "t", {name: ["a", "b"] for name in "uvwxyz"})


def test_a_user_is_made_once_and_given_in_the_order_asked(traces: Traces) -> None:
    record = Record()
    for users in ([4, 0], [0, 5, 4, 2], [2, 4], []):
        rows = record.users.read(Snapshot(traces, 1, np.array(users, np.int64)))
        assert rows == [(user, 1) for user in users]
    assert record.asked == [[4, 0], [5, 2]]


def test_what_was_made_elsewhere_is_kept_until_something_else_is_asked(traces: Traces) -> None:
    record = Record()
    record.users.read(Snapshot(traces, 1, np.array([0, 1])))
    record.users.put(Snapshot(traces, 1, np.array([4, 2])), [(40, 0), (20, 0)])
    # 1 was made before, and is forgotten.
    rows = record.users.read(Snapshot(traces, 1, np.array([2, 1, 4])))
    assert rows == [(20, 0), (1, 1), (40, 0)]
    assert record.asked == [[0, 1], [1]]
    assert record.users.read(Snapshot(traces, 2, np.array([4]))) == [(4, 2)]


def test_another_cutoff_or_other_traces_begin_anew(traces: Traces, tmp_path: Path) -> None:
    record, two = Record(), np.array([0, 1])
    record.users.read(Snapshot(traces, 1, two))
    assert record.users.read(Snapshot(traces, 2, two)) == [(0, 2), (1, 2)]
    other = write_posts(tmp_path / "other", {name: ["a", "c"] for name in "uv"})
    record.users.read(Snapshot(other, 2))
    assert record.asked == [[0, 1]] * 3
    # The three that were asked about last are kept, one beside another.
    for as_of in (1, 2, 1):
        assert record.users.read(Snapshot(traces, as_of, two)) == [(0, as_of), (1, as_of)]
    assert record.asked == [[0, 1]] * 3
    # A fourth takes the place of the one that was not asked about for longest: the other traces.
    record.users.read(Snapshot(traces, 3, two))
    for as_of in (2, 1):
        record.users.read(Snapshot(traces, as_of, two))
    assert len(record.asked) == 4
    record.users.read(Snapshot(other, 2))
    assert len(record.asked) == 5


def test_nobody_may_be_asked_about_first(traces: Traces) -> None:
    record = Record()
    assert record.users.read(Snapshot(traces, 1, np.zeros(0, np.int64))) == []
    assert record.users.read(Snapshot(traces, 1, np.array([3]))) == [(3, 1)]


def test_rows_of_a_matrix(traces: Traces) -> None:
    table = np.arange(12.0).reshape(6, 2)
    kept = kept_matrix(lambda snapshot: csr_array(table[snapshot.users_U]))
    for users in ([5, 1], [1, 2, 5]):
        rows = kept.read(Snapshot(traces, 1, np.array(users)))
        np.testing.assert_array_equal(rows.toarray(), table[users])


def test_text_graphs(traces: Traces) -> None:
    def make(snapshot: Snapshot) -> TextGraphs:
        # User u has the words 0 … u, each u times, and no edge.
        size_U = snapshot.users_U + 1
        node_ptr_U1 = np.concatenate([[0], np.cumsum(size_U)])
        word_V = np.concatenate([np.arange(size) for size in size_U]).astype(np.int32)
        count_V = np.repeat(snapshot.users_U, size_U).astype(np.int32)
        no_edges = np.zeros(0, np.uint16)
        return TextGraphs(
            node_ptr_U1, word_V, count_V, np.zeros(len(word_V) + 1, np.int64), no_edges, None
        )

    kept = kept_graphs(make)
    kept.read(Snapshot(traces, 1, np.array([2, 0])))
    graphs = kept.read(Snapshot(traces, 1, np.array([1, 2])))
    assert graphs.node_ptr_U1.tolist() == [0, 2, 5]
    assert graphs.count_V.tolist() == [1, 1, 2, 2, 2]
