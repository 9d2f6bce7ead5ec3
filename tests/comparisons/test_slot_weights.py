"""TF-IDF of slots against scikit-learn's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from habitus.comparisons.service_words import service_words
from habitus.comparisons.slot_weights import SlotWeights, SlotWeightsConfig
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.errors import GuardError, UsageError
from habitus.testing.hand_made import write_traces
from tests.data.items import CUTOFF, shop_events, shop_traces


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    return shop_traces(tmp_path / "traces", shop_events(40))


@pytest.mark.parametrize("sublinear", [True, False])
def test_weights_equal_those_of_scikit_learn(traces: Traces, *, sublinear: bool) -> None:
    train, asked = Snapshot(traces, CUTOFF, np.arange(30)), Snapshot(traces, CUTOFF)
    ours = SlotWeights(SlotWeightsConfig(min_df=3, sublinear=sublinear))
    ours.fit(train)
    theirs = TfidfVectorizer(analyzer=list, min_df=3, sublinear_tf=sublinear)
    theirs.fit([words for words in written(train) if words])
    expected_SW = theirs.transform(written(asked)).toarray()
    column = [theirs.vocabulary_[word] for word in ours.place_of]
    assert set(ours.place_of) == set(theirs.vocabulary_)
    ours_SW = ours.weights(asked).toarray()
    np.testing.assert_allclose(ours_SW, expected_SW[:, column], atol=1e-6)


def written(snapshot: Snapshot) -> list[list[str]]:
    """Return the words of each slot, one after another."""
    found = service_words(snapshot, ("arts", "food", "search"))
    rows = found.count_SW.toarray().astype(int)
    return [[w for w, n in zip(found.words, row, strict=True) for _ in range(n)] for row in rows]


def test_the_words_in_the_most_slots_are_kept(traces: Traces) -> None:
    train = Snapshot(traces, CUTOFF)
    df: dict[str, int] = {}
    for words in written(train):
        for word in set(words):
            df[word] = df.get(word, 0) + 1
    few = SlotWeights(SlotWeightsConfig(max_words=4))
    few.fit(train)
    assert list(few.place_of) == sorted(df, key=lambda word: (-df[word], word))[:4]


def test_a_word_in_just_enough_slots_is_known(tmp_path: Path) -> None:
    events = {
        "a": [{"time": 1, "service": "x", "text": "tea pot"}],
        "b": [{"time": 1, "service": "y", "text": "tea tea"}],
    }
    pair = write_traces(tmp_path / "pair", events, {"service": "category", "text": "text"})
    for min_df, known in ((2, ["tea"]), (1, ["tea", "pot"])):
        fitted = SlotWeights(SlotWeightsConfig(min_df=min_df))
        fitted.fit(Snapshot(pair))
        assert list(fitted.place_of) == known


def test_what_cannot_be_fitted(traces: Traces) -> None:
    with pytest.raises(GuardError, match="lower min_df"):
        SlotWeights(SlotWeightsConfig()).fit(Snapshot(traces, CUTOFF, np.zeros(0, np.int64)))
    with pytest.raises(UsageError, match="fit it on a training snapshot"):
        SlotWeights(SlotWeightsConfig()).weights(Snapshot(traces, CUTOFF))
    for name in ("min_df", "max_words"):
        with pytest.raises(UsageError, match="must be 1 or more"):
            SlotWeightsConfig.from_dict({name: 0})
