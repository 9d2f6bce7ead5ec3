"""Six attributes of synthetic people, named after the tasks of PASUM: made up, answers known.

Class ``c`` of an attribute is as likely as the tastes and communities that were dealt to it are
strong in the user: ``p_c ∝ (Σ_f w_uf + SMOOTHING)^SHARPNESS`` over the features ``f`` of the class,
where the features of a user are the shares of the tastes, or of the communities, or half of each.
The answer is drawn from ``p``, so its largest entry is how often the best guess is right.

Nothing in them says anything about real women, men, patients or professions.

Shapes: U users, F features, C classes.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from habitus.datasets.population import Floats, Ints, People, SyntheticConfig
from habitus.errors import UsageError
from habitus.random import numpy_generator
from habitus.registry import did_you_mean

SMOOTHING: Final = 0.05
SHARPNESS: Final = 3.0


class Trait(NamedTuple):
    """One attribute: what profiles say of each class, and what makes it."""

    stated: tuple[str, ...]
    """What a user of each class states."""
    made_of: Literal["tastes", "communities", "both"]


TRAITS: Final[dict[str, Trait]] = {
    "gender": Trait(("f", "m"), "tastes"),
    "birth_year": Trait(("1972", "1985", "1994"), "communities"),
    "education": Trait(("Philosophy", "Physics", "Trade", "Music"), "both"),
    "occupation": Trait(("Hospital", "High School", "Internet", "Bank", "Media"), "both"),
    "depression": Trait(("no", "yes"), "tastes"),
    "super_topic": Trait(("games", "entertainment", "education", "sports"), "communities"),
}
"""Attribute → what is stated.

Education and occupation are stated in words with a keyword of the paper's tables 10 and 9 in them
("Babade Bank"), gender and the others as they stand here.
"""
IN_WORDS: Final = ("education", "occupation")

DOMAIN_TAGS: Final = ("basketball", "90s", "travel", "skin care", "history", "anime")
"""Tags of the first communities where attributes are planted: one of each domain of table 8."""


def trait_probability(config: SyntheticConfig, people: People, name: str) -> Floats:
    """Return the probability of each class of an attribute, ``(U, C)``.

    Raises:
        UsageError: no attribute has that name.
    """
    if name not in TRAITS:
        raise UsageError(f"no attribute is called {name!r}; {did_you_mean(name, TRAITS)}")
    feature_UF = _features(people, TRAITS[name].made_of)
    weight_UC = feature_UF @ np.eye(len(TRAITS[name].stated))[dealt_features(config, name)]
    sharp_UC = (weight_UC + SMOOTHING) ** SHARPNESS
    probability_UC: Floats = sharp_UC / sharp_UC.sum(axis=1, keepdims=True)
    return probability_UC


def dealt_features(config: SyntheticConfig, name: str) -> Ints:
    """Return the class that each feature of an attribute was dealt to, ``(F)``.

    Features are the tastes, or the communities, or first the tastes and then the communities.
    """
    trait = TRAITS[name]
    sizes = {"tastes": config.num_tastes, "communities": config.num_communities}
    num_features = sizes.get(trait.made_of, sum(sizes.values()))
    order_F = numpy_generator(config.seed, "traits", name).permutation(num_features)
    return np.asarray(order_F % len(trait.stated), np.int64)


def draw_traits(config: SyntheticConfig, people: People) -> dict[str, pa.Array]:
    """Return what users state of each attribute, ``(U)`` each; null where they do not."""
    stated: dict[str, pa.Array] = {}
    for name, trait in TRAITS.items():
        random = numpy_generator(config.seed, "traits", name, "answers")
        edge_UC = trait_probability(config, people, name).cumsum(axis=1)[:, :-1]
        class_U = (random.random(len(edge_UC))[:, None] >= edge_UC).sum(axis=1)
        silent_U = random.random(len(edge_UC)) < config.unlabelled_share
        texts = pa.array(trait.stated).take(pa.array(class_U, mask=silent_U))
        stated[name] = _in_words(texts, random) if name in IN_WORDS else texts
    return stated


def community_names(config: SyntheticConfig) -> list[str]:
    """Return the tag of each community."""
    plain = [f"community-{c}" for c in range(config.num_communities)]
    return [*DOMAIN_TAGS[: len(plain)], *plain[len(DOMAIN_TAGS) :]] if config.traits else plain


def _features(people: People, made_of: str) -> Floats:
    """Return shares that add up to one for each user, ``(U, F)``."""
    tastes_UF = people.taste_UK
    communities_UF = people.community_UC
    if made_of == "both":
        return np.concatenate([tastes_UF, communities_UF], axis=1) / 2
    return tastes_UF if made_of == "tastes" else communities_UF


def _in_words(keywords: pa.Array, random: np.random.Generator) -> pa.Array:
    """Return each keyword behind a name, as in "Babade Bank"; null stays null."""
    names = pa.array(["Babade", "Dodu", "Kelimo", "Rasu", "Tovi"])
    name_U: npt.NDArray[np.int64] = random.integers(len(names), size=len(keywords))
    return pc.binary_join_element_wise(names.take(pa.array(name_U)), keywords, " ")
