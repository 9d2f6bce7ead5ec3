"""Which made-up words speak of a class: what somebody who knows the synthetic world would list.

A class of an attribute is made of tastes and communities, and each of these has words of its own.
No user is looked at: the words follow from the config alone.

Shapes: F features of an attribute.
"""

from __future__ import annotations

from itertools import zip_longest

from habitus.datasets.population import SyntheticConfig
from habitus.datasets.synthetic_text import WORDS_PER_SOURCE, post_words
from habitus.datasets.traits import TRAITS, dealt_features


def planted_words(config: SyntheticConfig, name: str) -> dict[str, tuple[str, ...]]:
    """Return the words of each class of an attribute, by what profiles state of the class.

    The most frequent words come first, those of the tastes and communities of a class in turn.
    """
    trait, words = TRAITS[name], post_words(config).to_pylist()
    # Words of communities stand behind those of all tastes.
    first = config.num_tastes if trait.made_of == "communities" else 0
    lists: list[list[list[str]]] = [[] for _ in trait.stated]
    for feature, class_ in enumerate(dealt_features(config, name).tolist()):
        start = (first + feature) * WORDS_PER_SOURCE
        lists[class_].append(words[start : start + WORDS_PER_SOURCE])
    in_turn = [[w for rank in zip_longest(*several) for w in rank if w] for several in lists]
    return {stated: tuple(found) for stated, found in zip(trait.stated, in_turn, strict=True)}
