from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from habitus.datasets.population import People, SyntheticConfig, make_people, user_ids
from habitus.datasets.synthetic_social import make_follows, make_profiles
from habitus.datasets.traits import DOMAIN_TAGS, TRAITS

CONFIG = SyntheticConfig(num_users=1500, seed=3)


def world(**changes: Any) -> tuple[SyntheticConfig, People]:
    config = SyntheticConfig.from_dict({**CONFIG.to_dict(), **changes})
    return config, make_people(config)


def ends(follows: pa.Table) -> list[npt.NDArray[np.int64]]:
    """Return the rows of who follows and who is followed."""
    ids = user_ids(CONFIG, np.arange(CONFIG.num_users))
    return [
        np.asarray(pc.index_in(follows[c], value_set=ids)).astype(np.int64)
        for c in ("user_id", "follows_id")
    ]


def test_follows_stay_mostly_inside_a_community() -> None:
    config, people = world()
    follows = make_follows(config, people)
    source_E, target_E = ends(follows)
    inside = (people.community_U[source_E] == people.community_U[target_E]).mean()
    # nine in ten by intent, and a quarter of the others by chance: .9 + .1 × .25
    assert inside == pytest.approx(0.925, abs=0.02)
    assert (source_E != target_E).all()
    assert len(set(zip(source_E.tolist(), target_E.tolist(), strict=True))) == follows.num_rows


def test_who_is_in_several_communities_follows_people_of_all_of_them() -> None:
    config, people = world(num_communities=6, communities_per_user=2, same_community=1.0)
    source_E, target_E = ends(make_follows(config, people))
    shared_EC = people.member_UC[source_E] & people.member_UC[target_E]
    assert shared_EC.any(axis=1).all()
    first_E = shared_EC[np.arange(len(source_E)), people.community_U[source_E]]
    # Two thirds by way of the first community. Of the third by way of the second, those who are
    # in the first as well: with the other membership at random, one of five.
    assert first_E.mean() == pytest.approx(2 / 3 + 1 / 3 / 5, abs=0.05)


def test_groups_follow_the_even_tastes() -> None:
    config, people = world()
    profiles = make_profiles(config, people)
    in_a_U = np.asarray(pc.equal(profiles["group"], "a"))
    probability_U = people.taste_UK[:, ::2].sum(axis=1)
    spread = np.sqrt((probability_U * (1 - probability_U)).sum())
    assert abs(in_a_U.sum() - probability_U.sum()) < 4 * spread
    assert profiles["user_id"].to_pylist() == user_ids(config, np.arange(1500)).to_pylist()


def test_tags_name_all_communities() -> None:
    config, people = world(communities_per_user=2)
    tags = make_profiles(config, people)["tags"].to_pylist()
    for tag, member_C in zip(tags, people.member_UC, strict=True):
        assert tag == "|".join(f"community-{c}" for c in np.flatnonzero(member_C))


def test_attributes_come_only_when_asked_for_and_change_nothing_else() -> None:
    plain = make_profiles(*world())
    config, people = world(traits=True)
    stated = make_profiles(config, people)
    assert set(stated.column_names) - set(plain.column_names) == set(TRAITS)
    assert stated["group"].equals(plain["group"])
    assert stated["tags"].to_pylist() == [DOMAIN_TAGS[c] for c in people.community_U]
