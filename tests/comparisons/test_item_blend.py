from pathlib import Path

import numpy as np
import pytest

from habitus.comparisons.item_blend import ItemBlend, ItemBlendConfig, Weights
from habitus.comparisons.item_scores import CountScores, TextScores, standardised
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.errors import DataError, UsageError
from habitus.metrics import gains
from habitus.probes.targets import Targets
from habitus.testing.comparisons import ComparisonContract
from tests.comparisons.items import shop, with_item_texts


class TestItemBlend(ComparisonContract):
    comparison = ItemBlend

    def make_traces(self, path: Path, *, shuffle_future: bool = False) -> Traces:
        return with_item_texts(path, self.cutoff, shuffle_future=shuffle_future)


ITEMS_I = np.arange(1, 6)


def test_it_is_a_weighted_sum(tmp_path: Path) -> None:
    everybody = Snapshot(shop(tmp_path / "t"))
    comparison = ItemBlend(ItemBlendConfig(dampings=(0.5,), text=(2.0,), popularity=(0.3,)))
    comparison.fit(everybody)
    counts = CountScores(everybody)
    expected_UI = (
        standardised(counts.score(everybody, ITEMS_I, 0.5))
        + 2.0 * standardised(TextScores(everybody).score(everybody, ITEMS_I))
        + 0.3 * standardised(counts.popularity(ITEMS_I)[None])
    )
    np.testing.assert_allclose(comparison.score(everybody, ITEMS_I), expected_UI, atol=1e-5)


def test_weights_are_the_best_of_the_grid(tmp_path: Path) -> None:
    traces = shop(tmp_path / "t")
    config = ItemBlendConfig(dampings=(0.0, 0.5), text=(0.0, 4.0), popularity=(0.0, 5.0))
    comparison = ItemBlend(config)
    comparison.fit(Snapshot(traces))
    history = Snapshot(traces, 1, np.array([1, 2]))
    asked = Targets.of(history, np.array([3, 5]), ITEMS_I, "item_id")
    comparison.tune(history, asked, ITEMS_I)
    scores = {}
    for weights in config.grid():
        alone = ItemBlend(
            ItemBlendConfig(
                dampings=(weights.damping,), text=(weights.text,), popularity=(weights.popularity,)
            )
        )
        alone.fit(Snapshot(traces))
        places = asked.places(alone.score(history, ITEMS_I), np.arange(2))
        scores[weights] = gains(*places, 10).mean()
    assert scores[comparison.weights] == max(scores.values()) > min(scores.values())
    first = next(w for w in config.grid() if scores[w] == max(scores.values()))
    assert comparison.weights == first


def test_until_then_they_are_the_middle(tmp_path: Path) -> None:
    assert ItemBlend().weights == Weights(0.25, 0.5, 0.3)
    with pytest.raises(DataError, match="has not been fitted"):
        ItemBlend().score(Snapshot(shop(tmp_path / "t")), ITEMS_I)
    with pytest.raises(UsageError, match="each weight needs a value"):
        ItemBlendConfig(text=())
