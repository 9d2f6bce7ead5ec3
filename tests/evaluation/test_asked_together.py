"""Rows of several tasks at once, beside each task's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from habitus.errors import UsageError
from habitus.evaluation.asked import Answers, AskedTask
from habitus.evaluation.asked_together import AskedTogether

NAN = np.nan


class Named:
    def __init__(self, name: str) -> None:
        self.name = name


def task(name: str, train: dict[int, dict[int, float]], test: dict[int, float]) -> AskedTask:
    def answers(cutoff: int, of: dict[int, float]) -> Answers:
        return Answers(cutoff, np.array(list(of), np.int64), np.array(list(of.values())))

    asked = tuple(answers(cutoff, of) for cutoff, of in train.items())
    dated: Any = Named(name)
    return AskedTask(dated, asked, asked[:1], answers(50 + len(name), test))


@pytest.fixture
def together() -> AskedTogether:
    one = task("a", {10: {1: 0.0, 3: 1.0}, 20: {1: 1.0}}, {7: 1.0})
    other = task("bb", {20: {1: 0.0, 2: 1.0}, 30: {3: 0.0}}, {7: 0.0, 8: 1.0})
    return AskedTogether([one, other])


def test_rows_by_hand(together: AskedTogether) -> None:
    train = together.train
    assert train.cutoff_B.tolist() == [10, 10, 20, 20, 30]
    assert train.user_B.tolist() == [1, 3, 1, 2, 3]
    np.testing.assert_array_equal(train.y["a"], [0, 1, 1, NAN, NAN])
    np.testing.assert_array_equal(train.y["bb"], [NAN, NAN, 0, 1, 0])
    # The test cutoffs differ, so a user who is asked both stands in two rows.
    assert together.test.cutoff_B.tolist() == [51, 52, 52]
    assert together.test.user_B.tolist() == [7, 7, 8]
    np.testing.assert_array_equal(together.test.y["bb"], [NAN, 0, 1])
    # Validation: the first cutoff of each task alone, here.
    assert together.valid.cutoff_B.tolist() == [10, 10, 20, 20]


def test_what_is_asked_is_each_tasks_own(together: AskedTogether) -> None:
    for name, asked in together.tasks.items():
        y_B = together.train.y[name]
        known = ~np.isnan(y_B)
        rows = list(zip(together.train.cutoff_B[known], together.train.user_B[known], strict=True))
        assert rows == [(a.cutoff, user) for a in asked.train for user in a.users_B]
        np.testing.assert_array_equal(y_B[known], np.concatenate([a.y_B for a in asked.train]))


class Store:
    """Vectors that say which cutoff and user they are of."""

    def take(self, method: Any, cutoff: int, users_B: np.ndarray) -> np.ndarray:
        return np.stack([np.full(len(users_B), cutoff), users_B], axis=1)


def test_vectors_stand_in_the_order_of_the_rows(together: AskedTogether) -> None:
    store: Any = Store()
    method: Any = None
    found = together.train.vectors(method, store)
    np.testing.assert_array_equal(found[:, 0], together.train.cutoff_B)
    np.testing.assert_array_equal(found[:, 1], together.train.user_B)


def test_names_must_differ(together: AskedTogether) -> None:
    with pytest.raises(UsageError, match=r"names of their own, got \['a', 'a'\]"):
        AskedTogether([together.tasks["a"]] * 2)
    with pytest.raises(UsageError, match=r"got \[\]"):
        AskedTogether([])
