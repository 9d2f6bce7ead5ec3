from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from habitus.errors import DataError, UsageError
from habitus.evaluation.bootstrap import (
    decide,
    distribution,
    estimate,
    holm,
    interval,
    metric_distribution,
    metric_values,
    minimal_detectable_effect,
    p_value,
    paired_difference,
    resample_counts,
    user_strata,
)
from habitus.metrics import BINARY_METRICS, auroc, mean_statistic

Floats = npt.NDArray[np.float64]


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def world(num_users: int, num_positives: int, seed: int = 0, signal: float = 1.0) -> Any:
    """Labels, scores of three seeds with ties, and 50 resamples."""
    labels = (np.arange(num_users) < num_positives).astype(float)
    noise = generator(seed).normal(size=(3, num_users)) + signal * labels
    scores = np.round(1 / (1 + np.exp(-noise)), 1)
    return labels, scores, resample_counts(labels, 50, generator(seed))


class TestResampling:
    def test_every_stratum_keeps_its_number_of_users(self) -> None:
        strata = np.array([0, 1, 1, 0, 2, 1])
        counts_UR = resample_counts(strata, 200, generator())
        assert counts_UR.shape == (6, 200)
        for stratum, size in ((0, 2), (1, 3), (2, 1)):
            assert (counts_UR[strata == stratum].sum(axis=0) == size).all()

    def test_a_user_is_drawn_as_often_as_a_binomial_says(self) -> None:
        # n draws of n users: mean 1, variance 1 − 1/n. Four standard errors of 20 × 4,000 draws.
        counts_UR = resample_counts(np.zeros(20), 4_000, generator())
        assert counts_UR.mean() == 1
        error = np.sqrt(3 / (20 * 4_000))
        assert counts_UR.var() == pytest.approx(1 - 1 / 20, abs=4 * error)
        assert np.abs(counts_UR.mean(axis=1) - 1).max() < 4 / np.sqrt(4_000)

    def test_the_same_generator_gives_the_same_resamples(self) -> None:
        one, other = (resample_counts(np.zeros(9), 30, generator(4)) for _ in range(2))
        np.testing.assert_array_equal(one, other)

    def test_a_user_with_a_positive_row_is_of_the_positive_stratum(self) -> None:
        assert user_strata([0, 1, 0, 0], [0, 0, 1, 2]).tolist() == [1, 0, 0]
        assert user_strata([0, 1]).tolist() == [0, 1]

    @pytest.mark.parametrize("strata", [[], [[0, 1]]])
    def test_strata_are_one_number_a_user(self, strata: Any) -> None:
        with pytest.raises(DataError, match="strata must be one number a user"):
            resample_counts(strata, 10, generator())

    def test_needs_a_resample(self) -> None:
        with pytest.raises(UsageError, match="num_resamples must be at least 1, got 0"):
            resample_counts([0], 0, generator())


class TestDistribution:
    @pytest.mark.parametrize(
        ("metric", "slow"), [("auroc", roc_auc_score), ("auprc", average_precision_score)]
    )
    def test_it_is_scikit_learn_in_a_loop(self, metric: str, slow: Any) -> None:
        labels, scores, counts_UR = world(40, 12)
        expected = [
            np.mean([slow(labels[rows], s[rows]) for s in scores])
            for rows in (np.repeat(np.arange(40), counts) for counts in counts_UR.T)
        ]
        ours = metric_distribution(metric, labels, scores, counts_UR)
        np.testing.assert_allclose(ours, expected, atol=1e-6)

    @pytest.mark.parametrize("metric", BINARY_METRICS)
    def test_everyone_once_is_the_metric_itself(self, metric: str) -> None:
        labels, scores, _ = world(40, 12)
        once = np.ones((40, 1), np.uint8)
        value = metric_distribution(metric, labels, scores, once)[0]
        assert value == pytest.approx(np.mean(metric_values(metric, labels, scores)), abs=1e-6)

    @pytest.mark.parametrize("metric", BINARY_METRICS)
    def test_seeds_are_averaged_inside_a_resample(self, metric: str) -> None:
        labels, scores, counts_UR = world(40, 12)
        together = metric_distribution(metric, labels, scores, counts_UR)
        alone = [metric_distribution(metric, labels, s[None], counts_UR) for s in scores]
        np.testing.assert_allclose(together, np.mean(alone, axis=0), atol=1e-12)

    def test_a_user_with_two_windows_is_drawn_with_both(self) -> None:
        labels, scores, _ = world(20, 8)
        user_B = np.arange(20) // 2
        counts_UR = resample_counts(np.zeros(10), 30, generator())
        ours = metric_distribution("auroc", labels, scores, counts_UR, user_B)
        by_row = metric_distribution("auroc", labels, scores, counts_UR[user_B])
        np.testing.assert_array_equal(ours, by_row)

    def test_chunks_do_not_change_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        labels, scores, _ = world(40, 12)
        counts_UR = resample_counts(labels, 500, generator())
        whole = metric_distribution("auprc", labels, scores, counts_UR)
        monkeypatch.setattr("habitus.evaluation.bootstrap.CHUNK_CELLS", 1)
        np.testing.assert_array_equal(
            metric_distribution("auprc", labels, scores, counts_UR), whole
        )

    def test_tasks_can_share_the_users_of_a_resample(self) -> None:
        # Task one asks users 0 … 9, task two users 5 … 19: both read the same draw.
        counts_UR = resample_counts(np.zeros(20), 400, generator())
        values = generator(1).normal(size=20)
        one = distribution([mean_statistic(values[:10])], counts_UR, 10, np.arange(10))
        two = distribution([mean_statistic(values[5:])], counts_UR, 15, np.arange(5, 20))
        # Five users in common: the covariance of the means is that of one user, 5 / (10 · 15).
        mean_one, mean_two = values[:10].mean(), values[5:].mean()
        shared = ((values[5:10] - mean_one) * (values[5:10] - mean_two)).sum() / (10 * 15)
        spread = one.std() * two.std() / np.sqrt(400)
        assert np.cov(one, two)[0, 1] == pytest.approx(shared, abs=4 * spread)

    def test_rows_and_users_must_fit(self) -> None:
        labels, scores, counts_UR = world(20, 8)
        with pytest.raises(DataError, match=r"10 rows are judged.*20 users: give user_B"):
            metric_distribution("auroc", labels[:10], scores[:, :10], counts_UR)

    def test_scores_are_one_row_a_seed(self) -> None:
        labels, scores, counts_UR = world(20, 8)
        with pytest.raises(DataError, match=r"one row a seed, \(S, B\), got the shape \(20,\)"):
            metric_distribution("auroc", labels, scores[0], counts_UR)

    def test_an_unknown_metric_is_an_error(self) -> None:
        labels, scores, counts_UR = world(20, 8)
        with pytest.raises(UsageError, match="did you mean 'auroc'"):
            metric_distribution("aurok", labels, scores, counts_UR)


