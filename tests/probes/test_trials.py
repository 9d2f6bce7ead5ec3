"""How trials are compared."""

from math import log

import numpy as np
import pytest

from habitus.errors import DataError
from habitus.probes.trials import Score, judge


def test_a_score_by_hand() -> None:
    probability_BC = np.array([[0.5, 0.3, 0.2], [0.1, 0.7, 0.2], [0.6, 0.4, 0.0]])
    class_B = np.array([0, 1, 1])
    # Predicted 0, 1, 0: F1 of 0 is 2·1/(1+2), of 1 is 2·1/(2+1), of 2 is 0; the mean 4/9.
    score = judge(probability_BC, class_B)
    assert score.macro_f1 == pytest.approx(4 / 9)
    assert score.minus_log_loss == pytest.approx((log(0.5) + log(0.7) + log(0.4)) / 3)


def test_macro_f1_decides_and_then_the_log_loss() -> None:
    assert Score(0.6, -9.0) > Score(0.5, -0.1)
    assert Score(0.5, -0.1) > Score(0.5, -0.2)


def test_a_sure_and_wrong_answer_is_not_infinite() -> None:
    score = judge(np.array([[1.0, 0.0]]), np.array([1]))
    assert score.minus_log_loss == pytest.approx(log(1e-12))


def test_nobody_to_judge_by_is_an_error() -> None:
    with pytest.raises(DataError, match="no validation user"):
        judge(np.zeros((0, 2)), np.zeros(0, np.int64))


@pytest.mark.parametrize("wrong", [-1, 2])
def test_a_class_that_there_is_not_is_an_error(wrong: int) -> None:
    with pytest.raises(DataError, match="classes must be 0 … 1"):
        judge(np.full((1, 2), 0.5), np.array([wrong]))
