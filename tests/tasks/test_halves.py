"""Two halves of what each user did."""

from pathlib import Path

import numpy as np
import pytest

from habitus.data.columns import ChannelKind
from habitus.data.posts import Documents, PostsConfig, read_posts
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.errors import DataError, UsageError
from habitus.tasks.classes import ClassTaskConfig
from habitus.tasks.halves import first_half, readable
from habitus.testing.hand_made import write_traces


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    times = {"a": [1, 1, 2, 3, 3], "b": [], "c": [3, 4], "d": [4]}
    events = {
        user: [{"time": t, "thread": f"t{t}", "price": 1.0, "text": "a word"} for t in given]
        for user, given in times.items()
    }
    channels: dict[str, ChannelKind] = {"thread": "id", "price": "dense", "text": "text"}
    return write_traces(tmp_path / "traces", events, channels)


def test_posts_are_dealt_out_in_turn_and_a_basket_is_one(traces: Traces) -> None:
    # a: {1, 1} {2} {3, 3}; c: {3} {4}, although a ended at 3; d: {4}, although c did at 4.
    want = [True, True, False, True, True, True, False, True]
    assert first_half(traces, None, 0).tolist() == want
    assert first_half(traces, None, 1).tolist() == [not first for first in want]


def test_a_value_is_in_one_half_for_everybody(traces: Traces) -> None:
    found = {seed: first_half(traces, "thread", seed) for seed in range(20)}
    thread_L = traces.column("thread")
    for first_L in found.values():
        for code in np.unique(thread_L):
            assert len(set(first_L[thread_L == code])) == 1
    # another seed, other halves; each value is first for about half of the seeds
    shares = np.mean(list(found.values()), axis=0)
    assert ((shares > 0.1) & (shares < 0.9)).all()


def test_a_half_is_the_one_that_reading_posts_means(traces: Traces) -> None:
    snapshot = Snapshot(traces)
    for seed in range(4):
        first_L = first_half(traces, "thread", seed)
        config = PostsConfig(part="first", part_by="thread", part_seed=seed)
        posts = read_posts(snapshot, Documents(traces, "text"), config)
        user_L = np.repeat(np.arange(traces.num_users), np.diff(traces.offsets_U1))
        counts_U = np.bincount(user_L[first_L], minlength=traces.num_users)
        np.testing.assert_array_equal(np.diff(posts.user_ptr_U1), counts_U)
        np.testing.assert_array_equal(posts.time_P, traces.time_L[first_L])


def test_the_two_halves_are_all(traces: Traces) -> None:
    halves = [
        readable(traces, ClassTaskConfig(name="t", question="?", classes=("a", "b"), part=part))
        for part in ("first", "second", "all")
    ]
    assert (halves[0] ^ halves[1]).all()
    assert halves[2].all()


def test_a_channel_without_values_cannot_decide(traces: Traces) -> None:
    with pytest.raises(UsageError, match="'price' is dense"):
        first_half(traces, "price", 0)
    with pytest.raises(DataError, match="did you mean 'thread'"):
        first_half(traces, "threads", 0)


def test_nobody_did_anything(tmp_path: Path) -> None:
    empty = write_traces(tmp_path / "empty", {"a": []}, {})
    assert first_half(empty, None, 0).tolist() == []
