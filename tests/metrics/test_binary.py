from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from habitus.metrics import RankedClasses, Statistic, auprc, auroc, recall_at_precision
from habitus.metrics.binary import recall_at_50_statistic, recall_at_85_statistic

Rows = list[tuple[int, int, int]]
# Few distinct scores, so that ties are the rule; weights from 0, as a resample has them.
rows = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4), st.integers(0, 3)), min_size=2)


def columns(rows: Rows) -> tuple[Any, Any, Any]:
    labels, scores, weights = np.array(rows).T
    return labels, scores / 4, weights


def both_classes(labels: Any, weights: Any) -> bool:
    return bool(weights[labels == 1].sum() and weights[labels == 0].sum())


@given(rows)
def test_auroc_is_that_of_scikit_learn_with_ties_and_weights(rows: Rows) -> None:
    labels, scores, weights = columns(rows)
    if both_classes(labels, weights):
        expected = roc_auc_score(labels, scores, sample_weight=weights)
        assert auroc(labels, scores, weights) == pytest.approx(expected, abs=1e-12)
    else:
        assert np.isnan(auroc(labels, scores, weights))


@given(rows)
def test_auprc_is_that_of_scikit_learn_with_ties_and_weights(rows: Rows) -> None:
    labels, scores, weights = columns(rows)
    if both_classes(labels, weights):
        expected = average_precision_score(labels, scores, sample_weight=weights)
        assert auprc(labels, scores, weights) == pytest.approx(expected, abs=1e-12)


@given(rows, st.sampled_from([0.25, 0.5, 0.85, 1.0]))
def test_recall_at_precision_is_the_best_point_of_the_curve(rows: Rows, precision: float) -> None:
    labels, scores, weights = columns(rows)
    if both_classes(labels, weights):
        p, r, _ = precision_recall_curve(labels, scores, sample_weight=weights)
        # The last point of scikit-learn's curve, precision 1 at recall 0, is where none is.
        expected = r[p >= precision].max()
        ours = recall_at_precision(labels, scores, precision, weights)
        assert ours == pytest.approx(expected, abs=1e-12)


@given(rows)
def test_a_weight_of_two_is_the_row_twice(rows: Rows) -> None:
    labels, scores, weights = columns(rows)
    again = np.repeat(np.arange(len(labels)), weights)
    if both_classes(labels, weights):
        for metric in (auroc, auprc):
            twice = metric(labels[again], scores[again])
            assert metric(labels, scores, weights) == pytest.approx(twice, abs=1e-12)


@given(rows, st.randoms())
def test_the_order_of_the_rows_does_not_matter(rows: Rows, random: Any) -> None:
    shuffled = random.sample(rows, len(rows))
    for metric in (auroc, auprc):
        np.testing.assert_equal(metric(*columns(rows)), metric(*columns(shuffled)))


@given(rows)
def test_auroc_of_turned_scores_is_the_rest_to_one(rows: Rows) -> None:
    labels, scores, weights = columns(rows)
    if both_classes(labels, weights):
        turned = auroc(labels, -scores, weights)
        assert auroc(labels, scores, weights) == pytest.approx(1 - turned)


def test_by_hand_with_a_tie() -> None:
    # Pairs: .8 against .5, .3, .1 right; .5 against .5 half, against .3, .1 right: 5.5 of 6.
    labels, scores = [1, 1, 0, 0, 0], [0.8, 0.5, 0.5, 0.3, 0.1]
    assert auroc(labels, scores) == pytest.approx(5.5 / 6)
    # Steps: .8 (1 of 1 right), then .5 as one step (2 of 3 right): 1/2 · 1 + 1/2 · 2/3.
    assert auprc(labels, scores) == pytest.approx(1 / 2 + 1 / 3)
    # Precision 1 only down to .8; 2/3 down to .5.
    assert recall_at_precision(labels, scores, 0.85) == 0.5
    assert recall_at_precision(labels, scores, 0.5) == 1.0


@pytest.mark.parametrize(
    ("statistic", "precision"), [(recall_at_85_statistic, 0.85), (recall_at_50_statistic, 0.5)]
)
def test_the_recalls_of_the_paper_are_points_of_the_curve(
    statistic: Callable[..., Statistic], precision: float
) -> None:
    generator = np.random.default_rng(0)
    labels = generator.random(400) < 0.2
    scores = 2 * labels + generator.normal(size=400)
    p, r, _ = precision_recall_curve(labels, scores)
    weights_BR = np.stack([np.ones(400), generator.integers(0, 3, 400)], axis=1)
    found = statistic(labels, scores)(weights_BR)
    assert found[0] == pytest.approx(r[p >= precision].max(), abs=1e-6)
    assert 0.1 < found[0] < 1
    alone = recall_at_precision(labels, scores, precision, weights_BR[:, 1])
    assert found[1] == pytest.approx(alone, abs=1e-6)


def test_no_threshold_with_that_precision_is_a_recall_of_0() -> None:
    assert recall_at_precision([0, 1], [0.9, 0.1], precision=0.85) == 0.0


def test_a_precision_that_is_just_met_counts() -> None:
    # 17 of 20 are 0.85, also where weights are kept in single precision.
    labels, scores = np.repeat([1, 0, 0], [17, 3, 5]), np.repeat([1.0, 1.0, 0.0], [17, 3, 5])
    assert recall_at_precision(labels, scores, 0.85) == 1.0
    ranked = RankedClasses(labels, scores)
    assert ranked.recall_at_precision(np.ones((25, 1), np.float32), 0.85) == [1.0]


@pytest.mark.parametrize("labels", [[0, 0], [1, 1]])
def test_one_class_has_no_value(labels: list[int]) -> None:
    assert np.isnan(auroc(labels, [0.1, 0.2]))
    assert np.isnan(auprc(labels, [0.1, 0.2]))
    assert np.isnan(recall_at_precision(labels, [0.1, 0.2], 0.5))


def test_a_constant_score_is_worth_a_coin_and_the_base_rate() -> None:
    labels = [1, 0, 0, 0]
    assert auroc(labels, [0.3] * 4) == 0.5
    assert auprc(labels, [0.3] * 4) == 0.25


def test_many_weights_at_once_are_each_alone() -> None:
    generator = np.random.default_rng(0)
    labels, scores = generator.integers(0, 2, 50), generator.integers(0, 9, 50)
    weights_BR = generator.integers(0, 4, (50, 7))
    ranked = RankedClasses(labels, scores)
    for r in range(7):
        alone = weights_BR[:, r]
        assert ranked.auroc(weights_BR)[r] == pytest.approx(auroc(labels, scores, alone))
        assert ranked.auprc(weights_BR)[r] == pytest.approx(auprc(labels, scores, alone))


def test_a_resample_without_a_class_is_nan_and_spoils_no_other() -> None:
    weights_BR = np.array([[0, 1], [1, 1]], np.float32)
    ranked = RankedClasses([1, 0], [0.9, 0.1])
    np.testing.assert_array_equal(ranked.auroc(weights_BR), [np.nan, 1.0])
    np.testing.assert_array_equal(ranked.auprc(weights_BR), [np.nan, 1.0])
