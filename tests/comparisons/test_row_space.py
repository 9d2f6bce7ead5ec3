"""Coordinates keep every product with a training user, and so every linear model's answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression

from habitus.comparisons import row_space as module
from habitus.comparisons.row_space import RowSpace, products
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from tests.comparisons.texts import write_posts

NUM_USERS, NUM_FEATURES = 40, 300


def features_of_all(seed: int = 0) -> np.ndarray:
    """Return sparse rows; user 7 is equal to user 3, and user 5 has nothing."""
    rng = np.random.default_rng(seed)
    often_F = rng.random(NUM_FEATURES) ** 3
    x_UF = rng.random((NUM_USERS, NUM_FEATURES)) * (rng.random((NUM_USERS, NUM_FEATURES)) < often_F)
    x_UF[7], x_UF[5] = x_UF[3], 0
    return x_UF


X_UF = features_of_all()


class Record:
    """Gives features, and keeps of how many users it was asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, snapshot: Snapshot) -> csr_array:
        self.asked.append(snapshot.num_users)
        return csr_array(X_UF[snapshot.users_U] * (2 if snapshot.as_of == 1 else 1))


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    posts = {f"{u:02d}": ["a", "b"] for u in range(NUM_USERS)}
    return write_posts(tmp_path_factory.mktemp("t") / "traces", posts)


def of(traces: Traces, *users: int, as_of: int | None = None) -> Snapshot:
    return Snapshot(traces, as_of, np.array(users, np.int64))


def holds(train: list[int], other: list[int], found: list[np.ndarray], scale: int = 1) -> None:
    train_BB, other_QB = found
    expected = scale**2 * (X_UF[train] @ X_UF[train].T)
    np.testing.assert_allclose(train_BB @ train_BB.T, expected, atol=1e-4)
    expected = scale**2 * (X_UF[other] @ X_UF[train].T)
    np.testing.assert_allclose(other_QB @ train_BB.T, expected, atol=1e-4)


def test_products_stay_whoever_is_asked_and_in_whatever_order(traces: Traces) -> None:
    record = Record()
    space = RowSpace(record)
    for train, other in (
        ([9, 2, 3], [4, 0]),
        ([4, 9], [30, 2, 11]),
        # Equal users, and one without any feature, on either side.
        ([3, 7, 5, 1], [7, 5, 20]),
        (list(range(30)), list(range(30, 40))),
    ):
        holds(train, other, space.coordinates(of(traces, *train), of(traces, *other)))
    # Users 0 2 3 4 9; then 11 and 30; 1 5 7 20; then the other 29.
    assert record.asked == [5, 7, 11, 40]
    space.coordinates(of(traces, *range(20)), of(traces, 33))
    assert record.asked == [5, 7, 11, 40]


def test_what_is_of_several_sources_or_too_many_has_no_coordinates(
    traces: Traces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, test = of(traces, 1, 2), of(traces, 3)
    assert RowSpace.holds(train, test)
    assert not RowSpace.holds(train, of(traces, 3, as_of=1))
    other = write_posts(tmp_path / "other", {f"{u:02d}": ["c"] for u in range(NUM_USERS)})
    assert not RowSpace.holds(train, of(other, 3))
    monkeypatch.setattr(module, "MOST_USERS", 2)
    assert not RowSpace.holds(train, test)
    assert RowSpace.holds(train)


def test_another_cutoff_begins_anew(traces: Traces) -> None:
    space = RowSpace(Record())
    holds([1, 2], [3], space.coordinates(of(traces, 1, 2), of(traces, 3)))
    early = space.coordinates(of(traces, 1, 2, as_of=1), of(traces, 3, as_of=1))
    holds([1, 2], [3], early, scale=2)
    holds([1, 2], [3], space.coordinates(of(traces, 1, 2), of(traces, 3)))


def test_no_more_users_are_kept_than_may_be(
    traces: Traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_USERS", 6)
    record = Record()
    space = RowSpace(record)
    for users in ([0, 1, 2], [3, 4], [5, 6], [5, 6, 0]):
        holds(users, [8], space.coordinates(of(traces, *users), of(traces, 8)))
    # 4 users; 6 with 3 and 4; two more are too many, so these begin anew: 5 6 8, then 0.
    assert record.asked == [4, 6, 3, 4]


@pytest.mark.parametrize("frequent", [1, 3, 1_000])
@pytest.mark.parametrize("at_once", [1, 7, 1_000])
def test_products_by_dense_and_sparse_columns(
    frequent: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("_FREQUENT", frequent), ("_ROWS_AT_ONCE", at_once)):
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(module, "_COLUMNS_AT_ONCE", at_once)
    x_NF, y_MF = X_UF[:13], X_UF[5:]
    found = products(csr_array(x_NF, dtype=np.float32), csr_array(y_MF))
    np.testing.assert_allclose(found, x_NF.astype(np.float32) @ y_MF.T, rtol=1e-6)


@pytest.mark.parametrize("strength", [0.1, 10.0, 1_000.0])
def test_a_model_of_coordinates_is_that_of_the_features(traces: Traces, strength: float) -> None:
    class_U = np.arange(NUM_USERS) % 3
    train, test = list(range(30)), list(range(30, 40))
    space = RowSpace(Record())
    parts = space.coordinates(of(traces, *train), of(traces, *test))
    # In double precision, so that both fits end at the same minimum.
    train_BB, test_QB = (part.astype(np.float64) for part in parts)
    narrow, wide = (LogisticRegression(C=strength, tol=1e-9, max_iter=9_999) for _ in range(2))
    narrow.fit(train_BB, class_U[train])
    wide.fit(X_UF[train], class_U[train])
    np.testing.assert_allclose(
        narrow.predict_proba(test_QB), wide.predict_proba(X_UF[test]), atol=1e-3
    )