def delong_error(labels: Floats, scores: Floats) -> float:
    """The standard error of AUROC by DeLong, DeLong and Clarke-Pearson (1988)."""
    wins = (scores[labels == 1][:, None] > scores[labels == 0]).astype(float)
    wins += 0.5 * (scores[labels == 1][:, None] == scores[labels == 0])
    by_positive, by_negative = wins.mean(axis=1), wins.mean(axis=0)
    return float(
        np.sqrt(
            by_positive.var(ddof=1) / len(by_positive) + by_negative.var(ddof=1) / len(by_negative)
        )
    )


class TestWidth:
    def test_it_is_the_binomial_one_for_an_accuracy(self) -> None:
        # Evaluation D4: accuracy .85 of 447 users has a standard error of 1.7 points.
        right = (np.arange(447) < 380).astype(float)
        counts_UR = resample_counts(np.zeros(447), 10_000, generator())
        dist_R = distribution([mean_statistic(right)], counts_UR, 447)
        expected = np.sqrt(380 / 447 * 67 / 447 / 447)
        assert round(expected, 3) == 0.017
        # Four standard errors of a standard deviation of 10,000.
        assert dist_R.std() == pytest.approx(expected, rel=4 / np.sqrt(20_000))
        low, high = interval(dist_R)
        assert high - low == pytest.approx(2 * 1.96 * expected, rel=0.06)

    def test_it_is_that_of_delong_for_auroc(self) -> None:
        labels = np.repeat([1.0, 0.0], [80, 240])
        scores = generator(1).normal(size=320) + labels
        counts_UR = resample_counts(labels, 4_000, generator())
        dist_R = metric_distribution("auroc", labels, scores[None], counts_UR)
        # DeLong divides by n − 1: at 80 positives that is .6 % of the error.
        assert dist_R.std() == pytest.approx(delong_error(labels, scores), rel=0.05)

    def test_intervals_hold_the_truth_about_as_often_as_they_say(self) -> None:
        # The AUROC of a shift by 1 is Φ(1 / √2) = .7602. 200 worlds: 95 % ± 3 · 1.5 %.
        labels = np.repeat([1.0, 0.0], [50, 100])
        counts_UR = resample_counts(labels, 600, generator())
        held = 0
        for seed in range(200):
            scores = generator(seed + 1).normal(size=150) + labels
            dist_R = metric_distribution("auroc", labels, scores[None], counts_UR)
            low, high = interval(dist_R)
            held += low <= 0.7602 <= high
        assert 0.90 <= held / 200 <= 0.995

    def test_a_known_difference_is_found_with_the_stated_power(self) -> None:
        # With a true difference of the minimal detectable effect, 80 % of the tests find it.
        found, effects = 0, []
        for seed in range(150):
            values = generator(seed).normal(size=100)
            counts_UR = resample_counts(np.zeros(100), 400, generator(seed))
            dist_R = distribution([mean_statistic(values)], counts_UR, 100)
            effects.append(minimal_detectable_effect(dist_R))
            found += interval(dist_R + 2.802 / 10)[0] > 0
        assert np.mean(effects) == pytest.approx(2.802 / 10, rel=0.05)  # SE 1/√100, 1.96 + .84
        assert 0.69 <= found / 150 <= 0.91


