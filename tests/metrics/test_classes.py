import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from habitus.errors import DataError
from habitus.metrics import accuracy, macro_f1

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
