"""Funnels by hand, and the product of the steps as the rate of the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.errors import DataError
from habitus.metrics.funnel import funnel_answers, funnel_rates, whole_probabilities

NAN: float = np.nan


def test_a_step_is_asked_of_who_passed_the_one_before() -> None:
    passed: list[list[float]] = [[1, 1, 0], [1, 0, 1], [0, 1, 1], [NAN, 1, 1], [1, NAN, 1]]
    # Who skipped a step was never asked about what follows it, whatever happened there.
    expected = [[1, 1, 0], [1, 0, NAN], [0, NAN, NAN], [NAN, NAN, NAN], [1, NAN, NAN]]
    np.testing.assert_array_equal(funnel_answers(passed), expected)


def test_rates_by_hand() -> None:
    answers = funnel_answers([[1, 1], [1, 0], [0, 0], [0, 0]])
    probability = np.array([[0.8, 0.5], [0.6, 0.1], [0.4, 0.9], [0.2, 0.5]])
    found = funnel_rates(answers, probability)
    assert found.asked_K.tolist() == [4, 2]
    np.testing.assert_allclose(found.step_observed_K, [2 / 4, 1 / 2])
    # The second step of the two who came to it: (.5 + .1) / 2.
    np.testing.assert_allclose(found.step_predicted_K, [0.5, 0.3])
    np.testing.assert_allclose(found.whole_observed_K, [2 / 4, 1 / 4])
    # (.8 · .5 + .6 · .1 + .4 · .9 + .2 · .5) / 4.
    np.testing.assert_allclose(found.whole_predicted_K, [0.5, (0.4 + 0.06 + 0.36 + 0.1) / 4])


@given(st.lists(st.tuples(*[st.integers(0, 1)] * 3), min_size=1))
def test_the_whole_is_the_product_of_the_steps(passed: list[tuple[int, int, int]]) -> None:
    answers = funnel_answers(passed)
    found = funnel_rates(answers, np.full(answers.shape, 0.5))
    alone = [np.mean([all(row[: k + 1]) for row in passed]) for k in range(3)]
    np.testing.assert_allclose(found.whole_observed_K, alone)
    product = np.cumprod(np.nan_to_num(found.step_observed_K))
    np.testing.assert_allclose(product, alone)
    np.testing.assert_allclose(found.whole_predicted_K, [1 / 2, 1 / 4, 1 / 8])


def test_unknown_answers_are_in_no_rate() -> None:
    passed: list[list[float]] = [[1, NAN], [1, 1], [0, 0], [NAN, NAN]]
    answers = funnel_answers(passed)
    found = funnel_rates(answers, np.full((4, 2), 0.25))
    assert found.asked_K.tolist() == [3, 1]
    # Of the first row nobody knows the whole; the third failed it at the first step.
    np.testing.assert_allclose(found.whole_observed_K, [2 / 3, 1 / 2])


def test_a_step_that_nobody_came_to_has_no_rate() -> None:
    found = funnel_rates(funnel_answers([[0, 0], [0, 0]]), np.full((2, 2), 0.1))
    assert found.asked_K.tolist() == [2, 0]
    assert np.isnan(found.step_observed_K[1])
    assert np.isnan(found.step_predicted_K[1])
    assert found.whole_observed_K.tolist() == [0, 0]


def test_products() -> None:
    np.testing.assert_allclose(whole_probabilities([[0.5, 0.5, 0.1]]), [[0.5, 0.25, 0.025]])


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(DataError, match=r"0 or 1, or NaN where it is not known: 2\.0"):
        funnel_answers([[2.0]])
    with pytest.raises(DataError, match=r"shape \(2,\)"):
        funnel_answers([1, 0])
    with pytest.raises(DataError, match=r"answers are \(1, 2\), probabilities \(1, 1\)"):
        funnel_rates([[1, 1]], [[0.5]])
    with pytest.raises(DataError, match="outside 0 … 1"):
        funnel_rates([[1]], [[1.5]])
