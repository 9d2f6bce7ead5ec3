import math

import numpy as np
import pyarrow as pa
import pytest

from habitus.data.split import DAY
from habitus.datasets.population import (
    People,
    SyntheticConfig,
    make_catalogue,
    make_people,
    user_ids,
)
from habitus.datasets.traits import TRAITS, trait_probability
from habitus.datasets.truth import Truth
from habitus.errors import UsageError

CONFIG = SyntheticConfig(num_users=500)


def one_person(**changes: object) -> Truth:
    """Return the truth about a person of 0.5 events a day who drifts from taste 0 to taste 1."""
    config = SyntheticConfig(
        num_users=1, num_tastes=2, num_services=1, num_items=4, days=100, drift_day=50
    )
    person: dict[str, object] = {
        "taste_UK": np.array([[1.0, 0.0]]),
        "later_taste_UK": np.array([[0.25, 0.75]]),
        "service_US": np.array([[1.0]]),
        "rate_U": np.array([0.5]),
        "end_U": np.array([config.start_time + 100 * DAY]),
        "drifts_U": np.array([True]),
        "churns_U": np.array([False]),
        "community_U": np.array([0]),
        "member_UC": np.array([[True, False, False, False]]),
    }
    people = People(**{**person, **changes})  # type: ignore[arg-type]
    return Truth(config, pa.array(["u0"]), people, make_catalogue(config))


def window(truth: Truth, first_day: int, days: int) -> tuple[int, int]:
    return truth.config.start_time + first_day * DAY, days * DAY


def test_expected_events_before_the_drift_are_rate_times_days_times_taste() -> None:
    truth = one_person()
    # 10 days × 0.5 events a day, all of taste 0
    np.testing.assert_allclose(truth.expected_events(*window(truth, 20, 10)), [[5.0, 0.0]])


def test_expected_events_after_the_drift_follow_the_later_taste() -> None:
    truth = one_person()
    # 10 days × 0.5 = 5 events, a quarter of taste 0
    np.testing.assert_allclose(truth.expected_events(*window(truth, 60, 10)), [[1.25, 3.75]])


def test_a_window_over_the_drift_adds_both_sides() -> None:
    truth = one_person()
    # 4 days before: 2 events of taste 0; 6 days after: 3 events, .75 and 2.25
    np.testing.assert_allclose(truth.expected_events(*window(truth, 46, 10)), [[2.75, 2.25]])


def test_nobody_acts_after_they_leave_or_before_the_start() -> None:
    truth = one_person()
    left = one_person(end_U=np.array([truth.config.start_time + 30 * DAY]))
    # only 5 of the 10 days are left to them: 2.5 events
    np.testing.assert_allclose(left.expected_events(*window(truth, 25, 10)), [[2.5, 0.0]])
    assert left.probability_active(*window(truth, 30, 10)).tolist() == [0.0]
    np.testing.assert_allclose(truth.expected_events(*window(truth, -8, 10)), [[1.0, 0.0]])
    assert truth.probability_active(*window(truth, 100, 30)).tolist() == [0.0]


def test_probabilities_are_those_of_a_poisson_number_above_zero() -> None:
    truth = one_person()
    at = window(truth, 60, 10)
    assert truth.probability_active(*at)[0] == pytest.approx(1 - math.exp(-5.0))
    assert truth.probability_of_taste(1, *at)[0] == pytest.approx(1 - math.exp(-3.75))
    assert truth.probability_of_taste(1, *at, share=0.5)[0] == pytest.approx(1 - math.exp(-1.875))
    # coupons come with purchases (half of the events) of taste 0, three times in ten
    share = truth.config.purchase_share * truth.config.coupon_share
    assert truth.probability_of_coupon(*at)[0] == pytest.approx(1 - math.exp(-1.25 * share))


def test_the_next_item_is_taste_times_service_times_popularity() -> None:
    truth = one_person()
    # Items 0 and 2 are of taste 0, 1 and 3 of taste 1; weights 1 and 1/2 make 2/3 and 1/3.
    early, late = (truth.next_item(window(truth, day, 1)[0]) for day in (0, 50))
    np.testing.assert_allclose(early, [[2 / 3, 0, 1 / 3, 0]])
    np.testing.assert_allclose(late, [[1 / 6, 1 / 2, 1 / 12, 1 / 4]])


def test_the_next_item_is_a_distribution_for_everybody() -> None:
    truth = Truth(CONFIG, pa.array([]), make_people(CONFIG), make_catalogue(CONFIG))
    np.testing.assert_allclose(truth.next_item(CONFIG.start_time).sum(axis=1), 1.0)


def test_truth_can_be_taken_in_another_order() -> None:
    rows = np.arange(CONFIG.num_users)
    truth = Truth(CONFIG, user_ids(CONFIG, rows), make_people(CONFIG), make_catalogue(CONFIG))
    some = truth.take(np.array([7, 3]))
    assert some.user_ids.to_pylist() == ["u007", "u003"]
    expected_UK = truth.expected_events(CONFIG.start_time, DAY)
    np.testing.assert_array_equal(some.expected_events(CONFIG.start_time, DAY), expected_UK[[7, 3]])


def test_the_best_guess_of_an_attribute_is_as_right_as_its_probability() -> None:
    truth = Truth(CONFIG, pa.array([]), make_people(CONFIG), make_catalogue(CONFIG))
    for name in TRAITS:
        probability_UC = truth.trait_probability(name)
        expected = trait_probability(CONFIG, truth.people, name)
        np.testing.assert_array_equal(probability_UC, expected)
        assert truth.bayes_accuracy(name) == pytest.approx(np.mean([max(p) for p in expected]))


def test_an_attribute_that_is_not_planted_is_told() -> None:
    with pytest.raises(UsageError, match="no attribute is called 'gendre'; did you mean 'gender'"):
        one_person().bayes_accuracy("gendre")
