"""Vectors are computed once."""

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest

from habitus.comparisons.majority import Majority
from habitus.data.snapshot import Snapshot, parse_time
from habitus.data.traces import Traces
from habitus.errors import DataError
from habitus.evaluation.features import comparison_method, concatenated, over_seeds
from habitus.evaluation.vectors import FeatureStore
from tests.evaluation.world import TEST, Shares, method, world

CUTOFF = parse_time(TEST)
USERS = np.array([2, 5, 11, 17])


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    return world(tmp_path / "traces", 30)


def test_a_cutoff_is_computed_once(traces: Traces) -> None:
    made = Shares()
    store = FeatureStore(traces, {CUTOFF: USERS}, None)
    for _ in range(3):
        store.take(method(made=made), CUTOFF, USERS[:2])
    assert len(made.calls) == 1


def test_what_is_kept_on_disk_is_not_computed_again(traces: Traces, tmp_path: Path) -> None:
    first, second = Shares(), Shares()
    before = FeatureStore(traces, {CUTOFF: USERS}, tmp_path / "kept").vectors(
        method(made=first), CUTOFF
    )
    after = FeatureStore(traces, {CUTOFF: USERS}, tmp_path / "kept").vectors(
        method(made=second), CUTOFF
    )
    np.testing.assert_array_equal(before, after)
    assert (len(first.calls), len(second.calls)) == (1, 0)
    assert not list((tmp_path / "kept").glob("*unfinished*"))


def test_what_is_kept_on_disk_is_not_held_in_memory(traces: Traces, tmp_path: Path) -> None:
    for folder, is_held in ((None, True), (tmp_path / "kept", False)):
        store = FeatureStore(traces, {CUTOFF: USERS}, folder)
        vectors = weakref.ref(store.vectors(method(), CUTOFF))
        gc.collect()
        assert (vectors() is not None) == is_held


def test_other_users_are_other_vectors(traces: Traces, tmp_path: Path) -> None:
    for users in (USERS, USERS[:3]):
        store = FeatureStore(traces, {CUTOFF: users}, tmp_path / "kept")
        assert len(store.vectors(method(), CUTOFF)) == len(users)


def test_users_get_their_own_rows(traces: Traces) -> None:
    store = FeatureStore(traces, {CUTOFF: USERS}, None)
    expected = Shares().represent(Snapshot(traces, CUTOFF, USERS[[3, 1]]))
    np.testing.assert_array_equal(store.take(method(), CUTOFF, USERS[[3, 1]]), expected)


def test_parts_stand_side_by_side(traces: Traces) -> None:
    store = FeatureStore(traces, {CUTOFF: USERS}, None)
    both = concatenated("both", "both", "ours", "x", method("a"), method("b"))
    x_BD = store.take(both, CUTOFF, USERS)
    assert x_BD.shape == (4, 12)
    np.testing.assert_array_equal(x_BD[:, :6], x_BD[:, 6:])
    assert store.width(both) == 12


def test_variants_are_read_one_at_a_time(traces: Traces) -> None:
    store = FeatureStore(traces, {CUTOFF: USERS}, None)
    assert store.width(over_seeds([method("a"), method("b")])) == 6


def test_a_method_without_vectors_has_no_width(traces: Traces) -> None:
    majority = comparison_method(Majority(), "control", "x", "key")
    assert FeatureStore(traces, {CUTOFF: USERS}, None).width(majority) is None


@pytest.mark.parametrize(
    ("shape", "fill", "message"),
    [((3, 2), 0.0, r"\(4, D\), got the shape \(3, 2\)"), ((4,), 0.0, "one vector a user"),
     ((4, 2), np.inf, "not finite at 2020-06-01")],
)  # fmt: skip
def test_wrong_vectors_are_named(
    shape: tuple[int, ...], fill: float, message: str, traces: Traces
) -> None:
    class Wrong(Shares):
        def represent(self, snapshot: Snapshot) -> np.ndarray:
            return np.full(shape, fill, np.float32)

    with pytest.raises(DataError, match=message):
        FeatureStore(traces, {CUTOFF: USERS}, None).vectors(method(made=Wrong()), CUTOFF)
