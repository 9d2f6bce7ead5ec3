from typing import Any

import numpy as np
import pytest

from habitus.errors import DataError
from habitus.metrics import arrays, auprc, auroc, brier, log_loss


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([0, 1, np.nan], [0.1, 0.2, 0.3], "labels must be 0 or 1, got nan; leave out users"),
        ([0, 1, 2], [0.1, 0.2, 0.3], "labels must be 0 or 1, got 2"),
        ([0, 1], [0.1, np.nan], "score 1 is NaN"),
        ([0, 1], [0.1, 0.2, 0.3], "scores and labels must be equally many: 3 and 2"),
        ([[0, 1]], [0.1, 0.2], r"labels must have one axis, got the shape \(1, 2\)"),
        ([0, 1], [[0.1, 0.2]], r"scores must have one axis, got the shape \(1, 2\)"),
        ([], [], "there are no labels"),
    ],
)
@pytest.mark.parametrize("metric", [auroc, auprc, log_loss, brier])
def test_what_cannot_be_judged_is_an_error(
    metric: Any, labels: Any, scores: Any, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        metric(labels, scores)


@pytest.mark.parametrize("weights", [[1.0, -1.0], [1.0, np.inf], [np.nan, 1.0]])
def test_weights_are_finite_and_not_negative(weights: list[float]) -> None:
    with pytest.raises(DataError, match="weights must be finite and 0 or more"):
        auroc([0, 1], [0.1, 0.2], weights)


def test_there_is_a_weight_for_each_row() -> None:
    with pytest.raises(DataError, match="weights and labels must be equally many: 1 and 2"):
        auroc([0, 1], [0.1, 0.2], [1.0])


def test_no_weights_are_ones() -> None:
    np.testing.assert_array_equal(arrays.weights_of(None, 3), [[1], [1], [1]])


@pytest.mark.parametrize("score", [-0.01, 1.01])
def test_a_probability_outside_0_and_1_is_an_error(score: float) -> None:
    with pytest.raises(DataError, match=r"probabilities must be in \[0, 1\]"):
        brier([0, 1], [0.5, score])


def test_booleans_are_labels_and_infinite_scores_rank() -> None:
    assert auroc([False, True, True], [-np.inf, 0.0, np.inf]) == 1.0
