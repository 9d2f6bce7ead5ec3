from collections import Counter

import numpy as np
import pytest

from habitus.datasets.population import People, SyntheticConfig, make_people
from habitus.datasets.traits import (
    DOMAIN_TAGS,
    IN_WORDS,
    SHARPNESS,
    SMOOTHING,
    TRAITS,
    community_names,
    draw_traits,
    trait_probability,
)
from habitus.errors import UsageError

CONFIG = SyntheticConfig(
    num_users=4_000, num_communities=6, communities_per_user=2, traits=True, unlabelled_share=0.25
)
PEOPLE = make_people(CONFIG)


def test_a_class_is_as_likely_as_its_features_are_strong() -> None:
    config = SyntheticConfig(num_users=1, num_tastes=2, num_communities=1)
    people = make_people(config)._replace(taste_UK=np.array([[0.75, 0.25]]))
    # Two tastes dealt to two classes, one each: (.75 + .05)³ : (.25 + .05)³ = .512 : .027.
    expected = [0.8**3 / (0.8**3 + 0.3**3), 0.3**3 / (0.8**3 + 0.3**3)]
    assert (SMOOTHING, SHARPNESS) == (0.05, 3.0)
    probability_C = trait_probability(config, people, "gender")[0]
    np.testing.assert_allclose(np.sort(probability_C)[::-1], expected)


def test_what_communities_make_does_not_hang_on_tastes() -> None:
    other = PEOPLE._replace(taste_UK=PEOPLE.taste_UK[::-1])
    for name, trait in TRAITS.items():
        one, two = (trait_probability(CONFIG, p, name) for p in (PEOPLE, other))
        assert np.array_equal(one, two) == (trait.made_of == "communities"), name


def test_what_tastes_make_does_not_hang_on_communities() -> None:
    other = PEOPLE._replace(member_UC=PEOPLE.member_UC[:, ::-1], community_U=5 - PEOPLE.community_U)
    for name, trait in TRAITS.items():
        one, two = (trait_probability(CONFIG, p, name) for p in (PEOPLE, other))
        assert np.array_equal(one, two) == (trait.made_of == "tastes"), name


@pytest.mark.parametrize("name", TRAITS)
def test_answers_are_as_likely_as_the_truth_says(name: str) -> None:
    probability_UC = trait_probability(CONFIG, PEOPLE, name)
    np.testing.assert_allclose(probability_UC.sum(axis=1), 1.0)
    class_U = classes(PEOPLE, name)
    told_U = class_U >= 0
    # 4,000 × .25 = 1,000 are silent, give or take 4 × √(4,000 × .25 × .75) = 110.
    assert abs((~told_U).sum() - 1_000) < 110
    for c in range(probability_UC.shape[1]):
        p_U = probability_UC[told_U, c]
        surprise = abs((class_U[told_U] == c).sum() - p_U.sum()) / np.sqrt((p_U * (1 - p_U)).sum())
        assert surprise < 4
    # The best guess is right as often as its probability says; standard error under .009.
    right = (class_U == probability_UC.argmax(axis=1))[told_U].mean()
    assert right == pytest.approx(probability_UC.max(axis=1).mean(), abs=0.035)


def classes(people: People, name: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the class that each user states, -1 where it is silent."""
    stated = draw_traits(CONFIG, people)[name].to_pylist()
    place = {text: c for c, text in enumerate(TRAITS[name].stated)}
    known = [None if s is None else s.partition(" ")[2] if name in IN_WORDS else s for s in stated]
    return np.array([-1 if s is None else place[s] for s in known])


@pytest.mark.parametrize("name", TRAITS)
def test_an_attribute_can_be_learnt_and_not_too_well(name: str) -> None:
    probability_UC = trait_probability(CONFIG, PEOPLE, name)
    best = probability_UC.max(axis=1).mean()
    assert 0.5 < best < 0.95
    assert best > probability_UC.mean(axis=0).max() + 0.15


def test_silence_falls_on_each_attribute_anew() -> None:
    silent = [np.array(a.is_null()) for a in draw_traits(CONFIG, PEOPLE).values()]
    # Both of the first two: 4,000 × 1/16 = 250, standard deviation 15.
    assert abs((silent[0] & silent[1]).sum() - 250) < 60


def test_nobody_is_silent_if_none_shall_be() -> None:
    config = SyntheticConfig(num_users=50, traits=True, unlabelled_share=0.0)
    assert not any(a.null_count for a in draw_traits(config, make_people(config)).values())


def test_what_is_stated_in_words_holds_one_keyword() -> None:
    for name in IN_WORDS:
        for text in draw_traits(CONFIG, PEOPLE)[name].drop_null().to_pylist():
            found = [k for k in TRAITS[name].stated if k.casefold() in text.casefold()]
            assert len(found) == 1


def test_the_first_communities_are_called_after_the_domains_of_the_paper() -> None:
    assert community_names(CONFIG) == list(DOMAIN_TAGS)
    many = SyntheticConfig(num_communities=8, traits=True)
    assert community_names(many)[6:] == ["community-6", "community-7"]
    assert community_names(SyntheticConfig(num_communities=2, traits=True)) == ["basketball", "90s"]
    assert community_names(SyntheticConfig(num_communities=2)) == ["community-0", "community-1"]


def test_every_class_is_stated_by_somebody() -> None:
    for name, trait in TRAITS.items():
        assert set(Counter(classes(PEOPLE, name).tolist())) == {-1, *range(len(trait.stated))}


def test_an_attribute_that_is_not_planted_is_told() -> None:
    with pytest.raises(UsageError, match="did you mean 'birth_year'"):
        trait_probability(CONFIG, PEOPLE, "birthyear")
