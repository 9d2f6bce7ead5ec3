import math

import numpy as np
import pyarrow as pa
import pytest

from habitus.data.split import DAY
from habitus.datasets.population import (
    BLOCK,
    Catalogue,
    People,
    SyntheticConfig,
    Truth,
    item_ids,
    make_block,
    make_catalogue,
    make_people,
    user_ids,
)
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


def test_tastes_and_services_are_shares() -> None:
    people = make_people(CONFIG)
    for share_UK in (people.taste_UK, people.later_taste_UK, people.service_US):
        assert (share_UK >= 0).all()
        np.testing.assert_allclose(share_UK.sum(axis=1), 1.0)


def test_only_drifting_users_change_their_taste() -> None:
    people = make_people(CONFIG)
    changed_U = (people.taste_UK != people.later_taste_UK).any(axis=1)
    np.testing.assert_array_equal(changed_U, people.drifts_U)
    # 500 × 0.2 = 100, give or take 4 standard deviations of √(500 × .2 × .8) = 8.9
    assert abs(people.drifts_U.sum() - 100) < 36


def test_only_churning_users_leave_before_the_end() -> None:
    people = make_people(CONFIG)
    end = CONFIG.start_time + CONFIG.days * DAY
    np.testing.assert_array_equal(people.end_U < end, people.churns_U)
    assert (people.end_U >= CONFIG.start_time + CONFIG.days * DAY // 5).all()


def test_a_community_shares_its_taste() -> None:
    people = make_people(SyntheticConfig(num_users=3000))
    mean_CK = np.stack([people.taste_UK[people.community_U == c].mean(axis=0) for c in range(4)])
    own_U = (people.taste_UK * mean_CK[people.community_U]).sum(axis=1)
    other_U = (people.taste_UK * mean_CK[(people.community_U + 1) % 4]).sum(axis=1)
    assert own_U.mean() > 1.2 * other_U.mean()


def test_equal_rates_without_skew_and_a_known_mean_with_it() -> None:
    flat = make_people(SyntheticConfig(num_users=50, skew=0.0, events_per_user=36, days=360))
    np.testing.assert_allclose(flat.rate_U, 0.1)
    skewed = make_people(SyntheticConfig(num_users=20_000, skew=0.8, events_per_user=36, days=360))
    # standard error: .1 × √(e^.64 − 1) / √20,000 = .0007
    assert skewed.rate_U.mean() == pytest.approx(0.1, abs=0.003)


def test_people_are_the_same_however_many_come_after_them() -> None:
    few = make_block(SyntheticConfig(num_users=BLOCK), 0)
    many = make_block(SyntheticConfig(num_users=3 * BLOCK), 0)
    for one, other in zip(few, many, strict=True):
        np.testing.assert_array_equal(one, other)


def test_another_seed_makes_other_people() -> None:
    other = make_people(SyntheticConfig(num_users=500, seed=1))
    assert not np.allclose(other.rate_U, make_people(CONFIG).rate_U)


def test_popularity_adds_up_within_each_taste_and_service() -> None:
    catalogue: Catalogue = make_catalogue(SyntheticConfig(num_items=101))
    for taste in range(6):
        for service in range(2):
            chosen_I = (catalogue.taste_I == taste) & (catalogue.service_I == service)
            assert catalogue.share_I[chosen_I].sum() == pytest.approx(1.0)
            assert (np.diff(catalogue.share_I[chosen_I]) < 0).all()


def test_ids_sort_like_rows() -> None:
    ids = user_ids(SyntheticConfig(num_users=12_345), np.array([9, 10, 12_344])).to_pylist()
    assert ids == ["u00009", "u00010", "u12344"]
    items = item_ids(SyntheticConfig(num_items=120)).to_pylist()
    assert items == sorted(items)
    assert len(set(items)) == 120


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_users": 0}, "num_users must be 1 or more, got 0"),
        ({"drift_share": 1.5}, r"drift_share must be in \[0, 1\], got 1.5"),
        ({"events_per_user": -1.0}, "0 or more"),
        ({"num_items": 11}, "num_tastes × num_services = 12, got 11"),
    ],
)
def test_settings_that_make_no_world_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        SyntheticConfig.from_dict(changes)
