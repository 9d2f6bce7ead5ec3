import numpy as np
import pytest

from habitus.data.split import DAY
from habitus.datasets.population import (
    BLOCK,
    Catalogue,
    SyntheticConfig,
    choose,
    item_ids,
    make_block,
    make_catalogue,
    make_people,
    user_ids,
)
from habitus.errors import UsageError
from habitus.random import numpy_generator

CONFIG = SyntheticConfig(num_users=500)


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


def test_everybody_is_in_as_many_communities_as_were_asked_for() -> None:
    people = make_people(SyntheticConfig(num_users=500, communities_per_user=3))
    assert (people.member_UC.sum(axis=1) == 3).all()
    assert people.member_UC[np.arange(500), people.community_U].all()
    # The first counts twice: 2 of 4, and 1 of 4 for each of the two others.
    assert np.sort(people.community_UC, axis=1).tolist() == [[0.0, 0.25, 0.25, 0.5]] * 500
    assert (people.community_UC.argmax(axis=1) == people.community_U).all()
    # 1,000 further memberships over 4 communities, give or take 4 × √(1,000 × ¼ × ¾) = 55.
    further_C = people.member_UC.sum(axis=0) - np.bincount(people.community_U)
    assert (abs(further_C - 250) < 55).all()


def test_one_community_is_a_whole_share() -> None:
    people = make_people(CONFIG)
    np.testing.assert_array_equal(people.community_UC, np.eye(4)[people.community_U])


def test_a_second_community_has_its_say_in_tastes() -> None:
    one, two = (make_people(SyntheticConfig(communities_per_user=n)) for n in (1, 2))
    np.testing.assert_array_equal(one.community_U, two.community_U)
    assert not np.allclose(one.taste_UK, two.taste_UK)


def test_choices_follow_the_shares_of_their_user() -> None:
    share_BK = np.array([[1.0, 0.0, 0.0], [0.2, 0.3, 0.5]])
    user_L = np.repeat([0, 1], 10_000)
    chosen_L = choose(numpy_generator(0, "test"), share_BK, user_L)
    assert (chosen_L[:10_000] == 0).all()
    # Standard error at most √(.25 / 10,000) = .005.
    share = np.bincount(chosen_L[10_000:]) / 10_000
    np.testing.assert_allclose(share, [0.2, 0.3, 0.5], atol=0.02)


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
        ({"communities_per_user": 5}, "1 to num_communities = 4, got 5"),
        ({"communities_per_user": 0}, "1 to num_communities = 4, got 0"),
        ({"words_per_post": 0.5}, "words_per_post must be 0, or 1 or more, got 0.5"),
        ({"unlabelled_share": -0.1}, "unlabelled_share must be in"),
    ],
)
def test_settings_that_make_no_world_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        SyntheticConfig.from_dict(changes)
