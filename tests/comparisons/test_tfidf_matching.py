"""Cosines of words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from habitus.comparisons.slot_weights import SlotWeights
from habitus.comparisons.tfidf_matching import TfidfMatching, TfidfMatchingConfig
from habitus.data.snapshot import Snapshot
from habitus.errors import UsageError
from tests.comparisons.slots import SlotContract
from tests.data.items import CUTOFF, shop_events, shop_traces


class TestTfidfMatching(SlotContract):
    comparison = TfidfMatching
    config = TfidfMatchingConfig(min_df=1)


def test_slots_are_the_weights_of_their_words(tmp_path: Path) -> None:
    traces = shop_traces(tmp_path / "traces", shop_events(40))
    train, asked = Snapshot(traces, CUTOFF, np.arange(30)), Snapshot(traces, CUTOFF)
    ours, weights = TfidfMatching(), SlotWeights(TfidfMatchingConfig())
    ours.fit(train)
    weights.fit(train)
    z_UKW, present_UK = ours.slots(asked)
    assert ours.services == ("arts", "food", "search")
    expected_SW = weights.weights(asked).toarray()
    np.testing.assert_array_equal(z_UKW.reshape(expected_SW.shape), expected_SW)
    np.testing.assert_array_equal(present_UK.ravel(), expected_SW.any(axis=1))


def test_it_must_be_fitted_first(tmp_path: Path) -> None:
    traces = shop_traces(tmp_path / "traces")
    with pytest.raises(UsageError, match="fit it on a training snapshot"):
        TfidfMatching().slots(Snapshot(traces, CUTOFF))
