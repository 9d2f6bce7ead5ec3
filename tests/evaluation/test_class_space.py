"""Whether users and words lie where they belong."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from habitus.evaluation.class_space import (
    Share,
    Space,
    nearest_to_words,
    users_at_home,
    words_at_home,
)


def space(**changes: object) -> Space:
    """Two classes: class 0 lies at the left, class 1 at the right."""
    made = Space(
        user_UD=np.array([[-1, 0], [-2, 1], [1, 0], [3, 0]], np.float32),
        y_U=np.array([0, 1, 1, 1]),
        middle_CD=np.array([[-1, 0], [1, 0]], np.float32),
        word_WD=np.array([[10, 1], [12, 0], [11, 5]], np.float32),
        home_W=np.array([0, 1, 0]),
        texts=["a", "b", "c"],
    )
    return made._replace(**changes)  # type: ignore[arg-type]


def test_users_are_counted_by_distance() -> None:
    # Nearest: 0, 0, 1, 1 of 0, 1, 1, 1: three are right. By chance: 2/4 · 1/4 + 2/4 · 3/4 = 1/2.
    assert users_at_home(space()) == (3, 4, 0.5)


def test_words_are_counted_by_direction_from_their_own_mean() -> None:
    # Their mean is (11, 2): (-1, -1) and (0, 3) and (1, -2); middles lie left and right of (0, 0).
    class_W, right_W = nearest_to_words(space())
    assert class_W.tolist() == [0, 1, 0]
    assert right_W.tolist() == [True, True, True]
    assert words_at_home(space()) == (3, 3, 0.5)


def test_moving_all_words_moves_none_to_another_class() -> None:
    moved = space(word_WD=space().word_WD + np.float32(100))
    assert nearest_to_words(moved)[0].tolist() == nearest_to_words(space())[0].tolist()


@pytest.mark.parametrize("right", range(11))
def test_above_chance_is_a_count_that_coins_rarely_reach(right: int) -> None:
    # P(X ≥ right) of ten coins, below one in twenty from nine on.
    assert Share(right, 10, 0.5).is_above_chance == (binom.sf(right - 1, 10, 0.5) < 0.05)
    assert Share(right, 10, 0.5).is_above_chance == (right >= 9)


def test_nothing_is_not_above_chance() -> None:
    assert not Share(0, 0, 0.5).is_above_chance
    assert str(Share(0, 0, 0.5)) == "0 of 0, no more than chance (0 expected)"