class TestDifferences:
    def test_equal_methods_tie_with_no_width(self) -> None:
        labels, scores, counts_UR = world(40, 12)
        dist_R = metric_distribution("auroc", labels, scores, counts_UR)
        same_order_R = metric_distribution("auroc", labels, scores**3, counts_UR)
        result = paired_difference(0.7, 0.7, dist_R, same_order_R)
        assert result == (0.0, 0.0, 0.0, 1.0, "tie")

    def test_a_much_better_method_is_better_and_turned_round_worse(self) -> None:
        labels, good, counts_UR = world(200, 80, signal=3.0)
        bad = world(200, 80, seed=1, signal=0.0)[1]
        ours, theirs = (
            metric_distribution("auroc", labels, scores, counts_UR) for scores in (good, bad)
        )
        value = auroc(labels, good[0]), auroc(labels, bad[0])
        result = paired_difference(*value, ours, theirs)
        assert result.verdict == "better"
        assert 0 < result.low < result.value < result.high
        assert result.p == pytest.approx(2 / 51)  # none of 50 resamples on the other side
        turned = paired_difference(*value[::-1], theirs, ours)
        assert turned.verdict == "worse"
        assert (turned.low, turned.high) == pytest.approx((-result.high, -result.low))
        loss = paired_difference(*value, ours, theirs, higher_is_better=False)
        assert loss.verdict == "worse"

    def test_pairing_narrows_the_interval(self) -> None:
        labels, scores, _ = world(300, 100)
        near = scores + 0.05 * generator(9).normal(size=scores.shape)
        counts_UR = resample_counts(labels, 500, generator())
        one, two = (metric_distribution("auroc", labels, s, counts_UR) for s in (scores, near))
        other_UR = resample_counts(labels, 500, generator(1))
        unpaired = metric_distribution("auroc", labels, near, other_UR)
        assert (one - two).std() < 0.5 * (one - unpaired).std()

    def test_resamples_must_be_the_same(self) -> None:
        with pytest.raises(DataError, match="must have the same resamples"):
            paired_difference(0.5, 0.5, np.zeros(3), np.zeros(4))

    def test_p_by_hand(self) -> None:
        # One of nine resamples at or below 0: 2 · (1 + 1) / (9 + 1).
        assert p_value(np.array([-1.0, *range(1, 9)])) == pytest.approx(0.4)
        assert p_value(np.zeros(5)) == 1.0

    @pytest.mark.parametrize(
        ("low", "high", "verdict"),
        [(0.1, 0.2, "better"), (-0.2, -0.1, "worse"), (-0.1, 0.1, "tie"), (0.0, 0.1, "tie")],
    )
    def test_a_tie_is_an_interval_that_holds_0(self, low: float, high: float, verdict: str) -> None:
        assert decide(low, high) == verdict

    def test_no_interval_is_a_tie(self) -> None:
        assert decide(float("nan"), float("nan")) == "tie"


class TestIntervals:
    def test_by_hand(self) -> None:
        assert interval(np.arange(101.0), level=0.9) == pytest.approx((5, 95))

    def test_few_resamples_without_a_value_are_left_out(self) -> None:
        dist_R = np.concatenate([np.arange(101.0), [np.nan] * 5])
        assert interval(dist_R, level=0.9) == pytest.approx((5, 95))

    def test_many_resamples_without_a_value_leave_no_interval(self) -> None:
        low, high = interval(np.array([1.0, 2.0, np.nan]))
        assert np.isnan([low, high]).all()

    @pytest.mark.parametrize("level", [0.0, 1.0, 95])
    def test_a_level_is_a_share(self, level: float) -> None:
        with pytest.raises(UsageError, match="level must be between 0 and 1"):
            interval(np.arange(3.0), level)

    def test_power_is_a_share(self) -> None:
        with pytest.raises(UsageError, match="level and power must be between 0 and 1"):
            minimal_detectable_effect(np.arange(3.0), power=80)

    def test_an_estimate_keeps_the_seeds(self) -> None:
        found = estimate((0.6, 0.8), np.arange(101.0) / 100, level=0.9)
        assert found.value == pytest.approx(0.7)
        assert (found.low, found.high) == pytest.approx((0.05, 0.95))
        assert found.seeds == (0.6, 0.8)


class TestHolm:
    def test_by_hand(self) -> None:
        # Sorted .01 .02 .04 .5 → × 4, 3, 2, 1 → .04 .06 .08 .5, back in their places.
        assert holm([0.04, 0.01, 0.5, 0.02]) == pytest.approx([0.08, 0.04, 0.5, 0.06])

    @given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
    def test_it_lies_between_the_raw_p_and_that_of_bonferroni(self, p: list[float]) -> None:
        corrected = np.array(holm(p))
        assert (corrected >= np.array(p)).all()
        assert (corrected <= np.minimum(1, len(p) * np.array(p)) + 1e-12).all()
        # Its order is that of the raw ones.
        assert (np.diff(corrected[np.argsort(p)]) >= 0).all()

    def test_none_is_none(self) -> None:
        assert holm([]) == []
