"""Words that are planted for a class are what its users write."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from habitus.data.posts import PostsConfig
from habitus.data.segmentation import SegmentationConfig
from habitus.data.snapshot import Snapshot
from habitus.data.tokens import segment
from habitus.datasets.planted_words import planted_words
from habitus.datasets.synthetic import WITH_POSTS, make_traces
from habitus.datasets.synthetic_text import WORDS_PER_SOURCE, post_words
from habitus.datasets.traits import TRAITS, dealt_features, trait_probability

SMALL = replace(WITH_POSTS, num_users=150, events_per_user=20.0, drift_share=0.0)


@pytest.mark.parametrize("name", TRAITS)
def test_features_are_dealt_evenly_and_each_once(name: str) -> None:
    dealt_F, classes = dealt_features(SMALL, name), len(TRAITS[name].stated)
    sizes = {"tastes": 6, "communities": 6, "both": 12}
    assert len(dealt_F) == sizes[TRAITS[name].made_of]
    counts = np.bincount(dealt_F, minlength=classes)
    assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("name", TRAITS)
def test_no_word_is_of_two_classes(name: str) -> None:
    found = planted_words(SMALL, name)
    assert tuple(found) == TRAITS[name].stated
    together = [word for words in found.values() for word in words]
    assert (
        len(set(together)) == len(together) == WORDS_PER_SOURCE * len(dealt_features(SMALL, name))
    )


@pytest.mark.parametrize("name", ["gender", "super_topic", "education"])
def test_who_writes_the_words_of_a_class_is_likely_of_it(name: str, tmp_path: Path) -> None:
    traces, truth = make_traces(SMALL, tmp_path / "traces")
    tokens, words = segment(Snapshot(traces), PostsConfig(), SegmentationConfig())
    class_of = {w: c for c, one in enumerate(planted_words(SMALL, name).values()) for w in one}
    class_T = np.array([class_of.get(word, -1) for word in words])[tokens.id_T]
    first_U1 = tokens.post_ptr_P1[tokens.user_ptr_U1]
    probability_UC = trait_probability(SMALL, truth.people, name)
    likely, right = probability_UC.argmax(axis=1), 0
    for user in range(traces.num_users):
        own_T = class_T[first_U1[user] : first_U1[user + 1]]
        counts = np.bincount(own_T[own_T >= 0], minlength=probability_UC.shape[1])
        right += int(counts.argmax() == likely[user])
    # Counting planted words finds the likeliest class of most users: chance finds a half at most.
    assert right / traces.num_users > 0.6


def test_the_most_frequent_words_of_each_source_come_first_and_in_turn() -> None:
    # Super topics are made of communities, whose words stand behind those of six tastes.
    words = post_words(SMALL).to_pylist()
    dealt_F = dealt_features(SMALL, "super_topic")
    for c, found in enumerate(planted_words(SMALL, "super_topic").values()):
        starts = [(6 + f) * WORDS_PER_SOURCE for f in np.flatnonzero(dealt_F == c)]
        assert list(found) == [words[s + r] for r in range(WORDS_PER_SOURCE) for s in starts]
