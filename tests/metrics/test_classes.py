import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from habitus.errors import DataError
from habitus.metrics import accuracy, accuracy_statistic, macro_f1, macro_f1_statistic

CLASSES = [0, 1, 2, 3]
rows = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 3)), min_size=1, max_size=30
)


@given(rows)
def test_both_are_those_of_scikit_learn(rows: list[tuple[int, int, int]]) -> None:
    labels, predictions, weights = np.array(rows).T
    expected = accuracy_score(labels, predictions, sample_weight=weights)
    assert accuracy(labels, predictions, weights) == pytest.approx(expected)
    expected = f1_score(
        labels,
        predictions,
        labels=CLASSES,
        average="macro",
        sample_weight=weights,
        zero_division=0,
    )
    assert macro_f1(labels, predictions, CLASSES, weights) == pytest.approx(expected)


def test_a_class_that_does_not_occur_counts_as_0() -> None:
    # F1 of a, b, c: 1, 1, 0 / 0 = 0.
    assert macro_f1(["a", "b"], ["a", "b"], classes=["a", "b", "c"]) == pytest.approx(2 / 3)


def test_a_class_outside_the_fixed_set_is_an_error() -> None:
    with pytest.raises(DataError, match="3 is none of the classes"):
        macro_f1([0, 1], [0, 3], classes=[0, 1])


def test_lengths_must_agree() -> None:
    with pytest.raises(DataError, match="equally many: 1 and 2"):
        accuracy([1], [1, 0])


def test_no_weight_at_all_has_no_accuracy() -> None:
    assert np.isnan(accuracy([1, 0], [1, 1], [0, 0]))


@given(rows)
def test_resamples_are_the_values_of_their_weights(rows: list[tuple[int, int, int]]) -> None:
    labels, predictions, _ = np.array(rows).T
    weights_BR = np.random.default_rng(0).integers(0, 4, (len(labels), 5)).astype(np.float32)
    said_BC = np.eye(4)[predictions]
    each = [macro_f1(labels, predictions, CLASSES, w_B) for w_B in weights_BR.T]
    assert macro_f1_statistic(labels, said_BC)(weights_BR) == pytest.approx(each)
    each = [accuracy(labels, predictions, w_B) for w_B in weights_BR.T]
    got_R = accuracy_statistic(labels, said_BC)(weights_BR)
    assert got_R == pytest.approx(each, nan_ok=True)


def test_a_guess_is_right_one_time_in_c() -> None:
    # Classes of 3 and 1 users, guessed evenly: expected counts 1.5 and .5 right, 2 said of each.
    labels, said_BC = [0, 0, 0, 1], np.full((4, 2), 0.5)
    ones_B1 = np.ones((4, 1))
    assert accuracy_statistic(labels, said_BC)(ones_B1) == pytest.approx([1 / 2])
    expected = (2 * 1.5 / (3 + 2) + 2 * 0.5 / (1 + 2)) / 2
    assert macro_f1_statistic(labels, said_BC)(ones_B1) == pytest.approx([expected])


def test_a_label_that_is_no_class_is_an_error() -> None:
    with pytest.raises(DataError, match=r"in \[0, 2\), got 0 to 2"):
        accuracy_statistic([0, 2], np.eye(2))
    with pytest.raises(DataError, match=r"\(3, C\), got the shape \(2, 2\)"):
        macro_f1_statistic([0, 1, 1], np.eye(2))
