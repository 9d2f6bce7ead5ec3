"""TF-IDF of slots against scikit-learn's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from habitus.comparisons.service_words import service_words
from habitus.comparisons.tfidf_matching import TfidfMatching, TfidfMatchingConfig
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.errors import GuardError, UsageError
from habitus.testing.comparisons import ComparisonContract, Outputs
from habitus.testing.hand_made import write_traces
from tests.data.items import CUTOFF, shop_events, shop_traces


class SlotContract(ComparisonContract):
    """The contract of those that say a vector for each service."""

    def outputs(self, fitted: Any, train: Snapshot, snapshot: Snapshot) -> Outputs:
        z_UKE, present_UK = fitted.slots(snapshot)
        assert z_UKE.shape[:2] == present_UK.shape == (snapshot.num_users, len(fitted.services))
        assert not z_UKE[~present_UK].any()
        return {"slots": z_UKE.reshape(len(z_UKE), -1), "present": present_UK}


class TestTfidfMatching(SlotContract):
    comparison = TfidfMatching
    config = TfidfMatchingConfig(min_df=1)


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    return shop_traces(tmp_path / "traces", shop_events(40))


@pytest.mark.parametrize("sublinear", [True, False])
def test_weights_equal_those_of_scikit_learn(traces: Traces, *, sublinear: bool) -> None:
    train, asked = Snapshot(traces, CUTOFF, np.arange(30)), Snapshot(traces, CUTOFF)
    ours = TfidfMatching(TfidfMatchingConfig(min_df=3, sublinear=sublinear))
    ours.fit(train)
    z_UKW, present_UK = ours.slots(asked)
    theirs = TfidfVectorizer(analyzer=list, min_df=3, sublinear_tf=sublinear)
    theirs.fit([words for words in written(train) if words])
    expected_SW = theirs.transform(written(asked)).toarray()
    column = [theirs.vocabulary_[word] for word in ours.place_of]
    assert set(ours.place_of) == set(theirs.vocabulary_)
    np.testing.assert_allclose(z_UKW.reshape(expected_SW.shape), expected_SW[:, column], atol=1e-6)
    np.testing.assert_array_equal(present_UK.ravel(), expected_SW.any(axis=1))


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
    few = TfidfMatching(TfidfMatchingConfig(max_words=4))
    few.fit(train)
    assert list(few.place_of) == sorted(df, key=lambda word: (-df[word], word))[:4]


def test_a_word_in_just_enough_slots_is_known(tmp_path: Path) -> None:
    events = {
        "a": [{"time": 1, "service": "x", "text": "tea pot"}],
        "b": [{"time": 1, "service": "y", "text": "tea tea"}],
    }
    pair = write_traces(tmp_path / "pair", events, {"service": "category", "text": "text"})
    for min_df, known in ((2, ["tea"]), (1, ["tea", "pot"])):
        fitted = TfidfMatching(TfidfMatchingConfig(min_df=min_df))
        fitted.fit(Snapshot(pair))
        assert list(fitted.place_of) == known


def test_what_cannot_be_fitted(traces: Traces) -> None:
    with pytest.raises(GuardError, match="lower min_df"):
        TfidfMatching().fit(Snapshot(traces, CUTOFF, np.zeros(0, np.int64)))
    with pytest.raises(UsageError, match="fit tfidf_matching on a training snapshot"):
        TfidfMatching().slots(Snapshot(traces, CUTOFF))
    for name in ("min_df", "max_words"):
        with pytest.raises(UsageError, match="must be 1 or more"):
            TfidfMatchingConfig.from_dict({name: 0})
